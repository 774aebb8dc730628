"""What the portfolio pipeline may be asked."""

from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.pipelines.form import form, knob


@form("portfolio", reads=("lake",))
class PortfolioForm:
    """Weights of many instruments by one rule, what they earned, and what must be traded now."""

    symbols: list[str] = knob(
        [
            "AAPL",
            "BAC",
            "CVX",
            "GE",
            "HD",
            "JNJ",
            "JPM",
            "KO",
            "MRK",
            "MSFT",
            "PG",
            "RRC",
            "UNH",
            "WMT",
            "XOM",
        ],
        "which, as the store knows them; at least two",
    )
    source: str | None = knob("skfolio", "where their bars come from; none is the first that has each")
    start: str | None = knob("2005-01-01", "first day; none is the first there is")
    end: str | None = knob(None, "last day, included")
    strategy: str = knob("allocation", "which rule, by its registered name; it must give weights")
    strategy_settings: dict[str, Any] = knob({}, "settings of it beside the next four, by name")
    objective: str = knob(
        "risk_parity",
        "what the weights of an allocation are best at",
        choices=("equal_weight", "minimum_variance", "risk_parity", "maximum_diversification"),
    )
    estimation_window: int = knob(252, "from which weights are found", unit="bars", at_least=20)
    rebalance: str = knob(
        "monthly",
        "how often an allocation is found anew",
        choices=("daily", "weekly", "monthly", "quarterly", "yearly"),
    )
    gross_exposure: float = knob(1.0, "sum of the sizes of the weights; 1 is all of equity", above=0.0)
    risk_window: int = knob(504, "by which risk is shared out", unit="bars", at_least=20)
    confidence: float = knob(0.975, "of the expected shortfall that is shared out", at_least=0.5, below=1.0)
    initial_capital: float = knob(1_000_000.0, "cash at the start", above=0.0)
    commission_rate: float = knob(0.0002, "fraction of the notional; 0.0002 is 2 bps", at_least=0.0)
    slippage_bps: float = knob(
        1.0, "what market orders lose against the price they meet", unit="bps", at_least=0.0
    )
    fill: str = knob(
        "next_close",
        "which price an order gets; where only closes are known, a close",
        choices=("next_open", "next_close", "this_close"),
    )
    seed: int = knob(7, "of everything random", at_least=0)

    def check(self) -> None:
        """Several instruments, each once, and a rule that takes its settings."""
        from omni_lab.pipelines.studies.portfolio import make_rule

        if len(set(self.symbols)) != len(self.symbols) or len(self.symbols) < 2:
            raise ConfigError(
                "a portfolio has at least two symbols, each once", found=self.symbols, where="symbols"
            )
        make_rule(
            self.strategy,
            {
                "objective": self.objective,
                "estimation_window": self.estimation_window,
                "rebalance": self.rebalance,
                "gross_exposure": self.gross_exposure,
            },
            self.strategy_settings,
        )
