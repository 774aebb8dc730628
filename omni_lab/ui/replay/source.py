"""What a film needs from a journal."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from omni_lab.execution.codec import Command
from omni_lab.execution.config import OMSConfig
from omni_lab.execution.events import EventLog
from omni_lab.execution.views import BookView, Order, Position
from omni_lab.typing import AnyArray


@runtime_checkable
class ReplaySource(Protocol):
    """A journal, shown after one of its frames; the views are those of `omni_lab.execution.face.OMSFace`."""

    @property
    def config(self) -> OMSConfig:
        """What the system started from."""

    @property
    def first(self) -> int:
        """First frame that can be shown: the configuration, or the oldest snapshot left."""

    @property
    def last(self) -> int:
        """Last frame."""

    @property
    def sequence(self) -> int:
        """The frame shown."""

    @property
    def clock(self) -> int:
        """Time after that frame, nanoseconds UTC."""

    @property
    def command(self) -> Command | None:
        """What that frame said; None for the first."""

    @property
    def state_hash(self) -> str:
        """SHA-256 of the state after it, hexadecimal."""

    def seek(self, sequence: int) -> None:
        """Show another frame."""

    def events(self) -> EventLog:
        """What came of that frame."""

    def book(self, symbol: str) -> BookView:
        """Book of an instrument."""

    def order(self, order_id: int) -> Order:
        """An order."""

    def orders(self, *, live: bool = True) -> dict[str, AnyArray]:
        """Columns of the orders that live, or of all."""

    def positions(self) -> list[Position]:
        """All positions."""

    def registers(self) -> dict[str, AnyArray]:
        """``name`` and ``value`` of the registers of the risk gate."""


def open_source(source: str | Path | ReplaySource) -> ReplaySource:
    """The source itself, or the journal in that directory."""
    if not isinstance(source, str | Path):
        return source
    from omni_lab.execution import Replay

    replay: ReplaySource = Replay(source)
    return replay
