"""The door to param: the one module that imports it. It holds the state of what is on a screen."""

from omni_lab.errors import MissingExtraError

try:
    import param
except ImportError as error:  # Panel brings it along: who lacks it has no screen at all.
    raise MissingExtraError("param", extra="lab", what="a screen") from error

__all__ = ["param"]
