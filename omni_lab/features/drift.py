"""Drift: how far the values of a feature have moved from those that somebody got used to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.typing import ArrayLike, FloatArray

STABLE, MOVED = 0.1, 0.25
"""Population stability indices from which a feature is watched, and from which it has moved."""

_FEWEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How two samples of a feature differ.

    Attributes
    ----------
    psi : float
        Population stability index; 0 where every bin has the same share of both.
    ks : float
        Largest distance between the two distribution functions, from 0 to 1.
    p_value : float
        Of that distance, were both samples drawn independently from one distribution. Features that
        remember themselves pass for moved too often: believe the sizes first.
    n_reference, n_recent : int
        Values that are numbers.
    shift : float
        Change of the median, in standard deviations of the reference; NaN where that does not vary.
    edges : ndarray of float64, shape (n_bins + 1,)
        Of the bins, from −∞ to ∞.
    reference, recent : ndarray of float64, shape (n_bins,)
        Share of each sample in each bin; they sum to 1.
    """

    psi: float
    ks: float
    p_value: float
    n_reference: int
    n_recent: int
    shift: float
    edges: FloatArray
    reference: FloatArray
    recent: FloatArray

    @property
    def verdict(self) -> str:
        """``"stable"``, ``"watch"`` or ``"moved"``, by the index alone."""
        return "moved" if self.psi >= MOVED else "watch" if self.psi >= STABLE else "stable"


def drift(reference: ArrayLike, recent: ArrayLike, *, n_bins: int = 10) -> Drift:
    r"""How far recent values of a feature are from earlier ones.

    .. math:: \mathrm{PSI} = \sum_b (q_b - p_b) \ln \frac{q_b}{p_b}

    over bins that hold equal parts of the reference. An empty bin counts as half a value, so that the index
    is finite.

    Parameters
    ----------
    reference, recent : array_like of float, shape (n_reference,), (n_recent,)
        NaN and infinities are left out.
    n_bins : int, default 10
        Bins; fewer where many values of the reference are equal.

    Returns
    -------
    Drift

    Raises
    ------
    ConfigError
        If there are fewer than two bins.
    DataError
        If a sample has fewer than 8 numbers.

    References
    ----------
    .. [1] Siddiqi, "Credit Risk Scorecards", 2006, chapter 9, for the index and its limits 0.1 and 0.25.
    .. [2] Hodges, "The significance probability of the Smirnov two-sample test", Arkiv för Matematik 3, 1958,
       for the probability.
    """
    from scipy.stats import ks_2samp

    if n_bins < 2:
        raise ConfigError("drift needs two bins or more", found=n_bins, where="n_bins")
    old, new = _numbers(reference, "reference"), _numbers(recent, "recent")
    inner = np.unique(np.quantile(old, np.linspace(0.0, 1.0, n_bins + 1)[1:-1]))
    edges = np.concatenate([[-np.inf], inner, [np.inf]])
    shares = [_shares(values, inner) for values in (old, new)]
    floors = [np.maximum(part, 0.5 / len(values)) for part, values in zip(shares, (old, new), strict=True)]
    psi = float(np.sum((floors[1] - floors[0]) * np.log(floors[1] / floors[0])))
    smirnov = ks_2samp(old, new)
    spread = float(old.std(ddof=1))
    moved = float(np.median(new) - np.median(old))
    return Drift(
        psi=psi,
        ks=float(smirnov.statistic),
        p_value=float(smirnov.pvalue),
        n_reference=len(old),
        n_recent=len(new),
        shift=moved / spread if spread > 0.0 else float("nan"),
        edges=edges,
        reference=shares[0],
        recent=shares[1],
    )


def _numbers(values: ArrayLike, name: str) -> FloatArray:
    found = np.asarray(values, dtype=np.float64).ravel()
    found = found[np.isfinite(found)]
    if len(found) < _FEWEST:
        raise DataError(
            "too few values to speak of drift", found=len(found), expected=f"{_FEWEST} or more", where=name
        )
    return found


def _shares(values: FloatArray, inner: FloatArray) -> FloatArray:
    """Share of the values in each bin; one on an edge belongs to the bin below it."""
    counts = np.bincount(np.searchsorted(inner, values, side="left"), minlength=len(inner) + 1)
    return np.asarray(counts / len(values), dtype=np.float64)
