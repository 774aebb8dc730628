"""What the walk_forward pipeline may be asked."""

from typing import Any

from omni_lab.pipelines.form import form, knob


@form("walk_forward", reads=("lake",))
class WalkForwardForm:
    """A grid of settings, chosen on the past and judged on what came next."""

    symbol: str = knob("SPX", "instrument, as the store knows it; SYNTH is made up on the spot")
    source: str | None = knob(None, "where its bars come from; by default the first source that has it")
    start: str | None = knob(None, "first day, such as 2005-01-01; by default the first there is")
    end: str | None = knob(None, "last day, included")
    closes_only: bool = knob(False, "ignore open, high and low")
    strategy: str = knob("sma_cross", "which strategy, by its registered name")
    strategy_settings: dict[str, Any] = knob({}, "settings of it that stay the same")
    grid: dict[str, Any] = knob(
        {"fast": [5, 10, 20, 40], "slow": [100, 150, 200, 250]}, "values to choose from, by setting"
    )
    train: int = knob(1_000, "to choose on; the first fold's if anchored", unit="bars", at_least=20)
    test: int = knob(250, "to trade the choice", unit="bars", at_least=1)
    anchored: bool = knob(False, "whether every training begins at the first bar")
    embargo: int = knob(0, "between training and test, in neither", unit="bars", at_least=0)
    metric: str = knob(
        "sharpe_ratio", "what is chosen by", choices=("sharpe_ratio", "total_return", "max_drawdown")
    )
    initial_capital: float = knob(100_000.0, "cash at the start", above=0.0)
    commission_rate: float = knob(0.0002, "fraction of the notional; 0.0002 is 2 bps", at_least=0.0)
    slippage_bps: float = knob(
        1.0, "what market and stop orders lose against the price they meet", unit="bps", at_least=0.0
    )
    fill: str = knob(
        "next_open", "which price an order gets", choices=("next_open", "next_close", "this_close")
    )
    seed: int = knob(7, "of everything random", at_least=0)

    def check(self) -> None:
        """At least two of the sets are such as the strategy takes."""
        from omni_lab.pipelines.studies.walk_forward import parameter_sets

        parameter_sets(self.strategy, self.grid, self.strategy_settings)
