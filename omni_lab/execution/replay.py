"""`Replay`: a journal shown at any of its frames, for notebooks and their sliders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from omni_lab import _native
from omni_lab.errors import JournalError
from omni_lab.execution.codec import Command, decode
from omni_lab.execution.config import OMSConfig
from omni_lab.execution.edges import Edges
from omni_lab.execution.events import EventLog
from omni_lab.execution.journal import Waiting, journal_at
from omni_lab.execution.registers import register_columns
from omni_lab.execution.sentences import order_of, sentence
from omni_lab.execution.setup import Setup
from omni_lab.execution.shown import PositionRow, Shown
from omni_lab.execution.views import Snapshot
from omni_lab.typing import AnyArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame of a journal, and what came of it.

    Attributes
    ----------
    sequence, clock : int
        Its number; the time after it, nanoseconds UTC.
    command : Command, optional
        What it said; None for the first frame that can be shown.
    text : str
        The same as a sentence.
    events : EventLog
        What came of it.
    """

    sequence: int
    clock: int
    command: Command | None
    text: str
    events: EventLog

    def __repr__(self) -> str:
        came = f"\n{self.events!r}" if len(self.events) else ""
        return f"Frame {self.sequence:,}: {self.text}{came}"


def _column(values: AnyArray | list[str]) -> AnyArray:
    return np.array(values, dtype=object) if isinstance(values, list) else values


class Replay(Shown):
    """A journal, shown after one of its frames; nothing is written, and the journal may be in use.

    Going on is as fast as replay; going back begins at the nearest of the states that are kept on the way.
    Frames that are appended later are not seen.

    Parameters
    ----------
    source : path, Snapshot or bytes
        Directory of the journal; or a snapshot, or a state, of which only its one frame can be shown.

    Raises
    ------
    JournalError
        If there is no journal, or it is damaged.
    CodecError
        If the bytes are no state.
    """

    def __init__(self, source: str | Path | Snapshot | bytes) -> None:
        if isinstance(source, str | Path):
            with Waiting() as report:
                self._native = _native.Replayer(journal_at(source), progress=report)
        else:
            self._native = _native.Replayer(state=source if isinstance(source, bytes) else source.state)
        setup = Setup.from_payload(self._native.configuration)
        self.config = OMSConfig.from_setup(setup)
        self._edges = Edges(setup)

    @property
    def first(self) -> int:
        """First frame that can be shown: the configuration, or a snapshot if what came before it is gone."""
        return self._native.first

    @property
    def last(self) -> int:
        """Last frame."""
        return self._native.last

    @property
    def sequence(self) -> int:
        """The frame shown."""
        return self._native.sequence

    @property
    def clock(self) -> int:
        """Time after that frame, nanoseconds UTC."""
        return self._native.clock

    @property
    def command(self) -> Command | None:
        """What that frame said; None for the first."""
        found = self._native.command
        return None if found is None else decode(*found)

    @property
    def text(self) -> str:
        """The same as a sentence."""
        command = self.command
        number = order_of(command)
        known = 0 < number < 2**64 and self._order(number) is not None
        return sentence(command, self._edges, self.order(number) if known else None)

    @property
    def state_hash(self) -> str:
        """SHA-256 of the state after it, hexadecimal."""
        return self._native.state_hash

    def state(self) -> bytes:
        """The canonical bytes of the state after it."""
        return self._native.state()

    def seek(self, sequence: int) -> None:
        """Show another frame.

        Raises
        ------
        JournalError
            If there is no such frame.
        """
        if not self.first <= sequence <= self.last:
            raise JournalError(
                "there is no such frame", found=sequence, expected=f"{self.first} to {self.last}"
            )
        self._native.seek(sequence)

    def step(self) -> bool:
        """Show the next frame; False at the end."""
        return self._native.step()

    def advance(self, n_frames: int) -> int:
        """Go on by so many frames, or to the end; how many those were."""
        return self._native.advance(n_frames)

    def read(self, n_frames: int) -> tuple[dict[str, AnyArray], dict[str, AnyArray]]:
        """Go on by so many frames, or to the end.

        Returns
        -------
        commands, events : dict of str to ndarray
            What these frames said, as `OMS.apply` takes it and with the frame as ``seq``; what came of them.
            A kill switch, which `OMS.apply` does not take, has texts ``who`` and ``why``, its ``scope`` (0
            everything, 1 ``account``, 2 ``instrument``) and as ``value`` 1 if it was thrown, 0 if reset.
        """
        commands, events = self._native.read(n_frames)
        # Texts of any length, as objects: most are empty.
        return {name: _column(values) for name, values in commands.items()}, events

    def at(self, sequence: int) -> Frame:
        """A frame, which is then shown."""
        self.seek(sequence)
        return self._frame()

    def events(self) -> EventLog:
        """What came of the frame that is shown."""
        return EventLog(self._native.events(), self._edges)

    def registers(self) -> dict[str, AnyArray]:
        """``address``, ``name`` and ``value`` (unsigned) of the registers of the risk gate."""
        edges = self._edges
        return register_columns(self._native.read_register, edges.sizes, edges.accounts, edges.symbols)

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[Frame]:
        self.seek(self.first)
        yield self._frame()
        while self.step():
            yield self._frame()

    def __repr__(self) -> str:
        return f"Replay of frames {self.first:,} to {self.last:,}, shown after {self.sequence:,}: {self.text}"

    def _frame(self) -> Frame:
        return Frame(
            sequence=self.sequence,
            clock=self.clock,
            command=self.command,
            text=self.text,
            events=self.events(),
        )

    def _book(self, instrument: int) -> dict[str, Any]:
        return self._native._book(instrument)

    def _order(self, order_id: int) -> dict[str, Any] | None:
        return self._native._order(order_id)

    def _orders(self, live: bool) -> dict[str, AnyArray]:
        return self._native._orders(live)

    def _positions(self) -> list[PositionRow]:
        return self._native._positions()
