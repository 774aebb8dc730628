"""`OMS`: the native order-management system with the face of `OMSFace`.

Commands that are sent one by one are read by the native module itself; here are the names of what comes back,
and the columns of what is sent in one go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from omni_lab import _native
from omni_lab.errors import ConfigError
from omni_lab.execution.commands import whole_columns
from omni_lab.execution.config import Durability, OMSConfig
from omni_lab.execution.edges import Edges
from omni_lab.execution.face import OMSFace
from omni_lab.execution.journal import JournalReport, Recovery, Waiting, journal_at
from omni_lab.execution.setup import Setup
from omni_lab.execution.shown import Shown
from omni_lab.execution.views import Snapshot
from omni_lab.typing import AnyArray, ArrayLike

_WORD = 2**64 - 1
_MOST_RESERVED = 10_000_000


class OMS(_native.Oms, Shown, OMSFace):
    """An order-management system: risk gate, matching engine, positions, and a journal if it is asked for.

    With a journal it goes on where the journal ends, if that was begun with the same configuration. Several
    threads may call it. Close it, or use it in a ``with`` statement.

    Parameters
    ----------
    config : OMSConfig
        What it starts from.

    Raises
    ------
    ConfigError
        If the journal was begun with another configuration.
    JournalError
        If the journal cannot be opened, is damaged, or is open already.
    """

    def __new__(cls, config: OMSConfig) -> Self:
        """The native part, which opens the journal."""
        with Waiting() as report:
            return super().__new__(
                cls,
                config.payload(),
                journal=config.journal,
                durability=config.durability,
                measure_latency=config.measure_latency,
                snapshot_every=config.snapshot_every,
                progress=report if config.journal else None,
            )

    def __init__(self, config: OMSConfig) -> None:
        OMSFace.__init__(self, config)

    @classmethod
    def recover(
        cls,
        path: str | Path,
        *,
        durability: Durability = "batch",
        measure_latency: bool = False,
        snapshot_every: int | None = None,
    ) -> Self:
        """The system that a journal has recorded, ready to go on with it; `recovery` says what was found.

        Parameters
        ----------
        path : path
            Directory of the journal.
        durability, measure_latency, snapshot_every
            As in `OMSConfig`: a journal does not record them.

        Raises
        ------
        JournalError
            If there is no journal, it is damaged, or it is open already.
        """
        path = journal_at(path)
        with Waiting() as report:
            oms = _native.Oms.__new__(
                cls,
                journal=path,
                durability=durability,
                measure_latency=measure_latency,
                snapshot_every=snapshot_every,
                progress=report,
            )
        config = replace(
            OMSConfig.from_payload(oms.configuration),
            journal=path,
            durability=durability,
            measure_latency=measure_latency,
            snapshot_every=snapshot_every,
        )
        return oms._named(config)

    @classmethod
    def from_state(cls, state: bytes) -> Self:
        """A system without journal in the state that these bytes spell; it goes on as the one they are of.

        Raises
        ------
        CodecError
            If they are no state.
        """
        oms = _native.Oms.__new__(cls, state=state)
        return oms._named(OMSConfig.from_payload(oms.configuration))

    def apply(self, commands: Mapping[str, ArrayLike]) -> dict[str, AnyArray]:
        """Carry out many commands, and commit once; see `OMSFace.apply`.

        They act without the interpreter lock. A journal that fails in between stops the system.
        """
        columns, n_rows = whole_columns(commands)
        if "client_order_id" in columns:
            columns |= _words(columns["client_order_id"])
        flat = {name: np.ascontiguousarray(column.reshape(-1)) for name, column in columns.items()}
        return self._apply_columns(flat, n_rows)

    def reserve(self, n_orders: int) -> None:
        """Take the memory for so many more orders now, so that placing them takes none.

        It is 96 bytes each, and 16 to 32 for client order ids. Without it the table of orders doubles when it
        is full, which a command waits for.

        Raises
        ------
        ConfigError
            If there are fewer than none, or more than ten million.
        """
        if not 0 <= n_orders <= _MOST_RESERVED:
            raise ConfigError(
                "no room can be made for so many orders", found=n_orders, expected=f"0 to {_MOST_RESERVED:,}"
            )
        self._reserve(n_orders)

    def snapshot(self) -> Snapshot:
        """The whole state, and the frame it follows; stored beside the journal if there is one.

        Raises
        ------
        JournalError
            If it cannot be stored.
        """
        self._write_snapshot()
        return OMSFace.snapshot(self)

    def latency(self) -> dict[str, AnyArray]:
        """How long commands took, one row for each ``stage``: journal, gate, book and total.

        Returns
        -------
        dict of str to ndarray
            ``stage``, ``count``, and ``p50_ns``, ``p99_ns``, ``p999_ns``, ``max_ns``; empty unless it was
            measured (``OMSConfig(measure_latency=True)``).
        """
        return {name: np.asarray(column) for name, column in self._latency().items()}

    @property
    def recovery(self) -> Recovery | None:
        """What was found on the disk, and what was done again; None without journal."""
        found = self._recovery
        if found is None:
            return None
        return Recovery(JournalReport.of(Path(self.config.journal or ""), found), found["n_replayed"])

    def _named(self, config: OMSConfig) -> Self:
        """The same with the names and grids that it was begun with."""
        OMSFace.__init__(self, config)
        # What a tick is worth is stated there, and may be other than tick times lot.
        self._edges = Edges(Setup.from_payload(self.configuration), config.sector_names)
        return self


def _words(client_order_ids: AnyArray) -> dict[str, AnyArray]:
    """The two words of client order ids."""
    if client_order_ids.dtype != object:
        return {"client_order_id": client_order_ids}
    numbers = np.atleast_1d(client_order_ids).tolist()
    return {
        "client_order_id": np.array([number & _WORD for number in numbers], dtype=np.uint64),
        "client_order_id_high": np.array([number >> 64 for number in numbers], dtype=np.uint64),
    }
