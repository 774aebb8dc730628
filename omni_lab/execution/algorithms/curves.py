"""How a day's volume is spread over its hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError, DataError, ShapeError
from omni_lab.typing import ArrayLike, FloatArray

DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class VolumeCurve:
    """Volume by time of day, as it usually is.

    Attributes
    ----------
    edges : ndarray of int64, shape (n_bins + 1,)
        Times of day between which a bin lies, nanoseconds after midnight of the market's
        clock, ascending.
    shares : ndarray of float64, shape (n_bins,)
        Share of the day's volume in each, not negative, with a positive sum (they need not add up to 1).

    Raises
    ------
    ShapeError
        If there is not one edge more than shares.
    ConfigError
        If edges fall, or a share is negative or no number.
    """

    edges: ArrayLike
    shares: ArrayLike

    def __post_init__(self) -> None:
        edges = np.asarray(self.edges, dtype=np.int64)
        shares = np.asarray(self.shares, dtype=np.float64)
        if edges.ndim != 1 or shares.ndim != 1 or len(edges) != len(shares) + 1 or not len(shares):
            raise ShapeError(
                "a volume curve has one edge more than shares",
                found=(edges.shape, shares.shape),
                where="VolumeCurve",
            )
        if (np.diff(edges) <= 0).any():
            raise ConfigError("the edges of a volume curve must ascend", where="VolumeCurve.edges")
        if not np.isfinite(shares).all() or (shares < 0.0).any() or shares.sum() <= 0.0:
            raise ConfigError(
                "shares of volume are numbers from 0 on, not all of them 0",
                found=shares.tolist()[:5],
                where="VolumeCurve.shares",
            )
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "shares", shares)

    @classmethod
    def measured(cls, ts: ArrayLike, qty: ArrayLike, *, bin_ns: int = 300_000_000_000) -> VolumeCurve:
        """The average curve of trades that were seen, over all their days.

        Parameters
        ----------
        ts : array-like of int64, shape (n_trades,)
            Nanoseconds on the clock of the market; whole days are cut off, so a clock that starts at midnight
            of one day serves as well.
        qty : array-like of float, shape (n_trades,)
            Their quantities.
        bin_ns : int
            Width of a bin; a whole part of a day. The curve runs from the first bin in which anything ever
            traded to the last.

        Raises
        ------
        DataError
            If there is no volume.
        """
        times, quantities = np.asarray(ts, dtype=np.int64) % DAY_NS, np.asarray(qty, dtype=np.float64)
        if bin_ns <= 0 or DAY_NS % bin_ns:
            raise ConfigError("a bin is a whole part of a day", found=bin_ns, where="VolumeCurve.measured")
        volume = np.bincount(times // bin_ns, weights=quantities, minlength=DAY_NS // bin_ns)
        traded = np.flatnonzero(volume > 0.0)
        if not len(traded):
            raise DataError("there is no volume to measure a curve from", where="VolumeCurve.measured")
        first, last = int(traded[0]), int(traded[-1]) + 1
        return cls(np.arange(first, last + 1, dtype=np.int64) * bin_ns, volume[first:last] / volume.sum())

    def share(self, ts: int) -> float:
        """The share of a day's volume before a time, 0 to 1."""
        edges, shares = np.asarray(self.edges), np.asarray(self.shares)
        done = np.concatenate(([0.0], np.cumsum(shares))) / shares.sum()
        return float(np.interp(ts % DAY_NS, edges, done))


def cumulative(curve: ArrayLike | VolumeCurve | None, start: int, end: int, ts: int) -> float:
    """The share of what trades between two times that a curve expects before ``ts``, 0 to 1.

    Parameters
    ----------
    curve : array-like of float, VolumeCurve or None
        Shares of equal spans of the time from start to end; or by time of day; None for an even pace.
    start, end, ts : int
        Nanoseconds.
    """
    passed = min(max((ts - start) / (end - start), 0.0), 1.0)
    if curve is None:
        return passed
    if isinstance(curve, VolumeCurve):
        # A parent that runs over midnight has whole days between.
        days = (end // DAY_NS - start // DAY_NS, ts // DAY_NS - start // DAY_NS)
        before = curve.share(start)
        whole, done = (days[0] + curve.share(end) - before, days[1] + curve.share(ts) - before)
        return min(max(done / whole, 0.0), 1.0) if whole > 0.0 else passed
    return share_of_spans(np.asarray(curve, dtype=np.float64), passed)


def share_of_spans(shares: FloatArray, passed: float) -> float:
    """The share before a part of the time, of shares of equal spans."""
    done = np.concatenate(([0.0], np.cumsum(shares))) / shares.sum()
    return float(np.interp(passed, np.linspace(0.0, 1.0, len(shares) + 1), done))


def checked_curve(curve: ArrayLike | VolumeCurve | None, where: str) -> FloatArray | VolumeCurve | None:
    """A curve as schedules keep it.

    Raises
    ------
    ConfigError
        If its shares are none.
    """
    if curve is None or isinstance(curve, VolumeCurve):
        return curve
    given: object = curve
    if isinstance(given, Mapping):
        return VolumeCurve(**given)
    shares = np.asarray(curve, dtype=np.float64)
    if (
        shares.ndim != 1
        or not len(shares)
        or not np.isfinite(shares).all()
        or (shares < 0.0).any()
        or not shares.sum()
    ):
        raise ConfigError(
            "a curve is a column of shares from 0 on, not all of them 0", found=np.shape(shares), where=where
        )
    return shares
