"""Each type of order on markets that a reader can follow, what a strategy can say, and a real hour."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Events, LobsterDay
from omni_lab.errors import ConfigError
from omni_lab.simulator import EventSimulator, TickConfig, TickSimulator, open_journal
from omni_lab.strategies.base import Strategy

LEVEL, TRADE, CROSS, STATUS, SYSTEM = 12, 6, 7, 9, 14
BUY, SELL = 1, 2
NS_PER_DAY = 86_400_000_000_000
NOW: dict[str, Any] = {"feed_delay_ns": 0, "latency": {"entry_ns": 0, "response_ns": 0}, "tick_size": 1.0}
Row = tuple[int, int, int, int, int]
QUOTED: list[Row] = [(0, LEVEL, BUY, 5, 99), (0, LEVEL, SELL, 5, 102), (0, LEVEL, SELL, 9, 103)]


def market(rows: list[Row]) -> Events:
    """Events from rows of time, kind, side, lots and price."""
    names = ("ts", "kind", "side", "qty", "price")
    return Events.from_columns(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def replay(rows: list[Row], **changed: Any) -> TickSimulator:
    sim = TickSimulator(market([*QUOTED, *rows]), {**NOW, **changed})
    sim.advance(5)
    return sim


def story(sim: TickSimulator, number: int) -> list[tuple[int, str, float, float]]:
    """What the venue said of an order: time, kind, lots and price."""
    table = sim.results().messages
    names = ("ts_venue", "kind", "qty", "price", "order_id")
    rows = zip(*(table[name].tolist() for name in names), strict=True)
    return [
        (ts, kind, qty, 0.0 if price != price else price)
        for ts, kind, qty, price, order in rows
        if order == number and ts
    ]


def test_a_stop_is_elected_by_a_print_and_takes_what_is_shown() -> None:
    sim = replay([(10, TRADE, SELL, 1, 102), (20, TRADE, SELL, 1, 103)])
    stop = sim.submit("buy", 7, stop_price=103.0)
    sim.run()
    assert story(sim, stop) == [
        (5, "ACCEPTED", 0, 0),
        (20, "TRIGGERED", 0, 0),
        (20, "FILL", 5, 102),
        (20, "FILL", 2, 103),
    ]


def test_a_stop_limit_waits_at_its_limit() -> None:
    sim = replay([(10, TRADE, SELL, 1, 102), (30, LEVEL, SELL, 0, 102)])
    stop = sim.submit("buy", 7, stop_price=102.0, limit=102.0)
    sim.run()
    assert [row[:3] for row in story(sim, stop)][1:4] == [
        (10, "TRIGGERED", 0),
        (10, "FILL", 5),
        (10, "ACCEPTED", 0),
    ]


def test_a_trailing_stop_follows_the_best_bid_up_and_never_down() -> None:
    rows = [
        (10, LEVEL, BUY, 5, 101),
        (20, LEVEL, BUY, 0, 101),
        (30, LEVEL, BUY, 0, 99),
        (30, LEVEL, BUY, 4, 98),
    ]
    sim = replay(rows)
    stop = sim.submit("sell", 3, trail=2.0, trigger="BBO")
    sim.run()
    # 97 at first, 99 from the bid of 101 on: the bid of 99 that shows again elects it.
    assert story(sim, stop)[1:] == [(20, "TRIGGERED", 0, 0), (20, "FILL", 3, 99)]


def test_half_a_tick_of_a_mid_goes_away_from_the_other_side() -> None:
    sim = replay([(10, LEVEL, BUY, 2, 100), (20, TRADE, BUY, 4, 100)])
    buy, sell = sim.submit("buy", 3, peg="MID"), sim.submit("sell", 3, peg="MID")
    sim.run()
    assert story(sim, buy)[1] == (5, "REPRICED", 0, 100)
    assert story(sim, sell)[1] == (5, "REPRICED", 0, 101)
    # A better bid moves the mid to 101, and a print below it would have met the peg first.
    assert story(sim, buy)[2:] == [(10, "REPRICED", 0, 101), (20, "FILL", 3, 101)]


def test_a_peg_is_parked_while_the_instrument_does_not_trade() -> None:
    sim = replay([(10, STATUS, 0, 2, 0), (20, STATUS, 0, 1, 0)])
    peg = sim.submit("buy", 3, peg="PRIMARY")
    sim.run()
    assert [row[:2] + row[3:] for row in story(sim, peg)][1:4] == [
        (5, "REPRICED", 99),
        (10, "REPRICED", 0),
        (20, "REPRICED", 99),
    ]


def test_an_iceberg_queues_again_behind_what_is_shown() -> None:
    rows = [
        (10, TRADE, BUY, 7, 99),
        (10, LEVEL, BUY, 6, 99),
        (20, TRADE, BUY, 6, 99),
        (20, LEVEL, BUY, 0, 99),
    ]
    sim = replay([*rows, (30, TRADE, BUY, 5, 99)])
    order = sim.submit("buy", 6, limit=99.0, display_qty=2)
    sim.advance(15)
    # Five were before it and two are its slice; of the six that joined since none has gone.
    assert (sim.order(order).filled_qty, sim.ahead(order)) == (2, 0)
    sim.run()
    said = story(sim, order)
    assert [row[1] for row in said] == ["ACCEPTED", "FILL", "REFRESHED", "FILL", "REFRESHED", "FILL"]
    assert max(row[2] for row in said if row[1] == "FILL") == 2


def test_a_hidden_order_stands_behind_who_came_later() -> None:
    rows = [
        (10, LEVEL, BUY, 9, 99),
        (20, TRADE, BUY, 9, 99),
        (20, LEVEL, BUY, 0, 99),
        (30, TRADE, BUY, 2, 99),
    ]
    sim = replay(rows)
    hidden = sim.submit("buy", 4, limit=99.0, display_qty=0)
    sim.advance(25)
    assert sim.order(hidden).filled_qty == 0
    sim.run()
    assert sim.order(hidden).filled_qty == 2


def test_all_or_none_waits_until_all_is_there() -> None:
    sim = replay([(10, LEVEL, SELL, 8, 102), (20, LEVEL, SELL, 12, 102)])
    order = sim.submit("buy", 11, limit=102.0, all_or_none=True)
    sim.run()
    assert story(sim, order) == [(5, "ACCEPTED", 0, 0), (20, "FILL", 11, 102)]


def test_orders_for_an_auction_fill_at_its_print_or_go() -> None:
    sim = replay(
        [
            (10, CROSS, 0, 6, 101),
            (20, SYSTEM, 0, ord("M"), 0),
            (30, CROSS, 0, 9, 100),
            (40, LEVEL, BUY, 1, 98),
        ]
    )
    opening = sim.submit("buy", 4, time_in_force="AT_OPEN")
    limit = sim.submit("buy", 4, limit=102.0, time_in_force="AT_OPEN")
    poor = sim.submit("buy", 4, limit=101.0, time_in_force="AT_OPEN")
    closing = sim.submit("sell", 4, time_in_force="AT_CLOSE")
    day = sim.submit("buy", 1, limit=90.0, time_in_force="DAY")
    sim.run()
    assert story(sim, opening)[1:] == [(10, "FILL", 4, 101)]
    assert story(sim, limit)[1:] == [(10, "FILL", 2, 101), (10, "EXPIRED", 0, 0)]
    assert story(sim, closing)[1:] == [(30, "FILL", 4, 100)]
    reasons = sim.results().orders["reason"].tolist()
    assert [reasons[number] for number in (limit, poor, day)] == [
        "NOT_IN_AUCTION",
        "NOT_IN_AUCTION",
        "DAY_OVER",
    ]


def test_days_and_times_end_at_the_venue_before_the_market_moves() -> None:
    sim = replay([(50, LEVEL, SELL, 9, 98), (NS_PER_DAY + 5, LEVEL, SELL, 9, 90)])
    timed = sim.submit("buy", 1, limit=98.0, time_in_force="GTD", expire_at=50)
    day = sim.submit("buy", 1, limit=91.0, time_in_force="DAY")
    never = sim.submit("buy", 1, limit=50.0, time_in_force="AT_CLOSE")
    sim.run()
    assert story(sim, timed)[-1][:2] == (50, "EXPIRED")
    assert story(sim, day)[-1][:2] == (NS_PER_DAY, "EXPIRED")
    assert sim.results().orders["reason"].tolist() == ["TIME_OVER", "DAY_OVER", "NO_AUCTION"]
    assert sim.order(never).filled_qty == 0


def test_our_own_orders_meet_only_if_they_must_not() -> None:
    sim = replay([(10, LEVEL, BUY, 1, 98)])
    waiting = sim.submit("buy", 3, limit=101.0)
    free = sim.submit("sell", 2, limit=101.0)
    sim.submit("sell", 2, limit=101.0, self_trade="DECREMENT")
    sim.run()
    assert [sim.order(number).filled_qty for number in (waiting, free)] == [0, 0]
    results = sim.results()
    assert results.orders["qty"].tolist() == [1, 2, 0]
    assert results.orders["reason"].tolist()[2] == "SELF_TRADE"


def test_what_does_not_go_together_the_venue_rejects_and_what_is_no_term_is_refused() -> None:
    sim = replay([(10, LEVEL, BUY, 1, 98)])
    order = sim.submit("buy", 3, limit=99.0, time_in_force="IOC", display_qty=1)
    sim.run()
    assert sim.order(order).reason == "INVALID_COMBINATION"
    with pytest.raises(ConfigError, match="no such term"):
        sim.submit("buy", 3, limit=99.0, displayed=1)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="not both"):
        sim.submit("buy", 3, trail=1.0, trail_bps=5)
    with pytest.raises(ConfigError, match="comes to no lot"):
        sim.submit("buy", 3, limit=99.0, display_qty=0.4)


class Stopper(Strategy):
    """Sends one stop, here or there."""

    def __init__(self, stop_at: str = "us") -> None:
        self.stop_at = stop_at
        self.seen: list[str] = []

    def on_start(self, ctx: Any) -> None:
        ctx.timer(at=5)

    def on_timer(self, ctx: Any, timer: Any) -> None:
        ctx.buy(2, stop=103.0, stop_at=self.stop_at)

    def on_order(self, ctx: Any, update: Any) -> None:
        self.seen.append(f"{update.type} {update.status}")


def test_a_stop_waits_with_us_or_at_the_venue(tmp_path: Path) -> None:
    rows = [*QUOTED, (20, TRADE, SELL, 1, 103), (24, LEVEL, SELL, 0, 102), (60, LEVEL, BUY, 5, 98)]
    config = TickConfig(**{**NOW, "latency": {"entry_ns": 5, "response_ns": 0}})
    prices = {}
    for stop_at in ("us", "venue"):
        strategy = Stopper(stop_at)
        results = EventSimulator(tick_config=config).run_ticks(strategy, market(rows), progress=False)
        prices[stop_at] = results.fills["price"].tolist()
        results.write_journal(tmp_path / f"{stop_at}.journal")
        journal = open_journal(tmp_path / f"{stop_at}.journal")
        assert ("terms" in journal.tables) == (stop_at == "venue")
    # Ours hears of the print, and comes when the offer of 102 has gone.
    assert prices == {"us": [103.0], "venue": [102.0]}
    assert strategy.seen[:2] == ["STOP ACCEPTED", "STOP TRIGGERED"]
    assert "its stop price was reached" in str(results.explain(0))
    assert results.orders["terms"].tolist() == ["stop at 103, watches LAST"]


def test_orders_of_every_type_in_an_hour_of_apple_keep_the_laws(test_data: Path) -> None:
    day = LobsterDay(test_data / "lob/lobster/AAPL_2012-06-21_34200000_37800000_message_50.csv.gz")
    sim = TickSimulator(day.events()[:40_000], {"latency": {"entry_ns": 1_000_000, "response_ns": 1_000_000}})
    rng = np.random.default_rng(5)
    first, last = sim.feed.span
    for until in range(first, last, (last - first) // 400):
        sim.advance(until)
        bid, ask = sim.depth.best_bid, sim.depth.best_ask
        if np.isnan(bid + ask):
            continue
        side = str(rng.choice(["buy", "sell"]))
        near = bid if side == "buy" else ask
        away = float(rng.integers(-3, 8)) * 0.01 * (-1 if side == "buy" else 1)
        kinds: list[dict[str, Any]] = [
            {"limit": near + away, "display_qty": 100},
            {"limit": near + away, "display_qty": 0},
            {"limit": near + away, "min_qty": 200},
            {"limit": near + away, "post_only": "SLIDE"},
            {"peg": str(rng.choice(["PRIMARY", "MID"]))},
            {"stop_price": near - 2 * away},
            {"trail_bps": 5},
        ]
        sim.submit(side, 100 * int(rng.integers(1, 12)), **kinds[int(rng.integers(0, len(kinds)))])
        for number in sim.working()[:-20]:
            sim.cancel(number)
    sim.run()
    results = sim.results()
    orders, fills = results.orders, results.fills
    assert (orders["filled_qty"] <= orders["qty"]).all()
    filled = np.bincount(fills["order_id"], fills["qty"], minlength=len(orders))
    np.testing.assert_array_equal(filled, orders["filled_qty"])
    limits, of = orders["limit_price"], fills["order_id"]
    bounded = np.isin(orders["type"][of], ["LIMIT", "STOP_LIMIT"])
    sign = np.where(fills["side"] == "BUY", 1.0, -1.0)
    assert (sign * fills["price"] <= sign * limits[of] + 1e-9)[bounded].all()
    shown = results.messages
    assert shown["qty"][shown["kind"] == "REFRESHED"].max() <= 100
    bought = np.where(fills["side"] == "BUY", fills["qty"], -fills["qty"]).sum()
    assert bought == sim.position
    assert {"TRIGGERED", "REPRICED", "REFRESHED", "FILL"} <= set(shown["kind"])
    assert len(fills) > 100
