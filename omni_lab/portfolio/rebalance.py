"""From weights to orders: what to trade, in whole lots, to hold what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.typing import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebalance:
    """What to trade; a row for each instrument, in the order given.

    Attributes
    ----------
    symbols : tuple of str
    price : ndarray of float64, shape (n,)
        That quantities were found from, currency.
    held, target, change : ndarray of float64, shape (n,)
        Quantities, negative where short; the target in whole lots, the change what to buy (+) or sell (−).
    notional : ndarray of float64, shape (n,)
        Of the change, currency, not negative.
    cost : ndarray of float64, shape (n,)
        Expected, currency.
    weight_before, weight_after, weight_aimed : ndarray of float64, shape (n,)
        Shares of equity.
    """

    symbols: tuple[str, ...]
    price: FloatArray
    held: FloatArray
    target: FloatArray
    change: FloatArray
    notional: FloatArray
    cost: FloatArray
    weight_before: FloatArray
    weight_after: FloatArray
    weight_aimed: FloatArray

    @property
    def turnover(self) -> float:
        """Notional traded over equity."""
        return float(np.abs(self.weight_after - self.weight_before).sum())

    def rows(self) -> list[dict[str, float | str]]:
        """The orders alone, the largest first: symbol, side, qty, price, notional, cost, weights."""
        order = sorted(np.flatnonzero(self.change), key=lambda row: -self.notional[row])
        return [
            {
                "symbol": self.symbols[row],
                "side": "BUY" if self.change[row] > 0.0 else "SELL",
                "qty": float(abs(self.change[row])),
                "price": float(self.price[row]),
                "notional": float(self.notional[row]),
                "cost": float(self.cost[row]),
                "weight_before": float(self.weight_before[row]),
                "weight_after": float(self.weight_after[row]),
            }
            for row in order
        ]


def rebalance(
    weights: Mapping[str, float],
    prices: Mapping[str, float],
    held: Mapping[str, float],
    *,
    equity: float,
    lot_size: float | Mapping[str, float] = 1.0,
    cost_bps: float = 0.0,
    least_notional: float = 0.0,
) -> Rebalance:
    """What to trade to hold weights.

    A quantity is rounded toward zero to whole lots, so that no more is invested than was decided. What is
    held of an instrument without a weight is sold.

    Parameters
    ----------
    weights : mapping of str to float
        Shares of equity by symbol, negative for short.
    prices : mapping of str to float
        Currency, positive; of every symbol that is weighed or held.
    held : mapping of str to float
        Quantities, signed.
    equity : float
        Currency, positive.
    lot_size : float or mapping
        Quantities come in multiples of it.
    cost_bps : float
        What trading costs, in basis points of the notional.
    least_notional : float
        Changes smaller than this are left, unless they close a position.

    Raises
    ------
    ConfigError
        If equity or a lot is not positive.
    DataError
        If a price is missing or not positive.
    """
    symbols = tuple(dict.fromkeys([*weights, *(name for name, qty in held.items() if qty)]))
    lots = {name: lot_size if isinstance(lot_size, int | float) else lot_size[name] for name in symbols}
    if not equity > 0.0 or not all(lot > 0.0 for lot in lots.values()):
        raise ConfigError("equity and lots are positive", found={"equity": equity, "lots": lots})
    lacking = [name for name in symbols if not prices.get(name, float("nan")) > 0.0]
    if lacking:
        raise DataError("there is no price of some instruments", found=lacking, where="prices")
    price = _row(prices, symbols)
    lot = _row(lots, symbols)
    aimed, now = _row(weights, symbols), _row(held, symbols)
    whole = np.trunc(np.round(aimed * equity / price / lot, 9)) * lot
    target = np.where(aimed == 0.0, 0.0, whole)
    small = (np.abs(target - now) * price < least_notional) & (target != 0.0)
    target = np.where(small, now, target)
    change = target - now
    notional = np.abs(change) * price
    return Rebalance(
        symbols=symbols,
        price=price,
        held=now,
        target=target,
        change=change,
        notional=notional,
        cost=notional * cost_bps / 1e4,
        weight_before=now * price / equity,
        weight_after=target * price / equity,
        weight_aimed=aimed,
    )


def _row(by_symbol: Mapping[str, float], symbols: Sequence[str]) -> FloatArray:
    return np.array([float(by_symbol.get(name, 0.0)) for name in symbols], dtype=np.float64)
