"""The edge that every table of bars crosses before it is stored: checked, repaired by stated rules, counted.

What a rule can mend is mended and listed, bar by bar; everything else is refused with the place and the
value. Nothing here knows where the table came from or where it goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.domain import symbol_problems
from omni_lab.errors import DataError, SchemaError
from omni_lab.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume", "adj_close")
BAR_COLUMNS = ("ts", "symbol", *VALUES)
"""Columns of a long table of bars; ``ts`` is the time a bar closed."""

REPAIR_COLUMNS = ("symbol", "ts", "rule", "column", "before", "after")

MAX_WIDENING = 0.05
"""How far outside [low, high], as a fraction, an open or close may lie and still be believed."""

MAX_INCOMPLETE = 0.05
"""The fraction of a symbol's bars that may be dropped for a missing open, high or low."""

_DAY_NS = 86_400_000_000_000
_DAILY_CLOSE = re.compile(r"([01]?\d|2[0-3]):([0-5]\d) (\S+)")

_ALIASES = {
    "time": "ts",
    "timestamp": "ts",
    "date": "ts",
    "datetime": "ts",
    "ticker": "symbol",
    "adj close": "adj_close",
    "adjclose": "adj_close",
    "adjusted_close": "adj_close",
}


@dataclass(frozen=True, slots=True)
class CheckedBars:
    """Bars fit to be stored, and what was done to make them so.

    Attributes
    ----------
    frame : DataFrame
        Columns ``BAR_COLUMNS``: ``ts`` datetime64[ns, UTC], ``symbol`` text, the rest float64 with NaN where
        the source has nothing. One block of rows for each symbol, in the order the symbols first appeared;
        times strictly increase within a block.
    repairs : DataFrame
        One row for each value changed or bar dropped: ``symbol``, ``ts``, ``rule``, ``column``, ``before``,
        ``after``. A dropped bar has the column ``"*"`` and no ``after``.
    notes : tuple of str
        What looks doubtful and was left as it is.
    """

    frame: pd.DataFrame
    repairs: pd.DataFrame
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of bars each rule touched, by symbol and rule; symbols left as they were are absent."""
        counts: dict[str, dict[str, int]] = {}
        touched = self.repairs.drop_duplicates(["symbol", "ts", "rule"])
        for (symbol, rule), rows in touched.groupby(["symbol", "rule"], sort=False):
            counts.setdefault(str(symbol), {})[str(rule)] = len(rows)
        return counts


def check_bars(frame: pd.DataFrame, *, where: str = "frame", daily_close: str | None = None) -> CheckedBars:
    """Bars that can be relied on, and the list of what was repaired.

    Three rules repair; each is counted:

    ``missing_price``
        A row without any price is a day without a print (a holiday in a list of weekdays) and is dropped.
    ``incomplete_bar``
        A row that lacks some of open, high, low and close, in a symbol that otherwise has them, is dropped:
        what is missing is not invented. Above 5% of a symbol's rows this is refused instead.
    ``widen_range``
        An open or a close outside [low, high] moves the high or the low out to it: a price that was printed
        was in the range. More than 5% outside, the price itself is not believed, and the table is refused.

    Parameters
    ----------
    frame : DataFrame
        Long: a column of closing times (``ts``, ``time``, ``timestamp``, ``date`` or ``datetime``),
        ``symbol`` (or ``ticker``), ``close``, and any of ``open``, ``high``, ``low``, ``volume``,
        ``adj_close``. Capitals do not matter. A time index serves as ``ts``. Times without a zone are UTC;
        text must be ISO 8601. Symbols may be interleaved, but each one's times must strictly increase.
    where : str
        Name of the table in error messages.
    daily_close : str, optional
        For daily bars that bear a date and no time of day: when and where their session closes, such as
        ``"16:00 America/New_York"``. Each date becomes that moment. Without it a date stays midnight UTC,
        when its day begins, and a note says so.

    Returns
    -------
    CheckedBars

    Raises
    ------
    SchemaError
        If a column is missing, unknown, given twice or of the wrong type.
    DataError
        If the table is empty, or times are missing, unsorted or repeated, or a price is infinite or not
        positive, or a volume negative, or a high below its low, or a repair is too large.
    """
    import pandas as pd

    columns = _columns(frame, where)
    ts = _times(columns["ts"], where)
    notes: tuple[str, ...] = ()
    if daily_close is not None:
        ts = closing_times(ts, daily_close, where=where)
    elif not (ts % _DAY_NS).any():
        notes = ("every bar is stamped midnight UTC, when its day begins; daily_close= gives it its close",)
    codes, symbols = _symbols(columns["symbol"], where)
    order = np.argsort(codes, kind="stable")
    rows = _Rows(
        where=where,
        symbols=symbols,
        codes=codes[order],
        ts=ts[order],
        columns={
            name: _floats(columns[name], name, where)[order]
            if name in columns
            else np.full(len(order), np.nan)
            for name in VALUES
        },
    )
    repairs: list[dict[str, Any]] = []
    _check_times(rows)
    _check_values(rows)
    rows = _drop_unusable(rows, repairs)
    _widen_ranges(rows, repairs)
    _check_adjusted(rows)
    notes += _partial_volumes(rows)

    checked = pd.DataFrame(
        {"ts": _stamps(rows.ts), "symbol": _names(rows.symbols, rows.codes), **rows.columns},
        columns=list(BAR_COLUMNS),
    )
    listed = pd.DataFrame(repairs, columns=list(REPAIR_COLUMNS))
    listed["ts"] = _stamps(listed["ts"].to_numpy(dtype=np.int64))
    return CheckedBars(frame=checked, repairs=listed, notes=notes)


def closing_times(dates_ns: IntArray, daily_close: str, *, where: str = "frame") -> IntArray:
    """When the session of each date closed, in nanoseconds since 1970 UTC.

    Parameters
    ----------
    dates_ns : ndarray of int64
        Dates as their midnight UTC.
    daily_close : str
        Time of day and time zone: ``"16:00 America/New_York"``.
    where : str
        Name of the table in error messages.

    Raises
    ------
    DataError
        If a date has a time of day, or ``daily_close`` cannot be read.
    """
    import pandas as pd

    at = np.flatnonzero(dates_ns % _DAY_NS)
    if len(at):
        raise DataError(
            "daily_close is for dates, and this time has a time of day",
            found=_iso(dates_ns[at[0]]),
            where=f"{where}: column 'ts'",
            hint="Leave daily_close out.",
        )
    match = _DAILY_CLOSE.fullmatch(daily_close)
    try:
        hours, minutes, zone = match.groups() if match else ("", "", "")
        after_midnight = pd.Timedelta(hours=int(hours), minutes=int(minutes))
        closes = (pd.DatetimeIndex(dates_ns.view("datetime64[ns]")) + after_midnight).tz_localize(zone)
    except (ValueError, LookupError) as error:
        raise DataError(
            "daily_close cannot be read",
            found=daily_close,
            expected="a time and a zone, such as '16:00 America/New_York'",
            where=where,
        ) from error
    return np.asarray(closes.asi8, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Rows:
    where: str
    symbols: list[str]
    codes: IntArray
    ts: IntArray
    columns: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.ts)

    def keep(self, mask: BoolArray) -> _Rows:
        columns = {name: column[mask] for name, column in self.columns.items()}
        return _Rows(self.where, self.symbols, self.codes[mask], self.ts[mask], columns)

    def place(self, row: int, column: str | None = None) -> str:
        bar = f"{self.symbols[self.codes[row]]} at {_iso(self.ts[row])}"
        return f"{self.where}: {bar}, column {column!r}" if column else f"{self.where}: {bar}"

    def missing(self, names: tuple[str, ...]) -> BoolArray:
        """Which values are NaN, shape (n_names, n_rows)."""
        return np.isnan(np.stack([self.columns[name] for name in names]))


# --- columns and types --------------------------------------------------------------------------------------


def _columns(frame: pd.DataFrame, where: str) -> dict[str, pd.Series[Any]]:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise SchemaError("bars must come as a pandas frame", found=type(frame).__name__, where=where)
    columns: dict[str, pd.Series[Any]] = {}
    for position, label in enumerate(frame.columns):
        name = str(label).strip().lower()
        name = _ALIASES.get(name, name)
        if name not in BAR_COLUMNS:
            raise SchemaError(
                "unknown column",
                found=str(label),
                expected=BAR_COLUMNS,
                where=where,
                hint="Rename or drop it.",
            )
        if name in columns:
            raise SchemaError(f"two columns for {name!r}", found=list(map(str, frame.columns)), where=where)
        columns[name] = frame.iloc[:, position]
    if "ts" not in columns and isinstance(frame.index, pd.DatetimeIndex):
        columns["ts"] = frame.index.to_series()
    absent = [name for name in ("ts", "symbol", "close") if name not in columns]
    if absent:
        raise SchemaError(
            f"no column for {', '.join(map(repr, absent))}",
            found=list(map(str, frame.columns)),
            expected="at least ts, symbol and close",
            where=where,
        )
    if not len(frame):
        raise DataError("there are no bars", where=where)
    return columns


def _times(column: pd.Series[Any], where: str) -> IntArray:
    import pandas as pd

    if pd.api.types.is_string_dtype(column.dtype):
        try:
            column = pd.to_datetime(column, format="ISO8601", utc=True)
        except ValueError as error:
            raise DataError(
                "a time is not ISO 8601",
                where=f"{where}: column 'ts'",
                hint="Convert the column with pandas.to_datetime and the format it has.",
            ) from error
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise SchemaError(
            "times have the wrong type",
            found=str(column.dtype),
            expected="datetime64 or ISO 8601 text",
            where=f"{where}: column 'ts'",
        )
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        raise DataError(f"{len(missing)} times are missing", where=f"{where}: column 'ts', row {missing[0]}")
    stamps = pd.DatetimeIndex(column)
    stamps = stamps.tz_localize("UTC") if stamps.tz is None else stamps.tz_convert("UTC")
    try:
        return np.asarray(stamps.as_unit("ns").asi8, dtype=np.int64)
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(
            "a time is outside what int64 nanoseconds hold",
            found=f"{stamps.min()} to {stamps.max()}",
            expected="1677-09-22 to 2262-04-11",
            where=f"{where}: column 'ts'",
        ) from error


def _symbols(column: pd.Series[Any], where: str) -> tuple[IntArray, list[str]]:
    import pandas as pd

    codes, names = pd.factorize(column)
    if (codes < 0).any():
        raise DataError(
            f"{int((codes < 0).sum())} rows have no symbol",
            where=f"{where}: column 'symbol', row {int(np.flatnonzero(codes < 0)[0])}",
        )
    problems = [problem for name in names for problem in symbol_problems(name)]
    if problems:
        raise DataError(problems[0], where=f"{where}: column 'symbol'")
    return codes.astype(np.int64), [str(name) for name in names]


def _floats(column: pd.Series[Any], name: str, where: str) -> FloatArray:
    import pandas as pd

    dtype = column.dtype
    if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        raise SchemaError(
            "a column of numbers has the wrong type",
            found=str(dtype),
            expected="float64",
            where=f"{where}: column {name!r}",
            hint="Convert it with pandas.to_numeric.",
        )
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


# --- what must hold -----------------------------------------------------------------------------------------


def _check_times(rows: _Rows) -> None:
    same_symbol = rows.codes[1:] == rows.codes[:-1]
    wrong = np.flatnonzero(same_symbol & (rows.ts[1:] <= rows.ts[:-1]))
    if not len(wrong):
        return
    row = int(wrong[0]) + 1
    if rows.ts[row] == rows.ts[row - 1]:
        raise DataError(
            f"{len(wrong)} bars do not come after the one before; the first has the same time",
            where=rows.place(row),
            hint="Keep one bar for each symbol and time.",
        )
    raise DataError(
        f"{len(wrong)} bars do not come after the one before",
        found=_iso(rows.ts[row]),
        expected=f"later than {_iso(rows.ts[row - 1])}",
        where=rows.place(row),
        hint='Sort them: frame.sort_values(["symbol", "ts"]).',
    )


def _check_values(rows: _Rows) -> None:
    for name, column in rows.columns.items():
        _refuse(rows, np.isinf(column), name, "is infinite", expected="a finite number")
        if name == "volume":
            _refuse(rows, column < 0, name, "is negative", expected="zero or more")
        else:
            _refuse(rows, column <= 0, name, "is not positive", expected="a price above zero")


def _refuse(rows: _Rows, wrong: BoolArray, name: str, what: str, *, expected: str) -> None:
    at = np.flatnonzero(wrong)
    if len(at):
        row = int(at[0])
        raise DataError(
            f"{len(at)} bars have {'an' if name[0] in 'ao' else 'a'} {name} that {what}",
            found=float(rows.columns[name][row]),
            expected=expected,
            where=rows.place(row, name),
        )


def _partial_volumes(rows: _Rows) -> tuple[str, ...]:
    missing = np.isnan(rows.columns["volume"])
    n_missing = np.bincount(rows.codes, weights=missing, minlength=len(rows.symbols))
    n_bars = np.bincount(rows.codes, minlength=len(rows.symbols))
    return tuple(
        f"{rows.symbols[code]}: {int(n_missing[code])} of {n_bars[code]} bars have no volume"
        for code in np.flatnonzero((n_missing > 0) & (n_missing < n_bars))
    )


def _check_adjusted(rows: _Rows) -> None:
    missing = np.isnan(rows.columns["adj_close"])
    n_missing = np.bincount(rows.codes, weights=missing, minlength=len(rows.symbols))
    n_bars = np.bincount(rows.codes, minlength=len(rows.symbols))
    partly = (n_missing > 0) & (n_missing < n_bars)
    at = np.flatnonzero(missing & partly[rows.codes])
    if len(at):
        raise DataError(
            f"{len(at)} bars have no adjusted close though others of their symbol do",
            where=rows.place(int(at[0]), "adj_close"),
            hint="Fill them, or drop the column for this symbol.",
        )


# --- what is repaired ---------------------------------------------------------------------------------------


def _drop_unusable(rows: _Rows, repairs: list[dict[str, Any]]) -> _Rows:
    missing = rows.missing(PRICES)
    n_symbols = len(rows.symbols)
    n_present = np.stack(
        [np.bincount(rows.codes, weights=~absent, minlength=n_symbols) for absent in missing]
    )
    present = n_present > 0
    for code in np.flatnonzero(~present[PRICES.index("close")]):
        raise DataError("no bar has a close", where=f"{rows.where}: {rows.symbols[code]}")
    partial = present[:3].any(axis=0) & ~present[:3].all(axis=0)
    for code in np.flatnonzero(partial):
        raise SchemaError(
            "a symbol has some of open, high and low but not all of them",
            found=[name for name, has in zip(PRICES, present[:, code], strict=True) if has],
            expected="all of them, or closes alone",
            where=f"{rows.where}: {rows.symbols[code]}",
        )
    absent = missing.all(axis=0)
    has_ohlc = present[0][rows.codes]
    incomplete = np.where(has_ohlc, missing.any(axis=0), missing[PRICES.index("close")]) & ~absent

    n_bars = np.bincount(rows.codes, minlength=n_symbols)
    n_incomplete = np.bincount(rows.codes, weights=incomplete, minlength=n_symbols)
    for code in np.flatnonzero(n_incomplete > MAX_INCOMPLETE * n_bars):
        raise DataError(
            "too many bars lack an open, a high, a low or a close",
            found=f"{int(n_incomplete[code])} of {n_bars[code]}",
            expected=f"at most {MAX_INCOMPLETE:.0%}",
            where=f"{rows.where}: {rows.symbols[code]}",
            hint="Keep the closes alone, or the bars that are whole.",
        )
    for rule, dropped in (("missing_price", absent), ("incomplete_bar", incomplete)):
        for row in np.flatnonzero(dropped):
            repairs.append(_repair(rows, int(row), rule, "*", rows.columns["close"][row], np.nan))
    return rows.keep(~(absent | incomplete))


def _widen_ranges(rows: _Rows, repairs: list[dict[str, Any]]) -> None:
    opened, high, low, close = (rows.columns[name] for name in PRICES)
    _refuse(rows, high < low, "high", "is below the low", expected="high >= low")
    for name, bound, reach in (
        ("high", high, np.fmax(opened, close)),
        ("low", low, np.fmin(opened, close)),
    ):
        outside = np.flatnonzero(reach > bound if name == "high" else reach < bound)
        for row in outside:
            if abs(reach[row] / bound[row] - 1.0) > MAX_WIDENING:
                raise DataError(
                    f"an open or close lies more than {MAX_WIDENING:.0%} outside the bar's range",
                    found=float(reach[row]),
                    expected=f"within [{low[row]:g}, {high[row]:g}]",
                    where=rows.place(int(row)),
                    hint="Correct or drop the bar.",
                )
            repairs.append(_repair(rows, int(row), "widen_range", name, bound[row], reach[row]))
        bound[outside] = reach[outside]


def _repair(
    rows: _Rows, row: int, rule: str, column: str, before: np.float64 | float, after: np.float64 | float
) -> dict[str, Any]:
    return {
        "symbol": rows.symbols[rows.codes[row]],
        "ts": rows.ts[row],
        "rule": rule,
        "column": column,
        "before": float(before),
        "after": float(after),
    }


def _names(symbols: list[str], codes: IntArray) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(np.asarray(symbols, dtype=object)[codes], dtype="str")


def _stamps(ts: IntArray) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(ts.view("datetime64[ns]"), tz="UTC")


def _iso(ts_ns: np.int64) -> str:
    text = str(np.datetime64(int(ts_ns), "ns")).removesuffix("000000000").removesuffix(".")
    return f"{text}Z"
