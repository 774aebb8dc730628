"""What best bid and ask tell: middle, spread, imbalance, order flow, and what the flow does to the price.

Prices are floats in the currency, sizes in lots or shares. A side that is empty is NaN in price and 0 in
size, and whatever needs it is NaN.
"""

from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.typing import ArrayLike, FloatArray, IntArray


def mid_price(bid: ArrayLike, ask: ArrayLike) -> FloatArray:
    """Half way between best bid and ask; NaN where a side is empty."""
    bids, asks = _same(bid=bid, ask=ask)
    return (bids + asks) / 2.0


def quoted_spread(bid: ArrayLike, ask: ArrayLike, *, bps: bool = False) -> FloatArray:
    """Ask minus bid.

    Parameters
    ----------
    bid, ask : array-like of float, shape (n,)
        Best prices.
    bps : bool
        In ten-thousandths of the middle rather than in the currency.

    Returns
    -------
    ndarray of float64, shape (n,)
        Negative where the book is crossed; NaN where a side is empty.
    """
    bids, asks = _same(bid=bid, ask=ask)
    spread = asks - bids
    return spread / mid_price(bids, asks) * 1e4 if bps else spread


def microprice(bid: ArrayLike, bid_qty: ArrayLike, ask: ArrayLike, ask_qty: ArrayLike) -> FloatArray:
    """Middle weighted by the sizes of the other side: it leans toward the side that is about to be used up.

    Parameters
    ----------
    bid, ask : array-like of float, shape (n,)
        Best prices.
    bid_qty, ask_qty : array-like of float, shape (n,)
        Sizes at the best prices.

    Returns
    -------
    ndarray of float64, shape (n,)
        Between bid and ask; NaN where a side is empty.

    References
    ----------
    .. [1] Gatheral and Oomen, "Zero-intelligence realized variance estimation", Finance and Stochastics 14,
       2010.
    """
    bids, bid_sizes, asks, ask_sizes = _same(bid=bid, bid_qty=bid_qty, ask=ask, ask_qty=ask_qty)
    total = bid_sizes + ask_sizes
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, (bids * ask_sizes + asks * bid_sizes) / total, np.nan)


def queue_imbalance(bid_qty: ArrayLike, ask_qty: ArrayLike) -> FloatArray:
    """``(bid − ask) / (bid + ask)`` of the best sizes: 1 only bids, −1 only asks, NaN for an empty book."""
    bids, asks = _same(bid_qty=bid_qty, ask_qty=ask_qty)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (bids - asks) / (bids + asks)


def order_flow_imbalance(
    bid: ArrayLike, bid_qty: ArrayLike, ask: ArrayLike, ask_qty: ArrayLike
) -> FloatArray:
    """What each change of the best prices and sizes adds to demand, less what it adds to supply.

    Parameters
    ----------
    bid, ask : array-like of float, shape (n,)
        Best prices after each change, NaN for an empty side.
    bid_qty, ask_qty : array-like of float, shape (n,)
        Sizes at the best prices.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of the sizes; positive for buying pressure. The first is 0, as nothing is known before it.
        An empty bid counts as a bid below every price, an empty ask as an ask above every price.

    References
    ----------
    .. [1] Cont, Kukanov and Stoikov, "The price impact of order book events", Journal of Financial
       Econometrics 12(1), 2014, section 2.1.
    """
    bids, bid_sizes, asks, ask_sizes = _same(bid=bid, bid_qty=bid_qty, ask=ask, ask_qty=ask_qty)
    flow = np.zeros(len(bids))
    low, high = np.where(np.isnan(bids), -np.inf, bids), np.where(np.isnan(asks), np.inf, asks)
    flow[1:] = (
        (low[1:] >= low[:-1]) * bid_sizes[1:]
        - (low[1:] <= low[:-1]) * bid_sizes[:-1]
        - (high[1:] <= high[:-1]) * ask_sizes[1:]
        + (high[1:] >= high[:-1]) * ask_sizes[:-1]
    )
    return flow


def effective_spread(price: ArrayLike, mid: ArrayLike, aggressor: ArrayLike) -> FloatArray:
    """Twice what a taker paid beyond the middle, in the currency.

    Parameters
    ----------
    price : array-like of float, shape (n,)
        Of the trades.
    mid : array-like of float, shape (n,)
        Just before each trade.
    aggressor : array-like of int, shape (n,)
        1 for a buyer, 2 for a seller, 0 where unknown.

    Returns
    -------
    ndarray of float64, shape (n,)
        Negative for a price better than the middle; NaN where the aggressor is unknown.
    """
    prices, mids, who = _same(price=price, mid=mid, aggressor=aggressor)
    sign = np.select([who == 1, who == 2], [1.0, -1.0], np.nan)
    return 2.0 * sign * (prices - mids)


def time_weighted_mean(ts: IntArray, values: ArrayLike, end: int) -> float:
    """Mean of a value that holds until the next one, from the first time to `end`.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
        Nanoseconds, not falling.
    values : array-like of float, shape (n,)
        Stretches of NaN are left out.
    end : int
        Until when the last value holds.

    Returns
    -------
    float
        NaN if no time passes with a value.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape != np.shape(ts):
        raise ShapeError("a value has a time", found=array.shape, expected=str(np.shape(ts)), where="values")
    lasts = np.diff(np.append(ts, max(end, int(ts[-1])) if len(ts) else end)).astype(np.float64)
    there = np.isfinite(array)
    total = float(lasts[there].sum())
    return float((array[there] * lasts[there]).sum() / total) if total > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class LinearImpact:
    """A line through price changes over order-flow imbalance.

    Attributes
    ----------
    slope : float
        Price change for each unit of imbalance.
    intercept : float
        Price change without imbalance.
    r_squared : float
        Part of the variance that the line explains; NaN without variance.
    t_statistic : float
        Of the slope, with White's errors, which allow the noise to grow with the flow.
    n : int
        Intervals with both values.
    """

    slope: float
    intercept: float
    r_squared: float
    t_statistic: float
    n: int


def fit_linear_impact(flow: ArrayLike, price_change: ArrayLike) -> LinearImpact:
    """Least squares of ``Δprice = intercept + slope · flow``, as Cont, Kukanov and Stoikov (2014) fit it.

    Parameters
    ----------
    flow : array-like of float, shape (n,)
        Order-flow imbalance of each interval.
    price_change : array-like of float, shape (n,)
        Change of the middle over the same interval; pairs with a NaN are left out.

    Returns
    -------
    LinearImpact
        All NaN with fewer than three pairs or without variance in the flow.

    References
    ----------
    .. [1] Cont, Kukanov and Stoikov, "The price impact of order book events", Journal of Financial
       Econometrics 12(1), 2014, equation 3.
    .. [2] White, "A heteroskedasticity-consistent covariance matrix estimator", Econometrica 48(4), 1980.
    """
    x, y = _same(flow=flow, price_change=price_change)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    n, nan = len(x), float("nan")
    centred = x - x.mean() if n else x
    spread = float(centred @ centred)
    if n < 3 or spread == 0.0:
        return LinearImpact(nan, nan, nan, nan, n)
    slope = float(centred @ y) / spread
    intercept = float(y.mean() - slope * x.mean())
    noise = y - intercept - slope * x
    total = float(np.sum((y - y.mean()) ** 2))
    error = float(np.sqrt(np.sum((centred * noise) ** 2))) / spread
    return LinearImpact(
        slope=slope,
        intercept=intercept,
        r_squared=1.0 - float(noise @ noise) / total if total > 0 else nan,
        t_statistic=slope / error if error > 0 else nan,
        n=n,
    )


def _same(**columns: ArrayLike) -> tuple[FloatArray, ...]:
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        raise ShapeError("the columns must be equally long", found=shapes)
    return tuple(arrays.values())
