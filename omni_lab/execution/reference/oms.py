"""`ReferenceOMS`: the order-management system in plain Python.

It is the oracle that the native one is tested against, and what there is where the native module is missing.
It keeps no journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from omni_lab.domain import CommandKind, TradingPhase
from omni_lab.errors import CodecError, ConfigError, DataError
from omni_lab.execution.codec import (
    ALL,
    Advance,
    Cancel,
    Command,
    Mark,
    MassCancel,
    New,
    Replace,
    SetPhase,
    WriteRegister,
    decode,
    encode,
)
from omni_lab.execution.commands import check_columns
from omni_lab.execution.config import OMSConfig
from omni_lab.execution.edges import Edges
from omni_lab.execution.events import columns_of
from omni_lab.execution.face import OMSFace
from omni_lab.execution.reference import device, explain, state
from omni_lab.execution.reference.book import BookSide
from omni_lab.execution.reference.engine import Engine
from omni_lab.execution.reference.order import DISPLAYED, HIDDEN, OrderRecord
from omni_lab.execution.reference.positions import PositionRecord
from omni_lab.execution.setup import Setup
from omni_lab.execution.shown import PositionRow, order_view, position_view
from omni_lab.execution.views import ORDER_COLUMNS, BookView, Order, Position
from omni_lab.typing import AnyArray, ArrayLike

_CONFIGURATION = 0
_RECORD_FIELDS = (
    *("order_id", "account", "instrument", "side", "order_type", "time_in_force", "state", "reason"),
    *("qty", "price", "leaves", "cum"),
)


class ReferenceOMS(OMSFace):
    """An order-management system without a native part.

    Parameters
    ----------
    config : OMSConfig
        What it starts from.

    Raises
    ------
    ConfigError
        If a journal is asked for.
    """

    def __init__(self, config: OMSConfig) -> None:
        if config.journal is not None:
            raise ConfigError(
                "only the native OMS keeps a journal",
                found=str(config.journal),
                hint="Build the native module, or leave journal=None.",
            )
        super().__init__(config)
        self._engine = Engine(self._edges.setup)

    @classmethod
    def from_state(cls, state_bytes: bytes) -> Self:
        """A system in the state that these bytes spell; it goes on as the one they were taken from.

        Raises
        ------
        CodecError
            If they are no state.
        ConfigError
            If a register does not take what it held.
        """
        return cls._around(state.from_bytes(state_bytes))

    @classmethod
    def replay(cls, frames: Iterable[tuple[int, bytes]]) -> Self:
        """A system in the state that the frames of a journal lead to.

        Parameters
        ----------
        frames : iterable of (int, bytes)
            Kind and payload, the configuration (kind 0) first. What comes of them is not handed out again.

        Raises
        ------
        CodecError
            If the first is no configuration, or a later one no command.
        """
        waiting = iter(frames)
        kind, payload = next(waiting, (None, b""))
        if kind != _CONFIGURATION:
            raise CodecError(
                "a journal begins with its configuration", found=kind, expected=str(_CONFIGURATION)
            )
        oms = cls._around(Engine(Setup.from_payload(payload)))
        for kind, payload in waiting:
            oms.execute(kind, payload)
        oms._drain()
        return oms

    @classmethod
    def _around(cls, engine: Engine) -> Self:
        """A system around an engine; its setup may have a multiplier, which no configuration states."""
        oms = cls(OMSConfig.from_setup(engine.setup))
        oms._engine, oms._edges = engine, Edges(engine.setup, oms.config.sector_names)
        return oms

    @classmethod
    def recover(cls, path: object) -> Self:
        """Not possible here: only the native OMS reads journals.

        Raises
        ------
        ConfigError
            Always.
        """
        raise ConfigError(
            "only the native OMS recovers from a journal", found=str(path), hint="Build the native module."
        )

    def execute(self, kind: int, payload: bytes) -> int:
        """Carry out the command of a frame; see `OMSFace.execute`.

        Raises
        ------
        CodecError
            If the payload spells no command.
        ConfigError
            If the command names no instrument or register, or the register does not take the value. Nothing
            has happened then, not even to the clock.
        """
        return self._engine.execute(kind, payload)

    def apply(self, commands: Mapping[str, ArrayLike]) -> dict[str, AnyArray]:
        """Carry out many commands; see `OMSFace.apply`."""
        columns = check_columns(commands, clock=self.clock, n_instruments=len(self._edges.symbols))
        self._check_writes(columns)
        pending, self._engine.desk.events = self._engine.desk.events, []
        rows = {name: column.tolist() for name, column in columns.items()}
        for index in range(len(rows["kind"])):
            self.execute(*encode(_command({name: column[index] for name, column in rows.items()})))
        came, self._engine.desk.events = self._engine.desk.events, pending
        return columns_of(came)

    @property
    def sequence(self) -> int:
        """Number of the last frame; the configuration is 1."""
        return self._engine.desk.sequence

    @property
    def clock(self) -> int:
        """The latest time that a command had, nanoseconds UTC."""
        return self._engine.desk.clock

    def state(self) -> bytes:
        """The canonical bytes of everything that matters for what comes next: ``docs/oms.md``, section 7."""
        return state.to_bytes(self._engine)

    def read_register(self, address: int) -> int:
        """A word of the risk gate, unsigned.

        Raises
        ------
        ConfigError
            If there is no register.
        """
        return device.read(self._engine.desk.gate, address)

    def book(self, symbol: str) -> BookView:
        """The book of an instrument as it stands now."""
        number = self._edges.instrument(symbol)
        book, instrument = self._engine.books[number], self._edges.setup.instruments[number]
        rows = [*_rows(book.bids), *_rows(book.asks)]
        return BookView(
            symbol,
            phase=TradingPhase(book.phase).name,
            last=self._edges.price(number, book.last),
            orders=_columns(ORDER_COLUMNS, rows),
            tick_size=instrument.tick_size,
            lot_size=instrument.lot_size,
        )

    def order(self, order_id: int) -> Order:
        """An order as it is now, or was when it ended.

        Raises
        ------
        DataError
            If there never was one of this id.
        """
        if not 1 <= order_id <= len(self._engine.desk.orders):
            last = len(self._engine.desk.orders)
            raise DataError("no such order", found=order_id, expected=f"1 to {last}" if last else "none yet")
        return order_view(_facts(self._engine.desk.orders[order_id - 1]), self._edges)

    def orders(self, *, live: bool = True) -> dict[str, AnyArray]:
        """Columns of the orders that live, or of all there ever were: ticks, lots, codes and numbers."""
        desk = self._engine.desk
        orders = list(desk.live.values()) if live else desk.orders
        rows = [(order.id, *(getattr(order, name) for name in _RECORD_FIELDS[1:])) for order in orders]
        return _columns(_RECORD_FIELDS, rows)

    def positions(self) -> list[Position]:
        """What accounts have, of everything they ever traded."""
        positions = sorted(self._engine.desk.positions.items())
        rows = (self._position_row(*key, each) for key, each in positions)
        return [position_view(row, self._edges) for row in rows]

    def commit(self) -> None:
        """Nothing: there is no journal."""

    def close(self) -> None:
        """Nothing: there is no journal."""

    def latency(self) -> dict[str, AnyArray]:
        """Nothing: how long the plain twin takes says nothing about the native system."""
        return {}

    def _drain(self) -> dict[str, AnyArray]:
        events, self._engine.desk.events = self._engine.desk.events, []
        return columns_of(events)

    def _explain(self, kind: int, payload: bytes) -> Mapping[str, object]:
        command = decode(kind, payload)
        assert isinstance(command, New | Cancel | Replace)
        engine = self._engine
        return explain.explain(engine.desk.gate, engine.setup, engine.request(command))

    def _headroom(self) -> Mapping[str, object]:
        engine = self._engine
        return explain.headroom(engine.desk.gate, engine.setup, self.clock)

    def _order_id(self, account: int, client_order_id: int) -> int:
        return self._engine.clients.get((account, client_order_id), 0)

    def _terms(self, order_id: int) -> tuple[int, int]:
        orders = self._engine.desk.orders
        if not 1 <= order_id <= len(orders):
            return 0, 0
        return orders[order_id - 1].instrument, orders[order_id - 1].qty

    def _check_writes(self, columns: Mapping[str, AnyArray]) -> None:
        for row in np.flatnonzero(columns["kind"] == CommandKind.WRITE_REGISTER):
            try:
                device.writing(
                    self._engine.desk.gate, int(columns["address"][row]), int(columns["value"][row])
                )
            except ConfigError as error:
                raise DataError(
                    f"the risk gate refuses this word: {error.what}", found=error.found, where=f"row {row}"
                ) from error

    def _position_row(self, account: int, number: int, position: PositionRecord) -> PositionRow:
        qty, bought, sold = position.qty, position.bought, position.sold
        reference = self._engine.desk.gate.instruments[number].reference
        return account, number, qty, bought, sold, position.cost, position.realised, reference


def _facts(order: OrderRecord) -> dict[str, Any]:
    live = order.live
    return {name: getattr(order, name) for name in _RECORD_FIELDS[1:]} | {
        "order_id": order.id,
        "client_order_id": order.client_order_id,
        "cum_value": order.cum_value,
        "stop_price": order.stop_price if live else 0,
        "working_price": order.working if live else 0,
        "place": order.place if live else None,
    }


def _rows(side: BookSide) -> list[tuple[int, ...]]:
    return [
        (
            order.id,
            order.account,
            order.side,
            order.working,
            order.showing,
            order.leaves,
            int(place == HIDDEN),
        )
        for level in side.levels
        for place in (DISPLAYED, HIDDEN)
        for order in level.queues[place].values()
    ]


def _columns(names: tuple[str, ...], rows: list[tuple[int, ...]]) -> dict[str, AnyArray]:
    values = zip(*rows, strict=True) if rows else [()] * len(names)
    return {name: np.array(column, dtype=np.int64) for name, column in zip(names, values, strict=True)}


def _command(row: Mapping[str, Any]) -> Command:
    """The command of a row of checked columns, where -1 stands for every account or instrument."""
    ts, account, instrument = row["ts"], row["account"] & ALL, row["instrument"] & ALL
    match row["kind"]:
        case CommandKind.NEW:
            fields = {name: row[name] for name in New._fields}
            return New(**fields | {"account": account, "instrument": instrument})
        case CommandKind.CANCEL:
            return Cancel(ts, row["order_id"])
        case CommandKind.REPLACE:
            return Replace(ts, row["order_id"], row["qty"], row["price"], row["stop_price"])
        case CommandKind.MASS_CANCEL:
            return MassCancel(ts, account, instrument, row["side"])
        case CommandKind.SET_PHASE:
            return SetPhase(ts, instrument, row["phase"])
        case CommandKind.ADVANCE:
            return Advance(ts)
        case CommandKind.MARK:
            return Mark(ts, instrument, row["price"])
        case _:
            return WriteRegister(ts, row["address"], row["value"])
