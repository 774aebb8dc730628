"""OmniLab in a notebook: ``%omni_run``, forms with a button, and things to look at.

`magics` holds the commands, `forms` what a pipeline can be asked, `blotter` and `ladders` an order-management
system, `cards` how a run looks. Runs are made by `background` in a process of their own. Everything is served
by the kernel and JupyterLab themselves: nothing is asked of the network.
"""

from omni_lab.lazy import attributes

__all__ = ["diff", "form", "ladder", "load", "orders", "replay", "run"]

__getattr__ = attributes(
    __name__,
    {
        "diff": "shown",
        "form": "forms",
        "ladder": "ladders",
        "load": "magics",
        "orders": "blotter",
        "replay": "shown",
        "run": "shown",
    },
)
