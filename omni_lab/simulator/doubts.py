"""Doubts about where the profit of a backtest came from, and whether there is one at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.figures.words import number, percent
from omni_lab.portfolio.significance import min_track_record_length
from omni_lab.simulator.capacity import volatility
from omni_lab.simulator.marks import last_known
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    from omni_lab.simulator.results import BacktestResults

CONFIDENCE = 0.95
_BEST_STEPS = 5
_LEAST_STEPS = 60  # fewer say too little about where profit came from
_PERIODS = 5
_REGIMES = 3
_CONCENTRATED = 0.8  # of the profit, in one fifth of the time or one third of the volatility
_ONE_NAME = 0.6


def doubts(results: BacktestResults) -> list[str]:
    """Sentences; none for a run that never traded, whose other warnings say so."""
    if results["n_fills"] == 0:
        return []
    notes = [_luck(results)]
    profit = np.diff(results.equity, prepend=results.config.initial_capital)
    if len(profit) >= _LEAST_STEPS and profit.sum() > 0.0:
        notes += [_best_steps(profit), _one_period(results, profit), _one_regime(results, profit)]
        notes.append(_one_name(results))
    if not results.counted:
        notes.append("The run was not counted as a trial: nobody will know how many others there were.")
    return [note for note in notes if note]


def _luck(results: BacktestResults) -> str:
    told = results.significance(confidence=CONFIDENCE, n_samples=0)
    if math.isnan(told.psr):
        return ""
    ratio = f"The Sharpe ratio of {number(told.sharpe_ratio)}"
    if told.sharpe_ratio <= 0.0:
        return f"{ratio} is not above zero."
    if told.psr < CONFIDENCE:
        # The length is that of the probability: the two say the same, one of them in years.
        needed = min_track_record_length(
            told.sharpe_ratio / math.sqrt(told.periods_per_year), skew=told.skew, kurtosis=told.kurtosis
        )
        years = number(needed / told.periods_per_year, 1)
        return (
            f"{ratio} cannot be told from zero (PSR {percent(told.psr, decimals=0)}): it would take {years} "
            f"years of such returns, and there are {number(told.years, 1)}."
        )
    if told.n_trials > 1 and told.dsr < CONFIDENCE:
        return (
            f"{ratio} is what a search can find where there is nothing: {number(told.n_trials, 0)} trials of "
            f"this strategy were made on these data, and the best of as many without merit is expected to "
            f"show {number(told.expected_max)} (DSR {percent(told.dsr, decimals=0)})."
        )
    return ""


def _best_steps(profit: FloatArray) -> str:
    rest = float(profit.sum() - np.partition(profit, -_BEST_STEPS)[-_BEST_STEPS:].sum())
    if rest > 0.0:
        return ""
    return f"Without its best {_BEST_STEPS} steps of {len(profit):,} it would have made nothing."


def _one_period(results: BacktestResults, profit: FloatArray) -> str:
    edges = np.linspace(0, len(profit), _PERIODS + 1).astype(np.int64)
    made = np.add.reduceat(profit, edges[:-1]) / profit.sum()
    best = int(made.argmax())
    if made[best] <= _CONCENTRATED:
        return ""
    first, last = (
        str(results.ts[step].astype("datetime64[ns]").astype("datetime64[D]"))
        for step in (edges[best], edges[best + 1] - 1)
    )
    return f"One fifth of the time, {first} to {last}, {_made(made[best])}."


def _one_regime(results: BacktestResults, profit: FloatArray) -> str:
    prices = last_known(results.bars.close())
    if np.isnan(prices).all(axis=1).any():
        return ""
    restless = np.nanmean(volatility(prices), axis=1) if prices.shape[1] > 1 else volatility(prices)[:, 0]
    cuts = np.quantile(restless, np.arange(1, _REGIMES) / _REGIMES)
    made = np.bincount(np.searchsorted(cuts, restless), weights=profit, minlength=_REGIMES) / profit.sum()
    best = int(made.argmax())
    if made[best] <= _CONCENTRATED:
        return ""
    which = ("calmest", "middling", "most restless")[best]
    return f"The {which} third of the market, by volatility before each step, {_made(made[best])}."


def _one_name(results: BacktestResults) -> str:
    if len(results.symbols) < 2:
        return ""
    made = results.pnl_by_symbol
    total = float(made.sum())
    if total <= 0.0 or made.max() <= _ONE_NAME * total:
        return ""
    return (
        f"One of {len(made)} instruments, {results.symbols[int(made.argmax())]}, {_made(made.max() / total)}."
    )


def _made(part: float) -> str:
    if part > 1.0:
        return "made more than the whole profit: all else lost"
    return f"made {percent(part, decimals=0)} of the profit"
