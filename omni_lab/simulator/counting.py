"""How a run becomes a trial in the ledger: what it ran on, of which family it is, and what came out."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.config import Settings
from omni_lab.data.bars import Bars
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.named import NamedFamily
from omni_lab.simulator.run import Run
from omni_lab.strategies.base import Strategy
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    from omni_lab.simulator.ticks import TickResults
    from omni_lab.store.trials import Trial

# The engine knows mean and scatter of any run; the other moments of a long one would cost as much as the run.
_LONGEST_WITH_SHAPE = 100_000


def family_of(strategy: object) -> str:
    """Which strategies are tries at the same thing: those of one class, or one function.

    The qualified name, without the module where that is a notebook or a script, and without the parameters
    bound by `functools.partial`.
    """
    if isinstance(strategy, functools.partial):
        return family_of(strategy.func)
    if isinstance(strategy, NamedFamily):
        return strategy.name if strategy.kind is None else family_of(strategy.kind)
    named = (
        strategy
        if hasattr(strategy, "__qualname__") and not isinstance(strategy, Strategy)
        else type(strategy)
    )
    module, name = str(getattr(named, "__module__", "")), str(getattr(named, "__qualname__", named))
    return name if module in ("", "__main__") else f"{module}.{name}"


def bound_parameters(strategy: object) -> dict[str, Any]:
    """What `functools.partial` binds by name; nothing of other functions."""
    if not isinstance(strategy, functools.partial):
        return {}
    return {**bound_parameters(strategy.func), **strategy.keywords}


def trial_of(
    run: Run,
    bars: Bars,
    config: SimulationConfig,
    *,
    family: str,
    parameters: Mapping[str, Any],
    source: str,
    kind: str = "",
) -> Trial:
    """The run as a trial; its Sharpe ratio is **per period, not annual**."""
    from omni_lab.portfolio.performance import per_step_rate, returns_from_equity
    from omni_lab.simulator.bar_sessions import steps_per_year

    per_year = steps_per_year(bars.ts, config) if config.risk_free_rate else 1.0
    mean, std = run.stats["mean"], run.stats["std"]
    riskless = per_step_rate(config.risk_free_rate, per_year) if config.risk_free_rate else 0.0
    returns = None
    if bars.n_times <= _LONGEST_WITH_SHAPE or run.stats["max_drawdown"] <= -1.0:
        returns = returns_from_equity(run.equity, config.initial_capital)
    sharpe = (mean - riskless) / std if std > 0.0 else math.nan
    about = (bars.fingerprint, family, settings_hash(config, kind))
    return _trial(sharpe, returns, riskless, bars.n_times, parameters, source, about)


def trial_of_ticks(results: TickResults, family: str) -> Trial:
    """A replay as a trial; its Sharpe ratio is **per sample of the account, not annual**."""
    change = np.diff(results.equity, prepend=results.config.initial_capital)
    about = (results.feed.fingerprint, family, _short_hash(repr(sorted(results.config.to_dict().items()))))
    returns = change / results.config.initial_capital
    return _trial(math.nan, returns, 0.0, len(returns), results.parameters, "run", about)


def trials_of_search(
    sets: Iterable[Mapping[str, Any]],
    sharpe_ratios: Iterable[float],
    returns: Iterable[FloatArray | None],
    bars: Bars,
    config: SimulationConfig,
    *,
    family: str,
    bound: Mapping[str, Any],
    source: str,
    per_year: float,
    kind: str,
) -> list[Trial]:
    """The parameter sets of a search as trials, from their **annual** Sharpe ratios or their returns."""
    from omni_lab.portfolio.performance import per_step_rate

    riskless = per_step_rate(config.risk_free_rate, per_year)
    about = (bars.fingerprint, family, settings_hash(config, kind))
    return [
        _trial(ratio / math.sqrt(per_year), kept, riskless, bars.n_times, {**bound, **each}, source, about)
        for each, ratio, kept in zip(sets, sharpe_ratios, returns, strict=True)
    ]


def _trial(
    sharpe: float,
    returns: FloatArray | None,
    riskless: float,
    n_obs: int,
    parameters: Mapping[str, Any],
    source: str,
    about: tuple[str, str, str],
) -> Trial:
    """A trial, whose shape is known where its returns are."""
    from omni_lab.portfolio.performance import moments_of
    from omni_lab.store.trials import Trial, canonical

    skew = kurtosis = math.nan
    if returns is not None and n_obs <= _LONGEST_WITH_SHAPE:
        mean, std, skew, excess = moments_of(returns)
        sharpe = (mean - riskless) / std if std > 0.0 else math.nan
        kurtosis = excess + 3.0
    data, family, settings = about
    return Trial(
        data=data,
        family=family,
        parameters=canonical(parameters),
        settings=settings,
        source=source,
        sharpe=sharpe,
        n_obs=n_obs,
        skew=skew,
        kurtosis=kurtosis,
    )


def settings_hash(config: SimulationConfig, kind: str = "") -> str:
    """Short hash of everything a run assumes, and of what its targets mean."""
    return _short_hash(repr((sorted(asdict(config).items()), kind)))


def _short_hash(told: str) -> str:
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def record(trials: Iterable[Trial]) -> None:
    """Count trials in the ledger of this project, all at once."""
    from omni_lab.store.trials import TrialLedger

    TrialLedger().record(trials)


def counting(wanted: bool) -> bool:
    """Whether trials are counted: unless a simulator or the environment says no."""
    return wanted and Settings.from_env().count_trials
