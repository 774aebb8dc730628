"""What a slider moves."""

from __future__ import annotations

from typing import Any, Protocol


class Stepped(Protocol):
    """What stands at one of many places in a row, and tells when that changes."""

    param: Any
    sequence: Any

    @property
    def first(self) -> int:
        """Number of the first place."""

    @property
    def last(self) -> int:
        """Number of the last place."""

    def go(self, sequence: int) -> None:
        """Go to a place, or to the nearest there is."""
