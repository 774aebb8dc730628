"""Which price an order gets and what it costs, in numbers small enough to check by eye.

That the engine follows ``docs/simulation.md`` to the cent in every mixture of rules is the business of
``tests/oracle``; here is what a user sees of it.
"""

from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ConfigError
from omni_lab.simulator import EventSimulator
from tests.simulator.market import bars_of, executed, flat_bars, run

# Open, high, low, close. The bar in the middle goes everywhere between 95 and 110.
BARS = bars_of((100, 101, 99, 100), (102, 110, 95, 105), (106, 107, 104, 106))


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        ("next_open", (1, "BUY", 10.0, 102.0)),
        ("next_close", (1, "BUY", 10.0, 105.0)),
        ("this_close", (0, "BUY", 10.0, 100.0)),
    ],
)
def test_a_market_order_fills_when_the_settings_say(fill: str, expected: Any) -> None:
    assert executed(run({0: lambda ctx, bar: ctx.buy(10)}, BARS, fill=fill)) == [expected]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"limit": 96.0}, [(1, "BUY", 10.0, 96.0)]),
        ({"limit": 95.0}, []),  # reached, not traded through
        ({"limit": 103.0}, [(1, "BUY", 10.0, 102.0)]),  # met at the open
        ({"stop": 108.0}, [(1, "BUY", 10.0, 108.0)]),
        ({"stop": 101.5}, [(1, "BUY", 10.0, 102.0)]),  # jumped over at the open
        ({"stop": 111.0}, []),
    ],
)
def test_resting_orders_fill_at_their_price_or_at_an_open_beyond_it(order: Any, expected: Any) -> None:
    assert executed(run({0: lambda ctx, bar: ctx.buy(10, **order)}, BARS)) == expected


def test_a_limit_that_is_only_touched_fills_if_the_settings_say_so() -> None:
    results = run({0: lambda ctx, bar: ctx.buy(10, limit=95.0)}, BARS, limit_fill="touch")
    assert executed(results) == [(1, "BUY", 10.0, 95.0)]
    assert results.fills["liquidity"].tolist() == ["MAKER"]
    assert results.fills["time"].tolist() == ["INSIDE"]


def test_costs_are_what_the_settings_charge() -> None:
    # 10 at 102.00: slippage 5 bps = 5.1 cents, rounded up to 6, plus 2 ticks, so 102.08.
    results = run(
        {0: lambda ctx, bar: ctx.buy(10)},
        BARS,
        slippage_bps=5,
        slippage_ticks=2,
        commission_rate=0.001,
        commission_per_share=0.05,
    )
    fills = results.fills
    assert fills["price"].tolist() == [102.08]
    assert fills["notional"].tolist() == pytest.approx([1020.80], abs=1e-12)
    assert fills["slippage_cost"].tolist() == pytest.approx([0.80], abs=1e-12)
    assert fills["commission"].tolist() == pytest.approx([1.0208 + 0.5], abs=1e-12)
    assert results["costs_paid"] == pytest.approx(0.80 + 1.5208, abs=1e-12)
    assert results.cash.tolist() == pytest.approx([100_000, 98_977.6792, 98_977.6792], abs=1e-9)
    assert results.equity.tolist() == pytest.approx(
        [100_000, 98_977.6792 + 1050, 98_977.6792 + 1060], abs=1e-9
    )


def test_a_closed_trade_carries_the_commissions_of_both_sides() -> None:
    bars = flat_bars(100, 100, 110, 110)
    acts = {0: lambda ctx, bar: ctx.buy(10), 1: lambda ctx, bar: ctx.sell(4)}
    trades = run(acts, bars, commission_per_share=0.5).trades
    assert trades["side"].tolist() == ["LONG"]
    assert (trades["qty"].tolist(), trades["bars_held"].tolist()) == ([4.0], [1])
    assert (trades["entry_price"].tolist(), trades["exit_price"].tolist()) == ([100.0], [110.0])
    assert trades["commission"].tolist() == [4.0]  # two for the four bought, two for the four sold
    assert trades["pnl"].tolist() == [36.0]
    assert trades["return_"].tolist() == [0.09]


def test_an_entry_price_is_the_average_of_what_was_paid() -> None:
    bars = flat_bars(100, 100, 103, 110, 110)
    acts = {0: lambda ctx, bar: ctx.sell(2), 1: lambda ctx, bar: ctx.sell(1), 2: lambda ctx, bar: ctx.buy(3)}
    trades = run(acts, bars).trades
    assert trades["side"].tolist() == ["SHORT"]
    assert trades["entry_price"].tolist() == [101.0]
    assert trades["pnl"].tolist() == [-27.0]


def test_quantities_of_a_small_lot_come_back_as_decimals_and_close_to_zero() -> None:
    bars = bars_of(*[(100.0, 100.0, 100.0, 100.0)] * 5, lot_size=0.1)
    acts = {
        0: lambda ctx, bar: ctx.buy(0.3),
        1: lambda ctx, bar: ctx.sell(0.1),
        2: lambda ctx, bar: ctx.sell(0.2),
    }
    results = run(acts, bars)
    assert results.fills["qty"].tolist() == [0.3, 0.1, 0.2]
    assert results.positions[:, 0].tolist() == [0.0, 0.3, 0.2, 0.0, 0.0]
    assert results["exposure"] == 2 / 5


def test_an_order_remembers_its_prices_and_the_average_it_got() -> None:
    bars = flat_bars(100, 100, 100, 106, volume=[10, 10, 10, 10])
    acts = {0: lambda ctx, bar: (ctx.buy(3), ctx.buy(5, limit=90.25), ctx.sell(5, stop=80.5))}
    orders = run(acts, bars, volume_limit=0.1).orders
    assert orders["type"].tolist() == ["MARKET", "LIMIT", "STOP"]
    assert orders["status"].tolist() == ["FILLED", "EXPIRED", "EXPIRED"]
    assert orders["filled_qty"].tolist() == [3.0, 0.0, 0.0]
    assert orders["avg_price"][0] == 102.0  # one lot each at 100, 100 and 106
    assert np.isnan(orders["avg_price"][1:]).all()
    assert orders["limit_price"][1] == 90.25
    assert orders["stop_price"][2] == 80.5
    assert np.isnan(orders["limit_price"][[0, 2]]).all()


def test_bars_of_closes_refuse_to_fill_at_an_open() -> None:
    bars = flat_bars(100, 101, 102)
    closes = type(bars).from_closes(bars.ts, bars.close())
    with pytest.raises(ConfigError, match=r"only closes.*next_close"):
        run({}, closes)
    results = run({0: lambda ctx, bar: ctx.buy(1)}, closes, fill="next_close")
    assert executed(results) == [(1, "BUY", 1.0, 101.0)]


def test_a_volume_limit_needs_volumes() -> None:
    with pytest.raises(ConfigError, match="volume_limit needs volumes"):
        run({}, flat_bars(100, 101), volume_limit=0.1)


def test_a_gap_in_an_instrument_keeps_its_last_mark() -> None:
    bars = flat_bars(10, 20, 30, 40)
    close = np.array([[10.0, 5.0], [20.0, np.nan], [30.0, np.nan], [40.0, 8.0]])
    two = type(bars).from_arrays(bars.ts, close, close, close, close, symbols=["A", "B"])
    results = EventSimulator({"fill": "this_close"}).run_targets(two, [[1, 100]] + [[np.nan] * 2] * 3)
    assert results.equity.tolist() == [100_000, 100_010, 100_020, 100_330]
    assert results.gross_exposure.tolist() == [510, 520, 530, 840]
