"""Screens that a lower room may ask for by name, and hang on the walls of a higher one.

Results are made on a floor that knows no widget, and people say ``results.replay()`` all the same. Rooms
that draw put up their screens here; who asks for one gets what hangs there. No room below imports one above:
the room is looked up when somebody wants to see something, and not before.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, TypeVar

from omni_lab.errors import ConfigError

Screen = Callable[..., Any]
ScreenT = TypeVar("ScreenT", bound=Screen)

ROOMS = {"replay": "omni_lab.ui.runs.replay"}
"""Who puts up each screen of our own; importing that module does it."""
_hung: dict[str, Screen] = {}


class ReplayScreen(Protocol):
    """A slider over a run: it shows itself in a notebook, and in a browser when it is served."""

    @property
    def event(self) -> int:
        """The moment it stands at, from 0."""

    def go(self, event: int | None = None, *, ts: Any = None) -> None:
        """Stand at another moment: by its number, or the last one at or before a time."""

    def servable(self, title: str | None = None) -> Any:
        """Put it on the page of a Panel server."""


def hang(name: str) -> Callable[[ScreenT], ScreenT]:
    """Decorator that puts a screen up under a name, in place of what hung there.

    Parameters
    ----------
    name : str
        What others ask for.
    """

    def put_up(screen: ScreenT) -> ScreenT:
        _hung[name] = screen
        return screen

    return put_up


def screen(name: str) -> Screen:
    """The screen of a name.

    Raises
    ------
    ConfigError
        If no room puts up such a screen.
    MissingExtraError
        If the room that does needs a package that is not installed.
    """
    if name not in _hung and name in ROOMS:
        import_module(ROOMS[name])
    if name not in _hung:
        raise ConfigError("no room has such a screen", found=name, expected=sorted({*ROOMS, *_hung}))
    return _hung[name]
