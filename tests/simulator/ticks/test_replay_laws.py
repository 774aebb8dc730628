"""What holds of every replay, and what is refused at the door."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from omni_lab import _native
from omni_lab.errors import ConfigError, DataError, OmniError, ShapeError, UnknownSymbolError
from omni_lab.simulator import FeeSchedule
from omni_lab.typing import AnyArray
from tests.oracle import level_feed

NEVER = 2**62
NAN = float("nan")
EVERYTHING = 15
CONSTANT = {"kind": "constant", "entry_ns": 300_000, "response_ns": 200_000}
RULE = {"rule": "fixed", "half_spread": 0.5, "skew": 0.02, "qty": 10, "max_position": 100, "n_levels": 3}
WHERE = {"instrument": 0, "tick": 1, "interval_ns": 5_000_000, "level_step": 1, "half_life": 1.0}
FEES = FeeSchedule.flat(
    maker_rate=-0.00005, taker_rate=0.0007, maker_per_share=0.01, taker_per_share=0.02, per_fill=0.001
)
Change = Callable[[dict[str, AnyArray]], dict[str, AnyArray]]


@pytest.fixture(scope="module")
def columns() -> level_feed.Columns:
    return level_feed.market(60_000, 5)


@pytest.fixture(scope="module")
def feed(columns: level_feed.Columns) -> _native.TickFeed:
    return _native.TickFeed(level_feed.events(columns), each_delay_ns=columns["delay"])


def replay(feed: _native.TickFeed, **changed: Any) -> _native.TickEngine:
    settings: dict[str, Any] = {
        "cash": 1_000.0,
        "tick_values": [0.5] * len(feed.instruments()),
        "latency": CONSTANT,
        "queue": "power",
        "power": 2.0,
        "partial_fills": True,
        "limits": None,
        "seed": 4,
        "sample_every_ns": 20_000_000,
        "models": {"fees": FEES.to_engine()},
    }
    return _native.TickEngine(feed, **{**settings, **changed})


def quoted(feed: _native.TickFeed, **changed: Any) -> _native.TickEngine:
    """A replay of the native market maker, and now and then somebody who takes."""
    engine = replay(feed, **changed)
    start, end = feed.span
    for n, until in enumerate(range(start, end, (end - start) // 40)):
        engine.run_quoter({**RULE, **WHERE}, until)
        engine.send(n % 2 == 0, 10_001, 700, n % 3 % 2, n % 4)
    engine.run_quoter({**RULE, **WHERE}, NEVER)
    engine.finish()
    return engine


def rows_of(engine: _native.TickEngine) -> tuple[bytes, ...]:
    tables = (engine.messages(), engine.orders(), engine.samples())
    return tuple(column.tobytes() for table in tables for column in table.values())


def test_cash_fees_and_positions_follow_from_the_messages(feed: _native.TickFeed) -> None:
    engine = quoted(feed)
    messages, orders = engine.messages(), engine.orders()
    fills = messages["kind"] == 6
    order, qty, price = (messages[name][fills] for name in ("order", "qty", "price"))
    sign = np.where(orders["side"] == 1, 1, -1)[order]
    maker = messages["is_maker"][fills]
    value = price * qty * 0.5
    fee = np.where(maker, -0.00005 * value + 0.01 * qty, 0.0007 * value + 0.02 * qty) + 0.001
    assert np.allclose(messages["fee"][fills], fee)
    assert engine.lots == np.sum(sign * qty)
    assert np.isclose(engine.fees, np.sum(fee))
    assert np.isclose(engine.cash, 1_000 - np.sum(sign * value) - np.sum(fee))
    assert (engine.n_fills, engine.traded_lots) == (np.sum(fills), np.sum(qty))
    mid = (engine.bid_ticks + engine.ask_ticks) / 2
    assert np.isclose(engine.equity, engine.cash + engine.lots * mid * 0.5)
    assert np.sum(maker) > 100
    assert np.sum(~maker) > 20
    # Somewhere an order filled in part, as a maker and as a taker.
    assert np.any(np.bincount(order[maker]) > 1)
    assert np.any(np.bincount(order[~maker]) > 1)


def test_no_order_fills_before_it_arrives_or_beyond_its_lots(feed: _native.TickFeed) -> None:
    engine = quoted(feed)
    messages, orders = engine.messages(), engine.orders()
    fills = messages["kind"] == 6
    order = messages["order"][fills]
    filled = np.bincount(order, messages["qty"][fills], len(orders["qty"])).astype(np.int64)
    assert np.array_equal(filled, orders["filled"])
    assert np.all(filled <= orders["qty"])
    assert np.array_equal(filled == orders["qty"], orders["status"] == 3)
    assert np.all(messages["ts_venue"][fills] >= orders["ts_sent"][order] + 300_000)
    assert np.all(messages["ts"][fills] >= messages["ts_venue"][fills] + 200_000)
    # Better than its limit or at it, but never worse.
    limits = orders["kind"][order] == 1
    sign = np.where(orders["side"] == 1, 1, -1)[order]
    assert np.all((sign * (orders["price"][order] - messages["price"][fills]))[limits] >= 0)
    assert np.all(np.diff(messages["ts"]) >= 0)


@pytest.mark.parametrize("latency", ["constant", "lognormal"])
def test_two_runs_leave_the_same_bytes(feed: _native.TickFeed, latency: str) -> None:
    drawn = {"kind": "lognormal", "base_ns": 100_000, "median_ns": 3e5, "sigma": 0.5}
    settings = {"latency": drawn if latency == "lognormal" else CONSTANT}
    assert rows_of(quoted(feed, **settings)) == rows_of(quoted(feed, **settings))
    other = rows_of(quoted(feed, **settings, seed=5))
    assert (rows_of(quoted(feed, **settings)) == other) == (latency == "constant")


def test_however_one_walks_the_way_is_the_same(feed: _native.TickFeed) -> None:
    """In one piece, in many, and stopping at everything there is to stop for."""
    engines = [replay(feed) for _ in range(4)]
    rng = np.random.default_rng(2)
    start, end = feed.span
    stops = 0
    for until in np.sort(rng.integers(start, end, 60)).tolist():
        whole, pieces, next_quote, next_any = engines
        whole.advance(until)
        for _ in range(5):
            pieces.advance(pieces.now + (until - pieces.now) // 3)
        pieces.advance(until)
        for engine, wake in ((next_quote, 9), (next_any, EVERYTHING)):
            while engine.advance_to_next(until, wake)[0] > 1:
                stops += 1
        side, price, lasts = (
            bool(rng.integers(0, 2)),
            int(rng.integers(9_990, 10_010)),
            int(rng.integers(0, 4)),
        )
        for engine in engines:
            assert engine.now == until
            engine.send(side, price, 25, 1, lasts)
            if engine.n_orders % 3 == 0:
                engine.cancel(engine.n_orders - 2)
    for engine in engines:
        while engine.advance_to_next(NEVER, EVERYTHING)[0]:
            pass
    assert len({rows_of(engine) for engine in engines}) == 1
    assert engines[0].n_fills > 20
    assert stops > 40_000


def test_what_one_is_woken_for_has_happened(feed: _native.TickFeed) -> None:
    engine = replay(feed)
    engine.advance(feed.span[0] + 50_000_000)
    engine.send(True, engine.bid_ticks, 5)
    last = engine.quote(0)
    kinds = set()
    while (stopped := engine.advance_to_next(feed.span[0] + 900_000_000, 1 | 8))[0] > 1:
        kinds.add(stopped[0])
        if stopped[0] == 2:
            assert stopped[1:] == (1, 0)
            assert engine.quote(0) != last
            last = engine.quote(0)
        else:
            assert engine.take_notices()
            assert not engine.take_notices()
    assert kinds == {2, 3}
    assert engine.now == feed.span[0] + 900_000_000


def test_the_clock_never_goes_back(feed: _native.TickFeed) -> None:
    engine = replay(feed)
    engine.advance(feed.span[0] + 1_000_000)
    assert engine.advance(feed.span[0])
    assert engine.now == feed.span[0] + 1_000_000


def test_a_second_replacement_counts_from_what_the_venue_filled() -> None:
    """Two replacements on the way at once: the second must not take the first for a fill."""
    n = 3
    events = {
        "ts": np.array([0, 10, 1_000]),
        "kind": np.full(n, 12, np.uint8),
        "side": np.array([1, 2, 2], np.uint8),
        "flags": np.full(n, 2, np.uint8),
        "instrument": np.zeros(n, np.uint16),
        "order_id": np.zeros(n, np.uint64),
        "other_id": np.zeros(n, np.uint64),
        "qty": np.array([5, 5, 6]),
        "price": np.array([100, 102, 99]),
    }
    slow = {"kind": "constant", "entry_ns": 100, "response_ns": 100}
    engine = replay(_native.TickFeed(events), latency=slow)
    engine.advance(20)
    number = engine.send(True, 99, 20)
    engine.advance(300)
    assert engine.replace(number, 99, 15)
    assert engine.replace(number, 99, 12)
    engine.advance(900)
    assert engine.order_state(number) == (1, 0, 99, 12, False)
    # Twelve lots wait at the venue when the market comes.
    engine.advance(NEVER)
    assert (engine.lots, engine.order_state(number)[:2]) == (12, (3, 12))


def backward(events: dict[str, AnyArray]) -> dict[str, AnyArray]:
    return {**events, "ts": events["ts"][::-1].copy()}


def empty(events: dict[str, AnyArray]) -> dict[str, AnyArray]:
    return {name: column[:0] for name, column in events.items()}


def strided(events: dict[str, AnyArray]) -> dict[str, AnyArray]:
    return {**events, "qty": np.repeat(events["qty"], 2)[::2]}


def uneven(events: dict[str, AnyArray]) -> dict[str, AnyArray]:
    return {**events, "price": events["price"][:-1]}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (backward, DataError, "must not fall"),
        (empty, DataError, "no events"),
        (strided, ShapeError, "qty"),
        (uneven, ShapeError, "differ in length"),
    ],
)
def test_events_that_cannot_be_replayed_are_refused(
    columns: level_feed.Columns, change: Change, error: type[OmniError], words: str
) -> None:
    events = change({name: column[:50] for name, column in level_feed.events(columns).items()})
    with pytest.raises(error, match=words):
        _native.TickFeed(events)


def test_delays_that_do_not_fit_are_refused(columns: level_feed.Columns) -> None:
    events = {name: column[:50] for name, column in level_feed.events(columns).items()}
    with pytest.raises(DataError, match="delay"):
        _native.TickFeed(events, delay_ns=-1)
    with pytest.raises(DataError, match="delay 7 of 50"):
        _native.TickFeed(events, each_delay_ns=np.where(np.arange(50) == 7, -1, 0))
    with pytest.raises(DataError, match="one delay"):
        _native.TickFeed(events, each_delay_ns=np.zeros(49, np.int64))


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"queue": "fifo"}, ConfigError, "unknown queue"),
        ({"queue": "exact"}, ConfigError, "names orders"),
        ({"power": 0.0}, ConfigError, "power"),
        ({"power": float("nan")}, ConfigError, "power"),
        ({"tick_values": []}, ShapeError, "tick value"),
        ({"cash": float("inf")}, ConfigError, "cash"),
        (
            {"models": {"fees": {**FEES.to_engine(), "tiers": [(0.0, (NAN, 0.0, 0.0), (0.0, 0.0, 0.0))]}}},
            ConfigError,
            "fees",
        ),
        ({"models": {"fees": {**FEES.to_engine(), "tiers": []}}}, ConfigError, "tiers from volume 0"),
        ({"models": {"halts": [(1, 0, 5)]}}, ConfigError, "halts"),
        ({"models": {"halts": [(0, 6, 5)]}}, ConfigError, "halts"),
        ({"models": {"actions": [(0, 5, "split", 0.0, 1.0)]}}, ConfigError, "actions"),
        (
            {"models": {"financing": {"borrow": [], "margin": 0.0, "cash": 0.0, "day_count": 365.0}}},
            ConfigError,
            "financing",
        ),
        ({"models": {"currencies": {"rates": [(3, False)], "of": [0]}}}, ConfigError, "currencies"),
        ({"models": {"magic": {}}}, ConfigError, "fees, impact, financing"),
        ({"tick_values": [1e-18]}, ConfigError, "half a tick"),
        ({"tick_values": [0.0]}, ConfigError, "tick_value"),
        ({"lot_sizes": [1.0, 1.0]}, ShapeError, "lot size"),
        ({"lot_sizes": [0.0]}, ConfigError, "tick_value"),
        ({"tick": 0}, ConfigError, "tick"),
        ({"latency": {**CONSTANT, "entry_ns": -1}}, ConfigError, "entry_ns"),
        ({"latency": {"kind": "constant", "entry_ns": 1}}, ConfigError, "response_ns is missing"),
        ({"latency": {"kind": "instant"}}, ConfigError, "unknown model of latency"),
        (
            {"latency": {"kind": "lognormal", "base_ns": 0, "median_ns": -1.0, "sigma": 1.0}},
            ConfigError,
            "median_ns",
        ),
        ({"limits": {"max_position": -1}}, ConfigError, "max_position"),
        ({"limits": {"order_rate": 0}}, ConfigError, "order_rate"),
        ({"limits": {"max_notional": -5.0}}, ConfigError, "max_notional"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    feed: _native.TickFeed, changed: dict[str, Any], error: type[OmniError], words: str
) -> None:
    with pytest.raises(error, match=words):
        replay(feed, **changed)


@pytest.mark.parametrize("times", [([5, 4], [6, 7], [9, 9]), ([5], [4], [9]), ([5], [6], [5])])
def test_measured_latencies_that_run_backward_are_refused(
    feed: _native.TickFeed, times: tuple[list[int], ...]
) -> None:
    sent, arrived, answered = (np.array(column) for column in times)
    with pytest.raises(DataError, match="run backward"):
        replay(feed, latency={"kind": "measured", "sent": sent, "arrived": arrived, "answered": answered})


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ((True, 10_000, 0), ConfigError),
        ((True, 10_000, -3), ConfigError),
        ((True, 0, 5), ConfigError),
        ((True, 10_000, 2**51), ConfigError),
        ((True, 10_000, 5, 2), ConfigError),
        ((True, 10_000, 5, 1, 4), ConfigError),
        ((True, 10_000, 5, 1, 0, 1), UnknownSymbolError),
    ],
)
def test_orders_that_make_no_sense_are_refused(
    feed: _native.TickFeed, order: tuple[Any, ...], error: type[OmniError]
) -> None:
    engine = replay(feed)
    with pytest.raises(error):
        engine.send(*order)
    assert engine.n_orders == 0


@pytest.mark.parametrize("name", ["interval_ns", "tick", "qty", "level_step"])
def test_a_market_maker_without_steps_is_refused(feed: _native.TickFeed, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        replay(feed).run_quoter({**RULE, **WHERE, name: 0}, NEVER)


def test_orders_and_instruments_that_do_not_exist_are_refused(feed: _native.TickFeed) -> None:
    engine = replay(feed)
    assert not engine.cancel(0)
    assert not engine.replace(0, 10_000, 5)
    assert engine.ahead(0) is None
    with pytest.raises(DataError, match="no such order"):
        engine.order_state(0)
    for ask in (engine.quote, engine.lots_of, engine.last_trade, engine.average_price_ticks):
        with pytest.raises(UnknownSymbolError, match="no such instrument"):
            ask(1)
