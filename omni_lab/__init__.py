"""OmniLab: a Jupyter-first research workbench for quantitative trading.

Importing the package costs nothing worth measuring. Every room is imported by the name it has
(``from omni_lab.simulator import EventSimulator``), and what is heavy is loaded when it is first used.
"""

__version__ = "0.1.0"


def load_ipython_extension(ipython: object) -> None:
    """``%load_ext omni_lab``: ``%omni_run`` and ``%omni_runs`` in this notebook, and runs shown as cards.

    Parameters
    ----------
    ipython : InteractiveShell
        IPython hands itself over.
    """
    from omni_lab.notebook import load

    load(ipython)
