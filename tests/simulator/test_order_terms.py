"""Orders with terms on bars, against numbers a reader can follow on a page of ``docs/simulation.md``."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.errors import ConfigError
from omni_lab.execution import Limits
from omni_lab.simulator import BacktestResults, open_journal
from tests.simulator.market import DAY_NS, START_NS, Row, bars_of, run

FLAT: Row = (100.0, 100.0, 100.0, 100.0)


def sent(bars: Bars, side: str, qty: float, *, then: Any = None, **order: Any) -> BacktestResults:
    """One order, sent at the close of the first bar, under ``then`` as settings."""
    settings = {"max_leverage": None, **(then or {})}
    return run({0: lambda ctx, bar: getattr(ctx, side)(qty, **order)}, bars, **settings)


def fills(results: BacktestResults) -> list[tuple[int, float, float, str]]:
    table, ts = results.fills, np.asarray(results.bars.ts)
    steps = np.searchsorted(ts, table["ts"]).tolist()
    return list(zip(steps, table["qty"].tolist(), table["price"].tolist(), table["liquidity"], strict=True))


def ended(results: BacktestResults, order: int = 0) -> tuple[str, str]:
    return str(results.orders["status"][order]), str(results.orders["reason"][order])


# ---- Stop-limit --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "stop", "limit", "rows", "expected"),
    [
        # Reached inside the bar, and the limit accepts the stop price: taken there.
        ("buy", 102, 103, [(100, 104, 99, 103)], [(1, 1, 102, "TAKER")]),
        ("sell", 98, 97, [(100, 101, 96, 97)], [(1, 1, 98, "TAKER")]),
        # The open is past the stop and within the limit: taken at the open.
        ("buy", 102, 104, [(103, 105, 102, 104)], [(1, 1, 103, "TAKER")]),
        # The open is past both: a limit from there on, and the bar comes back through it.
        ("buy", 102, 103, [(105, 106, 102, 104)], [(1, 1, 103, "MAKER")]),
        # Elected inside at a price that the limit refuses: the low may have come first.
        ("buy", 103, 101, [(100, 104, 99, 102), (102, 103, 101.5, 102)], []),
        # The same, but the bar closes below the limit: the close came after everything.
        ("buy", 103, 101, [(100, 104, 99, 100)], [(1, 1, 101, "MAKER")]),
        # Not filled in the bar that elected it, it is met by the next open like any limit.
        ("buy", 103, 101, [(100, 104, 99, 102), (100.5, 103, 100, 102)], [(2, 1, 100.5, "TAKER")]),
        # Never elected.
        ("buy", 105, 106, [(100, 104, 99, 102)], []),
    ],
)
def test_a_stop_limit(side: str, stop: float, limit: float, rows: list[Row], expected: Any) -> None:
    results = sent(bars_of(FLAT, *rows), side, 1, stop=stop, limit=limit)
    assert fills(results) == expected
    assert results.orders["type"][0] == "STOP_LIMIT"
    assert (results.orders["stop_price"][0], results.orders["limit_price"][0]) == (stop, limit)


def test_a_stop_limit_slips_no_further_than_its_limit() -> None:
    bars = bars_of(FLAT, (100, 104, 99, 103))
    slips = {"slippage_ticks": 30}
    assert fills(sent(bars, "buy", 1, stop=102, limit=103, then=slips)) == [(1, 1, 102.3, "TAKER")]
    assert fills(sent(bars, "buy", 1, stop=102, limit=102.1, then=slips)) == [(1, 1, 102.1, "TAKER")]


# ---- Trailing stop -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "how", "rows", "expected"),
    [
        # Sent at 100: it stands at 98, and the low reaches that before anything moved it.
        ("sell", {"trail": 2.0}, [(100, 105, 97, 104)], [(1, 1, 98, "TAKER")]),
        # The low stays above 98 and below 105 − 2: the high is assumed to have come first.
        ("sell", {"trail": 2.0}, [(100, 105, 99.5, 104)], [(1, 1, 103, "TAKER")]),
        # Nothing reaches it; the next open is past where the high has moved it.
        ("sell", {"trail": 2.0}, [(100, 101, 99.5, 101), (97, 98, 96, 97)], [(2, 1, 97, "TAKER")]),
        # The open moves it before the bar's extremes meet it.
        ("sell", {"trail": 2.0}, [(103, 103.5, 101, 102)], [(1, 1, 101, "TAKER")]),
        ("buy", {"trail_bps": 200}, [(100, 101, 97, 98)], [(1, 1, 98.94, "TAKER")]),
        ("buy", {"trail_bps": 200}, [(100, 103, 95, 96)], [(1, 1, 102, "TAKER")]),
    ],
)
def test_a_trailing_stop_meets_the_worse_of_two_paths(
    side: str, how: dict[str, Any], rows: list[Row], expected: Any
) -> None:
    results = sent(bars_of(FLAT, *rows), side, 1, **how)
    assert fills(results) == expected
    name, value = next(iter(how.items()))
    assert results.orders[name][0] == value


def test_a_trailing_stop_never_goes_back() -> None:
    rows = [(100, 110, 109, 110), (109.5, 109.6, 108.5, 109), (109, 109.2, 107.9, 108)]
    results = sent(bars_of(FLAT, (110, 110, 109, 110), *rows[1:]), "sell", 1, trail=2.0)
    assert fills(results) == [(3, 1, 108, "TAKER")]


# ---- Auctions, days and times ------------------------------------------------------------------

HOUR_NS = 3_600 * 10**9


def hours(*rows: Row, volume: list[float] | None = None) -> Bars:
    """Bars of six hours, four a day of UTC: the first closes at six in the morning."""
    o, h, low, c = np.array(rows, dtype=np.float64).T
    ts = START_NS + 6 * HOUR_NS * np.arange(1, len(rows) + 1)
    return Bars.from_arrays(ts, o, h, low, c, volume, symbols=["X"])


def climbing(n: int) -> list[Row]:
    return [(100.0 + i, 100.5 + i, 99.5 + i, 100.25 + i) for i in range(n)]


def test_auctions_are_those_of_the_first_and_the_last_bar_of_a_session() -> None:
    bars = hours(*climbing(9))
    assert fills(sent(bars, "buy", 1, time_in_force="AT_OPEN")) == [(4, 1, 104, "TAKER")]
    assert fills(sent(bars, "buy", 1, time_in_force="AT_CLOSE")) == [(3, 1, 103.25, "TAKER")]
    slipped = sent(bars, "buy", 1, time_in_force="AT_CLOSE", then={"slippage_ticks": 2})
    assert fills(slipped)[0][2] == pytest.approx(103.27)


def test_a_limit_that_its_auction_refuses_expires() -> None:
    bars = hours(*climbing(9))
    assert fills(sent(bars, "buy", 1, limit=104, time_in_force="AT_OPEN")) == [(4, 1, 104, "TAKER")]
    refused = sent(bars, "buy", 1, limit=103.9, time_in_force="AT_OPEN")
    assert (fills(refused), ended(refused)) == ([], ("EXPIRED", "AUCTION_OVER"))
    assert refused.counts["ended_by_terms"] == 1


def test_an_auction_works_on_closes_alone() -> None:
    bars = Bars.from_closes(START_NS + DAY_NS * np.arange(3), [100.0, 101.0, 102.0], symbols=["X"])
    closes = {"fill": "next_close"}
    assert fills(sent(bars, "buy", 1, limit=101, time_in_force="AT_CLOSE", then=closes))[0][:3] == (1, 1, 101)
    refused = sent(bars, "buy", 1, limit=101, then=closes)
    assert ended(refused) == ("REJECTED", "NO_INTRABAR_PRICES")


def test_a_day_order_ends_with_its_session() -> None:
    results = sent(hours(*climbing(9)), "buy", 1, limit=90, time_in_force="DAY")
    assert ended(results) == ("EXPIRED", "END_OF_SESSION")
    assert results.orders["ts_closed"][0] == results.ts[3]


def test_a_day_order_of_a_last_close_works_on_the_next_day() -> None:
    told: list[tuple[int, bool]] = []

    def ask(ctx: Any, bar: Any) -> None:
        told.append((ctx.index, ctx.is_working(0)))

    act: dict[int, Any] = {3: lambda ctx, bar: ctx.buy(1, limit=90, time_in_force="DAY")}
    act |= dict.fromkeys((4, 6, 7), ask)
    results = run(act, hours(*climbing(9)))
    # The decision at the last close of the day knows that it is over.
    assert told == [(4, True), (6, True), (7, False)]
    assert results.orders["time_in_force"][0] == "DAY"


def test_a_daily_bar_is_a_session() -> None:
    results = sent(bars_of(FLAT, FLAT, FLAT), "buy", 1, limit=90, time_in_force="DAY")
    assert results.orders["ts_closed"][0] == results.ts[1]


@pytest.mark.parametrize(("after", "expected"), [(6, []), (11, []), (12, [(2, 1.0, 99.0, "MAKER")])])
def test_a_gtd_order_works_in_bars_that_close_in_its_time(after: int, expected: Any) -> None:
    rows = [FLAT, (100, 101, 99.5, 100), (100, 101, 98, 100)]
    until = START_NS + (6 + after) * HOUR_NS
    results = sent(hours(*rows), "buy", 1, limit=99, time_in_force="GTD", expire_at=until)
    assert fills(results) == expected
    assert results.orders["expire_at"][0] == until
    if not expected:
        assert ended(results) == ("EXPIRED", "END_OF_TIME")


def test_an_end_may_be_written_as_text() -> None:
    order = {"limit": 90, "time_in_force": "GTD", "expire_at": "2024-01-02T12:00"}
    assert sent(hours(*climbing(3)), "buy", 1, **order).orders["expire_at"][0] == START_NS + 36 * HOUR_NS


# ---- At once, and how much ---------------------------------------------------------------------

THIN = [40.0, 40.0, 40.0, 400.0, 400.0]


def thin(**order: Any) -> BacktestResults:
    """A hundred, where a bar has room for 10, 10, 10, 100, 100."""
    return sent(bars_of(*[FLAT] * 5, volume=THIN), "buy", 100, then={"volume_limit": 0.25}, **order)


@pytest.mark.parametrize(
    ("order", "expected", "end"),
    [
        ({}, [10, 10, 80], ("FILLED", "")),
        ({"time_in_force": "IOC"}, [10], ("CANCELED", "IOC")),
        ({"time_in_force": "IOC", "limit": 100}, [10], ("CANCELED", "IOC")),
        ({"time_in_force": "IOC", "limit": 99}, [], ("CANCELED", "IOC")),
        ({"time_in_force": "IOC", "min_qty": 11}, [], ("CANCELED", "MIN_QTY")),
        ({"time_in_force": "FOK"}, [], ("CANCELED", "FOK")),
        ({"time_in_force": "FOK", "limit": 99}, [], ("CANCELED", "FOK")),
        ({"limit": 100, "all_or_none": True}, [100], ("FILLED", "")),
        ({"limit": 100, "min_qty": 10}, [10, 10, 80], ("FILLED", "")),
        ({"limit": 100, "min_qty": 11}, [100], ("FILLED", "")),
        ({"limit": 100, "display_qty": 5}, [10, 10, 80], ("FILLED", "")),
        ({"limit": 100, "display_qty": 0}, [10, 10, 80], ("FILLED", "")),
        ({"time_in_force": "AT_OPEN"}, [10], ("EXPIRED", "AUCTION_OVER")),
    ],
)
def test_how_much_must_fill_and_when(order: Any, expected: list[float], end: tuple[str, str]) -> None:
    results = thin(**order)
    assert results.fills["qty"].tolist() == expected
    assert ended(results) == end


def test_what_must_fill_whole_is_not_cut_to_the_buying_power() -> None:
    bars = bars_of(FLAT, FLAT, FLAT)
    for order in ({"time_in_force": "FOK"}, {"limit": 100, "all_or_none": True}):
        results = sent(bars, "buy", 5_000, then={"max_leverage": 1.0}, **order)
        assert (fills(results), ended(results)) == ([], ("CANCELED", "INSUFFICIENT_CASH"))
        assert (results.counts["insufficient_cash"], results.counts["reduced"]) == (1, 0)


def test_others_pass_an_order_that_cannot_fill_whole() -> None:
    rows = [FLAT, (100, 100, 95, 100)]
    act: dict[int, Any] = {
        0: lambda ctx, bar: [ctx.buy(50, limit=98, all_or_none=True), ctx.buy(5, limit=97)],
    }
    results = run(act, bars_of(*rows, volume=[40, 40]), volume_limit=0.25, max_leverage=None)
    assert fills(results) == [(1, 5, 97, "MAKER")]


@pytest.mark.parametrize(
    ("post_only", "expected", "end"),
    [
        (True, [], ("CANCELED", "POST_ONLY_WOULD_TAKE")),
        ("SLIDE", [(1, 1, 99.99, "MAKER")], ("FILLED", "")),
        (False, [(1, 1, 100, "TAKER")], ("FILLED", "")),
    ],
)
def test_a_post_only_order_never_takes(post_only: Any, expected: Any, end: Any) -> None:
    results = sent(bars_of(FLAT, (100, 101, 99, 100)), "buy", 1, limit=100.5, post_only=post_only)
    assert (fills(results), ended(results)) == (expected, end)


def test_a_split_doubles_what_volume_left_of_a_stop_that_was_reached() -> None:
    rows = [FLAT, (100, 104, 99, 103), (50, 52, 49, 51), (50, 52, 49, 51)]
    split = {"symbol": "X", "ex": "2024-01-03", "new": 2, "old": 1}
    settings = {"volume_limit": 0.25, "actions": [split]}
    bars = bars_of(*rows, volume=[40, 40, 400, 400])
    results = sent(bars, "buy", 30, stop=102, then=settings)
    # Ten fill at the stop; the other twenty have become a market order, and forty units.
    assert fills(results) == [(1, 10, 102, "TAKER"), (2, 40, 50, "TAKER")]


# ---- Replacing ---------------------------------------------------------------------------------


def test_another_price_meets_the_next_open_like_a_new_order() -> None:
    act: dict[int, Any] = {
        0: lambda ctx, bar: ctx.buy(10, limit=90),
        1: lambda ctx, bar: ctx.replace(0, qty=4, price=101),
    }
    results = run(act, bars_of(FLAT, FLAT, (99, 100, 98, 100)))
    assert fills(results) == [(2, 4, 99, "TAKER")]
    assert (results.orders["qty"][0], results.orders["limit_price"][0]) == (4, 101)


@pytest.mark.parametrize(
    ("order", "new"),
    [
        ({}, {"price": 99.0}),
        ({"limit": 90}, {"stop_price": 99.0}),
        ({"limit": 90}, {"qty": 0.0}),
        ({"limit": 90}, {"price": -1.0}),
        ({"trail": 3.0}, {"stop_price": 99.0}),
    ],
)
def test_a_replacement_that_cannot_be_is_refused_and_counted(order: Any, new: Any) -> None:
    answers: list[bool] = []

    def act(ctx: Any, bar: Any) -> None:
        answers.append(ctx.replace(ctx.buy(10, **order), **new))

    results = run({1: act}, bars_of(FLAT, FLAT, FLAT))
    assert answers == [False]
    assert results.counts["replaces_refused"] == 1


def test_the_risk_gate_checks_replacements() -> None:
    answers: list[bool] = []
    act: dict[int, Any] = {
        0: lambda ctx, bar: ctx.buy(10, limit=90),
        1: lambda ctx, bar: answers.extend([ctx.replace(0, qty=11), ctx.replace(0, qty=9)]),
    }
    run(act, bars_of(FLAT, FLAT, FLAT), limits=Limits(max_order_qty=10))
    assert answers == [False, True]


def test_a_strategy_hears_what_becomes_of_its_order() -> None:
    from omni_lab.simulator import EventSimulator
    from omni_lab.strategies import Strategy

    class Watcher(Strategy):
        def on_start(self, ctx: Any) -> None:
            self.heard: list[tuple[int, str, str, str]] = []

        def on_bar(self, ctx: Any, bar: Any) -> None:
            if ctx.index == 0:
                ctx.buy(1, stop=103, limit=101)
            if ctx.index == 1:
                ctx.replace(0, price=101.5)

        def on_order(self, ctx: Any, update: Any) -> None:
            self.heard.append((update.index, update.type, update.status, update.reason))

    watcher = Watcher()
    bars = bars_of(FLAT, (100, 104, 99, 102), (102, 103, 101.6, 102))
    EventSimulator().run_backtest(watcher, bars)
    says = ["ACCEPTED", "TRIGGERED", "REPLACED", "EXPIRED"]
    assert [each[2] for each in watcher.heard] == says
    assert {each[1] for each in watcher.heard} == {"STOP_LIMIT"}
    assert [each[0] for each in watcher.heard] == [0, 1, 1, 2]


# ---- What is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"limit": 100, "display_qty": 11}, "INVALID_DISPLAY_QTY"),
        ({"limit": 100, "min_qty": 11}, "INVALID_MIN_QTY"),
        ({"limit": 100, "time_in_force": "GTD"}, "INVALID_EXPIRY"),
        ({"limit": 100, "time_in_force": "GTD", "expire_at": START_NS}, "INVALID_EXPIRY"),
        ({"limit": 100, "expire_at": START_NS + DAY_NS}, "INVALID_EXPIRY"),
        ({"stop": 101, "time_in_force": "IOC"}, "INVALID_COMBINATION"),
        ({"all_or_none": True}, "INVALID_COMBINATION"),
        ({"limit": 100, "all_or_none": True, "min_qty": 2}, "INVALID_COMBINATION"),
        ({"limit": 100, "display_qty": 2, "min_qty": 2}, "INVALID_COMBINATION"),
        ({"limit": 100, "time_in_force": "FOK", "post_only": True}, "INVALID_COMBINATION"),
        ({"time_in_force": "IOC", "display_qty": 2}, "INVALID_COMBINATION"),
        ({"trail_bps": 10_000}, "INVALID_STOP_PRICE"),
        ({"trail": -1.0}, "INVALID_STOP_PRICE"),
        ({"order_type": "STOP_LIMIT", "limit": 100}, "INVALID_STOP_PRICE"),
        ({"order_type": "TRAILING_STOP"}, "INVALID_STOP_PRICE"),
        ({"order_type": "LIMIT"}, "INVALID_PRICE"),
    ],
)
def test_an_order_of_impossible_form_is_rejected(order: Any, reason: str) -> None:
    results = sent(bars_of(FLAT, FLAT), "buy", 10, **order)
    assert ended(results) == ("REJECTED", reason)
    assert results.counts["rejected"] == 1


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"peg": "MID"}, "bars have no quotes"),
        ({"order_type": "PEGGED"}, "bars have no quotes"),
        ({"stop": 101, "trigger": "BBO"}, "bars have no quotes"),
        ({"limit": 100, "price": 100}, "the same"),
        ({"order_type": "MARKET", "limit": 100}, "a market order has no limit price"),
        ({"trail": 1, "trail_bps": 1}, "not both"),
        ({"time_in_force": "SOMETIMES"}, "SOMETIMES"),
        ({"colour": "red"}, "colour"),
        ({"limit": 100, "min_qty": math.nan}, "min_qty"),
        ({"limit": 100, "all_or_none": "yes"}, "all_or_none"),
    ],
)
def test_words_that_mean_nothing_on_bars_are_an_error(order: Any, words: str) -> None:
    with pytest.raises(Exception, match=words) as caught:
        sent(bars_of(FLAT, FLAT), "buy", 10, **order)
    assert isinstance(caught.value, ConfigError) or words == "min_qty"


# ---- What is left behind -----------------------------------------------------------------------


def busy(act: Callable[[Any], object] | None = None) -> BacktestResults:
    def first(ctx: Any, bar: Any) -> None:
        ctx.buy(5, stop=103, limit=101, time_in_force="DAY")
        ctx.buy(5, limit=90, display_qty=2)
        ctx.sell(5, trail_bps=100)

    script: dict[int, Any] = {0: first, 1: lambda ctx, bar: ctx.replace(1, qty=7, price=99.5)}
    return run(script, bars_of(FLAT, (100, 104, 99.5, 102), (100, 102, 98, 101)), max_leverage=None)


def test_the_story_of_an_order_tells_its_terms_and_what_changed_them() -> None:
    results = busy()
    elected, replaced, trailing = (results.explain(order) for order in range(3))
    assert "a stop of 103 with a limit of 101, DAY" in str(elected)
    assert "its stop was met: a limit of 101" in str(elected)
    assert elected.facts["changes"] == ((1, "TRIGGERED", 5.0, 101.0, 103.0),)
    assert replaced.facts["limit_price"] == 90
    assert replaced.facts["qty"] == 5
    assert "replaced: 7 in all, at 99.5" in str(replaced)
    assert "trailing by 100 bps" in str(trailing)


def test_the_journal_keeps_orders_as_they_were_sent_and_what_changed_them(tmp_path: Path) -> None:
    results = busy()
    journal = open_journal(results.write_journal(tmp_path / "run.journal"))
    orders, terms, changes = (journal.table(name) for name in ("orders", "terms", "changes"))
    assert orders["qty"].tolist() == [5, 5, 5]
    assert orders["price"].tolist() == [10_100, 9_000, 9_900]
    assert terms["stop_price"].tolist() == [10_300, 0, 0]
    assert list(zip(changes["order"], changes["kind"], changes["qty"], changes["price"], strict=True)) == [
        (0, 0, 5, 10_100),
        (1, 1, 7, 9_950),
    ]
    frames = journal.frames.tolist()
    assert frames.index("terms") > frames.index("orders")
    assert "changes" in frames
    assert busy().journal_sha256 == results.journal_sha256


def test_a_run_without_terms_writes_no_tables_of_them(tmp_path: Path) -> None:
    results = sent(bars_of(FLAT, FLAT), "buy", 1)
    assert "terms" not in open_journal(results.write_journal(tmp_path / "run.journal")).tables
    assert results.orders["time_in_force"].tolist() == ["GTC"]
