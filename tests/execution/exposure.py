"""What accounts hold and risk, counted from events alone: a second opinion on ``docs/gate.md``.

It knows what was configured and what came of the commands, and nothing of registers. A tick and a lot are 1,
and so all money is whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from omni_lab.domain import EventKind
from omni_lab.execution import Limits

Row = Mapping[str, int]
BUY = 1
_ENDS = {EventKind.CANCELED, EventKind.EXPIRED}


@dataclass
class Resting:
    """An order that lives."""

    account: int
    instrument: int
    side: int
    price: int
    leaves: int


@dataclass
class Ledger:
    """Accounts, the parent of each (-1 for none), what they began with, and the sector of each instrument."""

    parents: Sequence[int]
    capital: Sequence[int]
    sectors: Sequence[int]
    limits: list[Limits] = field(init=False)
    orders: dict[int, Resting] = field(default_factory=dict)
    positions: dict[tuple[int, int], int] = field(default_factory=dict)
    cash: list[int] = field(init=False)
    reference: list[int] = field(init=False)
    peak: list[int] = field(init=False)
    day: list[int] = field(init=False)
    last_trade: int = 0

    def __post_init__(self) -> None:
        self.limits = [Limits() for _ in self.parents]
        self.cash = [0] * len(self.parents)
        self.reference = [0] * len(self.sectors)
        self.peak, self.day = list(self.capital), list(self.capital)

    def lineage(self, account: int) -> list[int]:
        above = self.parents[account]
        return [*(self.lineage(above) if above >= 0 else []), account]

    # --- what happened --------------------------------------------------------------------------------------

    def apply(self, row: Row) -> None:
        kind, number = EventKind(row["kind"]), row["order_id"]
        if kind == EventKind.ACCEPTED:
            self.orders[number] = Resting(
                row["account"], row["instrument"], row["side"], row["price"], row["leaves"]
            )
        elif kind == EventKind.REPLACED:
            self.orders[number].leaves, self.orders[number].price = row["leaves"], row["price"]
        elif kind == EventKind.FILLED:
            self._filled(row)
        elif kind in _ENDS:
            del self.orders[number]
        elif kind == EventKind.DECREMENTED:
            self.orders[number].leaves = row["leaves"]
        elif kind == EventKind.MARKED:
            self._price(row["instrument"], row["price"])

    def _filled(self, row: Row) -> None:
        sign = 1 if row["side"] == BUY else -1
        place = row["account"], row["instrument"]
        self.positions[place] = self.positions.get(place, 0) + sign * row["qty"]
        for account in self.lineage(row["account"]):
            self.cash[account] -= sign * row["qty"] * row["price"]
        self.orders[row["order_id"]].leaves = row["leaves"]
        if not row["leaves"]:
            del self.orders[row["order_id"]]
        if self.last_trade == row["trade_id"]:  # the second fill of a trade
            self._price(row["instrument"], row["price"])
        self.last_trade = row["trade_id"]

    def _price(self, instrument: int, price: int) -> None:
        self.reference[instrument] = price
        for account, limits in enumerate(self.limits):
            if limits.max_drawdown is not None:
                self.peak[account] = max(self.peak[account], self.equity(account))

    def limit(self, account: int, limits: Limits) -> None:
        if self.limits[account].max_drawdown is None and limits.max_drawdown is not None:
            self.peak[account] = self.equity(account)
        self.limits[account] = limits

    def new_day(self, account: int) -> None:
        self.day[account] = self.equity(account)

    # --- what that amounts to -------------------------------------------------------------------------------

    def below(self, account: int) -> list[int]:
        return [number for number in range(len(self.parents)) if account in self.lineage(number)]

    def position(self, account: int, instrument: int) -> int:
        return sum(self.positions.get((number, instrument), 0) for number in self.below(account))

    def open_lots(self, account: int, instrument: int, side: int) -> int:
        return sum(
            order.leaves
            for order in self.orders.values()
            if (order.instrument, order.side) == (instrument, side) and order.account in self.below(account)
        )

    def worst(self, account: int, instrument: int, side: int = BUY, added: int = 0) -> int:
        held = self.position(account, instrument)
        buys = self.open_lots(account, instrument, BUY) + (added if side == BUY else 0)
        sells = self.open_lots(account, instrument, 2) + (added if side != BUY else 0)
        return max(abs(held + buys), abs(held - sells))

    def equity(self, account: int) -> int:
        held = (self.position(account, each) * price for each, price in enumerate(self.reference))
        return self.capital[account] + self.cash[account] + sum(held)

    def exposures(self, account: int, instrument: int, side: int, added: int) -> list[int]:
        return [
            self.worst(account, each, side, added if each == instrument else 0) * price
            for each, price in enumerate(self.reference)
        ]

    def breaches(
        self, account: int, instrument: int, side: int, price: int, qty: int, leaves: int, added: int
    ) -> set[str]:
        """The checks that an order would not pass, at any level."""
        found: set[str] = set()
        for level in self.lineage(account):
            found |= self._breaches(level, instrument, side, price, qty, leaves, added)
        return found

    def _breaches(
        self, level: int, instrument: int, side: int, price: int, qty: int, leaves: int, added: int
    ) -> set[str]:
        limits, reference, equity = self.limits[level], self.reference[instrument], self.equity(level)
        sign = 1 if side == BUY else -1
        reach = sign * self.position(level, instrument) + self.open_lots(level, instrument, side) + added
        grows = self.worst(level, instrument, side, added) > self.worst(level, instrument)
        exposures = self.exposures(level, instrument, side, added)
        in_sector = sum(
            worth for each, worth in enumerate(exposures) if self.sectors[each] == self.sectors[instrument]
        )
        lost, fallen = self.day[level] - equity, self.peak[level] - equity
        broken = {
            "POSITION_LIMIT": added > 0 and _above(reach, limits.max_position),
            "ORDER_SIZE": _above(qty, limits.max_order_qty),
            "PRICE_COLLAR": price > 0
            and reference > 0
            and _above(Fraction(abs(price - reference) * 10_000, reference), limits.collar_bps),
            "NOTIONAL": _above((price or reference) * leaves, limits.max_notional),
            "DAILY_LOSS": grows and _reaches(lost, limits.max_daily_loss),
            "DRAWDOWN": grows and _reaches(fallen, _times(limits.max_drawdown, self.peak[level])),
            "LEVERAGE": grows and _above(sum(exposures), _times(limits.max_leverage, equity), reference),
            "SECTOR_CONCENTRATION": grows
            and self.sectors[instrument] > 0
            and _above(in_sector, _times(limits.max_sector, equity), reference),
            "SINGLE_NAME": grows
            and _above(exposures[instrument], _times(limits.max_name, equity), reference),
        }
        return {check for check, is_broken in broken.items() if is_broken}


def _times(limit: object, amount: int) -> Fraction | None:
    return None if limit is None else Fraction(str(limit)) * amount


def _above(value: int | Fraction, limit: object, reference: int = 1) -> bool:
    return limit is not None and (not reference or value > Fraction(str(limit)))


def _reaches(value: int, limit: object) -> bool:
    return limit is not None and value >= Fraction(str(limit))
