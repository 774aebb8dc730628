"""Nothing is dropped in silence: every way to hold an order back is counted, and said in a sentence."""

from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.domain import Instrument
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
from tests.simulator.market import days, flat_bars, hold, random_bars, run

COUNTS = (
    "rejected",
    "insufficient_cash",
    "reduced",
    "replaced",
    "expired",
    "rounded_to_zero",
    "unpriced",
    "volume_limited",
    "cancels_refused",
    "replaces_refused",
    "ended_by_terms",
    "off_grid_prices",
)
BARS = flat_bars(100, 100, 100, 100, volume=[50, 50, 50, 50])


def only(**expected: int) -> dict[str, int]:
    return {**dict.fromkeys(COUNTS, 0), **expected}


def said(results: BacktestResults, words: str) -> bool:
    return any(words in sentence for sentence in results.warnings)


def test_an_ordinary_run_holds_nothing_back() -> None:
    results = run({0: lambda ctx, bar: ctx.buy(1)}, BARS)
    assert results.counts == only()


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"qty": 0}, "INVALID_QTY"),
        ({"qty": -5}, "INVALID_QTY"),
        ({"qty": 0.9}, "INVALID_QTY"),  # less than a lot
        ({"qty": 1, "limit": -3.0}, "INVALID_PRICE"),
        ({"qty": 1, "stop": 0.001}, "INVALID_PRICE"),  # less than a tick
    ],
)
def test_an_order_that_cannot_work_is_rejected(order: Any, reason: str) -> None:
    results = run({0: lambda ctx, bar: ctx.buy(**order)}, BARS)
    assert results.counts == only(rejected=1)
    assert results.orders["status"].tolist() == ["REJECTED"]
    assert results.orders["reason"].tolist() == [reason]
    assert said(results, "Of 1 order, 1 rejected on arrival")


def test_resting_orders_on_closes_are_rejected() -> None:
    closes = Bars.from_closes(BARS.ts, BARS.close())
    results = run({0: lambda ctx, bar: ctx.buy(1, limit=90.0)}, closes, fill="next_close")
    assert results.counts == only(rejected=1)
    assert results.orders["reason"].tolist() == ["NO_INTRABAR_PRICES"]


def test_an_order_beyond_the_buying_power_is_cut() -> None:
    results = run({0: lambda ctx, bar: ctx.buy(1_500)}, BARS)
    assert results.counts == only(reduced=1)
    assert results.fills["qty"].tolist() == [1000.0]
    assert results.orders["reason"].tolist() == ["INSUFFICIENT_CASH"]
    assert said(results, "1 cut to the buying power")


def test_or_canceled_whole() -> None:
    results = run({0: lambda ctx, bar: ctx.buy(1_500)}, BARS, on_insufficient_cash="reject")
    assert results.counts == only(insufficient_cash=1)
    assert len(results.fills) == 0
    assert said(results, "1 canceled whole for want of buying power")


def test_an_order_that_never_met_its_price_expires() -> None:
    results = run({0: lambda ctx, bar: ctx.buy(1, limit=90.0)}, BARS)
    assert results.counts == only(expired=1)
    assert said(results, "1 still working when the data ended")


def test_a_target_that_overtakes_another_replaces_it() -> None:
    acts = {0: lambda ctx, bar: (ctx.target(10), ctx.target(20))}
    results = run(acts, BARS)
    assert results.counts == only(replaced=1)
    assert results.orders["reason"].tolist() == ["REPLACED_BY_TARGET", ""]
    assert results.fills["qty"].tolist() == [20.0]
    assert said(results, "1 replaced by a later target")


def test_a_weight_below_one_lot_is_counted() -> None:
    results = run({0: lambda ctx, bar: ctx.target_weight(0.0005)}, BARS)
    assert results.counts == only(rounded_to_zero=1)
    assert said(results, "too small for one lot: 1.")


def test_fills_cut_by_the_volume_are_counted() -> None:
    # A tenth of 50 a bar: 5, 5 and then the rest.
    results = run({0: lambda ctx, bar: ctx.buy(12)}, BARS, volume_limit=0.1)
    assert results.counts == only(volume_limited=2)
    assert results.fills["qty"].tolist() == [5.0, 5.0, 2.0]
    assert said(results, "cut by the volume limit: 2.")


def test_prices_rounded_to_their_grid_are_counted() -> None:
    closes = [100.00, 100.02, 100.04, 100.05]
    bars = Bars.from_closes(days(4), closes, instruments=[Instrument("X", tick_size=0.05)])
    assert bars.close()[:, 0].tolist() == [100.0, 100.0, 100.05, 100.05]
    results = EventSimulator({"fill": "next_close"}).run_backtest(hold, bars)
    assert results.counts["off_grid_prices"] == 2
    assert said(results, "off their tick grid, rounded to it: 2.")


def test_ruin_is_the_first_thing_said() -> None:
    bars = flat_bars(100, 100, 60, 40, 45)
    results = run({0: lambda ctx, bar: ctx.buy(2_000)}, bars, max_leverage=None)
    assert results.equity.tolist() == [100_000, 100_000, 20_000, -20_000, -10_000]
    assert results.warnings[0] == "The account was ruined: equity fell to -20,000.00 at 2024-01-04T00:00:00."
    assert np.isnan(results["sharpe_ratio"])


def test_fills_at_the_decision_s_own_close_are_called_optimistic() -> None:
    assert said(run({}, BARS, fill="this_close"), "optimistic")
    assert not said(run({}, BARS, fill="next_close"), "optimistic")


def test_a_run_that_never_traded_says_so() -> None:
    assert said(run({}, BARS), "Nothing was ever bought or sold")
    held = run({0: lambda ctx, bar: ctx.buy(1)}, BARS)
    assert said(held, "No position was ever closed")
    assert not said(held, "Nothing was ever bought")


def test_few_trades_free_trading_and_short_data_are_pointed_out() -> None:
    acts = {0: lambda ctx, bar: ctx.buy(1), 1: lambda ctx, bar: ctx.sell(1)}
    results = run(acts, BARS)
    assert said(results, "Only 1 trade:")
    assert said(results, "No commission and no slippage")
    assert said(results, "The data spans 3 days;")
    paid = run(acts, BARS, commission_per_share=0.01)
    assert not said(paid, "No commission")


def test_a_long_costly_run_of_many_trades_has_nothing_to_apologise_for() -> None:
    bars = random_bars(500)
    opens = bars.open()
    assert opens is not None
    # It knows the next two opens, and is long when they rise: even luck has nothing to add.
    rises = np.append(np.diff(opens[:, 0])[1:] > 0, [False, True])
    results = EventSimulator(SimulationConfig(slippage_ticks=1)).run_targets(bars, np.where(rises, 10.0, 0.0))
    assert results.counts == only(expired=1)  # the last decision has no next open
    n_orders = int(results["n_orders"])
    assert results.warnings == (
        f"Of {n_orders} orders, 1 still working when the data ended; results.orders says which and why.",
    )
