"""What the functions of this room ask of their arguments before they compute."""

from omni_lab.errors import ConfigError
from omni_lab.risk._checks import capital, floats, same_length, times

__all__ = ["capital", "floats", "per_year", "rate", "same_length", "times", "window"]


def per_year(periods_per_year: float) -> float:
    """Return the steps per year, NaN where unknown; ConfigError unless positive."""
    if periods_per_year <= 0:
        raise ConfigError(
            "a year has steps", found=periods_per_year, expected="a positive number", where="periods_per_year"
        )
    return periods_per_year


def rate(annual_rate: float) -> float:
    """Return the rate; ConfigError where it could not be compounded."""
    if annual_rate <= -1:
        raise ConfigError(
            "the annual rate is not a decimal fraction",
            found=annual_rate,
            expected="a number above -1, as 0.03 for 3%",
            where="risk_free_rate or target",
        )
    return annual_rate


def window(n_returns: int) -> None:
    """Raise ConfigError unless the window is long enough for a standard deviation."""
    if n_returns < 2:
        raise ConfigError(
            "the window is too short", found=n_returns, expected="at least 2 returns", where="window"
        )
