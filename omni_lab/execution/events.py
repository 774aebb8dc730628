"""What came of commands: columns of whole numbers, read as events with prices and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from omni_lab.domain import CancelReason, EventKind, Liquidity, OrderState, RejectReason, Side, TradingPhase
from omni_lab.execution.client_ids import name_of
from omni_lab.execution.codec import ACCOUNT, INSTRUMENT
from omni_lab.execution.edges import Edges, name_at
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    *("seq", "ts", "kind", "order_id", "client_order_id", "client_order_id_high", "account", "instrument"),
    *("side", "state", "reason", "price", "qty", "leaves", "cum", "trade_id", "liquidity"),
)
"""Names of the columns: int64, but for the two words of the client order id, which are uint64."""

_UNSIGNED = frozenset({"client_order_id", "client_order_id_high"})
_SHOWN = 12
_WORD = 2**64 - 1
_SWITCHES = ("RESET", "THROWN", "WAITING")
# Events that are not about an order, and what stands in the fields of prices and quantities there.
_MARKET_KINDS = frozenset({EventKind.PHASE_CHANGED, EventKind.AUCTION, EventKind.MARKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that came of a command; what does not apply is None, or 0 for a quantity.

    Attributes
    ----------
    seq, ts : int
        Frame of the command; clock, nanoseconds UTC.
    kind : str
        Name of an `EventKind`.
    order_id : int
        0 where it is about no order.
    client_order_id : int or str, optional
        What the client calls the order.
    account, symbol, side, state : str, optional
        Of the order; its state is the one after the event.
    reason : str, optional
        Name of a `RejectReason` or `CancelReason`.
    price : float, optional
        Of the trade, the limit, the auction: ``docs/oms.md``, section 6.
    qty, leaves, cum : float
        Quantity of the event; of the order, what may still trade and what has traded.
    trade_id : int
        0 where it is no trade.
    liquidity : str, optional
        Name of a `Liquidity`.
    phase : str, optional
        The phase that an instrument is in now.
    register : tuple of int, optional
        Address and value of a register that was written.
    switch : str, optional
        What a kill switch became: "THROWN", "RESET", or "WAITING" for a second person to reset it. It is that
        of the account, the symbol, or of everything where neither is named.
    """

    seq: int
    ts: int
    kind: str
    order_id: int = 0
    client_order_id: int | str | None = None
    account: str | None = None
    symbol: str | None = None
    side: str | None = None
    state: str | None = None
    reason: str | None = None
    price: float | None = None
    qty: float = 0.0
    leaves: float = 0.0
    cum: float = 0.0
    trade_id: int = 0
    liquidity: str | None = None
    phase: str | None = None
    register: tuple[int, int] | None = None
    switch: str | None = None


class EventLog(Sequence[Event]):
    """Events in the order in which they happened.

    ``log[0]`` is an event, ``len(log)`` how many there are; a slice is a log.

    Parameters
    ----------
    columns : mapping of str to ndarray
        As in `COLUMNS`; see ``docs/oms.md``, section 6.
    edges : Edges
        The names and grids they are read with.
    """

    def __init__(self, columns: Mapping[str, AnyArray], edges: Edges) -> None:
        self._columns = dict(columns)
        self._edges = edges
        for column in self._columns.values():
            column.flags.writeable = False

    @property
    def columns(self) -> dict[str, AnyArray]:
        """The raw columns: ticks, lots, codes and numbers."""
        return dict(self._columns)

    def __len__(self) -> int:
        return len(self._columns["seq"])

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> EventLog: ...
    def __getitem__(self, index: int | slice) -> Event | EventLog:
        if isinstance(index, slice):
            return EventLog({name: column[index] for name, column in self._columns.items()}, self._edges)
        return _event({name: int(column[index]) for name, column in self._columns.items()}, self._edges)

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame, one row for each event, times in UTC."""
        import pandas as pd

        names = list(Event.__dataclass_fields__)
        frame = pd.DataFrame(
            {name: [getattr(event, name) for event in self] for name in names}, columns=names
        )
        frame["ts"] = pd.DatetimeIndex(self._columns["ts"].view("datetime64[ns]"), tz="UTC")
        return frame.astype({"price": float})

    def __repr__(self) -> str:
        lines = [_line(event) for event in self[:_SHOWN]]
        if len(self) > _SHOWN:
            lines.append(f"… {len(self) - _SHOWN:,} more")
        return "\n".join([f"EventLog of {len(self):,}", *lines])


def columns_of(rows: Sequence[tuple[int, ...]]) -> dict[str, AnyArray]:
    """Columns of events that are tuples of the sixteen fields of ``docs/oms.md``, section 6."""
    fields = [*zip(*rows, strict=True)] if rows else [()] * 16
    low = [number & _WORD for number in fields[4]]
    high = [number >> 64 for number in fields[4]]
    # A command may name any 64-bit order id; columns are signed.
    order_ids = [number - 2**64 if number >= 2**63 else number for number in fields[3]]
    values = [*fields[:3], order_ids, low, high, *fields[5:]]
    return {
        name: np.array(column, dtype=np.uint64 if name in _UNSIGNED else np.int64)
        for name, column in zip(COLUMNS, values, strict=True)
    }


def reason_name(kind: int, state: int, reason: int) -> str | None:
    """The name of a reason: one to cancel where an order was canceled, otherwise one to refuse."""
    # A refused cancel or replacement of an order says why the request was refused.
    refused = kind in (EventKind.CANCEL_REJECTED, EventKind.REPLACE_REJECTED)
    canceled = kind == EventKind.CANCELED or (state == OrderState.CANCELED and not refused)
    return _name(CancelReason if canceled else RejectReason, reason)


def _event(row: dict[str, int], edges: Edges) -> Event:
    kind = EventKind(row["kind"])
    if kind == EventKind.REGISTER_WRITTEN:
        return Event(seq=row["seq"], ts=row["ts"], kind=kind.name, register=(row["qty"], row["price"]))
    if kind == EventKind.KILL_SWITCH:
        return _switched(row, edges)
    instrument = row["instrument"]
    about_market = kind in _MARKET_KINDS
    symbol = name_at(edges.symbols, instrument) if about_market or row["side"] else None
    facts: dict[str, Any] = {"seq": row["seq"], "ts": row["ts"], "kind": kind.name, "symbol": symbol}
    if kind == EventKind.PHASE_CHANGED:
        return Event(**facts, phase=TradingPhase(row["qty"]).name)
    if symbol is not None:
        facts["price"] = edges.price(instrument, row["price"])
        facts |= {name: edges.qty(instrument, row[name]) for name in ("qty", "leaves", "cum")}
    if about_market:
        return Event(**facts)
    return Event(
        **facts,
        order_id=row["order_id"],
        client_order_id=name_of(row["client_order_id_high"] << 64 | row["client_order_id"]),
        account=name_at(edges.accounts, row["account"]) if row["side"] else None,
        side=_name(Side, row["side"]),
        state=_name(OrderState, row["state"]) if row["side"] else None,
        reason=reason_name(kind, row["state"], row["reason"]),
        trade_id=row["trade_id"],
        liquidity=_name(Liquidity, row["liquidity"]),
    )


def _switched(row: dict[str, int], edges: Edges) -> Event:
    scope = row["price"]
    return Event(
        seq=row["seq"],
        ts=row["ts"],
        kind=EventKind.KILL_SWITCH.name,
        account=name_at(edges.accounts, row["account"]) if scope == ACCOUNT else None,
        symbol=name_at(edges.symbols, row["instrument"]) if scope == INSTRUMENT else None,
        switch=_SWITCHES[row["qty"]],
    )


def _name(kind: type[IntEnum], code: int) -> str | None:
    """The name of a code; None for 0 where that says nothing, and for codes without one."""
    if not code and kind is not OrderState:
        return None
    return kind(code).name if code in kind._value2member_map_ else None


def _line(event: Event) -> str:
    words = [f"{event.seq:>6}", f"{event.kind:<16}"]
    words.append(f"#{event.order_id:<5}" if event.order_id else " " * 6)
    if event.switch:
        words.append(event.account or event.symbol or "everything")
        words.append(event.switch)
        return " ".join(words)
    words += [part for part in (event.symbol, event.side) if part]
    if event.qty:
        words.append(f"{event.qty:g}")
    if event.price is not None:
        words.append(f"@ {event.price:g}")
    if event.kind in ("FILLED", "REPLACED", "DECREMENTED"):
        words.append(f"leaves {event.leaves:g}")
    words += [part for part in (event.reason, event.phase, event.liquidity) if part]
    if event.register:
        words.append(f"{event.register[0]:#x} = {event.register[1]}")
    return " ".join(words)
