"""What the backtest pipeline may be asked."""

from typing import Any

from omni_lab.pipelines.form import form, knob


@form("backtest", reads=("lake",))
class BacktestForm:
    """One strategy on one instrument."""

    symbol: str = knob("SPX", "instrument, as the store knows it; SYNTH is made up on the spot")
    source: str | None = knob(None, "where its bars come from; by default the first source that has it")
    start: str | None = knob(None, "first day, such as 2005-01-01; by default the first there is")
    end: str | None = knob(None, "last day, included")
    closes_only: bool = knob(False, "ignore open, high and low")
    strategy: str = knob("momentum", "which strategy, by its registered name")
    strategy_settings: dict[str, Any] = knob({}, "settings of it beside the next six, by name")
    lookback_period: int = knob(250, "over which the move is measured", unit="bars", at_least=2)
    entry_threshold: float = knob(
        1.0, "score from which a position is opened", unit="standard deviations", at_least=0.0
    )
    exit_threshold: float = knob(0.0, "score at which it is closed", unit="standard deviations")
    stop_loss: float | None = knob(
        None, "fraction of the entry price at which a stop closes it; none is no stop", above=0.0, below=1.0
    )
    direction: str = knob("long_short", "which sides it takes", choices=("long_short", "long_only"))
    position_size: float = knob(1.0, "fraction of equity put into a position", above=0.0)
    initial_capital: float = knob(100_000.0, "cash at the start", above=0.0)
    commission_rate: float = knob(0.0002, "fraction of the notional; 0.0002 is 2 bps", at_least=0.0)
    slippage_bps: float = knob(
        1.0, "what market and stop orders lose against the price they meet", unit="bps", at_least=0.0
    )
    fees: dict[str, Any] | None = knob(
        None, "a schedule in place of the commission, such as {tiers: [{taker_rate: 0.0005}], minimum: 1}"
    )
    impact: dict[str, Any] | None = knob(
        None, "what own orders move, such as {model: square_root}; needs volumes"
    )
    financing: dict[str, Any] | None = knob(
        None, "borrow fees and interest, such as {borrow_rate: 0.01, margin_rate: 0.05}"
    )
    limits: dict[str, Any] | None = knob(None, "of the risk gate, such as {max_order_qty: 500}")
    actions: list[dict[str, Any]] = knob([], "splits and dividends that the bars are not adjusted for")
    halts: list[dict[str, Any]] = knob([], "when it does not trade")
    currencies: dict[str, Any] | None = knob(None, "base and rates, such as {base: USD}")
    fill: str = knob(
        "next_open", "which price an order gets", choices=("next_open", "next_close", "this_close")
    )
    seed: int = knob(7, "of everything random", at_least=0)
