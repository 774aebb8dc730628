"""`Page`: what the navigation knows of a page, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omni_lab.system.services import Services
    from omni_lab.ui.dashboard.session import Session


def always(_: Services) -> str | None:
    """Nothing is needed."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the dashboard.

    Attributes
    ----------
    title : str
        In the navigation and above the page.
    key : str
        The letter that goes there after ``g``.
    slug : str
        Its name in an address.
    view : callable
        Makes what is shown, for a session; called each time the page is opened, in the event loop, so that it
        returns at once and leaves what takes time to ``session.start``. What it starts and watches through
        the session ends when the page is left.
    needs : callable
        Why the page is left out of the navigation, given the services; None where it is not.
    icon : str
        Path data of its picture in a square of 24.
    """

    title: str
    key: str
    slug: str
    view: Callable[[Session], Any]
    needs: Callable[[Services], str | None] = always
    icon: str = "M5 5h14v14H5z"
