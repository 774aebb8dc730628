"""Positions, cash and profit of both sides from the same fills, and what explains their difference.

All sums are exact: lots, billionths of a currency times lots, billionths. They become amounts of a currency
when they are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import DataError
from omni_lab.execution.drop_copy.breaks import Break, total_effect
from omni_lab.execution.drop_copy.fills import NANOS, UNKNOWN
from omni_lab.execution.drop_copy.matching import Matching
from omni_lab.execution.drop_copy.rules import Grid
from omni_lab.execution.drop_copy.trades import Trades
from omni_lab.typing import AnyArray, BoolArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

_BOUND = float(2**62)


@dataclass(frozen=True, slots=True)
class Holding:
    """What one side holds of a symbol in an account.

    Attributes
    ----------
    bought, sold : int
        Lots.
    paid, received : int
        Cash for them, billionths of a currency times lots.
    fees : int
        Paid, billionths.
    """

    bought: int = 0
    sold: int = 0
    paid: int = 0
    received: int = 0
    fees: int = 0

    @property
    def position(self) -> int:
        """Lots, positive when long."""
        return self.bought - self.sold

    @property
    def cash(self) -> int:
        """Cash received less paid, before fees: billionths times lots."""
        return self.received - self.paid

    @property
    def realised(self) -> Fraction:
        """Profit of what was bought and sold again, at average prices: billionths times lots.

        ``min(bought, sold) · (received / sold − paid / bought)``: it depends on the fills and not on their
        order, so both sides can be compared whatever came first. It is that of a ledger at average cost only
        where a position is built up and then closed.
        """
        if not (self.bought and self.sold):
            return Fraction(0)
        closed = min(self.bought, self.sold)
        return closed * (Fraction(self.received, self.sold) - Fraction(self.paid, self.bought))

    def __add__(self, other: Holding) -> Holding:
        return Holding(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Both sides' holdings of a symbol in an account.

    Attributes
    ----------
    account, symbol : str
        Whose, and of what.
    internal, external : Holding
        By either side's fills.
    explained, unresolved : tuple of int
        Lots, cash and fees that all breaks, and those not resolved, say that internal holds more.
    """

    account: str
    symbol: str
    internal: Holding
    external: Holding
    explained: tuple[int, int, int]
    unresolved: tuple[int, int, int]

    @property
    def difference(self) -> tuple[int, int, int]:
        """What internal holds more: lots, cash, fees."""
        a, b = self.internal, self.external
        return a.position - b.position, a.cash - b.cash, a.fees - b.fees

    @property
    def unexplained(self) -> tuple[int, int, int]:
        """The difference without what breaks explain; all zero, or there is a mistake in this program."""
        lots, cash, fees = (x - y for x, y in zip(self.difference, self.explained, strict=True))
        return lots, cash, fees


def holdings(
    internal: Trades, external: Trades, matching: Matching, keep: BoolArray
) -> tuple[dict[tuple[str, str], Holding], dict[tuple[str, str], Holding]]:
    """Holdings of both sides by account and symbol.

    Parameters
    ----------
    internal, external, matching
        Trades of both sides, and which are one.
    keep : ndarray of bool, shape (n_symbols,)
        Symbols to count.
    """
    names = internal.fills.accounts
    account = external.account.copy()
    if "" in names:
        # An account that the venue does not state is that of the trade it reports.
        ours = np.full(len(matching.stage) + 1, names.index(""), dtype=np.int64)
        ours[matching.internal[matching.internal >= 0]] = internal.account[matching.internal >= 0]
        account = np.where(account == names.index(""), ours[matching.external], account)
        theirs = np.full(len(matching.stage) + 1, names.index(""), dtype=np.int64)
        theirs[matching.external[matching.external >= 0]] = external.account[matching.external >= 0]
        own = np.where(internal.account == names.index(""), theirs[matching.internal], internal.account)
    else:
        own = internal.account
    # Fees of a match in which one is not stated cannot be compared, and count on neither side.
    unstated = np.zeros(len(matching.stage) + 1, dtype=np.bool_)
    for of, trades in ((matching.internal, internal), (matching.external, external)):
        unstated[of[(trades.fee == UNKNOWN) & (of >= 0)]] = True
    fees = [
        np.where((trades.fee == UNKNOWN) | unstated[of], 0, trades.fee)
        for of, trades in ((matching.internal, internal), (matching.external, external))
    ]
    return _side(internal, own, fees[0], keep), _side(external, account, fees[1], keep)


def _side(
    trades: Trades, account: IntArray, fee: IntArray, keep: BoolArray
) -> dict[tuple[str, str], Holding]:
    fills = trades.fills
    live = ~trades.busted & keep[trades.symbol]
    copies = trades.copy_row[~trades.busted[trades.copy_of] & keep[fills.symbol[trades.copy_row]]]
    fee_of_copies = fills.fee[copies]
    columns = [
        np.concatenate([trades.symbol[live], fills.symbol[copies]]),
        np.concatenate([account[live], fills.account[copies]]),
        np.concatenate([trades.side[live], fills.side[copies]]),
        np.concatenate([trades.qty[live], fills.qty[copies]]),
        np.concatenate([trades.price[live], fills.price[copies]]),
        np.concatenate([fee[live], np.where(fee_of_copies == UNKNOWN, 0, fee_of_copies)]),
    ]
    symbol, account, side, qty, price, fees = columns
    group = (account * len(fills.symbols) + symbol) * 2 + (side == 2)
    present, place = np.unique(group, return_inverse=True)
    lots = exact_sums(place, qty, np.ones_like(qty), len(present))
    cash = exact_sums(place, price, qty, len(present))
    paid = exact_sums(place, fees, np.ones_like(fees), len(present))
    found: dict[tuple[str, str], Holding] = {}
    for number, n, money, costs in zip(present.tolist(), lots, cash, paid, strict=True):
        pair, sold = divmod(number, 2)
        name = (fills.accounts[pair // len(fills.symbols)], fills.symbols[pair % len(fills.symbols)])
        part = Holding(0, n, 0, money, costs) if sold else Holding(n, 0, money, 0, costs)
        found[name] = found.get(name, Holding()) + part
    return found


def exact_sums(group: IntArray, x: IntArray, y: IntArray, n: int) -> list[int]:
    """Sums of ``x · y`` by group, exact however large.

    Parameters
    ----------
    group : ndarray of int64, shape (n_rows,)
        From 0 to n − 1.
    x, y : ndarray of int64, shape (n_rows,)
        Factors.
    n : int
        How many groups.
    """
    # x in two parts, so that the sums of each fit into 64 bits for all but absurd amounts.
    high, low = np.divmod(x, NANOS)
    sums = []
    for part in (high, low):
        if float(np.abs(part).astype(np.float64) @ np.abs(y).astype(np.float64)) < _BOUND:
            found: AnyArray = np.zeros(n, dtype=np.int64)
            np.add.at(found, group, part * y)
        else:
            found = np.zeros(n, dtype=object)
            np.add.at(found, group, part.astype(object) * y.astype(object))
        sums.append(found.tolist())
    return [h * NANOS + each for h, each in zip(*sums, strict=True)]


def gaps_of(
    internal: Mapping[tuple[str, str], Holding],
    external: Mapping[tuple[str, str], Holding],
    breaks: Iterable[Break],
    unresolved: Iterable[Break],
) -> list[Gap]:
    """Both sides' holdings side by side, with what breaks explain, sorted by account and symbol."""
    explained, waiting = total_effect(list(breaks)), total_effect(list(unresolved))
    names = sorted({*internal, *external, *explained})
    nothing = (0, 0, 0)
    return [
        Gap(
            account=name[0],
            symbol=name[1],
            internal=internal.get(name, Holding()),
            external=external.get(name, Holding()),
            explained=explained.get(name, nothing),
            unresolved=waiting.get(name, nothing),
        )
        for name in names
    ]


def gap_frame(gaps: Iterable[Gap], grid: Grid, marks: Mapping[str, float] | None = None) -> pd.DataFrame:
    """A pandas frame of holdings in units of instruments and of their currency, one row for each.

    Parameters
    ----------
    gaps : iterable of Gap
        Holdings.
    grid : Grid
        For lots.
    marks : mapping of str to float, optional
        Prices to value positions at, by symbol: adds the whole profit of both sides, after fees.

    Returns
    -------
    DataFrame
        ``position``, ``cash`` (received less paid, before fees), ``fees``, ``realised`` of either side, their
        difference (internal less external), what breaks explain of it and what those not resolved still do.

    Raises
    ------
    DataError
        If a symbol has no mark.
    """
    import pandas as pd

    rows = []
    for gap in gaps:
        lot = grid.lot(gap.symbol)
        row: dict[str, object] = {"account": gap.account, "symbol": gap.symbol}
        a, b = gap.internal, gap.external
        for at, (name, scale) in enumerate(_scales(lot)):
            values = [(h.position, h.cash, h.fees)[at] for h in (a, b)]
            values += [gap.difference[at], gap.explained[at], gap.unresolved[at]]
            columns = ("internal", "external", "difference", "explained", "unresolved")
            row |= {
                f"{name}_{column}": float(value * scale)
                for column, value in zip(columns, values, strict=True)
            }
        money = Fraction(lot) / NANOS
        row |= {
            "realised_internal": float(a.realised * money),
            "realised_external": float(b.realised * money),
        }
        row["realised_difference"] = float((a.realised - b.realised) * money)
        if marks is not None:
            if gap.symbol not in marks:
                raise DataError("a symbol has no mark", found=gap.symbol, expected=sorted(marks))
            mark = Fraction(Decimal(str(marks[gap.symbol])))
            ours, theirs = (
                held.cash * money + held.position * Fraction(lot) * mark - Fraction(held.fees, NANOS)
                for held in (a, b)
            )
            row |= {"profit_internal": float(ours), "profit_external": float(theirs)}
            row["profit_difference"] = float(ours - theirs)
        rows.append(row)
    return pd.DataFrame(rows)


def _scales(lot: Decimal) -> tuple[tuple[str, Fraction], ...]:
    return (("position", Fraction(lot)), ("cash", Fraction(lot) / NANOS), ("fees", Fraction(1, NANOS)))
