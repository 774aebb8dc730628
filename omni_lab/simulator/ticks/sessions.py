"""The sessions of a calendar in a captured market: outside them it stands as in a halt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data import EventFlag, EventKind, Events, TradingState
from omni_lab.data.events import COLUMNS
from omni_lab.errors import ConfigError
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    from omni_lab.data.trading_calendar import TradingCalendar

_DAY = np.timedelta64(1, "D")


def within_sessions(events: Events, calendar: TradingCalendar) -> Events:
    """The events, with a halt of every instrument outside the calendar's sessions and in their breaks.

    At the start of a session an instrument goes back to the state that the feed itself last gave it. States
    that the feed gives outside sessions do not let anything trade before the next one begins.

    Raises
    ------
    ConfigError
        If the feed has no date, so that nobody knows to which day its times belong.
    """
    if events.info.date is None:
        raise ConfigError(
            "a calendar needs to know the day, and the times of this feed count from midnight of any",
            found="info.date=None",
            where="TickConfig.calendar",
            hint="Read the feed with its date.",
        )
    if not len(events.ts):
        return events
    first, last = (np.datetime64(int(ts), "ns").astype("datetime64[D]") for ts in events.ts[[0, -1]])
    around = calendar.schedule(first - _DAY, last + _DAY)
    edges = np.concatenate([around.open_ns, around.break_start_ns, around.break_end_ns, around.close_ns])
    edges = np.unique(edges[(edges > events.ts[0]) & (edges <= events.ts[-1])])
    edges = np.concatenate([events.ts[:1], edges])
    opens = around.trades(edges, closing=False)
    is_state = events.kind == EventKind.STATUS
    qty = events.qty.copy()
    qty[is_state & ~around.trades(events.ts, closing=False)] = TradingState.HALTED
    instruments = np.unique(events.instrument)
    states = np.full((len(edges), len(instruments)), TradingState.HALTED, dtype=np.int64)
    for column, instrument in enumerate(instruments):
        own = np.flatnonzero(is_state & (events.instrument == instrument))
        before = np.searchsorted(events.ts[own], edges, side="left") - 1
        known = np.append(events.qty[own], TradingState.TRADING)
        states[opens, column] = known[before[opens]]
    columns: dict[str, AnyArray] = {name: getattr(events, name) for name in COLUMNS} | {"qty": qty}
    # What is so at a time is so before anything else happens then.
    places = np.repeat(np.searchsorted(events.ts, edges, side="left"), len(instruments))
    new: dict[str, Any] = {
        "ts": np.repeat(edges, len(instruments)),
        "kind": EventKind.STATUS,
        "flags": EventFlag.LAST,
        "instrument": np.tile(instruments, len(edges)),
        "qty": states.reshape(-1),
    }
    return Events.from_columns(
        {name: np.insert(column, places, new.get(name, 0)) for name, column in columns.items()}, events.info
    )
