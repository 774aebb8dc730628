"""How far one order moves the price, and what that costs: a line, or the square root of its size.

A quantity is positive when bought. Impact has the sign of the quantity; cost is what was paid beyond the
price at the start, so it is positive for buyers and sellers alike.
"""

import numpy as np

from omni_lab.models._checks import require_not_negative, require_positive
from omni_lab.typing import ArrayLike, FloatArray


def linear_impact(quantity: ArrayLike, *, slope: float) -> FloatArray:
    """``slope · q``, the price change that a quantity leaves behind.

    Parameters
    ----------
    quantity : array-like of float
        Positive when bought.
    slope : float
        Price units for each unit; Kyle's lambda.

    Returns
    -------
    ndarray of float64
        Price units.

    Raises
    ------
    ConfigError
        If the slope is negative.

    References
    ----------
    .. [1] Kyle, "Continuous auctions and insider trading", Econometrica 53(6), 1985.
    """
    require_not_negative("linear_impact", slope=slope)
    return slope * np.asarray(quantity, dtype=np.float64)


def linear_cost(quantity: ArrayLike, *, slope: float) -> FloatArray:
    """``slope · q² / 2``: each unit pays for the impact of those before it.

    Parameters
    ----------
    quantity : array-like of float
        Positive when bought.
    slope : float
        Price units for each unit.

    Returns
    -------
    ndarray of float64
        Money.

    Raises
    ------
    ConfigError
        If the slope is negative.
    """
    q = np.asarray(quantity, dtype=np.float64)
    return linear_impact(q, slope=slope) * q / 2.0


def square_root_impact(
    quantity: ArrayLike, *, sigma: float, volume: float, coefficient: float = 1.0
) -> FloatArray:
    """``Y σ sign(q) sqrt(|q| / V)``: what is observed at the end of large orders on most markets.

    Parameters
    ----------
    quantity : array-like of float
        Of the whole order, positive when bought.
    sigma : float
        Volatility of the price over some time, in price units (or as a part of the price).
    volume : float
        Traded by all in that time, in the unit of the quantity.
    coefficient : float
        Y, near 1 in the literature.

    Returns
    -------
    ndarray of float64
        In the unit of sigma.

    Raises
    ------
    ConfigError
        If the volume is not above 0, or another parameter is negative.

    References
    ----------
    .. [1] Tóth, Lempérière, Deremble, de Lataillade, Kockelkoren and Bouchaud, "Anomalous price impact and
       the critical nature of liquidity in financial markets", Physical Review X 1, 2011, equation 1.
    """
    require_positive("square_root_impact", volume=volume)
    require_not_negative("square_root_impact", sigma=sigma, coefficient=coefficient)
    q = np.asarray(quantity, dtype=np.float64)
    return coefficient * sigma * np.sign(q) * np.sqrt(np.abs(q) / volume)


def square_root_cost(
    quantity: ArrayLike, *, sigma: float, volume: float, coefficient: float = 1.0
) -> FloatArray:
    """``2/3 · |q| · |impact|``: the law holds on the way, so the average unit pays two thirds of the end.

    Parameters
    ----------
    quantity : array-like of float
        Of the whole order.
    sigma, volume, coefficient : float
        As in :func:`square_root_impact`.

    Returns
    -------
    ndarray of float64
        Money, if sigma is in price units.

    Raises
    ------
    ConfigError
        As :func:`square_root_impact`.
    """
    q = np.asarray(quantity, dtype=np.float64)
    end = square_root_impact(q, sigma=sigma, volume=volume, coefficient=coefficient)
    return 2.0 / 3.0 * q * end
