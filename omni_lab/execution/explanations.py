"""What the gate would say of an order, and how near accounts stand to their limits, as tables.

``docs/gate.md``, section 7, says what the columns hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.execution.edges import Edges
from omni_lab.execution.sentences import UNITS, refusal
from omni_lab.typing import AnyArray, BoolArray

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("check", "level", "severity", "value", "limit", "headroom", "passes")
_FIGURES = ("value", "limit", "headroom")
_TEXTS = frozenset({"account", "instrument", "check", "level", "severity"})
_RIGHT = frozenset(_FIGURES)


class LimitTable:
    """Rows of checks: who limits what, what is measured, what is allowed, and whether it passes.

    Parameters
    ----------
    columns : mapping of str to array_like
        Those of ``docs/gate.md``, section 7.
    names : sequence of str
        Which of them, in this order.

    Attributes
    ----------
    columns : dict of str to ndarray
        ``check`` (name of the `RejectReason`), ``level``, ``severity`` ("hard" or "warn"), ``value``,
        ``limit``, ``headroom`` (limit less value), ``unit``, ``passes``. A value is NaN where what it is a
        fraction of is 0; a limit is infinite where there is none.
    """

    def __init__(self, columns: Mapping[str, object], names: Sequence[str]) -> None:
        found = {name: np.asarray(columns[name]) for name in names}
        for name in _TEXTS & found.keys():
            found[name] = found[name].astype(np.str_)
        found["unit"] = np.array([UNITS[check] for check in found["check"].tolist()], dtype=np.str_)
        passes = found.pop("passes")
        self.columns = found | {"passes": passes}
        for column in self.columns.values():
            column.flags.writeable = False

    def __len__(self) -> int:
        return len(self.columns["check"])

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame, one row for each check and level."""
        import pandas as pd

        return pd.DataFrame({name: column.copy() for name, column in self.columns.items()})

    def _failing(self, severity: str) -> list[int]:
        fails = (self.columns["severity"] == severity) & ~self.columns["passes"]
        return [int(row) for row in np.flatnonzero(fails)]

    def _sentences(self, rows: list[int]) -> list[str]:
        """What is wrong in these rows, each check once: of the first level, with the names of the others."""
        levels: dict[str, list[int]] = {}
        for row in rows:
            levels.setdefault(str(self.columns["check"][row]), []).append(row)
        said = []
        for check, (first, *others) in levels.items():
            level, value, limit = (self.columns[name][first] for name in ("level", "value", "limit"))
            also = ", ".join(str(self.columns["level"][row]) for row in others)
            text = refusal(check, str(level), float(value), float(limit))
            said.append(text + (f" So it is at {also}." if also else ""))
        return said

    def _limited(self) -> BoolArray:
        """Rows that something limits, or that do not pass: those worth printing."""
        limits = np.isfinite(self.columns["limit"]) & (self.columns["check"] != "KILL_SWITCH")
        shown: BoolArray = limits | ~self.columns["passes"]
        return shown

    def _lines(self) -> list[str]:
        """What is said above the table."""
        raise NotImplementedError

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows of the table as it is printed."""
        names = list(self.columns)
        rows = np.flatnonzero(self._limited())
        return names, [[_told(name, self.columns[name][row]) for name in names] for row in rows]

    def __repr__(self) -> str:
        names, rows = self._cells()
        lines = self._lines()
        if rows:
            widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
            lines += [
                "  ".join(
                    cell.rjust(width) if name in _RIGHT else cell.ljust(width)
                    for name, cell, width in zip(names, row, widths, strict=True)
                ).rstrip()
                for row in (names, *rows)
            ]
        hidden = len(self) - len(rows)
        return "\n".join([*lines, *([f"({hidden:,} checks without a limit)"] if hidden else [])])

    def _repr_html_(self) -> str:
        names, rows = self._cells()
        said = "".join(f"<p>{escape(line)}</p>" for line in self._lines())
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        return f"<div>{said}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


class Explanation(LimitTable):
    """What the gate would say of an order, a replacement or a cancel, in the order of evaluation.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Those of a `LimitTable`, without units.
    symbol : str
        What it is about.
    """

    def __init__(self, columns: Mapping[str, object], symbol: str) -> None:
        super().__init__(columns, _COLUMNS)
        self.symbol = symbol

    @property
    def refused(self) -> str | None:
        """The reason that the gate would give; None if it would let it pass."""
        return self._first("hard")

    @property
    def warned(self) -> str | None:
        """What the gate would warn of; None for nothing, and where it would refuse."""
        return None if self.refused else self._first("warn")

    @property
    def sentences(self) -> list[str]:
        """All that would refuse, or if nothing does, all that would warn, and what to do about it."""
        return self._sentences(self._failing("hard") or self._failing("warn"))

    def _first(self, severity: str) -> str | None:
        rows = self._failing(severity)
        return str(self.columns["check"][rows[0]]) if rows else None

    def _lines(self) -> list[str]:
        if self.refused:
            said = "The gate would refuse this:"
        elif self.warned:
            said = "The gate would let this pass, and warn:"
        else:
            said = "The gate would let this pass."
        return [said, *self.sentences]


class Headroom(LimitTable):
    """How near accounts stand to their limits.

    Besides the columns of a `LimitTable` there are ``account``, and the names of an ``instrument`` or a
    ``sector`` where a row is about one.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Those without units, and with the numbers of sectors.
    edges : Edges
        Names.
    switched_off : sequence of str
        Whose kill switches are on: accounts, instruments, ``"everything"``.
    """

    def __init__(
        self, columns: Mapping[str, object], edges: Edges, *, switched_off: Sequence[str] = ()
    ) -> None:
        self.switched_off = tuple(switched_off)
        names = ("", *edges.sectors)
        sectors = [names[number] for number in np.asarray(columns["sector"]).tolist()]
        named = {**columns, "sector": np.array(sectors, dtype=np.str_)}
        super().__init__(named, ("account", "instrument", "sector", *_COLUMNS))

    @property
    def used(self) -> AnyArray:
        """The share of each limit that is used, float64: NaN where there is no limit, and of rates."""
        value, limit = self.columns["value"], self.columns["limit"]
        counts = np.isfinite(limit) & (limit > 0) & (self.columns["unit"] != "tokens")
        used = np.full(len(self), np.nan)
        np.divide(value, limit, out=used, where=counts)
        return used

    @property
    def sentences(self) -> list[str]:
        """Kill switches that are on, then what stands beyond a limit now, hard ones first."""
        off = [f"The kill switch of {each} is on: no new order passes." for each in self.switched_off]
        return [*off, *self._sentences(self._failing("hard")), *self._sentences(self._failing("warn"))]

    def _lines(self) -> list[str]:
        sentences = self.sentences
        if not self._limited().any():
            return [*sentences, "No account has a limit."]
        return sentences or ["Everything stands within its limits."]


def _told(name: str, cell: object) -> str:
    if name in _FIGURES:
        return "" if np.isnan(value := float(str(cell))) else f"{value:,.6g}"
    if name == "passes":
        return "yes" if cell else "no"
    return str(cell)
