"""A film of frames that lie in memory, shown by the plain twin of the native system."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from omni_lab.errors import DataError
from omni_lab.execution import EventLog, OMSConfig, ReferenceOMS
from omni_lab.execution.codec import Command, decode
from omni_lab.execution.views import BookView, Order, Position
from omni_lab.typing import AnyArray

_SPACING = 64
_CONFIGURATION = 0


class RecordingOMS(ReferenceOMS):
    """The plain order-management system with its frames kept in memory.

    Attributes
    ----------
    frames : list of (int, bytes)
        Kind and payload, the configuration first.
    """

    def __init__(self, config: OMSConfig) -> None:
        super().__init__(config)
        self.frames: list[tuple[int, bytes]] = [(_CONFIGURATION, config.payload())]

    def execute(self, kind: int, payload: bytes) -> int:
        """Carry out a command, and keep its frame."""
        result = super().execute(kind, payload)
        self.frames.append((kind, payload))
        return result


class FrameReplay:
    """Frames shown one after the other; see `omni_lab.ui.replay.source.ReplaySource`.

    Going back begins at the nearest of the states that are kept every 64 frames.

    Parameters
    ----------
    frames : iterable of (int, bytes)
        Kind and payload, the configuration (kind 0) first.
    """

    def __init__(self, frames: Iterable[tuple[int, bytes]]) -> None:
        self._frames = list(frames)
        self._oms = ReferenceOMS.replay(self._frames[:1])
        self._states = {self.first: self._oms.state()}
        self._events = self._oms.events()

    @property
    def config(self) -> OMSConfig:
        """What the system started from."""
        return self._oms.config

    @property
    def first(self) -> int:
        """The configuration."""
        return 1

    @property
    def last(self) -> int:
        """Last frame."""
        return len(self._frames)

    @property
    def sequence(self) -> int:
        """The frame shown."""
        return self._oms.sequence

    @property
    def clock(self) -> int:
        """Time after that frame, nanoseconds UTC."""
        return self._oms.clock

    @property
    def command(self) -> Command | None:
        """What that frame said; None for the configuration."""
        return decode(*self._frames[self.sequence - 1]) if self.sequence > self.first else None

    @property
    def state_hash(self) -> str:
        """SHA-256 of the state after it, hexadecimal."""
        return self._oms.state_hash

    def seek(self, sequence: int) -> None:
        """Show another frame.

        Raises
        ------
        DataError
            If there is no such frame.
        """
        if not self.first <= sequence <= self.last:
            raise DataError("no such frame", found=sequence, expected=f"{self.first} to {self.last}")
        if sequence == self.sequence:
            return
        kept = sorted(self._states)
        nearest = kept[max(bisect_right(kept, sequence - 1) - 1, 0)]
        if sequence < self.sequence or nearest > self.sequence:
            self._oms = ReferenceOMS.from_state(self._states[nearest])
            self._events = self._oms.events()
        while self.sequence < sequence:
            self._step()

    def events(self) -> EventLog:
        """What came of that frame."""
        return self._events

    def book(self, symbol: str) -> BookView:
        """Book of an instrument."""
        return self._oms.book(symbol)

    def order(self, order_id: int) -> Order:
        """An order."""
        return self._oms.order(order_id)

    def orders(self, *, live: bool = True) -> dict[str, AnyArray]:
        """Columns of the orders that live, or of all."""
        return self._oms.orders(live=live)

    def positions(self) -> list[Position]:
        """All positions."""
        return self._oms.positions()

    def registers(self) -> dict[str, AnyArray]:
        """``address``, ``name`` and ``value`` of the registers of the risk gate."""
        return self._oms.registers()

    def _step(self) -> None:
        self._oms.execute(*self._frames[self.sequence])
        self._events = self._oms.events()
        if self.sequence % _SPACING == 0:
            self._states.setdefault(self.sequence, self._oms.state())
