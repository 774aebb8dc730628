"""Algorithms beside each other on the same parents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.execution.tca.costs import Costs
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


def compare(
    runs: Mapping[str, Costs], *, base: str | None = None, n_draws: int = 2_000, seed: int = 7
) -> pd.DataFrame:
    """Mean shortfall of each run, and how surely it differs from the base on the same parents.

    Parameters
    ----------
    runs : mapping of str to Costs
        By name; the n-th parent of each is the same order: symbol, side, quantity and start agree.
    base : str, optional
        With which the others are compared; the first by default.
    n_draws, seed : int
        Of the bootstrap of paired differences.

    Returns
    -------
    DataFrame
        One row for each run: ``mean`` and ``deviation`` of the shortfall over parents, ``vs_base`` the mean
        of the paired differences, ``low`` and ``high`` its 95 % band (percentile bootstrap over parents), and
        ``t`` (NaN for the base, and with fewer than two parents); basis points.

    Raises
    ------
    ConfigError
        If there is no such base, or parents differ.
    """
    import pandas as pd

    names = list(runs)
    first = base if base is not None else next(iter(runs), "")
    if first not in runs:
        raise ConfigError("there is no such run", found=first, expected=names, where="compare")
    reference = runs[first].parents
    for name, run in runs.items():
        for column in ("symbol", "side", "qty", "start"):
            if not np.array_equal(run.parents[column], reference[column]):
                raise ConfigError(
                    "runs are compared on the same parents",
                    found=f"{name} and {first} differ in {column}",
                    where="compare",
                )
    bps: dict[str, FloatArray] = {
        name: run.parents["shortfall"] / run.parents["notional"] * 1e4 for name, run in runs.items()
    }
    draws = np.random.default_rng(seed).integers(0, len(bps[first]), (n_draws, len(bps[first])))
    rows = {}
    for name, costs in bps.items():
        apart = costs - bps[first]
        low, high = np.nanpercentile(apart[draws].mean(axis=1), [2.5, 97.5])
        error = apart.std(ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else np.nan
        rows[name] = {
            "mean": costs.mean(),
            "deviation": costs.std(ddof=1) if len(costs) > 1 else np.nan,
            "vs_base": apart.mean(),
            "low": low,
            "high": high,
            "t": apart.mean() / error if name != first and error > 0.0 else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index")
