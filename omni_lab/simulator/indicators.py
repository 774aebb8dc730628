"""Indicators over whole panels of bars, by the kernels that a strategy's own run through."""

from __future__ import annotations

from omni_lab.data.bars import Bars
from omni_lab.strategies.indicators import Expression
from omni_lab.typing import FloatArray


def indicator_values(bars: Bars, expression: Expression) -> FloatArray:
    """An indicator of every instrument at every bar.

    Equal to the last bit to what ``ctx.declare(expression)`` shows at that bar.

    Parameters
    ----------
    bars : Bars
        What to compute it of.
    expression : Expression
        From :mod:`omni_lab.strategies.indicators`, such as ``rsi(14)``.

    Returns
    -------
    ndarray of float64, shape (n_times, n_symbols)
        NaN where there is no bar, and until the instrument has had enough of them.

    Raises
    ------
    ConfigError
        If the window is too small.
    SchemaError
        If the bars lack a column that it looks at.
    """
    return bars.native.indicator(*expression.spelled)
