"""A capture that is replayed: the same again, and what a strategy sees of it."""

import hashlib
import math
from pathlib import Path

import pytest

from omni_lab.errors import ConfigError, StateError
from omni_lab.strategies import Strategy
from omni_lab.strategies.base import Bar, Context, Fill, OrderUpdate, Quote, Timer, Trade
from omni_lab.system import LOCAL, SystemConfig, Ticket, TradingSystem
from tests.system.days import made_up_day, written_day


class Joiner(Strategy):
    """Stands at the best prices of one instrument, and counts what it is told."""

    def __init__(self, symbol: str | None = None) -> None:
        self.symbol = symbol

    def on_start(self, ctx: Context) -> None:
        self.symbol = self.symbol or ctx.symbols[0]
        self.average = ctx.sma(3)
        self.told = dict.fromkeys(("quote", "trade", "bar", "timer", "fill", "order", "stop"), 0)
        self.held = 0.0
        self.averages: list[float] = []
        self.closes: list[float] = []
        ctx.timer(every="30min")

    def on_quote(self, ctx: Context, quote: Quote) -> None:
        self.told["quote"] += 1
        if quote.symbol == self.symbol and math.isfinite(quote.mid):
            ctx.quote(quote.bid, quote.ask, 100, symbol=self.symbol)

    def on_trade(self, ctx: Context, trade: Trade) -> None:
        self.told["trade"] += 1

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.told["bar"] += 1
        if bar.symbol == self.symbol:
            self.closes.append(bar.close)
            self.averages.append(self.average.value)
            assert list(ctx.history("close", 2)) == self.closes[-2:]

    def on_timer(self, ctx: Context, timer: Timer) -> None:
        self.told["timer"] += 1

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        self.told["fill"] += 1
        self.held += fill.qty if fill.side == "BUY" else -fill.qty

    def on_order(self, ctx: Context, update: OrderUpdate) -> None:
        self.told["order"] += 1

    def on_stop(self, ctx: Context) -> None:
        self.told["stop"] += 1


def _replay(home: Path, day: Path, **said: object) -> SystemConfig:
    given = {"slice_ms": 20_000.0, "bar": "10min", "n_symbols": 2, "speed": math.inf, **said}
    return SystemConfig(name="day", mode="replay", market=str(day), home=home, **given)  # type: ignore[arg-type]


def _bytes(home: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted((home / "journal").glob("*.seg")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def test_the_same_replay_gives_the_same_journal(tmp_path: Path) -> None:
    day = made_up_day(tmp_path)
    runs = []
    for name in ("a", "b"):
        strategy = Joiner()
        system = TradingSystem(_replay(tmp_path / name, day), strategy=strategy)
        system.run()
        status = system.status()
        assert (status.state, status.progress, status.strategy_state) == ("FINISHED", 1.0, "STOPPED")
        runs.append((_bytes(tmp_path / name), strategy.told, system.account(), status.n_fills))
    assert runs[0] == runs[1]
    told = strategy.told
    assert min(told.values()) > 0
    assert told["stop"] == 1
    # What it was told of its fills is what the account holds.
    assert strategy.held == sum(each.qty for each in system.account().positions)
    # The indicator is the mean of the closes that it was told.
    for place in range(2, len(strategy.closes)):
        assert strategy.averages[place] == pytest.approx(sum(strategy.closes[place - 2 : place + 1]) / 3)
    assert len(system.fills(most=10**6)) == told["fill"]
    with pytest.raises(StateError, match="FINISHED"):
        system.submit(Ticket(symbol=status.symbols[0], side="BUY", qty=1), who=LOCAL)


def test_a_replay_that_was_interrupted_ends_as_one_that_was_not(tmp_path: Path) -> None:
    day = made_up_day(tmp_path)
    whole = TradingSystem(_replay(tmp_path / "whole", day))
    whole.run()
    paced = TradingSystem(_replay(tmp_path / "parts", day, speed=30_000.0))
    for _ in range(3):
        with paced:
            assert not paced.status().error
            paced.ready()
    rest = TradingSystem(_replay(tmp_path / "parts", day))
    rest.run()
    assert rest.journal(hashed=True).state_hash == whole.journal(hashed=True).state_hash
    assert rest.status().state == "FINISHED"
    assert rest.status().n_market_events == whole.status().n_market_events


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    day = made_up_day(tmp_path)
    TradingSystem(_replay(tmp_path / "home", day)).run()
    with pytest.raises(ConfigError, match="another capital"):
        TradingSystem(_replay(tmp_path / "home", day, capital=5.0)).start()


def test_a_market_without_length_is_refused_on_paper_and_may_be_replayed(tmp_path: Path) -> None:
    day = written_day(tmp_path, "34200.0,1,1,100,1000000,1", "34200.0,1,2,100,1000100,-1")
    paper = SystemConfig(name="day", mode="paper", market=str(day), home=tmp_path / "home")
    with pytest.raises(ConfigError, match=r"too short .* found '0 s'.*mode 'replay'"):
        TradingSystem(paper).start()
    # Nothing was begun, so the name may be used for something else; nothing trades, and the orders are there.
    system = TradingSystem(_replay(tmp_path / "home", day))
    system.run()
    assert system.status().symbols == ("MADE",)
    assert system.book("MADE").depth().bid_price.tolist() == [100.0]


def test_a_strategy_that_raises_is_stopped_and_the_market_goes_on(tmp_path: Path) -> None:
    class Broken(Joiner):
        def on_trade(self, ctx: Context, trade: Trade) -> None:
            super().on_trade(ctx, trade)
            if self.told["trade"] == 5:
                raise ZeroDivisionError("oh")

    system = TradingSystem(_replay(tmp_path / "home", made_up_day(tmp_path)), strategy=Broken())
    system.run()
    status = system.status()
    assert (status.state, status.strategy_state) == ("FINISHED", "FAILED")
    assert "ZeroDivisionError: oh (raised in on_trade of Broken)" in str(status.error)
    assert system.own_orders() == []


def test_the_same_strategy_runs_in_the_simulator_and_in_a_market(tmp_path: Path) -> None:
    day = made_up_day(tmp_path)
    backtest = TradingSystem(
        SystemConfig(name="b", mode="backtest", market=str(day), bar="10min", n_symbols=2), strategy=Joiner()
    )
    results = backtest.run()
    assert backtest.status().state == "FINISHED"
    assert results.error is None
    with pytest.raises(StateError, match="backtest"):
        backtest.account()


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"mode": "live"}, "mode"),
        ({"speed": 0.0}, "speed"),
        ({"symbols": "AAPL"}, "symbols"),
        ({"symbols": ("A", "A")}, "twice"),
        ({"bar": "soon"}, "bar"),
        ({"name": "../up"}, "name"),
        ({"slice_ms": -1.0, "capital": -5.0}, "capital.*slice_ms"),
    ],
)
def test_settings_that_cannot_be_are_refused(said: dict[str, object], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        SystemConfig(**said)  # type: ignore[arg-type]
