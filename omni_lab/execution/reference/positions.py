"""Positions and what they cost, exactly: ``docs/oms.md``, section 5."""

from __future__ import annotations


class PositionRecord:
    """What an account has of an instrument.

    Attributes
    ----------
    qty : int
        Lots, positive when long.
    cost : int
        Money paid for the open quantity, 1e-18; never negative.
    realised : int
        Profit of what was closed, 1e-18.
    bought, sold : int
        Lots ever.
    """

    __slots__ = ("bought", "cost", "qty", "realised", "sold")

    def __init__(
        self, qty: int = 0, bought: int = 0, sold: int = 0, cost: int = 0, realised: int = 0
    ) -> None:
        self.qty = qty
        self.bought = bought
        self.sold = sold
        self.cost = cost
        self.realised = realised

    def fill(self, sign: int, price: int, qty: int, tick_value: int) -> int:
        """Change it by a fill, and return what that realised, 1e-18.

        Parameters
        ----------
        sign : int
            +1 for a buy, -1 for a sell.
        price, qty, tick_value : int
            Ticks, lots, and what a lot gains by a tick (1e-18).
        """
        if sign > 0:
            self.bought += qty
        else:
            self.sold += qty
        realised = 0
        opened = qty
        if self.qty * sign < 0:
            held = abs(self.qty)
            closed = min(qty, held)
            # Whole units first: the share of the rest is rounded down, and stays with what is left open.
            cost = self.cost // held * closed + self.cost % held * closed // held
            realised = -sign * (price * closed * tick_value - cost)
            self.cost -= cost
            self.realised += realised
            opened -= closed
        self.cost += price * opened * tick_value
        self.qty += sign * qty
        return realised
