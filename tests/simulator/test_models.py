"""Fees, impact, financing, corporate actions, halts and currencies, with numbers a reader can check."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.domain import Instrument
from omni_lab.errors import ConfigError
from omni_lab.simulator import (
    BacktestResults,
    Currencies,
    Dividend,
    EventSimulator,
    FeeSchedule,
    FeeTier,
    Financing,
    Halt,
    MarketImpact,
    SimulationConfig,
    Split,
)
from omni_lab.strategies import Bar, Context, Fill, MomentumStrategy, OrderUpdate, Strategy
from omni_lab.strategies.settings import parse_settings
from tests.simulator.market import Script, bars_of, days, executed, flat_bars, hold, random_bars, run

YEAR = SimulationConfig(
    fees=FeeSchedule(tiers=[FeeTier(taker_rate=1e-3), FeeTier(volume=1e6, maker_rate=-1e-4)], minimum=1.0),
    impact=MarketImpact(model="transient", permanent=0.5),
    financing=Financing(borrow_rate=0.01, borrow_rates={"S1": 0.2}, day_count=360),
    actions=[
        Split(symbol="S0", ex="2024-02-01", new=3, old=2),
        Dividend(symbol="S1", ex="2024-03-01", amount=0.5),
    ],
    halts=[Halt(symbol="S0", start="2024-04-01", end="2024-04-05")],
)


# ---- Settings --------------------------------------------------------------------------------------


def test_models_survive_a_round_trip_through_json() -> None:
    config = replace(YEAR, currencies=Currencies(base="USD", rates={"EUR": "1/S1"}))
    text = json.dumps(config.to_mapping())
    assert json.loads(text) == config.to_mapping()
    assert SimulationConfig.from_mapping(json.loads(text)) == config
    assert parse_settings(SimulationConfig, SimulationConfig().to_mapping()) == SimulationConfig()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"fees": {}, "commission_rate": 0.1}, "exclude each other"),
        ({"fees": {"tiers": []}}, "begin at volume 0"),
        ({"fees": {"tiers": [{"volume": 5.0}]}}, "begin at volume 0"),
        ({"fees": {"minimun": 1}}, "Did you mean 'minimum'"),
        ({"fees": {"minimum": -1}}, "minimum must be"),
        ({"impact": {"model": "cubic"}}, "model must be one of"),
        ({"impact": {"window": 1}}, "window must be"),
        ({"financing": {"day_count": 364}}, "day_count must be"),
        ({"financing": {"borrow_rates": {"X": -1}}}, "borrow_rates"),
        ({"actions": [{"symbol": "X", "ex": "2024-01-01"}]}, "amount"),
        ({"actions": [{"symbol": "X", "ex": "soon", "new": 2}]}, "no time"),
        ({"actions": [{"symbol": "X", "ex": 0, "new": 0}]}, "new must be"),
        ({"actions": ["split"]}, "no corporate action"),
        ({"halts": [{"symbol": "X", "start": "2024-01-02", "end": "2024-01-01"}]}, "ends before it starts"),
        ({"currencies": {"base": "USD", "rates": {"USD": "X"}}}, "needs no rate"),
    ],
)
def test_models_that_cannot_be_meant_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises((ConfigError, TypeError), match=words):
        SimulationConfig.from_mapping(settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"actions": [{"symbol": "Y", "ex": 0, "new": 2}]}, "no such symbol"),
        ({"halts": [{"symbol": "Y", "start": 0, "end": 1}]}, "no such symbol"),
        ({"financing": {"borrow_rates": {"Y": 0.1}}}, "no such symbol"),
        ({"impact": {}}, "needs volumes"),
        ({"currencies": {"base": "EUR"}}, "no rate"),
        ({"currencies": {"base": "EUR", "rates": {"USD": "Y"}}}, "no such symbol"),
    ],
)
def test_models_that_do_not_fit_the_bars_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        run({}, flat_bars(1, 2), **settings)


def test_models_that_change_nothing_change_nothing() -> None:
    bars = random_bars(300, 3, missing=0.1)
    plain = EventSimulator().run_backtest(MomentumStrategy({"stop_loss": 0.02}), bars)
    idle = SimulationConfig(
        fees=FeeSchedule(),
        financing=Financing(),
        impact=MarketImpact(temporary=0.0),
        halts=[Halt(symbol="S0", start=0, end=1)],
    )
    same = EventSimulator(idle).run_backtest(MomentumStrategy({"stop_loss": 0.02}), bars)
    assert same.events_sha256 == plain.events_sha256
    np.testing.assert_allclose(same.cash, plain.cash, atol=1e-6)
    assert len(same.flows) == 0


# ---- Fees ------------------------------------------------------------------------------------------


def test_an_order_owes_the_minimum_once_and_never_more_than_the_maximum() -> None:
    fees = FeeSchedule(tiers=[FeeTier(taker_rate=0.01)], minimum=5.0, maximum=20.0)
    bars = flat_bars(*[100.0] * 6, volume=[10.0] * 6)
    found = run({0: lambda ctx, bar: ctx.buy(30)}, bars, fees=fees, volume_limit=0.4)
    # 4 at a time: 4.00 is raised to 5.00, then it counts up to 20.00.
    assert found.fills["commission"].tolist() == [5.0, 3.0, 4.0, 4.0, 4.0]
    assert found["commission_paid"] == 20.0


def test_a_limit_inside_the_bar_makes_and_one_at_the_open_takes() -> None:
    fees = FeeSchedule(tiers=[FeeTier(taker_rate=0.01, maker_rate=-0.001)])
    bars = bars_of((100, 100, 100, 100), (100, 101, 90, 100), (94, 95, 90, 94))
    acts = {0: lambda ctx, bar: ctx.buy(10, limit=95.0), 1: lambda ctx, bar: ctx.buy(10, limit=95.0)}
    found = run(acts, bars, fees=fees)
    assert found.fills["liquidity"].tolist() == ["MAKER", "TAKER"]
    assert found.fills["commission"].tolist() == pytest.approx([-0.95, 9.4])


def test_a_new_month_begins_at_the_first_tier() -> None:
    fees = FeeSchedule(
        tiers=[FeeTier(taker_per_share=1.0), FeeTier(volume=3, taker_per_share=0.5)], by="quantity"
    )
    found = run(lambda ctx, bar: ctx.buy(2), flat_bars(*[1.0] * 34), fees=fees)
    # Fills from January 2nd on: two at the first tier, 28 at the second, then February begins.
    assert found.fills["commission"].tolist() == [2.0] * 2 + [1.0] * 28 + [2.0] * 2 + [1.0]


# ---- Impact ----------------------------------------------------------------------------------------

ZIGZAG = (100.0, 110.0, 99.0, 108.9, 98.01, 98.01, 98.01, 98.01)
SIGMA = 0.1 * np.sqrt(4 / 3)  # of +10%, −10%, +10%, −10%


def fills_with(impact: MarketImpact, *, sell_at: int = 5) -> list[float]:
    bars = flat_bars(*ZIGZAG, volume=[1_000.0] * 8)
    acts = {4: lambda ctx, bar: ctx.buy(250), sell_at: lambda ctx, bar: ctx.sell(250)}
    found = run(acts, bars, impact=impact, max_leverage=None)
    assert found["slippage_paid"] == pytest.approx(found.fills["slippage_cost"].sum())
    return [price for _, _, _, price in executed(found)]


def paid(*fractions: float) -> list[float]:
    return [round(98.01 * (1 + fraction), 6) for fraction in fractions]


def test_each_model_moves_the_price_as_its_formula_says() -> None:
    def moved(model: Any, **settings: Any) -> list[float]:
        return fills_with(MarketImpact(model=model, window=4, **settings))

    # The sale sees the returns of one bar later: −10%, +10%, −10%, 0.
    later, x = float(np.std([-0.1, 0.1, -0.1, 0.0], ddof=1)), 0.25
    cent = 0.0101
    assert moved("linear", temporary=0.4) == pytest.approx(paid(0.4 * SIGMA * x, -0.4 * later * x), abs=cent)
    assert moved("square_root", temporary=0.4) == pytest.approx(
        paid(0.4 * SIGMA * 0.5, -0.4 * later * 0.5), abs=cent
    )
    left = 0.2 * SIGMA * x
    assert moved("almgren_chriss", temporary=0.4, permanent=0.2) == pytest.approx(
        paid(0.4 * SIGMA * x + left / 2, left - 0.4 * later * x - 0.2 * later * x / 2), abs=cent
    )
    assert moved("transient", permanent=0.2, half_life_bars=1) == pytest.approx(
        paid(left / 2, left / 2 - 0.2 * later * x / 2), abs=cent
    )


def test_a_lasting_displacement_is_met_again_and_a_transient_one_fades() -> None:
    late: dict[str, Any] = {"permanent": 2.0, "window": 4}
    _, lasting = fills_with(MarketImpact(model="almgren_chriss", temporary=0.0, **late), sell_at=6)
    _, fading = fills_with(MarketImpact(model="transient", half_life_bars=0.1, **late), sell_at=6)
    assert lasting > 98.01 > fading


def test_limits_bear_no_impact() -> None:
    bars = flat_bars(*ZIGZAG, volume=[1_000.0] * 8)
    found = run(
        {4: lambda ctx, bar: ctx.buy(250, limit=99.0)}, bars, impact=MarketImpact(), max_leverage=None
    )
    assert executed(found) == [(5, "BUY", 250, 98.01)]


# ---- Financing -------------------------------------------------------------------------------------


def test_interest_runs_by_the_actual_time_between_steps() -> None:
    ts = days(5)[[0, 1, 4]]
    bars = Bars.from_closes(ts, np.array([100.0, 100.0, 100.0]), symbols=["X"])
    config = {"fill": "this_close", "max_leverage": None, "initial_capital": 1_000.0}
    rates = Financing(borrow_rate=0.36, margin_rate=0.72, cash_rate=0.036, day_count=360)

    short = run({0: lambda ctx, bar: ctx.sell(5)}, bars, financing=rates, **config)
    # Cash of 1,500 of which 500 are collateral: 0.1 a day on 1,000, and 0.5 a day for borrowing 500.
    assert short.flows["kind"].tolist() == ["BORROW", "INTEREST"] * 2
    assert short.flows["amount"].tolist() == pytest.approx([-0.5, 0.1, -1.5, 3 * 0.09996], abs=1e-9)
    assert short.equity[-1] == pytest.approx(1_000 - 0.5 + 0.1 - 1.5 + 3 * 0.09996)

    long = run({0: lambda ctx, bar: ctx.buy(20)}, bars, financing=rates, **config)
    # A debt of 1,000 costs 2 a day, and then 1,002.
    assert long.flows["amount"].tolist() == pytest.approx([-2.0, -3 * 2.004])
    assert long.cash.tolist() == pytest.approx([-1_000.0, -1_002.0, -1_008.012])


# ---- Corporate actions -----------------------------------------------------------------------------


def test_a_split_leaves_equity_whole_and_pays_what_is_left_of_a_share() -> None:
    bars = flat_bars(90.0, 90.0, 60.0, 60.0)
    split = Split(symbol="X", ex="2024-01-03", new=3, old=2)
    found = run({0: lambda ctx, bar: ctx.buy(7)}, bars, actions=[split], initial_capital=1_000.0)
    # 7 become 10.5: 10 shares at 60, and half a share in cash.
    assert found.positions[:, 0].tolist() == [0, 7, 10, 10]
    assert found.equity.tolist() == [1_000.0] * 4
    assert found.cash.tolist() == [1_000.0, 370.0, 400.0, 400.0]
    assert found.flows["kind"].tolist() == ["SPLIT", "CASH_IN_LIEU"]
    assert found.flows["qty"].tolist() == [3.0, 0.0]
    assert found.flows["amount"].tolist() == [0.0, 30.0]


@pytest.mark.parametrize("direction", [1, -1])
def test_a_reverse_split_may_end_a_position(direction: int) -> None:
    bars = flat_bars(2.0, 3.0, 30.0, 30.0)
    split = Split(symbol="X", ex="2024-01-03", new=1, old=10)
    found = run(
        {0: lambda ctx, bar: ctx.target(5 * direction)}, bars, actions=[split], initial_capital=1_000.0
    )
    assert found.positions[:, 0].tolist() == [0, 5 * direction, 0, 0]
    assert found.trades["pnl"].tolist() == [0.0]
    assert found.trades["qty"].tolist() == [5.0]
    assert found.equity[-1] == 1_000.0


def test_a_split_keeps_trades_and_fills_true() -> None:
    seen: list[Any] = []

    class Watching(Script):
        def on_fill(self, ctx: Context, fill: Fill) -> None:
            seen.append((fill.position, ctx.average_price()))

    acts = {0: lambda ctx, bar: ctx.buy(10), 2: lambda ctx, bar: ctx.sell(15)}
    config = SimulationConfig(actions=[Split(symbol="X", ex="2024-01-03", new=2)])
    found = EventSimulator(config).run_backtest(Watching(acts), flat_bars(100, 100, 55, 60))
    assert seen[0] == (10.0, 100.0)
    assert seen[1] == (5.0, 50.0)
    assert found.trades["entry_price"].tolist() == [50.0]
    assert found.trades["pnl"].tolist() == [150.0]


def test_orders_meet_a_split() -> None:
    news: list[tuple[str, str]] = []

    class Watching(Script):
        def on_order(self, ctx: Context, update: OrderUpdate) -> None:
            news.append((update.type, update.reason))

    acts = {1: lambda ctx, bar: (ctx.buy(4), ctx.buy(4, limit=50.0), ctx.sell(4, stop=50.0))}
    config = SimulationConfig(actions=[Split(symbol="X", ex="2024-01-03", new=2)])
    found = EventSimulator(config).run_backtest(Watching(acts), flat_bars(100, 100, 50, 50))
    assert executed(found) == [(2, "BUY", 8, 50.0)]
    assert [each for each in news if each[1]] == [("LIMIT", "CORPORATE_ACTION"), ("STOP", "CORPORATE_ACTION")]


def test_a_dividend_goes_to_who_held_before_and_from_who_was_short() -> None:
    bars = random_bars(6, 2)
    actions = [Dividend(symbol=s, ex="2024-01-04", amount=2.0, withheld=0.25) for s in ("S0", "S1")]
    targets = np.array([[10.0, -10.0]] * 2 + [[0.0, 0.0]] * 4)
    found = EventSimulator({"actions": actions}).run_targets(bars, targets)
    without = EventSimulator().run_targets(bars, targets)
    # Sold at the open of the ex-day, and still entitled.
    assert executed(found)[-1][0] == 3
    assert found.flows["symbol"].tolist() == ["S0", "S1"]
    assert found.flows["amount"].tolist() == [15.0, -20.0]
    np.testing.assert_allclose(found.equity - without.equity, [0, 0, 0, -5, -5, -5], atol=1e-9)


def test_an_action_waits_for_the_first_bar_of_its_instrument() -> None:
    close = np.array([[100.0, 10], [100, 10], [np.nan, 10], [50, 10]])
    bars = Bars.from_closes(days(4), close, symbols=["X", "Y"])
    config = SimulationConfig(fill="next_close", actions=[Split(symbol="X", ex="2024-01-03", new=2)])
    found = EventSimulator(config).run_targets(bars, np.array([[5, np.nan]] + [[np.nan, np.nan]] * 3))
    assert found.positions[:, 0].tolist() == [0, 5, 5, 10]
    assert found.equity.tolist() == [100_000.0] * 4


# ---- Halts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", ["next_open", "next_close", "this_close"])
def test_nothing_fills_in_a_halt_and_marks_go_on(fill: str) -> None:
    bars = flat_bars(100, 100, 90, 80, 70, 60)
    halt = Halt(symbol="X", start="2024-01-03", end="2024-01-04")
    acts = {
        0: lambda ctx, bar: ctx.buy(1),
        1: lambda ctx, bar: ctx.buy(1, limit=95.0),
        2: lambda ctx, bar: ctx.buy(1),
    }
    found = run(acts, bars, halts=[halt], fill=fill)
    first = 0 if fill == "this_close" else 1
    assert [step for step, *_ in executed(found)] == [first, 4, 4]
    assert {price for _, _, _, price in executed(found)[1:]} == {70.0}
    assert found.equity[3] == 100_000 - 20


# ---- Currencies ------------------------------------------------------------------------------------


def two_currencies(*, inverse: bool) -> tuple[Bars, Currencies]:
    rate = np.array([1.25, 1.25, 1.5, 1.0])
    closes = np.column_stack([1 / rate if inverse else rate, [10.0, 10.0, 12.0, 12.0], [100.0] * 4])
    instruments = [
        Instrument("FX", tick_size=1e-9 if inverse else 1e-4),
        Instrument("E", tick_size=0.01, currency="EUR"),
        Instrument("U", tick_size=0.01),
    ]
    bars = Bars.from_closes(days(4), closes, instruments=instruments)
    return bars, Currencies(base="USD", rates={"EUR": "1/FX" if inverse else "FX"})


def held(*, inverse: bool = False, **settings: Any) -> BacktestResults:
    bars, currencies = two_currencies(inverse=inverse)
    targets = np.full((4, 3), np.nan)
    targets[0, 1:] = [100, 1]
    config = SimulationConfig(fill="this_close", currencies=currencies, initial_capital=10_000.0, **settings)
    return EventSimulator(config).run_targets(bars, targets)


@pytest.mark.parametrize("inverse", [False, True])
def test_equity_is_the_sum_of_currencies_at_the_rates_of_the_moment(inverse: bool) -> None:
    found = held(inverse=inverse)
    # 100 shares for a loan of 1,000 euros: only their profit of 200 euros is worth more or less dollars.
    assert found.equity.tolist() == pytest.approx([10_000, 10_000, 10_300, 10_200], abs=1e-4)
    assert found.cash.tolist() == pytest.approx([8_650, 8_650, 8_400, 8_900], abs=1e-4)
    assert found.gross_exposure.tolist() == pytest.approx([1_350, 1_350, 1_900, 1_300], abs=1e-4)


def test_costs_and_interest_are_in_the_currency_they_arise_in() -> None:
    found = held(commission_rate=0.01, financing=Financing(margin_rate=0.365, day_count=365))
    assert found.fills["commission"].tolist() == [10.0, 1.0]
    assert found["commission_paid"] == pytest.approx(12.5 + 1.0)
    assert found.flows["currency"].tolist() == ["EUR"] * 3
    assert found.flows["amount"][0] == pytest.approx(-1_010 * 0.001)


def test_weights_and_buying_power_count_in_the_base() -> None:
    bars, currencies = two_currencies(inverse=False)
    targets = np.full((4, 3), np.nan)
    targets[0, 1] = 0.5
    config = SimulationConfig(fill="this_close", currencies=currencies, initial_capital=10_000.0)
    assert EventSimulator(config).run_targets(bars, targets, kind="weight").positions[0, 1] == 400
    targets[0, 1] = 900
    found = EventSimulator(config).run_targets(bars, targets)
    assert found.positions[0, 1] == 800
    assert found.counts["reduced"] == 1


def test_an_instrument_that_begins_before_its_rate_is_refused() -> None:
    close = np.array([[np.nan, 10.0], [1.25, 10.0]])
    instruments = [Instrument("FX"), Instrument("E", currency="EUR")]
    bars = Bars.from_closes(days(2), close, instruments=instruments)
    config = SimulationConfig(fill="next_close", currencies=Currencies(rates={"EUR": "FX"}))
    with pytest.raises(ConfigError, match="begin before"):
        EventSimulator(config).run_targets(bars, np.zeros((2, 2)))


def test_models_work_with_every_way_to_run() -> None:
    bars = random_bars(200, 2)
    sim = EventSimulator(YEAR)

    class Idle(Strategy):
        def on_bar(self, ctx: Context, bar: Bar) -> None:
            ctx.target_weight(0.5)

    by_array = sim.run_backtest(hold, bars)
    assert by_array.events_sha256 == sim.run_backtest(Idle(), bars).events_sha256
    assert set(by_array.flows["kind"].tolist()) >= {"DIVIDEND", "SPLIT"}
    assert sim.check_lookahead(Idle(), bars, max_cuts=4, progress=False)
