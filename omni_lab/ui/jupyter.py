"""The one door to ipywidgets, for everything that has buttons in JupyterLab."""

from omni_lab.errors import MissingExtraError

try:
    import ipywidgets as widgets
except ImportError as error:
    raise MissingExtraError("ipywidgets", extra="lab", what="a widget in a notebook") from error

__all__ = ["widgets"]
