"""Strategies on captured markets: one class everywhere, the native market maker, hostile code."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data import LobsterDay
from omni_lab.errors import ConfigError, DataError, UnknownSymbolError
from omni_lab.simulator import EventSimulator, FeeSchedule, MarketFeed, TickConfig, TickResults, TickSimulator
from omni_lab.simulator.ticks.bars import heard_bars
from omni_lab.strategies import MarketMakingStrategy, Strategy
from omni_lab.strategies.indicators import cross_above, cross_below, sma
from tests.simulator.ticks.markets import BUY, LEVEL, SELL, TRADE, busy, events

NO_DELAY: dict[str, Any] = {"feed_delay_ns": 0, "latency": {"entry_ns": 0, "response_ns": 0}}


class Crossing(Strategy):
    """Two averages, declared; nothing else."""

    def on_start(self, ctx: Any) -> None:
        ctx.when(cross_above(sma(3), sma(8)), lambda ctx, bar: ctx.target(10))
        ctx.when(cross_below(sma(3), sma(8)), lambda ctx, bar: ctx.target(-10))


class Watcher(Strategy):
    """Writes down what it is told."""

    def on_start(self, ctx: Any) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def on_quote(self, ctx: Any, quote: Any) -> None:
        self.heard.append(("quote", quote.ts, quote.bid, quote.ask))

    def on_trade(self, ctx: Any, trade: Any) -> None:
        self.heard.append(("trade", trade.ts, trade.price, trade.qty, trade.side))
        if trade.qty == 7:
            ctx.buy(5, limit=99.99)

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.heard.append(("fill", fill.ts, fill.price, fill.qty, fill.position))

    def on_order(self, ctx: Any, update: Any) -> None:
        self.heard.append(("order", update.ts, update.status))


def run(strategy: Strategy, market: Any, **settings: Any) -> TickResults:
    return EventSimulator(tick_config=settings, count_trials=False).run_ticks(
        strategy, market, progress=False
    )


SMALL = [
    (0.0, LEVEL, BUY, 20, 9_999),
    (0.0, LEVEL, SELL, 20, 10_001),
    (1.0, TRADE, SELL, 7, 10_001),
    (3.0, TRADE, BUY, 22, 9_999),
    (5.0, LEVEL, SELL, 20, 10_000),
    (9.0, TRADE, BUY, 1, 9_999),
]


def test_a_strategy_hears_in_order_and_when_it_could() -> None:
    watcher = Watcher()
    results = run(
        watcher, events(SMALL), feed_delay_ns=100_000, latency={"entry_ns": 200_000, "response_ns": 300_000}
    )
    assert watcher.heard == [
        ("quote", 100_000, 99.99, pytest.approx(math.nan, nan_ok=True)),
        ("quote", 100_000, 99.99, 100.01),
        ("trade", 1_100_000, 100.01, 7.0, "BUY"),
        # Sent at 1.1 ms, at the venue 0.2 ms later, answered 0.3 ms after that.
        ("order", 1_600_000, "ACCEPTED"),
        # 22 traded at 3 ms: the 20 before us, and 2 of ours.
        ("trade", 3_100_000, 99.99, 22.0, "SELL"),
        ("fill", 3_300_000, 99.99, 2.0, 2.0),
        ("quote", 5_100_000, 99.99, 100.0),
        ("trade", 9_100_000, 99.99, 1.0, "SELL"),
        ("fill", 9_300_000, 99.99, 1.0, 3.0),
    ]
    assert results["n_fills"] == 2
    assert results.orders["status"].tolist() == ["EXPIRED"]
    assert results.orders["reason"].tolist() == ["END_OF_DATA"]


def test_the_story_of_an_order_is_that_of_the_journal() -> None:
    story = run(Watcher(), events(SMALL), **NO_DELAY, fees=FeeSchedule.flat(maker_rate=-0.001)).explain(0)
    assert story.facts["ahead"] == 20.0
    assert story.facts["filled_qty"] == 3.0
    assert story.facts["fees"] == pytest.approx(-0.001 * 3 * 99.99)
    assert story.facts["slippage"] == pytest.approx(3 * (99.99 - 100.0))
    assert [sentence.split("  ", 1)[-1].split(" ")[0] for sentence in story.sentences] == [
        "buy",
        "taken",
        "filled",
        "filled",
        "expired:",
        "In",
    ]
    with pytest.raises(DataError, match="no such order"):
        run(Watcher(), events(SMALL)).explain(1)


def test_bars_hold_what_was_heard_before_they_closed() -> None:
    market = busy()
    feed = MarketFeed(market, delay_ns=1_500_000)
    span = 500_000_000
    bars = heard_bars(feed, span)
    trades = market.kind == TRADE
    heard, price = market.ts[trades] + 1_500_000, market.price[trades] / 100
    columns = [bars.open(), bars.high(), bars.low(), bars.close(), bars.volume()]
    for row, close in enumerate(bars.ts):
        inside = (heard >= close - span) & (heard < close)
        seen, qty = price[inside], market.qty[trades][inside]
        expected = [seen[0], seen.max(), seen.min(), seen[-1], qty.sum()]
        assert [column[row, 0] for column in columns if column is not None] == expected
    assert len(bars.ts) == len(np.unique(heard // span))


def test_one_class_decides_the_same_on_ticks_as_on_the_bars_that_were_heard() -> None:
    market = busy()
    results = run(Crossing(), market, bar="500ms")
    bars = heard_bars(results.feed, 500_000_000)
    on_bars = EventSimulator({"fill": "next_close", "max_leverage": None}, count_trials=False).run_backtest(
        Crossing(), bars, progress=False
    )
    # Same decisions at the same moments; only the fills are another matter.
    sent = on_bars.orders["ts_submitted"].astype(np.int64)
    assert results.orders["ts_sent"].tolist() == sent.tolist()
    assert results.orders["side"].tolist() == on_bars.orders["side"].tolist()
    assert len(sent) > 10


@pytest.mark.parametrize(
    "params",
    [
        {"rule": "fixed", "half_spread": 1.0, "skew": 0.02, "n_levels": 2},
        {"rule": "avellaneda_stoikov", "gamma": 0.01, "kappa": 0.5, "half_life_s": 5},
        {"rule": "glft", "gamma": 0.01, "kappa": 0.6, "intensity": 9.0, "half_life_s": 5},
    ],
)
def test_the_native_market_maker_is_the_one_in_python(params: dict[str, Any]) -> None:
    params = {**params, "qty": 5, "max_position": 40}
    market = MarketFeed(busy())
    native = EventSimulator(count_trials=False).run_ticks(
        "market_making", market, params=params, progress=False
    )
    assert native.events_sha256 == run(MarketMakingStrategy(params), market).events_sha256
    assert native["n_fills"] > 5
    assert native["largest_position"] <= 45


def test_equal_runs_are_equal_to_the_byte_in_another_process() -> None:
    code = (
        "from tests.simulator.ticks.markets import busy\n"
        "from omni_lab.simulator import EventSimulator\n"
        "latency = {'base_ns': 1000, 'median_ns': 1e6, 'sigma': 1.0}\n"
        "sim = EventSimulator(tick_config={'latency': latency}, count_trials=False)\n"
        "print(sim.run_ticks('market_making', busy(), params={'kappa': 0.5}, progress=False).events_sha256)"
    )
    root = Path(__file__).parents[3]
    said = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    here: dict[str, Any] = {}
    exec(code.replace("print(", "here['sha'] = ("), {"here": here})
    assert said.stdout.strip() == here["sha"]


# --- hostile strategies ---------------------------------------------------------------------------------


class Hostile(Strategy):
    def __init__(self, deed: str) -> None:
        self.deed = deed

    def on_start(self, ctx: Any) -> None:
        self.n_trades = 0

    def on_trade(self, ctx: Any, trade: Any) -> None:
        self.n_trades += 1
        if self.n_trades == 1:
            ctx.buy(1)
        if self.n_trades == 3:
            getattr(self, self.deed)(ctx)

    def on_stop(self, ctx: Any) -> None:
        if self.deed == "late":
            ctx.buy(1)

    def late(self, ctx: Any) -> None:
        pass

    def breaks(self, ctx: Any) -> None:
        raise RuntimeError("my own fault")

    def floods(self, ctx: Any) -> None:
        while True:
            ctx.buy(1, limit=1.0)

    def strays(self, ctx: Any) -> None:
        ctx.buy(1, symbol="NOPE")

    def aims_at_nothing(self, ctx: Any) -> None:
        ctx.target(math.nan)

    def declares_late(self, ctx: Any) -> None:
        ctx.when(cross_above(sma(3), sma(8)), print)


@pytest.mark.parametrize(
    ("deed", "kind", "said", "where"),
    [
        ("breaks", RuntimeError, "my own fault", "on_trade"),
        ("floods", ConfigError, "too many orders in one callback", "on_trade"),
        ("strays", UnknownSymbolError, "NOPE", "on_trade"),
        ("aims_at_nothing", ConfigError, "finite number", "on_trade"),
        ("declares_late", ConfigError, "only be declared in on_start", "on_trade"),
        ("late", ConfigError, "after the end", "on_stop"),
    ],
)
def test_what_goes_wrong_is_named_and_what_was_done_is_kept(
    deed: str, kind: type[Exception], said: str, where: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        run(Hostile(deed), events(SMALL), **NO_DELAY, max_orders_per_event=100)
    (note,) = caught.value.__notes__
    assert note.startswith(f"raised in {where} of Hostile, XYZ, at 0.009")
    kept: TickResults = vars(caught.value)["results"]
    assert kept["n_fills"] == 1
    assert kept.error is not None
    assert where in kept.error
    assert kept.warnings[0].startswith("The run ended early")


def test_settings_that_cannot_be_used_are_named() -> None:
    with pytest.raises(ConfigError, match=r"initial_capital.*queue must be one of.*multiplier"):
        TickConfig(queue="best", initial_capital=-1, multiplier=0)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="decides on bars"):
        run(type("OnBars", (Strategy,), {"on_bar": lambda self, ctx, bar: None})(), busy(100))
    with pytest.raises(ConfigError, match="must define a callback"):
        run(Strategy(), busy(100))
    with pytest.raises(ConfigError, match="no market to replay"):
        TickSimulator([1, 2, 3])
    with pytest.raises(ConfigError, match="names orders"):
        TickSimulator(busy(100), {"queue": "exact"})
    with pytest.raises(DataError, match="TickConfig"):
        run(Crossing(), busy(100))
    with pytest.raises(ConfigError, match="whole number of the feed"):
        MarketFeed(busy(100), tick_size=0.015)


# --- step by step ---------------------------------------------------------------------------------------


def test_steps_show_what_was_heard_and_orders_do_what_they_say() -> None:
    sim = TickSimulator(events(SMALL), {**NO_DELAY, "partial_fills": True})
    assert sim.elapse("500us")
    assert (sim.depth.best_bid, sim.depth.ask_qty, sim.depth.qty_at("buy", 99.99)) == (99.99, 20.0, 20.0)
    order = sim.submit("sell", 30, limit=99.98, time_in_force="IOC")
    assert sim.elapse("100us")
    view = sim.order(order)
    assert (view.status.name, view.filled_qty, view.reason) == ("EXPIRED", 20.0, "NOT_FILLED_AT_ONCE")
    assert (sim.position, sim.average_price()) == (-20.0, 99.99)
    resting = sim.submit("buy", 5, limit=99.5)
    sim.elapse("1us")
    assert sim.amend(resting, qty=4)
    assert sim.cancel(resting)
    sim.run()
    assert sim.order(resting).status.name == "CANCELED"
    results = sim.results()
    assert results["cash"] == pytest.approx(1_000_000 + 20 * 99.99)
    for side, qty in (("long", 1.0), ("buy", 0.2), ("buy", math.nan)):
        with pytest.raises(ConfigError):
            TickSimulator(events(SMALL)).submit(side, qty)


def test_a_stop_waits_with_us_and_is_sent_when_the_market_trades_there() -> None:
    class Stopped(Strategy):
        def on_quote(self, ctx: Any, quote: Any) -> None:
            if not hasattr(self, "stop") and not math.isnan(quote.mid):
                self.stop = ctx.sell(3, stop=99.99)
                assert ctx.is_working(self.stop)

        def on_fill(self, ctx: Any, fill: Any) -> None:
            self.fill = fill

    strategy = Stopped()
    run(strategy, events(SMALL), **NO_DELAY)
    assert (strategy.fill.order_id, strategy.fill.ts, strategy.fill.price) == (
        strategy.stop,
        3_000_000,
        99.99,
    )


def test_the_gate_refuses_what_its_limits_forbid() -> None:
    class Greedy(Strategy):
        def on_trade(self, ctx: Any, trade: Any) -> None:
            ctx.buy(6)

        def on_order(self, ctx: Any, update: Any) -> None:
            self.reason = update.reason

    strategy = Greedy()
    results = run(strategy, events(SMALL), **NO_DELAY, limits={"max_position": 10})
    assert results.orders["status"].tolist() == ["FILLED", "REJECTED", "REJECTED"]
    assert strategy.reason == "POSITION_LIMIT"
    assert results.messages["kind"].tolist().count("DENIED") == 2


# --- real markets ---------------------------------------------------------------------------------------


def test_an_hour_of_apple(test_data: Path) -> None:
    folder = test_data / "lob" / "lobster"
    day = LobsterDay(folder / "AAPL_2012-06-21_34200000_37800000_message_50.csv.gz").events()
    market = MarketFeed(day)
    assert market.symbols == ("AAPL",)
    assert market.tick_size == pytest.approx(0.01)
    native = EventSimulator(count_trials=False).run_ticks(
        "market_making", market, params={"rule": "fixed", "qty": 100, "max_position": 300}, progress=False
    )
    assert native.config.queue is None  # exact, for the feed names its orders
    fills, orders = native.fills, native.orders
    assert len(fills) > 100
    of = fills["order_id"]
    better = np.where(
        fills["side"] == "BUY",
        orders["limit_price"][of] - fills["price"],
        fills["price"] - orders["limit_price"][of],
    )
    assert (better == 0).all()  # makers fill at their own price
    signed = np.where(fills["side"] == "BUY", fills["qty"], -fills["qty"])
    assert native["cash"] == pytest.approx(1_000_000 - (signed * fills["price"]).sum())


class Splitting(Strategy):
    """Buys before a split and after it, and leaves a stop behind."""

    def __init__(self) -> None:
        self.positions: list[float] = []
        self.stop = 0

    def on_start(self, ctx: Any) -> None:
        ctx.timer(at=2_000_000)
        ctx.timer(at=12_000_000)

    def on_timer(self, ctx: Any, timer: Any) -> None:
        ctx.buy(3)
        if timer.id == 0:
            self.stop = ctx.sell(3, stop=9.5)

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.positions.append(fill.position)

    def on_stop(self, ctx: Any) -> None:
        assert not ctx.is_working(self.stop)


def test_a_strategy_knows_what_a_split_made_of_its_position() -> None:
    rows = [
        (0.0, LEVEL, BUY, 50, 999),
        (0.0, LEVEL, SELL, 50, 1_001),
        (10.0, LEVEL, BUY, 50, 499),
        (10.0, LEVEL, SELL, 50, 501),
        (11.0, TRADE, BUY, 5, 499),
        (20.0, TRADE, BUY, 5, 499),
    ]
    strategy = Splitting()
    split = {"symbol": "XYZ", "ex": 9_000_000, "new": 2}
    results = run(strategy, events(rows), **NO_DELAY, actions=[split])
    assert strategy.positions == [3.0, 9.0]
    assert list(results.flows["kind"]) == ["SPLIT"]
    assert results.final_lots == (9,)
    assert results.manifest["settings"]["actions"][0]["new"] == 2
