"""A calendar over a captured market: outside its sessions nothing trades."""

import datetime as dt
from typing import Any

import numpy as np
import pytest

from omni_lab.data import EventKind, Events, FeedInfo, TradingCalendar, TradingState
from omni_lab.errors import ConfigError
from omni_lab.simulator import EventSimulator
from omni_lab.simulator.ticks import MarketFeed, TickConfig
from omni_lab.simulator.ticks.sessions import within_sessions
from omni_lab.strategies import Strategy

MINUTE_NS = 60 * 10**9
DATE = dt.date(2024, 7, 3)
OWN = TradingCalendar.weekdays("10:00", "11:00", "UTC")


def at(hour: int, minute: int = 0) -> int:
    midnight = int(np.datetime64(str(DATE), "ns").view(np.int64))
    return midnight + (60 * hour + minute) * MINUTE_NS


def market(*extra: tuple[int, int, int]) -> Events:
    """Bid 99 and ask 101 from nine on, a trade at 100 each minute until noon; extra (ts, kind, qty)."""
    rows: list[tuple[int, int, int, int, int]] = [
        (at(9), EventKind.LEVEL, 1, 10, 99),
        (at(9), EventKind.LEVEL, 2, 10, 101),
    ]
    rows += [(at(9, minute), EventKind.TRADE, 1, 1, 98) for minute in range(1, 181)]
    rows += [(ts, kind, 0, qty, 0) for ts, kind, qty in extra]
    rows.sort(key=lambda row: row[0])
    ts, kind, side, qty, price = np.array(rows, dtype=np.int64).T
    info = FeedInfo(symbols={0: "X"}, date=DATE)
    return Events.from_columns({"ts": ts, "kind": kind, "side": side, "qty": qty, "price": price}, info)


class AtTimes(Strategy):
    """Buys one at each of its times: at the market, and with a limit at the bid."""

    def __init__(self, *times: int) -> None:
        self.times = times

    def on_start(self, ctx: Any) -> None:
        for time in self.times:
            ctx.timer(at=time)

    def on_timer(self, ctx: Any, timer: Any) -> None:
        ctx.buy(1)
        ctx.buy(1, limit=99)


def run(*times: int, calendar: Any = OWN, events: Events | None = None) -> Any:
    config = TickConfig(calendar=calendar, sample="1min")
    sim = EventSimulator(tick_config=config, count_trials=False)
    return sim.run_ticks(AtTimes(*times), market() if events is None else events, progress=False)


def test_a_market_order_outside_is_rejected_and_a_limit_waits_for_the_session() -> None:
    results = run(at(9, 30))
    assert results.orders["status"].tolist() == ["REJECTED", "FILLED"]
    assert results.orders["reason"][0] == "HALTED"
    assert (results.fills["ts"] >= at(10)).all()
    assert run(at(9, 30), calendar=None).fills["ts"].min() < at(10)


def test_nothing_fills_after_the_close() -> None:
    results = run(at(11, 5))
    assert len(results.fills) == 0
    assert results.orders["status"][0] == "REJECTED"


def test_within_the_session_a_calendar_changes_nothing() -> None:
    with_it, without = run(at(10, 10)), run(at(10, 10), calendar=None)
    for name in ("ts", "qty", "price"):
        assert with_it.fills[name].tolist() == without.fills[name].tolist()
    assert len(with_it.fills) == 2


def test_a_halt_of_the_feed_outlasts_the_open_and_a_resumption_outside_opens_nothing() -> None:
    halted = market((at(9, 50), EventKind.STATUS, TradingState.HALTED))
    states = within_sessions(halted, OWN)
    mine = states.kind == EventKind.STATUS
    assert list(zip(states.ts[mine].tolist(), states.qty[mine].tolist(), strict=True)) == [
        (at(9), TradingState.HALTED),
        (at(9, 50), TradingState.HALTED),
        (at(10), TradingState.HALTED),
        (at(11), TradingState.HALTED),
    ]
    resumed = within_sessions(market((at(11, 30), EventKind.STATUS, TradingState.TRADING)), OWN)
    mine = resumed.kind == EventKind.STATUS
    assert resumed.qty[mine].tolist() == [
        TradingState.HALTED,
        TradingState.TRADING,
        *[TradingState.HALTED] * 2,
    ]


def test_a_feed_without_a_date_is_refused() -> None:
    events = market()
    undated = Events.from_columns({"ts": events.ts - at(0), "kind": events.kind}, FeedInfo())
    with pytest.raises(ConfigError, match="date"):
        run(at(10), events=undated)


def test_a_prepared_feed_is_refused() -> None:
    with pytest.raises(ConfigError, match="prepared already"):
        EventSimulator(tick_config=TickConfig(calendar=OWN)).run_ticks(AtTimes(at(10)), MarketFeed(market()))


def test_the_calendar_is_in_the_manifest() -> None:
    assert TickConfig(calendar="ALWAYS_OPEN").to_dict()["calendar"]["name"] == "ALWAYS_OPEN"  # type: ignore[arg-type]
