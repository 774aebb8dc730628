"""What the risk pipeline may be asked."""

from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.pipelines.form import form, knob

_METHODS = ("historical", "normal", "student", "cornish_fisher", "evt", "filtered", "filtered_evt")


@form("risk_report", reads=("lake",))
class RiskReportForm:
    """Value at risk and shortfall of weights, or of what a run left."""

    run: str | None = knob(
        None, "run whose last weights, else whose equity is looked at: the beginning of its id, a tag, last"
    )
    weights: dict[str, Any] = knob(
        {"AAPL": 0.3, "JPM": 0.3, "XOM": 0.2, "KO": 0.2},
        "fractions of the money by symbol; ignored with a run",
    )
    source: str | None = knob(None, "where prices come from; by default the first source that has them")
    start: str | None = knob(None, "first day, such as 2010-01-04; by default the first there is")
    end: str | None = knob(None, "last day, included")
    money: float = knob(1_000_000.0, "in the portfolio", unit="currency", above=0.0)
    confidence: float = knob(0.99, "of every measure", at_least=0.9, at_most=0.999)
    horizon: int = knob(1, "over which the loss is counted", unit="days", at_least=1, at_most=60)
    methods: list[str] = knob(
        ["historical", "normal", "student", "evt", "filtered"], "measures of the risk", choices=_METHODS
    )
    tested: list[str] = knob(["historical", "filtered"], "asked day by day", choices=_METHODS)
    window: int = knob(500, "behind each answer", unit="days", at_least=100)
    test_days: int = knob(2_500, "last days that are looked back on", unit="days", at_least=200)
    refit_every: int = knob(250, "between two fits", unit="days", at_least=1)
    shocks: dict[str, Any] = knob(
        {"AAPL −30%": {"AAPL": -0.3}, "JPM −33%": {"JPM": -0.33}},
        "thought-up falls by name, each of some symbols; those of symbols that are not held are left out",
    )
    regimes: bool = knob(True, "look for a calm and a wild regime")
    seed: int = knob(0, "of everything drawn", at_least=0, at_most=1_000_000_000)

    def check(self) -> None:
        """Some measure is asked for, each once; the window lies within the days looked back on."""
        problems = []
        for name in ("methods", "tested"):
            asked = getattr(self, name)
            if not asked or len(set(asked)) < len(asked):
                problems.append(f"{name} must name at least one measure, and none twice, not {asked}")
        if self.window >= self.test_days:
            problems.append(f"window, {self.window}, must be smaller than test_days, {self.test_days}")
        if self.run is None and not self.weights:
            problems.append("weights are empty, and there is no run")
        if problems:
            raise ConfigError("; ".join(problems), where="form 'risk_report'")
