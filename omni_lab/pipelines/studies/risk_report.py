"""What the risk notebook asks: what a portfolio may lose by which measure, and whether that kept its word.

The measures are of ``omni_lab.risk``, the portfolio of ``holdings``; here numbers are put side by side, and
sentences are written from them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError, DataError, ModelError
from omni_lab.figures.words import count, number, percent
from omni_lab.pipelines.studies.holdings import WHOLE, Portfolio, numbers_by_symbol
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.risk import ComponentRisk, RegimeFit, RollingRisk, Scenarios, TailRisk, VarBacktest

METHODS = ("historical", "normal", "student", "cornish_fisher", "evt", "filtered", "filtered_evt")
"""Names of the measures, as ``omni_lab.risk.tail_risk`` knows them."""
_WORDS = {
    "historical": "history",
    "normal": "the normal",
    "student": "Student's t",
    "cornish_fisher": "Cornish-Fisher",
    "evt": "EVT",
    "filtered": "filtered history",
    "filtered_evt": "filtered EVT",
}
_REJECTED = 0.05


def measured(
    returns: FloatArray, methods: Sequence[str], *, confidence: float, horizon: int = 1
) -> tuple[dict[str, "TailRisk"], list[str]]:
    """VaR and ES by several methods, and sentences about those that refuse.

    Parameters
    ----------
    returns : ndarray of float, shape (n_obs,)
        Of the portfolio.
    methods : sequence of str
        Of :data:`METHODS`.
    confidence : float
        Between 0.5 and 1.
    horizon : int
        Steps over which the loss is counted.

    Raises
    ------
    ModelError
        If every method refuses; with the reason of the first.
    """
    from omni_lab.risk import tail_risk

    found, refusals, reasons = {}, [], []
    for method in methods:
        try:
            found[method] = tail_risk(returns, method, confidence=confidence, horizon=horizon)
        except ModelError as refused:
            reasons.append(refused)
            refusals.append(f"The measure by {_said(method)} was left out: {refused.what}.")
    if not found:
        raise reasons[0]
    return found, refusals


def judged(
    returns: FloatArray,
    methods: Sequence[str],
    *,
    window: int,
    refit_every: int,
    confidence: float,
    n_samples: int = 2_000,
    seed: int = 0,
) -> "dict[str, tuple[RollingRisk, VarBacktest]]":
    """Each method asked day by day with nothing but the past, and what came of its answers.

    Parameters
    ----------
    returns : ndarray of float, shape (n_obs,)
        Of the portfolio.
    methods : sequence of str
        Of :data:`METHODS`; those that find nothing in a window are left out.
    window, refit_every : int
        Steps that each answer rests on, and between two fits.
    confidence : float
    n_samples, seed : int
        Of the test of the shortfall.

    Raises
    ------
    DataError
        If there are no steps behind the first window.
    """
    from omni_lab.risk import backtest_var, rolling_var

    if len(returns) < window + 2:
        raise DataError(
            "there are too few steps to look back on",
            found=len(returns),
            expected=f"more than the window of {window}",
            where="window",
        )
    found = {}
    for method in methods:
        try:
            rolled = rolling_var(
                returns, window, method, confidence=confidence, refit_every=refit_every, progress=False
            )
        except ModelError:
            continue
        found[method] = (
            rolled,
            backtest_var(
                returns, rolled.var, rolled.es, confidence=confidence, n_samples=n_samples, seed=seed
            ),
        )
    return found


def stressed(portfolio: Portfolio, shocks: Mapping[str, Any]) -> "Scenarios":
    """Old crises, and thought-up falls of some positions with what the others usually do then.

    Parameters
    ----------
    portfolio : Portfolio
    shocks : mapping of str to mapping of str to float
        Returns by symbol for each scenario; scenarios about symbols that are not held are left out.

    Raises
    ------
    ConfigError
        If a shock is no mapping from symbols to numbers.
    """
    from omni_lab.risk import historical_scenarios, shock_scenarios

    past = historical_scenarios(portfolio.ts, portfolio.returns, portfolio.names)
    fears: dict[str, dict[str, float]] = {}
    for name, shock in shocks.items():
        if not isinstance(shock, Mapping):
            raise ConfigError("a shock maps symbols to returns", found=shock, where=f"shocks.{name}")
        moved = numbers_by_symbol(shock, where=f"shocks.{name}")
        if set(moved) <= set(portfolio.names):
            fears[name] = moved
    if not fears:
        return past
    covariance = np.atleast_2d(np.cov(portfolio.returns.T))
    return past.join(shock_scenarios(fears, covariance, portfolio.names))


def risk_table(risks: "Mapping[str, TailRisk]", money: float) -> "pd.DataFrame":
    """VaR and ES of each method as a table to look at, in money and as parts of it."""
    import pandas as pd

    rows = {
        _said(name): {
            "VaR": number(risk.var * money, 0),
            "ES": number(risk.es * money, 0),
            "VaR, share": percent(risk.var, decimals=2),
            "ES, share": percent(risk.es, decimals=2),
            "error of VaR": percent(risk.var_error, decimals=2),
        }
        for name, risk in risks.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def backtest_table(tests: "Mapping[str, tuple[RollingRisk, VarBacktest]]") -> "pd.DataFrame":
    """What came of each method's answers as a table to look at."""
    import pandas as pd

    rows = {}
    for name, (_, test) in tests.items():
        rows[_said(name)] = {
            "exceeded": number(test.n_exceedances, 0),
            "expected": number(test.expected, 0),
            "rate, p": number(test.kupiec.p_value, 3),
            "bunches, p": number(test.independence.p_value, 3),
            "ES, p": number(test.shortfall.p_value, 3) if test.shortfall else "",
            "zone": test.traffic_light.zone,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def measure_frame(
    risks: "Mapping[str, TailRisk]", tests: "Mapping[str, tuple[RollingRisk, VarBacktest]]"
) -> "pd.DataFrame":
    """One row for each method, as numbers: ``method``, ``var``, ``es``, their errors, and what its test said.

    Columns of a method that was not asked day by day are NaN.
    """
    import pandas as pd

    rows = []
    for name in dict.fromkeys((*risks, *tests)):
        risk, test = risks.get(name), tests[name][1] if name in tests else None
        rows.append(
            {
                "method": name,
                **{
                    key: getattr(risk, key) if risk else np.nan
                    for key in ("var", "es", "var_error", "es_error")
                },
                "n_exceedances": float(test.n_exceedances) if test else np.nan,
                "expected": test.expected if test else np.nan,
                "kupiec_p": test.kupiec.p_value if test else np.nan,
                "independence_p": test.independence.p_value if test else np.nan,
                "shortfall_p": test.shortfall.p_value if test and test.shortfall else np.nan,
            }
        )
    return pd.DataFrame(rows)


def metrics(
    risks: "Mapping[str, TailRisk]",
    tests: "Mapping[str, tuple[RollingRisk, VarBacktest]]",
    scenarios: "Scenarios",
    portfolio: Portfolio,
) -> dict[str, float]:
    """Numbers of the report by name; losses are positive fractions of the money, scenarios are returns."""
    totals = scenarios.pnl(portfolio.weights).sum(axis=1)
    return {
        **{f"var_{name}": risk.var for name, risk in risks.items()},
        **{f"es_{name}": risk.es for name, risk in risks.items()},
        **{f"exceeded_{name}": float(test.n_exceedances) for name, (_, test) in tests.items()},
        **{f"expected_{name}": test.expected for name, (_, test) in tests.items()},
        **{f"scenario_{name}": float(total) for name, total in zip(scenarios.names, totals, strict=True)},
        "n_days": float(len(portfolio.ts)),
        "gross": float(np.abs(portfolio.weights).sum()),
        "net": float(portfolio.weights.sum()),
    }


def headline(
    risks: "Mapping[str, TailRisk]",
    tests: "Mapping[str, tuple[RollingRisk, VarBacktest]]",
    scenarios: "Scenarios",
    portfolio: Portfolio,
    money: float,
) -> dict[str, str]:
    """The few numbers a reader wants first, formatted, by label."""
    dearest = max(risks, key=lambda name: risks[name].es)
    totals = scenarios.pnl(portfolio.weights).sum(axis=1)
    known = np.isfinite(totals)
    at = int(np.nanargmin(totals)) if known.any() else 0
    last = list(tests.items())[-1:]
    return {
        f"VaR, {_said(dearest)}": number(risks[dearest].var * money, 0),
        f"ES, {_said(dearest)}": number(risks[dearest].es * money, 0),
        "ES, share": percent(risks[dearest].es),
        **{f"Exceeded, {_said(name)}": f"{t.n_exceedances:,} of {t.expected:.0f}" for name, (_, t) in last},
        "Worst scenario": f"{scenarios.names[at]} {percent(float(totals[at]))}"
        if known.any()
        else "none known",
    }


def conclusions(
    risks: "Mapping[str, TailRisk]",
    tests: "Mapping[str, tuple[RollingRisk, VarBacktest]]",
    components: "ComponentRisk | None",
    portfolio: Portfolio,
    scenarios: "Scenarios",
    regimes: "RegimeFit | None",
) -> list[str]:
    """What the numbers say, in sentences.

    Parameters
    ----------
    risks : mapping of str to TailRisk
        From :func:`measured`.
    tests : mapping of str to (RollingRisk, VarBacktest)
        From :func:`judged`.
    components : ComponentRisk or None
        None where there is one position.
    portfolio : Portfolio
    scenarios : Scenarios
        From :func:`stressed`.
    regimes : RegimeFit or None
        None where none were found.
    """
    sentences = [_range(risks), *_verdicts(tests)]
    if components is not None:
        sentences.append(_concentration(components, portfolio))
    sentences += _worst(portfolio, scenarios)
    if regimes is not None:
        sentences.append(_regime(regimes))
    return sentences


def cautions(portfolio: Portfolio, refusals: Sequence[str]) -> list[str]:
    """What a reader must know before quoting a number."""
    gross = float(np.abs(portfolio.weights).sum())
    found = [*portfolio.caveats, *refusals]
    if portfolio.has_parts:
        found.append("Losses are those of today's weights held through the past, not of what was held then.")
    if gross > 1.0 + 1e-9:
        found.append(
            f"The positions are {number(gross, 2)} times the money: losses are of borrowed money too."
        )
    if not portfolio.has_parts and portfolio.names == (WHOLE,):
        found.append("Only the worth of the whole is known: whose risk it is cannot be said.")
    return found


def _said(method: str) -> str:
    return _WORDS.get(method, method)


def _range(risks: "Mapping[str, TailRisk]") -> str:
    low, high = (pick(risks, key=lambda name: risks[name].es) for pick in (min, max))
    risk = risks[low]
    steps = "a day" if risk.horizon == 1 else f"a stretch of {risk.horizon} days"
    start = f"With {percent(risk.confidence, decimals=1)} confidence {steps} loses no more than "
    if low == high:
        return (
            f"{start}{percent(risk.var, decimals=2)} by {_said(low)}, and beyond that "
            f"{percent(risk.es, decimals=2)} on average."
        )
    return (
        f"{start}{percent(min(each.var for each in risks.values()), decimals=2)} to "
        f"{percent(max(each.var for each in risks.values()), decimals=2)}, by method; beyond that it loses "
        f"{percent(risks[low].es, decimals=2)} on average by {_said(low)} and "
        f"{percent(risks[high].es, decimals=2)} by {_said(high)}."
    )


def _verdicts(tests: "Mapping[str, tuple[RollingRisk, VarBacktest]]") -> list[str]:
    kept = [_said(n) for n, (_, t) in tests.items() if t.conditional_coverage.p_value > _REJECTED]
    broke = [n for n in tests if _said(n) not in kept]
    sentences = []
    if kept:
        sentences.append(f"Asked day by day, {' and '.join(kept)} kept the promise in number and in bunches.")
    if broke:
        worst = max(broke, key=lambda name: tests[name][1].n_exceedances)
        test = tests[worst][1]
        sentences.append(
            f"Asked day by day, {' and '.join(map(_said, broke))} broke the promise, in number or in "
            f"bunches: {_said(worst)} was exceeded on {count(test.n_exceedances, 'day')} where "
            f"{number(test.expected, 0)} were to be expected."
        )
    return sentences


def _concentration(components: "ComponentRisk", portfolio: Portfolio) -> str:
    share = components.es.share
    most = int(np.argmax(share))
    weight = float(portfolio.weights[most] / np.abs(portfolio.weights).sum())
    return (
        f"{portfolio.names[most]} is {percent(weight, decimals=0)} of the positions and "
        f"{percent(float(share[most]), decimals=0)} of the loss in the tail."
    )


def _worst(portfolio: Portfolio, scenarios: "Scenarios") -> list[str]:
    totals = scenarios.pnl(portfolio.weights).sum(axis=1)
    known = np.isfinite(totals)
    if not known.any():
        return ["No old crisis lies within the days that are known."]
    at = int(np.nanargmin(totals))
    missing = [name for name, is_known in zip(scenarios.names, known, strict=True) if not is_known]
    unknown = f" Nothing is known of {', '.join(missing)}: that is not a loss of nothing." if missing else ""
    return [
        f"The worst of the scenarios is {scenarios.names[at]} with {percent(float(totals[at]))}.{unknown}"
    ]


def _regime(regimes: "RegimeFit") -> str:
    now = float(regimes.filtered[-1, -1])
    return (
        f"A calm regime moves {percent(float(regimes.volatilities[0]), decimals=2)} a day, a wild one "
        f"{percent(float(regimes.volatilities[-1]), decimals=2)}; on the last day the wild one had a "
        f"probability of {percent(now, decimals=0)}."
    )
