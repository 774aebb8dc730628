"""Arrivals that excite each other: Hawkes processes with exponential kernels, and their closed forms.

The intensity of kind i is ``λ_i(t) = μ_i + Σ_j Σ_{s < t} n_ij β_ij exp(−β_ij (t − s))``, s running over the
arrivals of kind j. So ``n_ij`` is how many arrivals of kind i one of kind j causes directly, on average, and
``1/β_ij`` how long it takes. Paths are in `hawkes_paths`, fits in `hawkes_fit`. Times are in seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError, ModelError
from omni_lab.models._checks import column, require_not_negative, rising
from omni_lab.models._decay import sums_before
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Hawkes:
    """Parameters of a process with d kinds of arrivals.

    Parameters
    ----------
    baseline : array-like of float, shape (d,)
        μ, arrivals a second that nothing caused; a number stands for one kind. Not negative, some above 0.
    branching : array-like of float, shape (d, d)
        n: row i, column j is what kind j causes of kind i; not negative.
    decay : array-like of float, shape (d, d)
        β, for each second; above 0. A number stands for all.

    Raises
    ------
    ConfigError
        If shapes do not fit, or a number is out of range.

    References
    ----------
    .. [1] Hawkes, "Spectra of some self-exciting and mutually exciting point processes", Biometrika 58(1),
       1971.
    """

    baseline: FloatArray
    branching: FloatArray
    decay: FloatArray

    def __init__(self, baseline: ArrayLike, branching: ArrayLike, decay: ArrayLike) -> None:
        mu = np.atleast_1d(np.asarray(baseline, dtype=np.float64))
        n = np.atleast_2d(np.asarray(branching, dtype=np.float64))
        d = len(mu)
        beta = np.asarray(decay, dtype=np.float64)
        if mu.ndim != 1 or n.shape != (d, d) or beta.shape not in {(), (d, d)}:
            raise ConfigError(
                "the parameters do not fit together",
                found={"baseline": mu.shape, "branching": n.shape, "decay": beta.shape},
                expected="(d,), (d, d) and (d, d)",
                where="Hawkes",
            )
        beta = np.full((d, d), float(beta)) if beta.shape == () else beta.copy()
        for name, values, fine in (
            ("baseline", mu, mu >= 0),
            ("branching", n, n >= 0),
            ("decay", beta, beta > 0),
        ):
            if not (np.isfinite(values).all() and fine.all()):
                expected = "above 0" if name == "decay" else "not negative"
                raise ConfigError(f"{name} out of range", found=values, expected=expected, where="Hawkes")
        for name, values in (("baseline", mu.copy()), ("branching", n.copy()), ("decay", beta)):
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    @property
    def n_kinds(self) -> int:
        """How many kinds of arrivals."""
        return len(self.baseline)

    @property
    def branching_ratio(self) -> float:
        """Spectral radius of the branching matrix: which part of all arrivals others caused, for one kind."""
        return float(np.abs(np.linalg.eigvals(self.branching)).max())

    @property
    def is_stationary(self) -> bool:
        """Whether the branching ratio is below 1, so that the intensity does not grow without end."""
        return self.branching_ratio < 1.0

    def mean_intensity(self) -> FloatArray:
        """``(1 − n)⁻¹ μ``, arrivals a second in the long run, shape (d,).

        Raises
        ------
        ModelError
            If the process is not stationary.
        """
        return np.asarray(self._descendants() @ self.baseline)

    def count_covariance_rate(self) -> FloatArray:
        """Covariance of the counts of a long stretch, for each second of it, shape (d, d).

        ``(1 − n)⁻¹ diag(Λ) (1 − n)⁻ᵀ`` with the mean intensity Λ: the spectrum at frequency 0.

        Raises
        ------
        ModelError
            If the process is not stationary.
        """
        descendants = self._descendants()
        return np.asarray((descendants * self.mean_intensity()) @ descendants.T)

    def autocovariance(self, lag: ArrayLike) -> FloatArray:
        """Covariance density of one kind of arrivals at positive lags, for each second squared.

        ``Λ n β (2 − n) / (2 (1 − n)) · exp(−β (1 − n) τ)``; the atom Λ at lag 0 is not part of it.

        Parameters
        ----------
        lag : array-like of float
            Seconds, above 0.

        Returns
        -------
        ndarray of float64
            As the lags.

        Raises
        ------
        ModelError
            If there are several kinds, or the process is not stationary.

        References
        ----------
        .. [1] Hawkes (1971), his example of one kind with α = nβ.
        """
        height, rate = self._covariance_shape()
        return np.asarray(height * np.exp(-rate * np.asarray(lag, dtype=np.float64)))

    def count_variance(self, window: float) -> float:
        """Variance of how many arrivals of one kind a window sees.

        Parameters
        ----------
        window : float
            Seconds.

        Returns
        -------
        float
            ``Λh + 2 ∫₀ʰ (h − τ) c(τ) dτ`` with the autocovariance c: more than the Λh of a Poisson process.

        Raises
        ------
        ModelError
            If there are several kinds, or the process is not stationary.
        """
        require_not_negative("Hawkes.count_variance", window=window)
        height, rate = self._covariance_shape()
        clustered = window / rate + np.expm1(-rate * window) / rate**2
        return float(self.mean_intensity()[0] * window + 2.0 * height * clustered)

    def intensity(self, at: ArrayLike, arrivals: Sequence[ArrayLike]) -> FloatArray:
        """Intensity of each kind at given times, just before what arrives then.

        Parameters
        ----------
        at : array-like of float, shape (n,)
            Seconds, not falling.
        arrivals : sequence of d array-likes of float
            Seconds of the arrivals of each kind, not falling.

        Returns
        -------
        ndarray of float64, shape (d, n)
            Arrivals a second.

        Raises
        ------
        ConfigError
            If there is not one column for each kind.
        DataError
            If times fall.
        """
        times = rising(at, "Hawkes.intensity: at")
        events = self.checked(arrivals)
        rates = np.repeat(self.baseline[:, np.newaxis], len(times), axis=1)
        for i in range(self.n_kinds):
            for j, of in enumerate(events):
                beta = float(self.decay[i, j])
                rates[i] += self.branching[i, j] * beta * sums_before(times, of, beta)[0]
        return rates

    def compensator(self, at: ArrayLike, kind: int, arrivals: Sequence[ArrayLike]) -> FloatArray:
        """How many arrivals of a kind were to be expected from 0 to each time, given all before.

        Parameters
        ----------
        at : array-like of float, shape (n,)
            Seconds from 0 on, not falling.
        kind : int
            Which.
        arrivals : sequence of d array-likes of float
            Seconds of the arrivals of each kind, not falling.

        Returns
        -------
        ndarray of float64, shape (n,)
            The integral of the intensity.

        Raises
        ------
        ConfigError
            If there is not one column for each kind.
        DataError
            If times fall.
        """
        times = rising(at, "Hawkes.compensator: at")
        total: FloatArray = float(self.baseline[kind]) * times
        for j, of in enumerate(self.checked(arrivals)):
            n_before = np.searchsorted(of, times, side="left")
            left = sums_before(times, of, float(self.decay[kind, j]))[0]
            total = total + self.branching[kind, j] * (n_before - left)
        return total

    def residuals(self, arrivals: Sequence[ArrayLike]) -> list[FloatArray]:
        """Waiting times between the arrivals of each kind, counted in expected arrivals.

        Under the right model they are independent and exponential with mean 1, whatever the clusters; that is
        the time-rescaling theorem, and `scipy.stats.kstest` against ``"expon"`` is the test.

        Parameters
        ----------
        arrivals : sequence of d array-likes of float
            Seconds from 0 on of the arrivals of each kind, not falling.

        Returns
        -------
        list of d ndarrays of float64
            As many as arrivals; the first is counted from time 0.

        References
        ----------
        .. [1] Ogata, "Statistical models for earthquake occurrences and residual analysis for point
           processes", Journal of the American Statistical Association 83(401), 1988.
        """
        events = self.checked(arrivals)
        return [np.diff(self.compensator(of, i, events), prepend=0.0) for i, of in enumerate(events)]

    def checked(self, arrivals: Sequence[ArrayLike]) -> list[FloatArray]:
        """The arrivals as one checked column for each kind.

        Raises
        ------
        ConfigError
            If there is not one column for each kind.
        DataError
            If times fall.
        """
        if len(arrivals) != self.n_kinds or any(np.ndim(of) != 1 for of in arrivals):
            raise ConfigError(
                "each kind has a column of arrivals",
                found=[np.shape(of) for of in arrivals],
                expected=f"{self.n_kinds} columns",
                where="arrivals",
                hint="Give a list of columns, also for one kind: [times].",
            )
        return [rising(column(of, "arrivals"), f"arrivals of kind {i}") for i, of in enumerate(arrivals)]

    def _descendants(self) -> FloatArray:
        if not self.is_stationary:
            raise ModelError(
                "a process that is not stationary has no mean",
                found=f"branching ratio {self.branching_ratio:.4g}",
                expected="below 1",
                where="Hawkes",
            )
        return np.asarray(np.linalg.inv(np.eye(self.n_kinds) - self.branching))

    def _covariance_shape(self) -> tuple[float, float]:
        """Height at lag 0 and rate of decay of the covariance density of one kind."""
        if self.n_kinds != 1:
            raise ModelError(
                "closed form for one kind only",
                found=f"{self.n_kinds} kinds",
                where="Hawkes",
                hint="count_covariance_rate has any number of kinds.",
            )
        mean = float(self.mean_intensity()[0])
        n, beta = float(self.branching[0, 0]), float(self.decay[0, 0])
        return mean * n * beta * (2.0 - n) / (2.0 * (1.0 - n)), beta * (1.0 - n)
