"""The market as Python has it: the same bytes as in Rust, replayed books, orders, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab import _native
from omni_lab.errors import ConfigError, UnknownSymbolError
from omni_lab.simulator.participants import (
    HawkesFlow,
    InformedFlow,
    JumpingValue,
    MarketMaker,
    Participant,
    ScheduledValue,
    TrendFollower,
    ZeroIntelligence,
    simulated_market,
)

SECOND = 1_000_000_000
MS = 1_000_000


def everybody() -> list[Participant]:
    """Those of ``native/sim/tests/agents.rs``."""
    maker = MarketMaker(
        interval_ns=SECOND // 50, half_spread=1.0, skew=0.05, qty=4, max_position=60, impact=0.02, follow=0.2
    )
    branching = [[0.4 if i == j else 0.02 for j in range(6)] for i in range(6)]
    return [
        ZeroIntelligence(limit_rates=(20, 15, 10, 8, 6), market_rate=10.0, cancel_rates=(1.0, 0.5)),
        maker,
        maker,
        InformedFlow(rate=5.0, informed=0.4, qty=2, aggression=0.5, max_qty=6, threshold=0.5),
        HawkesFlow(base=(2, 2, 6, 6, 3, 3), branching=branching, decay=12.0, distances=(3, 2, 1)),
        TrendFollower(rate=8.0, fast=4.0, slow=16.0, threshold=0.4, qty=1, max_position=20),
    ]


def market(**settings: Any) -> _native.AgentMarket:
    usual: dict[str, Any] = {
        "start_ticks": 1_000,
        "value": JumpingValue(jump_rate=0.5, jump_ticks=3.0),
        "latency": {"kind": "constant", "entry_ns": 2 * MS, "response_ns": 3 * MS},
        "feed_delay_ns": MS,
        "fees": {"maker_per_share": -0.001, "taker_per_share": 0.003},
        "sample_every_ns": SECOND // 10,
    }
    return simulated_market(everybody(), **{**usual, **settings})


QUOTER = {
    **{"rule": "fixed", "half_spread": 0.5, "skew": 0.1, "instrument": 0, "tick": 1, "half_life": 5.0},
    **{"interval_ns": SECOND // 20, "qty": 2, "max_position": 20, "n_levels": 2, "level_step": 1},
}


def digest(run: _native.AgentMarket) -> int:
    """That of ``native/sim/tests/agents.rs``."""
    events, messages, samples, values = run.events(), run.messages(), run.samples(), run.values()

    def words(table: dict[str, Any], *names: str) -> np.ndarray:
        columns = (table[name] for name in names)
        whole = [c.view(np.int64) if c.dtype == np.float64 else c.astype(np.int64) for c in columns]
        return np.stack(whole, axis=1).ravel()

    parts = [
        words(events, "ts", "order_id", "qty", "price"),
        words(messages, "ts", "ts_venue", "qty", "price", "kind"),
        words(samples, "ts", "position", "twice_mid", "equity"),
        words(values, "ts", "value"),
    ]
    total = 0xCBF29CE484222325
    for word in np.concatenate(parts).view(np.uint64).tolist():
        total = ((total ^ word) * 0x100000001B3) % 2**64
    return total


def test_an_optimised_build_gives_the_bytes_of_one_that_is_not() -> None:
    run = market(seed=7)
    run.run_quoter(QUOTER, 40 * SECOND)
    assert digest(run) == 2_324_317_461_889_739_437, "the number that the debug build is held to"


def test_replayed_events_give_the_same_books_and_trades() -> None:
    run = market(seed=3, feed_delay_ns=0)
    books = _native.FeedBooks()
    n_events = 0
    for step in range(1, 200):
        run.advance(step * SECOND // 5)
        run.submit("sell", 6, run.ask_ticks, display_qty=2)
        run.submit("buy", 2, 0 if step % 2 else run.bid_ticks, time_in_force="IOC" if step % 2 else "DAY")
        events = run.events()
        books.apply({name: column[n_events:] for name, column in events.items()})
        n_events = events["ts"].size
        heard, replayed = run.levels(0, 1_000), books.depth(0, 1_000)
        for mine, name in zip(heard, ("bid_price", "bid_qty", "ask_price", "ask_qty"), strict=True):
            assert mine.tolist() == replayed[name].tolist()
    counts = books.counts()
    faults = ("unknown_order", "over_taken", "duplicate_order", "crossed", "locked", "malformed")
    assert [counts[name] for name in faults] == [0] * len(faults)
    traded = books.take()["trades"]["qty"].sum()
    assert traded == run.accounts()["bought"].sum() == run.accounts()["sold"].sum()


def test_a_replay_of_the_events_shows_what_we_heard() -> None:
    run = market(seed=4)
    heard = []
    for step in range(1, 100):
        run.advance(step * SECOND // 5)
        heard.append(run.quote(0))
    feed = _native.TickFeed(run.events(), delay_ns=MS)
    settings: dict[str, Any] = {
        **{"cash": 0.0, "tick_values": [0.01], "queue": "exact", "power": 1.0, "partial_fills": True},
        **{"latency": {"kind": "constant", "entry_ns": 0, "response_ns": 0}, "limits": None},
        **{"seed": 0, "sample_every_ns": 0},
    }
    replay = _native.TickEngine(feed, **settings)
    for step, quote in enumerate(heard, start=1):
        replay.advance(step * SECOND // 5)
        assert replay.quote(0) == quote


def test_lots_and_cash_of_all_accounts_sum_to_zero() -> None:
    run = market(seed=5, tick_value=1.0)
    run.run_quoter(QUOTER, 60 * SECOND)
    accounts = run.accounts()
    assert run.names() == ["zero_intelligence", "market_maker", "market_maker", "informed", "hawkes", "trend"]
    assert np.all(accounts["bought"] + accounts["sold"] > 0)
    assert (accounts["lots"].sum(), accounts["cash"].sum()) == (0, 0.0)


def test_orders_say_what_they_are() -> None:
    run = market(seed=6)
    run.advance(5 * SECOND)
    numbers = [
        run.send(True, run.bid_ticks - 5, 3),
        run.send(False, 0, 2, kind=0),
        run.send(True, run.ask_ticks + 3, 1, time_in_force=3),
        run.submit("buy", 1, stop_price=run.ask_ticks + 500),
        run.submit("sell", 4, trail_bps=200, time_in_force="GTC"),
        run.submit("buy", 2, peg="primary", peg_offset=-1),
        run.submit("buy", 5, run.bid_ticks, min_qty=9),
    ]
    assert [run.order_state(number)[0] for number in numbers] == [0] * 7
    seen = []
    while run.now < 6 * SECOND:
        if run.advance_to_next(6 * SECOND, 8)[0] == 3:
            seen += run.take_notices()
    orders = run.orders()
    assert orders["order_type"].tolist() == [2, 1, 2, 3, 5, 6, 2]
    assert orders["kind"].tolist() == [1, 0, 1, 0, 0, 1, 1]
    assert orders["time_in_force"].tolist() == [0, 1, 3, 0, 0, 0, 0]
    assert orders["status"].tolist() == [1, 3, 5, 1, 1, 1, 6]
    assert orders["reason"].tolist() == [0, 0, 1_002, 0, 0, 0, 9]
    assert np.all(orders["venue_id"] > 0)
    assert {order for order, *_ in seen} == set(numbers)
    assert run.ahead(numbers[0]) is not None
    assert run.ahead(numbers[3]) is None
    assert run.replace(numbers[3], 0, 2, stop_price=run.ask_ticks + 400)
    run.advance(7 * SECOND)
    assert run.order_state(numbers[3])[3:] == (2, False)
    run.finish()
    assert run.working() == []


def test_journals_are_begun_in_empty_directories(tmp_path: Path) -> None:
    run = market(seed=8, journal=tmp_path)
    run.advance(2 * SECOND)
    run.commit()
    frames = _native.count_frames(tmp_path, 2)
    assert sum(n for _, n, _ in frames) == run.n_commands


@pytest.mark.parametrize(
    ("participant", "place", "found"),
    [
        (ZeroIntelligence(market_rate=-1.0), "participant 0 (zero_intelligence)", -1.0),
        (InformedFlow(informed=2.0), "participant 0 (informed)", 2.0),
        (HawkesFlow(branching=[[0.2] * 6] * 6), "participant 0 (hawkes)", pytest.approx(1.2)),
        (MarketMaker(interval_ns=0), "participant 0 (market_maker)", 0),
        (TrendFollower(fast=5.0, slow=5.0), "participant 0 (trend)", 5),
    ],
)
def test_what_cannot_be_used_is_named(participant: Participant, place: str, found: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        simulated_market([participant])
    assert (caught.value.where, caught.value.found) == (place, found)


def test_a_market_needs_somebody_and_has_one_instrument() -> None:
    with pytest.raises(ConfigError, match="empty market"):
        simulated_market([])
    with pytest.raises(ConfigError, match="schedule"):
        simulated_market([InformedFlow()], value=ScheduledValue(times_ns=[2, 1], values=[1.0, 1.0]))
    run = simulated_market([InformedFlow()], keep_events=False)
    with pytest.raises(UnknownSymbolError):
        run.quote(1)
    with pytest.raises(ConfigError, match="keeps no events"):
        run.events()
    with pytest.raises(ConfigError, match="Side"):
        run.submit("up", 1)


def test_intensities_of_the_default_hawkes_flow_solve_their_equation() -> None:
    flow = HawkesFlow()
    branching, mean = np.asarray(flow.branching), flow.mean_intensities
    np.testing.assert_allclose(mean, np.asarray(flow.base) + branching @ mean)
