"""Made-up fills, and breaks put into them of which every one is known: for tests, benchmarks and notebooks.

Nothing here knows how fills are matched. At most one thing is done to an order, so that what was done can be
told from the ids alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omni_lab.errors import ConfigError
from omni_lab.execution.drop_copy.fills import NANOS, FillKind, Fills, concat
from omni_lab.execution.drop_copy.rules import BREAKS
from omni_lab.typing import IntArray

if TYPE_CHECKING:
    import pandas as pd

HARMLESS = ("pieces", "other_id", "busted_on_both", "corrected_on_both")
"""What must not become a break: reports in pieces, under other ids, busted or corrected on both sides."""
_CENT = NANOS // 100
_OPEN_NS = 1_704_205_800 * NANOS  # 2 January 2024, 14:30 UTC
_DAY_NS = 23_400 * NANOS


@dataclass(frozen=True, slots=True, eq=False)
class Injected:
    """Two sides that disagree, and where.

    Attributes
    ----------
    internal, external : Fills
        Reports of either side, shuffled.
    truth : DataFrame
        A row for each break: ``kind``, ``internal`` and ``external``, the ids of its trades, empty for none.
    harmless : DataFrame
        The same of what must not become a break.
    """

    internal: Fills
    external: Fills
    truth: pd.DataFrame
    harmless: pd.DataFrame


def synthetic_fills(n: int, *, seed: int = 1, symbols: int = 500, accounts: int = 10) -> Fills:
    """Fills of a made-up day, several of an order.

    Parameters
    ----------
    n : int
        How many.
    seed : int
        The same seed gives the same fills.
    symbols, accounts : int
        How many of either.
    """
    rng = np.random.default_rng(seed)
    order = np.cumsum(rng.random(n) < 0.5, dtype=np.int64)  # two fills an order, on average
    n_orders = int(order.max(initial=0)) + 1
    of_order = {
        "symbol": rng.integers(0, symbols, n_orders),
        "account": rng.integers(0, accounts, n_orders),
        "side": rng.integers(1, 3, n_orders),
    }
    base = rng.integers(1_000, 40_000, symbols)
    columns = {name: values[order] for name, values in of_order.items()}
    qty = rng.integers(1, 20, n) * 100
    ticks = base[columns["symbol"]] + rng.integers(-50, 51, n)
    return Fills(
        fill_id=_labels("E", np.arange(n)),
        order_id=_labels("O", order),
        ref_id=pa.nulls(n, pa.string()),
        qty=qty,
        price=ticks * _CENT,
        fee=qty * (NANOS // 1000) * 3,
        ts=_OPEN_NS + np.sort(rng.integers(0, _DAY_NS, n)),
        kind=np.zeros(n, dtype=np.int64),
        symbols=tuple(f"S{at:04d}" for at in range(symbols)),
        accounts=tuple(f"A{at:03d}" for at in range(accounts)),
        **columns,
    )


def inject_breaks(fills: Fills, *, share: float = 0.01, seed: int = 1) -> Injected:
    """Two copies of fills that disagree in known places, and their reports in any order.

    Parameters
    ----------
    fills : Fills
        What traded, with ids and order ids.
    share : float
        How many of the fills get a break of each kind, and how many each of `HARMLESS`.
    seed : int
        The same seed gives the same breaks.

    Raises
    ------
    ConfigError
        If there are too few orders for so many breaks.
    """
    rng = np.random.default_rng(seed)
    whats = (*BREAKS, *HARMLESS)
    encoded = fills.order_id.dictionary_encode()
    order = encoded.indices.to_numpy(zero_copy_only=False)
    first = np.sort(np.unique(order, return_index=True)[1])
    each = round(share * len(fills))
    if each * len(whats) > len(first):
        raise ConfigError(
            "there are too few orders",
            found=len(first),
            expected=f"{each * len(whats)} or more",
            where="share",
        )
    chosen = dict(zip(whats, np.split(rng.permutation(first)[: each * len(whats)], len(whats)), strict=True))
    work = _Work(fills, rng)
    for what, rows in chosen.items():
        work.do(what, rows)
    return work.done()


class _Work:
    """Both sides while things are being done to them."""

    def __init__(self, fills: Fills, rng: np.random.Generator) -> None:
        self.fills, self.rng = fills, rng
        names = ("account", "side", "qty", "price", "fee")
        self.terms = [{name: getattr(fills, name).copy() for name in names} for _ in range(2)]
        self.gone = [np.zeros(len(fills), dtype=np.bool_) for _ in range(2)]
        self.more: list[list[Fills]] = [[], []]
        self.ids = fills.fill_id
        self.seen: list[tuple[str, Any, Any]] = []
        self.fine: list[tuple[str, Any, Any]] = []

    def do(self, what: str, rows: IntArray) -> None:
        """One thing to some fills."""
        ids = self.ids.take(pa.array(rows))
        none = pa.array([""] * len(rows), pa.string())
        # Which of the two sides is wrong; where both are wrong in one way it makes no difference.
        ours = self.rng.random(len(rows)) < 0.5
        if what in HARMLESS:
            self.fine.append((what, ids, ids))
        elif not what.startswith("missing") and what != "duplicate":
            self.seen.append((what, ids, ids))
        match what:
            case "missing_internal" | "missing_external":
                at = int(what == "missing_external")
                self.gone[at][rows] = True
                self.seen.append((what, *((ids, none) if at else (none, ids))))
            case "duplicate":
                for at, some in ((0, ours), (1, ~ours)):
                    copies = self.fills.take(rows[some])
                    self.more[at].append(
                        replace(copies, ts=copies.ts + self.rng.integers(0, NANOS, len(copies)))
                    )
                    said = ids.filter(pa.array(some)), none.filter(pa.array(some))
                    self.seen.append((what, *(said[::-1] if at else said)))
            case "busted" | "corrected":
                for at, some in ((0, ours), (1, ~ours)):
                    self.report(at, rows[some], what)
            case "busted_on_both" | "corrected_on_both":
                for at in range(2):
                    self.report(at, rows, what)
            case "pieces":
                self.pieces(rows)
            case "other_id":
                self.gone[0][rows] = True
                moved = self.fills.take(rows)
                self.more[0].append(
                    replace(
                        moved,
                        fill_id=_labels("I", rows),
                        ts=moved.ts + self.rng.integers(-NANOS, NANOS, len(rows)),
                    )
                )
            case _:
                self.change(what, rows, ours)

    def change(self, what: str, rows: IntArray, ours: Any) -> None:
        """Other terms on one of the sides."""
        n = len(rows)
        for at, some in ((0, ours), (1, ~ours)):
            terms, chosen = self.terms[at], rows[some]
            steps = self.rng.integers(1, 6, n)[some]
            match what:
                case "account":
                    terms["account"][chosen] = (terms["account"][chosen] + 1) % len(self.fills.accounts)
                case "side":
                    terms["side"][chosen] = 3 - terms["side"][chosen]
                case "quantity":
                    terms["qty"][chosen] += steps * 100
                case "price":
                    terms["price"][chosen] += steps * _CENT
                case "fee":
                    terms["fee"][chosen] += steps * (_CENT // 2)

    def report(self, at: int, rows: IntArray, what: str) -> None:
        """Busts, or corrections to a higher price, of some fills."""
        about = self.fills.take(rows)
        kind = FillKind.BUST if what.startswith("busted") else FillKind.CORRECTION
        prefix = "HG"[kind == FillKind.CORRECTION]
        self.more[at].append(
            replace(
                about,
                fill_id=_labels(prefix, rows),
                ref_id=about.fill_id,
                kind=np.full(len(rows), kind, dtype=np.int64),
                price=about.price + (_CENT * 7 if kind == FillKind.CORRECTION else 0),
                ts=about.ts + 60 * NANOS,
            )
        )

    def pieces(self, rows: IntArray) -> None:
        """Of the venue two or three fills for each of ours, under ids of their own."""
        whole = self.fills.take(rows)
        self.gone[1][rows] = True
        left, fee = whole.qty.copy(), whole.fee.copy()
        for number in range(3):
            qty = np.where(left > 1, np.maximum(left // 2, 1), left) if number < 2 else left
            part_fee = fee // 2 if number < 2 else fee
            left, fee = left - qty, fee - part_fee
            made = replace(whole, qty=qty, fee=part_fee, fill_id=_labels(f"P{number}-", rows))
            self.more[1].append(made.take(qty > 0))

    def done(self) -> Injected:
        """Both sides, shuffled, and what was done."""
        sides = []
        for at in range(2):
            changed = replace(self.fills, **self.terms[at]).take(~self.gone[at])
            together = concat([changed, *self.more[at]])
            sides.append(together.take(self.rng.permutation(len(together))))
        return Injected(sides[0], sides[1], _table(self.seen), _table(self.fine))


def _table(parts: list[tuple[str, Any, Any]]) -> pd.DataFrame:
    import pandas as pd

    columns = ["kind", "internal", "external"]
    frames = [
        pd.DataFrame({"kind": k, "internal": a.to_pandas(), "external": b.to_pandas()}) for k, a, b in parts
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _labels(prefix: str, numbers: IntArray) -> Any:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")
