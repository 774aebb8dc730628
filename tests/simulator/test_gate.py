"""The risk gate on bars: what it refuses and counts, and that its plain twin says the same."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from omni_lab.domain import Instrument, RejectReason, Side
from omni_lab.errors import ConfigError
from omni_lab.execution import Limits, OMSConfig
from omni_lab.execution.reference.checks import Request, check
from omni_lab.execution.reference.gate import Gate
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig, Split
from omni_lab.strategies import Bar, Context, MomentumStrategy
from omni_lab.typing import IntArray
from tests.simulator.market import Act, executed, flat_bars, random_bars, run


def reasons(results: BacktestResults) -> list[str]:
    return [str(reason) for reason in results.orders["reason"]]


def limited(acts: Mapping[int, Act], *closes: float, **limits: Any) -> BacktestResults:
    return run(acts, flat_bars(*closes), limits=Limits(**limits), max_leverage=None)


def buys(*qtys: float) -> Act:
    return lambda ctx, bar: [ctx.buy(qty) for qty in qtys]


def test_size_position_notional_and_collar_refuse_with_their_codes() -> None:
    assert reasons(limited({0: buys(11, 10)}, 100, 100, max_order_qty=10)) == ["ORDER_SIZE", ""]
    assert reasons(limited({0: buys(6, 5, 4)}, 100, 100, max_position=10)) == ["", "POSITION_LIMIT", ""]
    assert reasons(limited({0: buys(11, 10)}, 100, 100, max_notional=1_000.0)) == ["NOTIONAL", ""]
    asks: Act = lambda ctx, bar: [ctx.sell(1, limit=price) for price in (105.01, 105.0)]  # noqa: E731
    assert reasons(limited({0: asks}, 100, 106, collar_bps=500)) == ["PRICE_COLLAR", ""]


def test_the_position_limit_counts_what_is_open_and_what_is_held() -> None:
    acts = {
        0: lambda ctx, bar: (ctx.buy(6), ctx.buy(4, limit=50.0)),
        1: lambda ctx, bar: (ctx.buy(1), ctx.cancel(1), ctx.buy(4), ctx.sell(16), ctx.sell(1)),
    }
    found = limited(acts, 100, 100, 100, max_position=10)
    canceled = "CANCELED_BY_STRATEGY"
    assert reasons(found) == ["", canceled, "POSITION_LIMIT", "", "", "POSITION_LIMIT"]
    assert found.positions[-1, 0] == -6


def test_rates_count_in_the_time_of_the_bars() -> None:
    found = limited({0: buys(1, 1, 1), 1: buys(1)}, 100, 100, 100, order_rate=1, order_burst=2)
    assert reasons(found) == ["", "", "ORDER_RATE", ""]

    def cancel_both(ctx: Context, bar: Bar) -> None:
        first, second = ctx.buy(1, limit=1.0), ctx.buy(1, limit=2.0)
        assert ctx.cancel(first)
        assert not ctx.cancel(second)
        assert ctx.is_working(second)

    found = limited({0: cancel_both}, 100, 100, cancel_rate=1)
    assert found.counts["cancels_refused"] == 1
    assert any("cancels that the risk gate refused" in each.lower() for each in found.warnings)


def test_a_target_keeps_its_order_where_that_may_not_be_canceled() -> None:
    def change_mind(ctx: Context, bar: Bar) -> None:
        for qty in (5, 6, 7):
            ctx.target(qty)

    found = limited({0: change_mind}, 100, 100, cancel_rate=1)
    assert executed(found) == [(1, "BUY", 6, 100)]


def test_a_realised_loss_stops_new_orders_until_the_next_day() -> None:
    hours = flat_bars(*[100, 90, 90, 90, 90])
    bars = type(hours).from_closes(
        hours.ts[0] + np.arange(5) * 8 * 3_600 * 10**9, hours.close(), symbols=["X"]
    )
    acts = {0: buys(10), 1: lambda ctx, bar: ctx.sell(10), 2: buys(1), 3: buys(1)}
    limits = Limits(max_daily_loss=100.0)
    found = run(acts, bars, limits=limits, fill="this_close")
    assert reasons(found) == ["", "", "DAILY_LOSS", ""]
    acts[0] = buys(9)
    acts[1] = lambda ctx, bar: ctx.sell(9)
    assert reasons(run(acts, bars, limits=limits, fill="this_close")) == [""] * 4


def test_the_kill_switch_lets_cancels_through_only() -> None:
    def killed(ctx: Context, bar: Bar) -> None:
        resting = ctx.buy(1, limit=50.0)
        ctx.kill_switch()
        ctx.buy(1)
        assert ctx.cancel(resting)

    def rearmed(ctx: Context, bar: Bar) -> None:
        ctx.kill_switch(False)
        ctx.buy(1)

    acts = {0: killed, 1: buys(1), 2: rearmed}
    found = limited(acts, 100, 100, 100, 100)
    assert reasons(found) == ["CANCELED_BY_STRATEGY", "KILL_SWITCH", "KILL_SWITCH", ""]
    assert found.gate["KILL_SWITCH"] == 2
    with pytest.raises(ConfigError, match="no risk gate"):
        run({0: lambda ctx, bar: ctx.kill_switch()}, flat_bars(1, 2))


def test_a_split_changes_what_the_gate_holds() -> None:
    split = Split(symbol="X", ex="2024-01-03", new=2)
    acts = {0: buys(5), 1: buys(1), 2: buys(3, 2)}
    bars = flat_bars(100, 100, 50, 50)
    found = run(acts, bars, actions=[split], limits=Limits(max_position=14), max_leverage=None)
    # 5 and 1 become 10 and 2: there is room for 2 more.
    assert reasons(found) == ["", "", "POSITION_LIMIT", ""]
    assert found.positions[-1, 0] == 14


def test_limits_that_do_not_bind_change_nothing_and_are_counted() -> None:
    bars = random_bars(400, 3, missing=0.1)
    strategy = MomentumStrategy({"stop_loss": 0.02})
    free = EventSimulator().run_backtest(strategy, bars)
    config = SimulationConfig(limits=Limits(max_position=10**9, max_notional=1e12))
    gated = EventSimulator(config).run_backtest(strategy, bars)
    assert gated.events_sha256 == free.events_sha256
    assert free.gate == {}
    canceled = free.orders["reason"] == "CANCELED_BY_STRATEGY"
    canceled |= free.orders["reason"] == "REPLACED_BY_TARGET"
    assert gated.gate["CHECKED"] == gated.gate["PASSED"] == len(free.orders) + canceled.sum()


def test_a_target_array_passes_the_gate_too() -> None:
    bars = random_bars(50)
    targets = np.where(np.arange(50) % 2, 30.0, 5.0)
    found = EventSimulator({"limits": {"max_order_qty": 20}}).run_targets(bars, targets)
    assert found.positions.max() == 5
    assert found.gate["ORDER_SIZE"] > 20


def test_limits_survive_a_round_trip_through_json() -> None:
    config = SimulationConfig(limits=Limits(max_position=10, max_notional=1e6, order_rate=5))
    assert SimulationConfig.from_mapping(json.loads(json.dumps(config.to_mapping()))) == config
    with pytest.raises(ConfigError, match="max_positions"):
        SimulationConfig.from_mapping({"limits": {"max_positions": 10}})


def test_the_plain_gate_of_the_order_management_system_gives_the_same_verdicts() -> None:
    rng = np.random.default_rng(5)
    limits = Limits(
        max_position=120, max_order_qty=40, collar_bps=300, max_notional=3_500.0, order_rate=1, order_burst=3
    )
    bars = random_bars(300, seed=3)
    closes = bars.close()[:, 0]

    def send(ctx: Context, bar: Bar) -> None:
        for _ in range(int(rng.integers(0, 5))):
            price = round(bar.close * (1 + rng.uniform(-0.05, 0.05)), 2)
            side = ctx.buy if rng.random() < 0.5 else ctx.sell
            side(int(rng.integers(1, 45)), limit=price if rng.random() < 0.5 else None)

    found = run(send, bars, limits=limits, max_leverage=None, fill="this_close")
    orders, fills = found.orders, found.fills
    sides = np.where(orders["side"] == "BUY", Side.BUY.value, Side.SELL.value).tolist()
    gate = Gate(OMSConfig(instruments=[Instrument("S0", tick_size=0.01)], limits=limits).setup())
    verdicts = []

    def take(fill_ids: IntArray) -> None:
        for order, qty in zip(fills["order_id"][fill_ids], fills["qty"][fill_ids], strict=True):
            gate.filled(0, 0, sides[order], 0, int(qty), 0)

    prices = np.nan_to_num(np.round(orders["limit_price"] * 100)).astype(int).tolist()
    for step, ts in enumerate(bars.ts.tolist()):
        now = fills["ts"] == ts
        take(np.flatnonzero(now & (fills["time"] != "CLOSE")))
        gate.marked(0, round(float(closes[step]) * 100))
        for order in np.flatnonzero(orders["ts_submitted"] == ts).tolist():
            qty = int(orders["qty"][order])
            verdict = check(gate, Request(0, 0, sides[order], ts, prices[order], qty, qty, qty)).refused
            verdicts.append(RejectReason(verdict).name if verdict else "")
            if not verdict:
                gate.opened(0, 0, sides[order], qty)
        take(np.flatnonzero(now & (fills["time"] == "CLOSE")))
    rejected = orders["status"] == "REJECTED"
    assert verdicts == np.where(rejected, orders["reason"], "").tolist()
    assert set(verdicts) == {"", "ORDER_SIZE", "POSITION_LIMIT", "PRICE_COLLAR", "NOTIONAL", "ORDER_RATE"}
    assert [found.gate["CHECKED"], found.gate["PASSED"]] == [gate.checked, gate.passed]
