"""`Table`: rows in the browser that can be sorted, filtered, chosen, acted on and kept."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from omni_lab.ui.dashboard.components.boxes import Empty
from omni_lab.ui.dashboard.components.live import Live

if TYPE_CHECKING:
    from omni_lab.ui.dashboard.session import Session

_TIMES = frozenset({"time", "clock", "moment", "day"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a `Table`.

    Attributes
    ----------
    key, label : str
        Name in the rows, and above the column.
    kind : str
        How values are written: ``text``, ``side``, ``qty``, ``price``, ``number``, ``pnl``, ``money``,
        ``int``, ``percent`` (of a fraction), ``bps``, ``time``, ``clock``, ``moment``, ``day`` (of
        nanoseconds UTC).
    decimals : int, optional
    filter : bool
        Whether it has a field to filter by.
    wrap : bool
        Whether long text goes on in a second line.
    tones : mapping of str to str
        Colour of a text: good, bad or warn.
    """

    key: str
    label: str
    kind: str = "text"
    decimals: int | None = None
    filter: bool = True
    wrap: bool = False
    tones: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAction:
    """A button in every row.

    Attributes
    ----------
    name, label : str
    danger : bool
        Whether it is painted as something to think about.
    """

    name: str
    label: str
    danger: bool = False


class Table(Live):
    """Rows with a name each.

    Parameters
    ----------
    title : str
    columns : sequence of Column
    key : str
        Which value names a row.
    session : Session
        Who gets the downloads.
    empty : (str, str)
        What is said where there are no rows, and the next step.
    actions : sequence of RowAction
    act : callable, optional
        Called with the name of an action and the key of a row.
    select : {"one", "many"} or None
        Whether rows can be chosen.
    chosen : callable, optional
        Called with the list of keys that are chosen.
    sort : (str, "up" or "down"), optional
        What it begins with; otherwise rows stand as they come.
    filters : bool
        Whether columns have fields to filter by.
    downloads : sequence of str
        Of ``csv`` and ``parquet``.
    height : int
        Pixels from which rows scroll.
    most : int
        Rows that are sent to the browser; a download has all of them.
    """

    def __init__(
        self,
        title: str,
        columns: Sequence[Column],
        *,
        key: str,
        session: Session,
        empty: Empty = ("Nothing here yet.", ""),
        actions: Sequence[RowAction] = (),
        act: Callable[[str, str], Any] | None = None,
        select: Literal["one", "many"] | None = None,
        chosen: Callable[[list[str]], Any] | None = None,
        sort: tuple[str, str] | None = None,
        filters: bool = True,
        downloads: Sequence[str] = ("csv", "parquet"),
        height: int = 420,
        most: int = 2_000,
        **params: Any,
    ) -> None:
        options = {
            "title": title,
            "columns": [asdict(each) for each in columns],
            "empty": list(empty),
            "actions": [asdict(each) for each in actions],
            "select": select,
            "sort": list(sort) if sort else None,
            "filters": filters,
            "downloads": list(downloads),
            "height": height,
        }
        super().__init__("table", options, heard=self._heard, **params)
        self.title, self.columns, self.key = title, tuple(columns), key
        self.rows: list[Mapping[str, Any]] = []
        self._session, self._act, self._chosen, self._most = session, act, chosen, most
        self.show({"rows": [], "keys": [], "n": 0, "state": "loading"})

    def fill(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        off: Mapping[str, str] | None = None,
        row_off: Callable[[Mapping[str, Any]], Mapping[str, str] | None] | None = None,
        chosen: Sequence[str] | None = None,
    ) -> None:
        """Show these rows.

        Parameters
        ----------
        rows : iterable of mapping
            Values by key of column; NaN and None are shown as a dash. ``_decimals`` of a row may be a mapping
            of decimals by column, where a column names none.
        off : mapping of str to str, optional
            Why an action cannot be taken now, by its name.
        row_off : callable, optional
            The same for a row; ``"hidden"`` leaves the button out.
        chosen : sequence of str, optional
            Keys that are chosen from now on.
        """
        self.rows = list(rows)
        sent = self.rows[: self._most]
        frame: dict[str, Any] = {
            "rows": [[_plain(row.get(each.key), each.kind) for each in self.columns] for row in sent],
            "keys": [str(row[self.key]) for row in sent],
            "n": len(self.rows),
            "state": "ok",
            "off": dict(off or {}),
        }
        if row_off is not None:
            frame["offs"] = [dict(row_off(row) or {}) for row in sent]
        if any("_decimals" in row for row in sent):
            frame["decimals"] = [row.get("_decimals") for row in sent]
        if chosen is not None:
            frame["chosen"] = list(chosen)
        if frame != self._frame or not self.mounted:
            self.show(frame)

    def wait(self) -> None:
        """Say that rows are on their way."""
        self.show({"rows": [], "keys": [], "n": 0, "state": "loading"})

    def fail(self, title: str, text: str, *, hint: str | None = None, id: str | None = None) -> None:
        """Say what went wrong in place of rows."""
        failed = {"title": title, "text": text, "hint": hint, "id": id}
        self.show({"rows": [], "keys": [], "n": 0, "state": "failed", "failed": failed})

    def file(self, kind: str) -> bytes:
        """All rows as a file: ``csv`` (UTF-8, times in ISO 8601 UTC) or ``parquet``."""
        import pandas as pd

        frame = pd.DataFrame({each.key: [row.get(each.key) for row in self.rows] for each in self.columns})
        for each in self.columns:
            if each.kind in _TIMES:
                frame[each.key] = pd.to_datetime(frame[each.key], unit="ns", utc=True)
        if kind == "csv":
            return frame.to_csv(index=False).encode()
        written = io.BytesIO()
        frame.to_parquet(written, index=False)
        return written.getvalue()

    def _heard(self, said: dict[str, Any]) -> None:
        if "act" in said and self._act is not None:
            self._act(str(said["act"]), str(said["key"]))
        elif "chosen" in said and self._chosen is not None:
            self._chosen([str(each) for each in said["chosen"]])
        elif said.get("save") in ("csv", "parquet"):
            self._session.start(self._save(said["save"]))

    async def _save(self, kind: str) -> None:
        name = self.title.lower().replace(" ", "-")
        data = await self._session.background(self.file, kind)
        self._session.save(
            f"{name}.{kind}", data, "text/csv" if kind == "csv" else "application/octet-stream"
        )


def _plain(value: Any, kind: str) -> Any:
    """As JSON: finite numbers, text, None; times as milliseconds."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if kind in _TIMES:
        return value / 1e6 if value else None
    return value if isinstance(value, (int, float, str)) else str(value)
