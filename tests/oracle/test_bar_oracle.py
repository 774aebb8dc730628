"""The plain oracle of the bar simulator against numbers a reader can check by hand.

Each test takes one sentence of `docs/simulation.md`. Bars are written (open, high, low, close) or (open,
high, low, close, volume); an instrument costs around 100, so that cash of 100,000 buys about a thousand.
"""

from typing import Any

import numpy as np
import pytest

from tests.oracle.bar_oracle import (
    FloatArray,
    OracleResult,
    OracleSettings,
    Panel,
    Request,
    infer_tick_size,
    run_oracle,
    slippage_in_ticks,
    whole_lots,
)

NAN = float("nan")
NO_BAR = (NAN, NAN, NAN, NAN)
FLAT = (100.0, 100.0, 100.0, 100.0)


def panel(*symbols: list[tuple[float, ...]], lot_size: float = 1.0, tick_size: float | None = None) -> Panel:
    """Bars of one or more instruments, a list of rows each."""
    cells = np.array([[(*row, 1_000.0)[:5] for row in rows] for rows in symbols])
    o, h, low, c, v = (cells[:, :, i].T.copy() for i in range(5))
    return Panel(o, h, low, c, v, tick_size=[tick_size] * len(symbols), lot_size=[lot_size] * len(symbols))


def column(*targets: float) -> FloatArray:
    return np.array(targets, dtype=float)[:, None]


def run(
    bars: Panel, *, targets: FloatArray | None = None, kind: Any = "quantity", **settings: Any
) -> OracleResult:
    return run_oracle(bars, OracleSettings(**settings), targets=targets, kind=kind)


def script(bars: Panel, *requests: Request, **settings: Any) -> OracleResult:
    return run_oracle(bars, OracleSettings(**settings), script=requests)


def brief(result: OracleResult) -> list[tuple[int, str, float, float]]:
    return [(f.step, f.side, f.quantity, round(f.price, 9)) for f in result.fills]


BARS = panel([(100.0, 102.0, 99.0, 101.0), (103.0, 105.0, 102.0, 104.0), (106.0, 108.0, 105.0, 107.0)])


# ---- Which price a market order gets -----------------------------------------------------------


@pytest.mark.parametrize(
    ("fill", "expected_fill", "expected_equity"),
    [
        # Bought 10 at the next open, 103: worth 104 and then 107 at the closes.
        ("next_open", (1, "BUY", 10.0, 103.0), [100_000.0, 100_010.0, 100_040.0]),
        ("next_close", (1, "BUY", 10.0, 104.0), [100_000.0, 100_000.0, 100_030.0]),
        ("this_close", (0, "BUY", 10.0, 101.0), [100_000.0, 100_030.0, 100_060.0]),
    ],
)
def test_a_target_fills_at_the_price_of_its_fill_rule(
    fill: str, expected_fill: tuple[int, str, float, float], expected_equity: list[float]
) -> None:
    result = run(BARS, targets=column(10, 10, 10), fill=fill)
    assert brief(result) == [expected_fill]
    assert result.equity.tolist() == expected_equity


def test_equity_is_recorded_after_the_fills_of_this_close() -> None:
    result = run(BARS, targets=column(10, NAN, NAN), fill="this_close", commission_per_share=0.5)
    assert result.equity[0] == 100_000.0 - 5.0
    assert result.positions[0, 0] == 10.0


def test_an_order_of_the_last_step_expires() -> None:
    result = run(BARS, targets=column(0, 0, 10))
    assert result.fills == []
    assert result.counts["expired"] == 1


# ---- Target arrays -----------------------------------------------------------------------------


def test_nan_keeps_the_position() -> None:
    result = run(BARS, targets=column(10, NAN, NAN))
    assert result.positions[:, 0].tolist() == [0.0, 10.0, 10.0]


def test_an_order_is_sent_only_where_the_target_differs() -> None:
    assert len(run(BARS, targets=column(10, 10, 10)).fills) == 1


def test_a_missing_bar_delays_the_fill_and_keeps_the_mark() -> None:
    bars = panel(
        [FLAT, (100.0, 110.0, 100.0, 110.0), NO_BAR, NO_BAR, (120.0, 120.0, 120.0, 120.0)], [FLAT] * 5
    )
    targets = np.array([[10, NAN], [0, NAN], [NAN, NAN], [5, NAN], [NAN, NAN]], dtype=float)
    result = run(bars, targets=targets)
    # The target 5 stands in a step without a bar and is no decision: the sale of all ten still works.
    assert brief(result) == [(1, "BUY", 10.0, 100.0), (4, "SELL", 10.0, 120.0)]
    assert result.equity.tolist() == [100_000.0, 100_100.0, 100_100.0, 100_100.0, 100_200.0]


def test_a_new_target_replaces_what_still_works_from_the_earlier_one() -> None:
    bars = panel([(*FLAT, 8.0)] * 4)
    result = run(bars, targets=column(20, NAN, 10, NAN), volume_limit=0.5)
    # Four a bar: 4, 8 held; then the target 10 cancels the 12 that were left and asks for 2.
    assert [f.quantity for f in result.fills] == [4.0, 4.0, 2.0]
    assert result.positions[:, 0].tolist() == [0.0, 4.0, 8.0, 10.0]


def test_the_same_target_lets_the_earlier_order_work() -> None:
    bars = panel([(*FLAT, 8.0)] * 4)
    result = run(bars, targets=column(10, 10, 10, 10), volume_limit=0.5)
    assert [f.quantity for f in result.fills] == [4.0, 4.0, 2.0]


# ---- Sizing by weight --------------------------------------------------------------------------


def test_a_weight_is_sized_at_the_close_of_the_decision_bar() -> None:
    bars = panel([(90.0, 101.0, 90.0, 101.0), (103.0, 103.0, 103.0, 103.0)])
    # 0.5 × 100,000 / 101 = 495.05 → 495 shares, whatever the next open is.
    assert brief(run(bars, targets=column(0.5, NAN), kind="weight")) == [(1, "BUY", 495.0, 103.0)]


def test_a_negative_weight_is_truncated_toward_zero() -> None:
    bars = panel([(90.0, 101.0, 90.0, 101.0), (103.0, 103.0, 103.0, 103.0)])
    assert brief(run(bars, targets=column(-0.5, NAN), kind="weight")) == [(1, "SELL", 495.0, 103.0)]


def test_a_weight_that_comes_to_no_lot_is_counted() -> None:
    result = run(panel([FLAT] * 3), targets=column(0.0005, 0.0, -0.0005), kind="weight")
    assert result.fills == []
    assert result.counts["rounded_to_zero"] == 2


def test_a_quotient_next_to_a_whole_number_counts_as_that_number() -> None:
    assert whole_lots(2.9999999995) == 3
    assert whole_lots(2.99999) == 2
    assert whole_lots(-2.9999999995) == -3
    assert whole_lots(-2.99999) == -2


def test_a_fractional_lot_divides_a_share() -> None:
    bars = panel([(300.0, 300.0, 300.0, 300.0)] * 2, lot_size=1e-6)
    result = run(bars, targets=column(0.1, NAN), kind="weight", initial_capital=1_000)
    assert result.fills[0].quantity == pytest.approx(0.333333, abs=1e-12)


# ---- Limits and stops --------------------------------------------------------------------------

DIP = panel([FLAT, (100.0, 103.0, 97.0, 101.0), (95.0, 106.0, 94.0, 104.0)])


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        # Inside the second bar: 97 is only touched, 98 is traded through.
        (Request(0, 0, "buy", 1, limit=98.0), (1, "BUY", 1.0, 98.0)),
        (Request(0, 0, "sell", 1, limit=102.0), (1, "SELL", 1.0, 102.0)),
        # Touched but not traded through: waits, then the third bar opens below it and it gets that open.
        (Request(0, 0, "buy", 1, limit=97.0), (2, "BUY", 1.0, 95.0)),
        (Request(0, 0, "sell", 1, limit=103.0), (2, "SELL", 1.0, 103.0)),
        # At or beyond the open: the open, which may be better than the limit.
        (Request(0, 0, "buy", 1, limit=100.0), (1, "BUY", 1.0, 100.0)),
        (Request(0, 0, "buy", 1, limit=104.0), (1, "BUY", 1.0, 100.0)),
        (Request(0, 0, "sell", 1, limit=99.0), (1, "SELL", 1.0, 100.0)),
        # Stops are touched at high and low, and get the open where it has already gone past them.
        (Request(0, 0, "buy", 1, stop=103.0), (1, "BUY", 1.0, 103.0)),
        (Request(0, 0, "buy", 1, stop=99.0), (1, "BUY", 1.0, 100.0)),
        (Request(0, 0, "sell", 1, stop=97.0), (1, "SELL", 1.0, 97.0)),
        (Request(0, 0, "sell", 1, stop=96.0), (2, "SELL", 1.0, 95.0)),
        (Request(0, 0, "buy", 1, stop=105.0), (2, "BUY", 1.0, 105.0)),
    ],
)
def test_a_resting_order_fills_where_the_table_says(
    request_: Request, expected: tuple[int, str, float, float]
) -> None:
    assert brief(script(DIP, request_)) == [expected]


def test_a_touched_limit_fills_where_the_setting_says_touch() -> None:
    result = script(DIP, Request(0, 0, "buy", 1, limit=97.0), limit_fill="touch")
    assert brief(result) == [(1, "BUY", 1.0, 97.0)]


def test_stops_come_before_limits_inside_a_bar() -> None:
    sent = (Request(0, 0, "sell", 1, limit=102.0), Request(0, 0, "sell", 1, stop=98.0))
    assert brief(script(DIP, *sent)) == [(1, "SELL", 1.0, 98.0), (1, "SELL", 1.0, 102.0)]


def test_buy_limits_fill_from_the_highest_price_down() -> None:
    sent = (Request(0, 0, "buy", 1, limit=98.0), Request(0, 0, "buy", 1, limit=99.0))
    assert brief(script(DIP, *sent)) == [(1, "BUY", 1.0, 99.0), (1, "BUY", 1.0, 98.0)]


def test_a_cancelled_order_does_not_fill() -> None:
    result = script(DIP, Request(0, 0, "buy", 1, limit=97.0), Request(1, 0, "cancel", cancels=0))
    assert result.fills == []
    assert result.counts["expired"] == 0


# ---- Costs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "price"),
    [
        ({"slippage_bps": 10.0}, 103.11),  # 103 × 0.001 = 10.3 ticks, rounded against us to 11
        ({"slippage_bps": 100.0}, 104.03),  # exactly 103 ticks
        ({"slippage_ticks": 3}, 103.03),
        ({"slippage_bps": 10.0, "slippage_ticks": 3}, 103.14),  # 13.3 ticks
    ],
)
def test_slippage_moves_a_purchase_up_by_whole_ticks(settings: dict[str, Any], price: float) -> None:
    (fill,) = run(BARS, targets=column(10, NAN, NAN), **settings).fills
    assert fill.price == pytest.approx(price, abs=1e-9)


def test_slippage_moves_a_sale_down() -> None:
    fill = run(BARS, targets=column(-10, NAN, NAN), slippage_bps=10.0).fills[0]
    assert fill.price == pytest.approx(102.89, abs=1e-9)


def test_a_whole_number_of_ticks_is_not_rounded_up() -> None:
    # 7 bps of 100.00 is seven ticks, though 10,000 × 7 / 10,000 could come out as 7.000000000000001.
    assert slippage_in_ticks(10_000, OracleSettings(slippage_bps=7.0)) == 7
    assert slippage_in_ticks(10_000, OracleSettings(slippage_bps=7.001)) == 8


def test_a_stop_slips_and_a_limit_does_not() -> None:
    sent = (Request(0, 0, "buy", 1, stop=102.0), Request(0, 0, "buy", 1, limit=98.0))
    assert brief(script(DIP, *sent, slippage_ticks=5)) == [(1, "BUY", 1.0, 102.05), (1, "BUY", 1.0, 98.0)]


def test_commission_is_a_rate_and_an_amount_per_share() -> None:
    result = run(BARS, targets=column(10, NAN, NAN), commission_rate=0.001, commission_per_share=0.01)
    # 10 × 103 × 0.001 + 10 × 0.01
    assert result.fills[0].commission == pytest.approx(1.13, abs=1e-15)
    assert result.cash[1] == pytest.approx(100_000 - 1_030 - 1.13, abs=1e-9)


def test_a_volume_limit_is_shared_by_all_orders_of_a_bar() -> None:
    bars = panel([FLAT, (*FLAT, 10.0), (*FLAT, 100.0)])
    sent = (Request(0, 0, "buy", 4), Request(0, 0, "buy", 4))
    result = script(bars, *sent, volume_limit=0.5)
    assert [(f.step, f.quantity) for f in result.fills] == [(1, 4.0), (1, 1.0), (2, 3.0)]


def test_what_volume_leaves_of_a_triggered_stop_is_a_market_order() -> None:
    bars = panel([FLAT, (100.0, 103.0, 97.0, 101.0, 8.0), FLAT])
    result = script(bars, Request(0, 0, "buy", 6, stop=103.0), volume_limit=0.5)
    # The third bar never reaches 103, and the other two shares are bought at its open.
    assert brief(result) == [(1, "BUY", 4.0, 103.0), (2, "BUY", 2.0, 100.0)]


def test_what_volume_leaves_of_an_order_at_this_close_fills_at_the_next_close() -> None:
    bars = panel([(*FLAT, 8.0), (101.0, 103.0, 101.0, 102.0)])
    result = script(bars, Request(0, 0, "buy", 6), volume_limit=0.5, fill="this_close")
    assert brief(result) == [(0, "BUY", 4.0, 100.0), (1, "BUY", 2.0, 102.0)]


# ---- Buying power ------------------------------------------------------------------------------


def test_a_gap_reduces_an_order_to_what_equity_carries() -> None:
    bars = panel([FLAT, (125.0, 125.0, 125.0, 125.0)])
    # 1,000 shares were wanted; at 125 equity of 100,000 carries 800.
    result = run(bars, targets=column(1.0, NAN), kind="weight")
    assert brief(result) == [(1, "BUY", 800.0, 125.0)]
    assert result.counts["reduced"] == 1
    assert result.counts["expired"] == 0


def test_commission_and_slippage_count_against_buying_power() -> None:
    # At 101 with the mark at 100, n shares leave equity 100,000 − n: 100 n ≤ 100,000 − n, so n = 990.
    result = run(panel([FLAT] * 2), targets=column(1_000, NAN), slippage_ticks=100)
    assert brief(result) == [(1, "BUY", 990.0, 101.0)]
    result = run(panel([FLAT] * 2), targets=column(1_000, NAN), commission_per_share=1.0)
    assert brief(result) == [(1, "BUY", 990.0, 100.0)]


def test_reject_cancels_the_order_whole() -> None:
    result = run(panel([FLAT] * 2), targets=column(1_001, NAN), on_insufficient_cash="reject")
    assert result.fills == []
    assert result.counts["insufficient_cash"] == 1


def test_the_rule_can_be_lifted_or_raised() -> None:
    bars = panel([FLAT] * 2)
    assert run(bars, targets=column(5_000, NAN), max_leverage=None).positions[1, 0] == 5_000
    assert run(bars, targets=column(5_000, NAN), max_leverage=2.5).positions[1, 0] == 2_500


def test_short_positions_are_bound_too() -> None:
    assert run(panel([FLAT] * 2), targets=column(-5_000, NAN)).positions[1, 0] == -1_000


def test_reducing_is_allowed_beyond_the_limit() -> None:
    bars = panel([FLAT, FLAT, (160.0, 160.0, 160.0, 160.0), (160.0, 160.0, 160.0, 160.0)])
    # Short 1,000 from 100: at 160 equity is 40,000 against an exposure of 160,000.
    result = run(bars, targets=column(-1_000, NAN, -900, NAN))
    assert brief(result) == [(1, "SELL", 1_000.0, 100.0), (3, "BUY", 100.0, 160.0)]


def test_in_a_reversal_only_the_opening_part_is_bound() -> None:
    bars = panel([FLAT, FLAT, (160.0, 160.0, 160.0, 160.0), (160.0, 160.0, 160.0, 160.0)])
    # After closing 1,000 at 160 equity is 40,000, which carries 250 at 160.
    result = run(bars, targets=column(-1_000, NAN, 1_000, NAN))
    assert brief(result)[1:] == [(3, "BUY", 1_250.0, 160.0)]


def test_cash_is_shared_and_reducing_orders_go_first() -> None:
    bars = panel([FLAT] * 4, [FLAT] * 4)
    targets = np.array([[0, 1_000], [NAN, NAN], [1_000, 0], [NAN, NAN]], dtype=float)
    result = run(bars, targets=targets)
    # The purchase of the first was sent first, and is paid by the sale of the second.
    assert [(f.symbol, f.side) for f in result.fills] == [(1, "BUY"), (1, "SELL"), (0, "BUY")]
    assert result.counts["reduced"] == 0


def test_inside_the_bar_the_mark_is_the_open() -> None:
    # Bought at 80 and marked at 100: n shares are worth 100 n against equity 100,000 + 20 n.
    bars = panel([FLAT, (100.0, 100.0, 70.0, 100.0)])
    result = script(bars, Request(0, 0, "buy", 2_000, limit=80.0))
    assert brief(result) == [(1, "BUY", 1_250.0, 80.0)]


# ---- Ledger ------------------------------------------------------------------------------------


def test_trades_are_booked_at_average_cost_after_both_commissions() -> None:
    bars = panel([FLAT, FLAT, (110.0, 110.0, 110.0, 110.0), (120.0, 120.0, 120.0, 120.0), FLAT])
    result = run(bars, targets=column(10, 20, 5, -5, NAN), commission_per_share=0.1)
    first, second = result.trades
    # 10 at 100 and 10 at 110 make an average of 105; 15 of them leave at 120.
    assert (first.side, first.quantity, first.entry_price, first.exit_price) == ("LONG", 15.0, 105.0, 120.0)
    assert first.pnl == pytest.approx(15 * 15 - 1.5 - 1.5, abs=1e-12)
    assert first.commission == pytest.approx(3.0, abs=1e-12)
    # The reversal closes the other five at 100 and opens a short of five.
    assert (second.quantity, second.entry_price, second.exit_price) == (5.0, 105.0, 100.0)
    assert second.pnl == pytest.approx(-25 - 0.5 - 0.5, abs=1e-12)
    assert result.positions[-1, 0] == -5.0


def test_a_short_trade_gains_when_the_price_falls() -> None:
    bars = panel([FLAT, FLAT, (90.0, 90.0, 90.0, 90.0)])
    (trade,) = run(bars, targets=column(-10, 0, NAN)).trades
    assert (trade.side, trade.entry_price, trade.exit_price, trade.pnl) == ("SHORT", 100.0, 90.0, 100.0)


@pytest.mark.parametrize("seed", range(5))
def test_equity_is_cash_plus_positions_at_their_marks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.02, (60, 3)), axis=0)), 2)
    open_ = np.round(close * np.exp(rng.normal(0, 0.01, close.shape)), 2)
    bars = Panel(open_, np.maximum(open_, close), np.minimum(open_, close), close, np.full(close.shape, 1e3))
    settings = OracleSettings(commission_rate=0.0005, slippage_bps=3, max_leverage=2)
    targets = np.asarray(rng.uniform(-1, 1, close.shape))
    result = run_oracle(bars, settings, targets=targets, kind="weight")
    np.testing.assert_allclose(result.equity, result.cash + (result.positions * close).sum(axis=1), atol=1e-6)
    spent = sum(f.commission + f.quantity * f.price * (1 if f.side == "BUY" else -1) for f in result.fills)
    assert result.cash[-1] == pytest.approx(100_000 - spent, abs=1e-6)


# ---- Units -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prices", "tick_size"),
    [
        ([100.0, 101.5], 0.01),
        ([1.2345, 1.2346], 1e-4),
        ([0.1 + 0.2, 5.0], 0.01),  # 0.30000000000000004 lies on the grid
        ([1.23456789012345], 1e-9),
        ([NAN, 100.125], 1e-3),
    ],
)
def test_the_tick_size_is_the_coarsest_decimal_grid(prices: list[float], tick_size: float) -> None:
    assert infer_tick_size(np.array(prices)) == tick_size
