"""Where matched trades disagree, and what has no match: breaks, each with its effect on positions and cash.

The effect of a break is what the internal side holds more than the external one because of it. Effects are
exact, and all of them together are the difference between the two sides: nothing is unexplained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from omni_lab.execution.drop_copy.fills import UNKNOWN, Fills
from omni_lab.execution.drop_copy.matching import Matching, sums
from omni_lab.execution.drop_copy.rules import BREAKS
from omni_lab.execution.drop_copy.trades import Trades
from omni_lab.typing import BoolArray, IntArray

KIND = {name: code for code, name in enumerate(BREAKS)}


class Break(NamedTuple):
    """One disagreement.

    Attributes
    ----------
    id : str
        Sixteen hexadecimal digits, made of what the break says: the same break has the same id wherever and
        whenever it is found, and one that says something else is another.
    kind : str
        One of `BREAKS`.
    symbol, account : str
        Of the internal trade where there is one.
    held_by : str
        ``internal`` or ``external``: the side that has what the other has not, or the copy; empty where both
        have the trade.
    internal, external : tuple of str
        Ids of the trades, or their terms where they have none.
    ours, theirs : str
        What either side says.
    since : int
        When the last report about it was made, nanoseconds UTC.
    legs : tuple of (str, int, int, int)
        Effects by account: lots; cash, in billionths of a currency times lots; fees paid, in billionths.
    qty : int
        Lots that a difference of prices is about.
    """

    id: str
    kind: str
    symbol: str
    account: str
    held_by: str
    internal: tuple[str, ...]
    external: tuple[str, ...]
    ours: str
    theirs: str
    since: int
    legs: tuple[tuple[str, int, int, int], ...]
    qty: int = 0

    @property
    def amount(self) -> int:
        """Cash at stake, in billionths times lots: that of its first leg, without sign."""
        return abs(self.legs[0][2])


@dataclass(slots=True)
class _Found:
    """Breaks on their way, without ids."""

    internal: Trades
    external: Trades
    accounts: tuple[str, ...]
    breaks: list[tuple[Any, ...]] = field(default_factory=list)


def find_breaks(internal: Trades, external: Trades, matching: Matching) -> list[Break]:
    """Breaks between the trades of two sides, sorted by symbol, time and id."""
    found = _Found(internal, external, internal.fills.accounts)
    n = len(matching.stage)
    counts = [np.bincount(each[each >= 0], minlength=n) for each in (matching.internal, matching.external)]
    simple = (counts[0] == 1) & (counts[1] == 1)
    first = [np.full(n, -1, dtype=np.int64) for _ in range(2)]
    for at, of in zip(first, (matching.internal, matching.external), strict=True):
        named = np.flatnonzero(of >= 0)
        at[of[named]] = named
    _pairs(found, first[0][simple], first[1][simple])
    _groups(found, matching, np.flatnonzero(~simple))
    for trades, of, held_by in (
        (internal, matching.internal, "internal"),
        (external, matching.external, "external"),
    ):
        _missing(found, trades, np.flatnonzero((of < 0) & ~trades.busted), held_by)
        _copies(found, trades, held_by)
    return _named(found.breaks)


def names_of(fills: Fills, rows: IntArray) -> list[str]:
    """Ids of reports; the terms of those that have none."""
    ids = fills.fill_id.take(pa.array(rows)).to_pylist()
    orders = fills.order_id.take(pa.array(rows)).to_pylist()
    return [
        each
        if each is not None
        else f"({_terms_of(fills, row)}, order {order or 'none'}, at {fills.ts[row]})"
        for each, order, row in zip(ids, orders, rows.tolist(), strict=True)
    ]


@lru_cache(maxsize=1 << 16)
def plain(value: int, digits: int = 9) -> str:
    """So many billionths as a decimal, without zeros that say nothing."""
    sign, size = ("-" if value < 0 else ""), abs(value)
    whole, part = divmod(size, 10**digits)
    return f"{sign}{whole}" + (f".{part:0{digits}d}".rstrip("0") if part else "")


def _terms_of(fills: Fills, row: int) -> str:
    return _terms(int(fills.side[row]), int(fills.qty[row]), int(fills.price[row]))


def _terms(side: int, qty: int, price: int) -> str:
    return f"{_word(side)} {qty} @ {plain(price)}"


def _effect(side: int, qty: int, price: int, fee: int) -> tuple[int, int, int]:
    signed = qty if side == 1 else -qty
    return signed, -signed * price, 0 if fee == UNKNOWN else fee


def _pairs(found: _Found, ours: IntArray, theirs: IntArray) -> None:
    """Matches of one trade with one."""
    a, b = found.internal, found.external
    taken_back = a.busted[ours], b.busted[theirs]
    unnamed = np.array([name == "" for name in (*found.accounts, "")])
    accounts = a.account[ours], b.account[theirs]
    differs: dict[str, BoolArray] = {
        "account": (accounts[0] != accounts[1]) & ~unnamed[accounts[0]] & ~unnamed[accounts[1]],
        "side": a.side[ours] != b.side[theirs],
        "quantity": a.qty[ours] != b.qty[theirs],
        "price": a.price[ours] != b.price[theirs],
    }
    fees = a.fee[ours], b.fee[theirs]
    differs["fee"] = (fees[0] != fees[1]) & (fees[0] != UNKNOWN) & (fees[1] != UNKNOWN)
    anything = np.logical_or.reduce([*differs.values()])
    one_taken_back = taken_back[0] != taken_back[1]
    rows = np.flatnonzero(one_taken_back | (anything & ~taken_back[0]))
    names = names_of(a.fills, a.row[ours[rows]]), names_of(b.fills, b.row[theirs[rows]])
    # What one row says, in plain numbers: breaks are few.
    columns = ("account", "side", "qty", "price", "fee", "corrected", "since", "symbol", "busted")
    mine = [getattr(a, c)[ours[rows]].tolist() for c in columns]
    yours = [getattr(b, c)[theirs[rows]].tolist() for c in columns]
    flags = zip(*(differs[name][rows].tolist() for name in differs), strict=True)
    for x, y, name_x, name_y, flag in zip(
        zip(*mine, strict=True), zip(*yours, strict=True), *names, flags, strict=True
    ):
        _compare(found, x, y, ((name_x,), (name_y,)), flag)


def _compare(
    found: _Found, x: tuple[Any, ...], y: tuple[Any, ...], names: tuple[Any, Any], differs: tuple[bool, ...]
) -> None:
    """Breaks of a match of two trades that disagree; terms as in the columns of `_pairs`."""
    account, side, qty, price, fee, corrected, since, symbol, busted = x
    account_y, side_y, qty_y, price_y, fee_y, corrected_y, since_y, _, busted_y = y
    if UNKNOWN in (fee, fee_y):  # they cannot be compared, and count on neither side
        fee = fee_y = 0
    named = found.accounts
    account_y = account_y if named[account_y] else account
    account = account if named[account] else account_y
    head = (found.internal.fills.symbols[symbol], named[account])
    since = max(since, since_y)

    def add(
        kind: str, ours: str, theirs: str, legs: tuple[Any, ...], held_by: str = "", lots: int = 0
    ) -> None:
        found.breaks.append((kind, *head, held_by, *names, ours, theirs, since, legs, lots))

    if busted != busted_y:
        if busted:
            effect = _minus((0, 0, 0), _effect(side_y, qty_y, price_y, fee_y))
            add(
                "busted", "busted", _terms(side_y, qty_y, price_y), ((named[account_y], *effect),), "external"
            )
        else:
            effect = _effect(side, qty, price, fee)
            add("busted", _terms(side, qty, price), "busted", ((named[account], *effect),), "internal")
        return
    if corrected != corrected_y:
        mine, yours = _effect(side, qty, price, fee), _effect(side_y, qty_y, price_y, fee_y)
        said = [
            _terms(*terms)
            + (f", fee {plain(paid)}" if differs[4] else "")
            + (f", account {named[at]}" if differs[0] else "")
            for terms, paid, at in (
                ((side, qty, price), fee, account),
                ((side_y, qty_y, price_y), fee_y, account_y),
            )
        ]
        legs: tuple[Any, ...] = ((named[account], *_minus(mine, yours)),)
        if account != account_y:
            legs = ((named[account], *mine), (named[account_y], *_minus((0, 0, 0), yours)))
        add("corrected", said[0], said[1], legs, "external" if corrected_y else "internal")
        return
    # Step by step from our terms to theirs, so that the effects add up to the whole difference.
    place = named[account_y]
    by_account, by_side, by_qty, by_price, by_fee = differs
    sign = 1 if side == 1 else -1
    sign_y = 1 if side_y == 1 else -1
    if by_account:
        mine = _effect(side, qty, price, fee)
        legs = ((named[account], *mine), (place, *_minus((0, 0, 0), mine)))
        add("account", named[account], place, legs)
    if by_side:
        lots = (sign - sign_y) * qty
        add("side", _word(side), _word(side_y), ((place, lots, -lots * price, 0),))
    if by_qty:
        lots = sign_y * (qty - qty_y)
        add("quantity", str(qty), str(qty_y), ((place, lots, -lots * price, 0),))
    if by_price:
        add(
            "price",
            plain(price),
            plain(price_y),
            ((place, 0, -sign_y * qty_y * (price - price_y), 0),),
            lots=qty_y,
        )
    if by_fee:
        add("fee", plain(fee), plain(fee_y), ((place, 0, 0, fee - fee_y),))


def _groups(found: _Found, matching: Matching, numbers: IntArray) -> None:
    """Matches of several trades: quantities are equal, prices on average and fees in sum may differ."""
    place = np.full(len(matching.stage) + 1, -1, dtype=np.int64)
    place[numbers] = np.arange(len(numbers))
    sides, totals = [], []
    unstated = np.zeros(len(numbers), dtype=np.bool_)
    for trades, of in ((found.internal, matching.internal), (found.external, matching.external)):
        chosen = np.flatnonzero((of >= 0) & (place[of] >= 0))
        group = place[of[chosen]]
        unstated[group[trades.fee[chosen] == UNKNOWN]] = True
        cash = np.where(trades.side[chosen] == 1, -trades.qty[chosen], trades.qty[chosen]).astype(object)
        totals.append(
            (
                sums(group, cash * trades.price[chosen], len(numbers)),
                sums(group, trades.fee[chosen], len(numbers)),
            )
        )
        sides.append((trades, chosen, group))
    fees_differ = (totals[0][1] != totals[1][1]) & ~unstated
    for number in np.flatnonzero((totals[0][0] != totals[1][0]) | fees_differ).tolist():
        rows = [chosen[group == number] for _, chosen, group in sides]
        a, b = found.internal, found.external
        lots = int(a.qty[rows[0]].sum())
        first = int(rows[0][0])
        code = int(a.account[first]) if found.accounts[int(a.account[first])] else int(b.account[rows[1][0]])
        names = tuple(
            tuple(sorted(names_of(s.fills, s.row[each]))) for (s, *_), each in zip(sides, rows, strict=True)
        )
        since = max(int(a.since[rows[0]].max()), int(b.since[rows[1]].max()))
        account = found.accounts[code]
        head = (a.fills.symbols[int(a.symbol[first])], account, "", *names)
        cash, theirs = totals[0][0][number], totals[1][0][number]
        if cash != theirs:
            average = plain(abs(cash) // lots), plain(abs(theirs) // lots)
            found.breaks.append(("price", *head, *average, since, ((account, 0, cash - theirs, 0),), lots))
        if fees_differ[number]:
            fee, theirs = totals[0][1][number], totals[1][1][number]
            found.breaks.append(
                ("fee", *head, plain(fee), plain(theirs), since, ((account, 0, 0, fee - theirs),), 0)
            )


def _missing(found: _Found, trades: Trades, rows: IntArray, held_by: str) -> None:
    kind = "missing_external" if held_by == "internal" else "missing_internal"
    names = names_of(trades.fills, trades.row[rows])
    columns = [
        getattr(trades, c)[rows].tolist()
        for c in ("symbol", "account", "side", "qty", "price", "fee", "since")
    ]
    for name, symbol, account, side, qty, price, fee, since in zip(names, *columns, strict=True):
        _held(
            found,
            kind,
            held_by,
            name,
            _terms(side, qty, price),
            (symbol, account, since),
            _effect(side, qty, price, fee),
        )


def _copies(found: _Found, trades: Trades, held_by: str) -> None:
    fills, rows = trades.fills, trades.copy_row
    names = names_of(fills, rows)
    for name, row, of in zip(names, rows.tolist(), trades.copy_of.tolist(), strict=True):
        effect = _effect(
            int(fills.side[row]), int(fills.qty[row]), int(fills.price[row]), int(fills.fee[row])
        )
        # Who takes a trade back takes back all reports of it.
        effect = (0, 0, 0) if trades.busted[of] else effect
        about = (int(fills.symbol[row]), int(fills.account[row]), int(fills.ts[row]))
        _held(found, "duplicate", held_by, name, f"{_terms_of(fills, row)} again", about, effect)


def _held(
    found: _Found,
    kind: str,
    held_by: str,
    name: str,
    text: str,
    about: tuple[int, int, int],
    effect: tuple[int, int, int],
) -> None:
    """A break that only one side has a report of."""
    symbol, account, since = about
    ours = held_by == "internal"
    effect = effect if ours else _minus((0, 0, 0), effect)
    names = ((name,), ()) if ours else ((), (name,))
    said = (text, "") if ours else ("", text)
    label = found.accounts[account]
    found.breaks.append(
        (
            kind,
            found.internal.fills.symbols[symbol],
            label,
            held_by,
            *names,
            *said,
            since,
            ((label, *effect),),
            0,
        )
    )


def _minus(x: tuple[int, int, int], y: tuple[int, int, int]) -> tuple[int, int, int]:
    return x[0] - y[0], x[1] - y[1], x[2] - y[2]


def _word(side: int) -> str:
    return "BUY" if side == 1 else "SELL"


def _named(rows: list[tuple[Any, ...]]) -> list[Break]:
    """Breaks with ids; where several say the same, they are numbered."""
    rows.sort(key=lambda row: (row[1], row[8], KIND[row[0]], row[2:8], row[9]))
    seen: dict[str, int] = {}
    made = []
    for row in rows:
        kind, symbol, account, held_by, ours, theirs, *said = row[:8]
        content = "\x1f".join((kind, symbol, account, held_by, "\x1e".join(ours), "\x1e".join(theirs), *said))
        n = seen[content] = seen.get(content, 0) + 1
        digest = blake2b(f"{content}\x1f{n}".encode(), digest_size=8).hexdigest()
        made.append(Break(digest, *row))
    return made


def total_effect(breaks: Sequence[Break]) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Sums of effects by account and symbol: lots, cash and fees as in `Break`."""
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    for each in breaks:
        for account, lots, cash, fee in each.legs:
            place = (account, each.symbol)
            before = found.get(place, (0, 0, 0))
            found[place] = before[0] + lots, before[1] + cash, before[2] + fee
    return found
