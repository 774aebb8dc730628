"""What a slider moves."""

from __future__ import annotations

from typing import Any, Protocol

from omni_lab.ui.replay.page import Scheme


class Stepped(Protocol):
    """What stands at one of many places in a row, and tells when that changes."""

    param: Any
    sequence: Any

    first: int
    last: int

    def go(self, sequence: int) -> None:
        """Go to a place, or to the nearest there is."""

    def page(self, scheme: Scheme = ..., /) -> str:
        """What there is to see, as HTML."""
