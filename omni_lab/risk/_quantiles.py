"""Quantile and tail mean of the standard normal and of Student's t, as factors of a scale."""

from omni_lab.risk import _checks as check


def normal_factors(confidence: float) -> tuple[float, float]:
    """Loss quantile and mean loss beyond it of a standard normal: ``z`` and ``φ(z) / (1 − c)``."""
    from scipy.stats import norm

    z = float(norm.ppf(check.confidence(confidence)))
    return z, float(norm.pdf(z)) / (1.0 - confidence)


def student_factors(confidence: float, dof: float) -> tuple[float, float]:
    """The same of a t with scale 1 (its variance is ``dof / (dof − 2)``).

    The mean beyond the quantile is ``g(q) / (1 − c) · (dof + q²) / (dof − 1)``.

    References
    ----------
    .. [1] McNeil, Frey and Embrechts, "Quantitative Risk Management", 2015, example 2.15.
    """
    from scipy.stats import t

    q = float(t.ppf(check.confidence(confidence), dof))
    return q, float(t.pdf(q, dof)) / (1.0 - confidence) * (dof + q * q) / (dof - 1.0)
