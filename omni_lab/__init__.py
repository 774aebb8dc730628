"""OmniLab: a Jupyter-first research workbench for quantitative trading.

Importing the package costs nothing worth measuring. Every room is imported by the name it has
(``from omni_lab.simulator import EventSimulator``), and what is heavy is loaded when it is first used.
"""

__version__ = "0.1.0"
