"""What parents cost, and of which parts: docs/execution.md, section 5."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.tca.tape import Tape
from omni_lab.typing import AnyArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, AnyArray]
PARTS = ("delay", "spread", "impact", "timing", "fees", "opportunity")
"""What the shortfall is made of."""
_BENCHMARKS = ("arrival", "vwap", "twap", "open", "close")


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """Costs of parents and of their fills, currency; what was lost is positive.

    Attributes
    ----------
    parents : dict of str to ndarray, shape (n_parents,)
        The columns of the parents as they were given, and ``decision``, ``arrival``, ``vwap``, ``twap``,
        ``open``, ``close`` (prices), ``participation`` (share of the volume on the tape while it worked),
        ``sigma`` (price units for each square root of a second), the six parts, ``shortfall``, ``notional``
        (decision price × quantity, the base of basis points), and ``vs_arrival``, ``vs_vwap``, … (what the
        fills cost against that price, basis points of it). NaN where a price is not known.
    fills : dict of str to ndarray, shape (n_fills,)
        The columns of the fills, and ``spread``, ``impact``, ``timing``, ``delay``, ``fees``.
    """

    parents: dict[str, AnyArray]
    fills: dict[str, AnyArray]

    def by(self, key: str) -> pd.DataFrame:
        """Parts and shortfall by a column, in basis points of what was to be traded.

        Parameters
        ----------
        key : str
            A column of the parents, such as ``"algorithm"``, ``"symbol"``, ``"side"`` or ``"venue"``; or
            ``"hour"``, ``"venue"`` or ``"is_maker"`` of the fills. Of fills the base is what they traded,
            and what was not traded costs nothing.

        Returns
        -------
        DataFrame
            One row for each value: ``n``, ``notional``, the parts, ``shortfall``.

        Raises
        ------
        ConfigError
            If there is no such column.
        """
        import pandas as pd

        parts = list(PARTS)
        if key in self.parents:
            table = self.parents
        elif key in self.fills:
            table = self.fills
            parts.remove("opportunity")
        else:
            known = sorted({*self.parents, *self.fills})
            raise ConfigError("there is no such column", found=key, expected=known, where="Costs.by")
        frame = pd.DataFrame({name: table[name] for name in (key, "notional", *parts)})
        grouped = frame.groupby(key, sort=True)
        total = grouped.sum()
        shown = total[parts].div(total["notional"], axis=0) * 1e4
        shown["shortfall"] = shown.sum(axis=1)
        shown.insert(0, "notional", total["notional"])
        shown.insert(0, "n", grouped.size())
        return shown

    def to_frame(self) -> pd.DataFrame:
        """One row for each parent; money in basis points of its notional."""
        import pandas as pd

        frame = pd.DataFrame(dict(self.parents))
        for name in (*PARTS, "shortfall"):
            frame[name] = frame[name] / frame["notional"] * 1e4
        return frame

    @property
    def total(self) -> dict[str, float]:
        """Parts and shortfall of all parents together, basis points of all that was to be traded."""
        notional = float(np.nansum(self.parents["notional"]))
        scale = 1e4 / notional if notional else math.nan
        return {name: float(np.nansum(self.parents[name])) * scale for name in (*PARTS, "shortfall")}

    def _repr_html_(self) -> str:
        names = ["symbol", "side", "algorithm", "qty", "filled_qty", *PARTS, "shortfall", "vs_vwap"]
        shown = [name for name in names if name in self.parents]
        return str(self.to_frame()[shown].round(2).to_html(index=False))


def measure(
    parents: Columns,
    children: Columns,
    fills: Columns,
    tapes: Mapping[str, Tape],
    *,
    decisions: Sequence[float] | FloatArray | None = None,
    impact: Callable[[FloatArray, FloatArray, FloatArray], FloatArray] | None = None,
) -> Costs:
    """Costs of parents against the tape.

    Parameters
    ----------
    parents, children, fills : mapping of str to ndarray
        As an `ExecutionDesk` leaves them, or from anywhere else: of parents ``parent``, ``symbol``, ``side``,
        ``qty``, ``start``, ``end`` (0: none) and ``ended`` (0: none); of children ``parent``, ``order_id``,
        ``mid`` (when it was sent); of fills ``parent``, ``order_id``, ``ts``, ``qty``, ``price``, ``fee``,
        ``is_maker``. Other columns are kept, and can be grouped by.
    tapes : mapping of str to Tape
        By symbol, on the clock of the fills.
    decisions : sequence of float, shape (n_parents,), optional
        Price when each parent was decided; NaN or None: its arrival, so that the delay is 0.
    impact : callable, optional
        Calibrated model: from quantities (signed, + bought), volumes and volatilities (price units for the
        time that the parent took) to impacts in price units, as :meth:`ImpactFit.predict`. Then the impact
        part of a parent's fills is what it says, and timing is the rest.

    Returns
    -------
    Costs

    Raises
    ------
    DataError
        If a column or a tape is missing, a fill has no parent, or more was filled than asked for.
    """
    _require("parents", parents, ("parent", "symbol", "side", "qty", "start", "end", "ended"))
    _require("children", children, ("parent", "order_id", "mid"))
    _require("fills", fills, ("parent", "order_id", "ts", "qty", "price", "fee", "is_maker"))
    fill_table = {name: np.asarray(column) for name, column in fills.items()}
    n_fills = len(fill_table["ts"])
    for name in ("spread", "impact", "timing", "delay", "fees", "notional"):
        fill_table[name] = np.zeros(n_fills)
    fill_table["hour"] = fill_table["ts"] // 3_600_000_000_000 % 24
    sent = dict(zip(children["order_id"].tolist(), children["mid"].tolist(), strict=True))
    numbers = np.asarray(parents["parent"])
    unknown = sorted(set(fill_table["parent"].tolist()) - set(numbers.tolist()))
    if unknown:
        raise DataError("these fills are of no parent", found=unknown[:5], where="fills.parent")
    chosen = [math.nan] * len(numbers) if decisions is None else [float(each) for each in decisions]
    if len(chosen) != len(numbers):
        raise DataError("there is one decision for each parent", found=len(chosen), expected=len(numbers))
    rows = [
        _Parent(parents, row, tapes, chosen[row], fill_table, sent, impact).measured()
        for row in range(len(numbers))
    ]
    table: dict[str, AnyArray] = {name: np.asarray(column) for name, column in parents.items()}
    for name in rows[0] if rows else ():
        table[name] = np.array([row[name] for row in rows], dtype=np.float64)
    return Costs(table, fill_table)


class _Parent:
    """One parent on its way from columns to costs; what belongs to its fills is written beside them."""

    def __init__(
        self,
        parents: Columns,
        row: int,
        tapes: Mapping[str, Tape],
        decision: float,
        fills: dict[str, AnyArray],
        sent: Mapping[int, float],
        impact: Callable[[FloatArray, FloatArray, FloatArray], FloatArray] | None,
    ) -> None:
        self.number, symbol = parents["parent"][row], str(parents["symbol"][row])
        if symbol not in tapes:
            raise DataError(
                "there is no tape of this instrument", found=symbol, expected=sorted(tapes), where="tapes"
            )
        self.tape = tapes[symbol]
        side = str(parents["side"][row]).lower()
        if side not in ("buy", "sell"):
            raise DataError("a side is buy or sell", found=side, where=f"parent {self.number}")
        self.sign = 1.0 if side == "buy" else -1.0
        self.qty, self.start = float(parents["qty"][row]), int(parents["start"][row])
        self.fills, self.sent, self.model = fills, sent, impact
        self.mine = np.flatnonzero(fills["parent"] == self.number)
        last = int(fills["ts"][self.mine].max()) if len(self.mine) else self.start
        ends = [int(each) for each in (parents["ended"][row], parents["end"][row]) if each]
        self.end = max(ends[0] if ends else last, last, self.start)
        self.arrival = float(self.tape.known_at([self.start])[0][0])
        self.decision = self.arrival if math.isnan(decision) else decision

    def measured(self) -> dict[str, float]:
        mine, fills = self.mine, self.fills
        qty, price = fills["qty"][mine].astype(np.float64), fills["price"][mine].astype(np.float64)
        filled = float(qty.sum())
        if filled > self.qty * (1.0 + 1e-9):
            raise DataError(
                "more was filled than asked for",
                found=filled,
                expected=self.qty,
                where=f"parent {self.number}",
            )
        sigma, volume = self.tape.volatility(self.start, self.end), self.tape.volume(self.start, self.end)
        self._split(qty, price, sigma, volume)
        parts = {name: float(fills[name][mine].sum()) for name in PARTS[:-1]}
        left = self.qty - filled
        last = float(self.tape.known_at([self.end])[0][0])
        parts["opportunity"] = left * self.sign * (last - self.decision) if left > 0.0 else 0.0
        average = float(qty @ price) / filled if filled else math.nan
        benchmarks = {
            "arrival": self.arrival,
            "vwap": self.tape.vwap(self.start, self.end),
            "twap": self.tape.twap(self.start, self.end),
            "open": self.tape.open,
            "close": self.tape.close,
        }
        against = {
            f"vs_{name}": self.sign * (average - benchmarks[name]) / benchmarks[name] * 1e4
            for name in _BENCHMARKS
        }
        return {
            "decision": self.decision,
            **benchmarks,
            "participation": filled / volume if volume else math.nan,
            "sigma": sigma,
            "notional": self.decision * self.qty,
            **parts,
            "shortfall": sum(parts.values()),
            **against,
        }

    def _split(self, qty: FloatArray, price: FloatArray, sigma: float, volume: float) -> None:
        """The parts of each fill: they add up to ±(price − decision) · quantity + fee."""
        mine, fills = self.mine, self.fills
        if not len(mine):
            return
        ts, is_maker = fills["ts"][mine], fills["is_maker"][mine].astype(np.bool_)
        mid, half = self.tape.known_at(ts)
        when_sent = np.array([self.sent.get(int(each), math.nan) for each in fills["order_id"][mine]])
        when_sent = np.where(np.isnan(when_sent), mid, when_sent)
        spread = np.where(is_maker, -half, half)
        # What walked the book beyond the best price, and the move of the middle while the child was there.
        impact = self.sign * (price - mid) - spread + self.sign * (mid - when_sent)
        if self.model is not None:
            seconds = max((self.end - self.start) / 1e9, 1e-9)
            signed = np.array([self.sign * float(qty.sum())])
            given = self.model(signed, np.array([volume]), np.array([sigma * math.sqrt(seconds)]))
            impact = np.full(len(mine), self.sign * float(given[0]))
        timing = self.sign * (price - self.arrival) - spread - impact
        for name, each in (("spread", spread), ("impact", impact), ("timing", timing)):
            fills[name][mine] = each * qty
        fills["delay"][mine] = self.sign * (self.arrival - self.decision) * qty
        fills["fees"][mine] = fills["fee"][mine]
        fills["notional"][mine] = self.decision * qty


def _require(what: str, table: Mapping[str, Any], names: Sequence[str]) -> None:
    missing = [name for name in names if name not in table]
    if missing:
        raise DataError(
            f"{what} lack columns", found=sorted(table), expected=list(names), where=", ".join(missing)
        )
