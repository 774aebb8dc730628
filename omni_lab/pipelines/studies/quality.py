"""What the data_quality notebook asks of bars, symbol by symbol: a count for each check, and a verdict.

A check that finds nothing passes, one that finds no more than its threshold warns, one that finds more fails.
What cannot be stored at all (times that repeat, prices below zero) the store has refused before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from omni_lab.data.coverage import session_rows
from omni_lab.errors import DataError
from omni_lab.figures.words import count, percent
from omni_lab.typing import ArrayLike, BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data import Bars, TradingCalendar
    from omni_lab.store import BarStore

Verdict = Literal["pass", "warn", "fail"]

_DAY_NS = 86_400_000_000_000
_INTRADAY_NS = 20 * 3_600_000_000_000
_MAD_OF_NORMAL = 1.4826
_LOCAL = 251  # returns around one, whose spread it is measured by
_CAME_BACK = 0.7
_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From when a finding fails; all of them fractions, but where another unit is said.

    Attributes
    ----------
    most_missing : float
        Sessions without a bar.
    longest_gap : int
        Sessions without a bar in a row.
    jump_z : float
        Robust deviations from which a return is a jump.
    most_jumps : float
        Returns that are jumps.
    stale_bars : int
        Equal closes in a row from which they are stale.
    most_stale, most_off_grid, most_idle, most_outside : float
        Bars that are stale; prices off their grid; bars without volume; bars on days without a session.
    """

    most_missing: float = 0.01
    longest_gap: int = 5
    jump_z: float = 12.0
    most_jumps: float = 0.001
    stale_bars: int = 4
    most_stale: float = 0.01
    most_off_grid: float = 0.0
    most_idle: float = 0.01
    most_outside: float = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolQuality:
    """What was found in the bars of one symbol.

    Attributes
    ----------
    symbol : str
    n_bars : int
    first, last : str
        Days.
    n_sessions : int
        Sessions from the first bar to the last; 0 where bars are further apart than sessions, and not asked.
    n_missing, longest_gap : int
        Sessions without a bar, and most of them in a row.
    n_outside, n_doubled : int
        Bars on days without a session, and further bars of a day that has one, for daily bars.
    n_jumps, n_came_back : int
        Returns beyond the threshold; those of them that the next bar took back, as a wrong price does.
    largest_z : float
        Largest return in robust deviations; NaN with fewer than three returns that differ.
    largest_on : str
        Its day.
    n_stale, n_off_grid : int
        Bars in runs of equal closes; prices off their grid.
    n_idle : int or None
        Bars without volume; None where volumes are not known.
    grades : mapping of str to str
        Verdict of each check.
    missing_by_year : mapping of int to float
        Fraction of the sessions of each year without a bar.
    """

    symbol: str
    n_bars: int
    first: str
    last: str
    n_sessions: int
    n_missing: int
    longest_gap: int
    n_outside: int
    n_doubled: int
    n_jumps: int
    n_came_back: int
    largest_z: float
    largest_on: str
    n_stale: int
    n_off_grid: int
    n_idle: int | None
    grades: Mapping[str, Verdict]
    missing_by_year: Mapping[int, float] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The worst of its grades."""
        return next((grade for grade in ("fail", "warn") if grade in self.grades.values()), "pass")


def examine(bars: "Bars", calendar: "TradingCalendar", thresholds: Thresholds) -> SymbolQuality:
    """Look at the bars of one symbol.

    Parameters
    ----------
    bars : Bars
        Of one instrument, daily or finer; sessions are not asked of bars that are further apart.
    calendar : TradingCalendar
        Whose sessions there should be bars of.
    thresholds : Thresholds

    Raises
    ------
    DataError
        If the calendar is not known at the time of the bars.
    """
    close, volume = bars.close()[:, 0], bars.volume()
    sessions = _sessions(bars.ts, calendar)
    z = robust_z(close)
    jumps = np.abs(z) >= thresholds.jump_z
    n_stale = int(stale(close, thresholds.stale_bars).sum())
    n_idle = None if volume is None else int((~(volume[:, 0] > 0)).sum())
    n_prices = bars.n_times * (4 if bars.has_ohlc else 1)
    largest = int(np.nanargmax(np.abs(z))) if np.isfinite(z).any() else -1
    grades: dict[str, Verdict] = {
        "jumps": _grade(int(jumps.sum()), len(z), thresholds.most_jumps),
        "stale": _grade(n_stale, bars.n_times, thresholds.most_stale),
        "grid": _grade(bars.off_grid, n_prices, thresholds.most_off_grid),
    }
    if n_idle is not None:
        grades["volume"] = _grade(n_idle, bars.n_times, thresholds.most_idle)
    if sessions.n_sessions:
        grades["missing"] = _grade(sessions.n_missing, sessions.n_sessions, thresholds.most_missing)
        # A single session is told by the check above.
        grades["gap"] = "fail" if sessions.longest_gap > thresholds.longest_gap else "pass"
        wrong = sessions.n_outside + sessions.n_doubled
        grades["outside"] = _grade(wrong, bars.n_times, thresholds.most_outside)
    return SymbolQuality(
        symbol=bars.symbols[0],
        n_bars=bars.n_times,
        first=_day(bars.ts[0]),
        last=_day(bars.ts[-1]),
        **{name: getattr(sessions, name) for name in _Sessions.__slots__},
        n_jumps=int(jumps.sum()),
        n_came_back=int(came_back(close, jumps).sum()),
        largest_z=float(abs(z[largest])) if largest >= 0 else float("nan"),
        largest_on=_day(bars.ts[largest + 1]) if largest >= 0 else "",
        n_stale=n_stale,
        n_off_grid=bars.off_grid,
        n_idle=n_idle,
        grades=grades,
    )


def robust_z(close: ArrayLike) -> FloatArray:
    """Each return in deviations of the year around it, so that a wild year does not hide a wrong price.

    Parameters
    ----------
    close : array-like of float, shape (n,)
        Positive.

    Returns
    -------
    ndarray of float64, shape (n - 1,)
        Distance of the log return from the median of the 251 around it, over 1.4826 times their median
        absolute deviation, or that of all where these do not vary; NaN where none varies.
    """
    returns = np.diff(np.log(np.asarray(close, dtype=np.float64)))
    if not len(returns):
        return returns
    size = min(_LOCAL, len(returns))
    windows = np.lib.stride_tricks.sliding_window_view(returns, size)
    at = np.clip(np.arange(len(returns)) - size // 2, 0, len(windows) - 1)
    middle = np.median(windows, axis=1)
    spread = np.median(np.abs(windows - middle[:, np.newaxis]), axis=1)
    overall = float(np.median(np.abs(returns - np.median(returns))))
    scale = _MAD_OF_NORMAL * np.where(spread > 0, spread, overall)[at]
    return np.where(scale > 0, (returns - middle[at]) / np.where(scale > 0, scale, 1.0), np.nan)


def came_back(close: ArrayLike, jumps: BoolArray) -> BoolArray:
    """Which jumps the next return took back by 70% or more, as one after a wrong price does."""
    returns = np.diff(np.log(np.asarray(close, dtype=np.float64)))
    following = np.append(returns[1:], 0.0)
    return np.asarray(jumps & (-following * np.sign(returns) >= _CAME_BACK * np.abs(returns)))


def stale(close: ArrayLike, least: int) -> BoolArray:
    """Which closes stand in a run of so many equal ones or more; shape (n,)."""
    values = np.asarray(close, dtype=np.float64)
    begins = np.flatnonzero(np.append(True, values[1:] != values[:-1])) if len(values) else np.zeros(0, int)
    lengths = np.diff(np.append(begins, len(values)))
    return np.repeat(lengths >= least, lengths)


def table(found: Sequence[SymbolQuality]) -> "pd.DataFrame":
    """One symbol a row, with its verdict; what `quality.parquet` holds."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for each in found:
        facts = asdict(each)
        grades, _ = facts.pop("grades"), facts.pop("missing_by_year")
        troubled = [f"{name} {grade}" for name, grade in grades.items() if grade != "pass"]
        rows.append({**facts, "verdict": each.verdict, "why": ", ".join(troubled)})
    return pd.DataFrame(rows).astype({"n_idle": "Int64"})


def coverage(found: Sequence[SymbolQuality]) -> tuple[IntArray, FloatArray]:
    """Years, and the fraction of sessions without a bar in each, shape (n_symbols, n_years); NaN outside."""
    years = sorted({year for each in found for year in each.missing_by_year})
    cells = [[each.missing_by_year.get(year, np.nan) for year in years] for each in found]
    return np.array(years, dtype=np.int64), np.array(cells, dtype=np.float64).reshape(len(found), len(years))


def chosen_symbols(store: "BarStore", symbols: Sequence[str], source: str | None) -> list[str]:
    """The symbols asked for, brought into the store where it lacks them; all it has, by default.

    Raises
    ------
    UnknownSymbolError, SourceError, MissingExtraError
        As :func:`omni_lab.pipelines.prices.ensure_ingested`.
    DataError
        If none is asked for and the store is empty.
    """
    from omni_lab.pipelines.prices import ensure_ingested

    if symbols:
        for symbol in dict.fromkeys(symbols):
            ensure_ingested(store, symbol, source=source, progress=False)
        return list(dict.fromkeys(symbols))
    held = store.symbols()
    held = held if source is None else held[held["source"] == source]
    if held.empty:
        raise DataError("the store is empty", hint="Fill it: omni run ingest.")
    return list(dict.fromkeys(held["symbol"]))


def conclusions(found: Sequence[SymbolQuality]) -> list[str]:
    """What the checks show, in sentences."""
    by_verdict = {v: [each.symbol for each in found if each.verdict == v] for v in ("pass", "warn", "fail")}
    told = [
        f"{count(len(names), 'symbol')} {verb if len(names) > 1 else f'{verb}s'} ({_named(names)})"
        for verb, names in zip(("passe", "warn", "fail"), by_verdict.values(), strict=True)
        if names
    ]
    sentences = ["; ".join(told).replace("passe ", "pass ") + "."]
    asked = [each for each in found if each.n_sessions]
    if asked:
        n, of = sum(each.n_missing for each in asked), sum(each.n_sessions for each in asked)
        worst = max(asked, key=lambda each: each.n_missing / each.n_sessions)
        sentences.append(
            f"Bars are missing in {n:,} of {of:,} sessions"
            + (f"; {worst.symbol} lacks most, {percent(worst.n_missing / worst.n_sessions)}." if n else ".")
        )
    jumping = [each for each in found if each.n_jumps]
    if jumping:
        n, back = sum(each.n_jumps for each in jumping), sum(each.n_came_back for each in jumping)
        worst = max(jumping, key=lambda each: each.largest_z)
        are = "is a jump" if n == 1 else "are jumps"
        sentences.append(
            f"{count(n, 'return')} {are}, the largest of {worst.largest_z:.0f} deviations in {worst.symbol} "
            f"on {worst.largest_on}; {back:,} of them came back the next bar, as wrong prices do."
        )
    return sentences


def doubts(found: Sequence[SymbolQuality], calendar: str) -> list[str]:
    """What the checks cannot see."""
    said = [
        "A price can be wrong and look right: the checks find what is unlike its neighbours, nothing else.",
    ]
    unasked = [each.symbol for each in found if not each.n_sessions]
    if unasked:
        said.append(f"Of {_named(unasked)} bars are further apart than sessions, which were not asked.")
    if any(each.grades.get("missing", "pass") != "pass" for each in found):
        said.append(f"Sessions are those of {calendar}; a price fixed elsewhere has other holidays.")
    if any(each.n_idle is None for each in found):
        said.append("Where a source gives no volumes, whether anything traded is not known.")
    return said


def refuse_failures(found: Sequence[SymbolQuality]) -> None:
    """Stop what would use these bars.

    Raises
    ------
    DataError
        If a symbol fails, with the checks it failed.
    """
    failed = {
        each.symbol: [name for name, grade in each.grades.items() if grade == "fail"]
        for each in found
        if each.verdict == "fail"
    }
    if failed:
        told = "; ".join(f"{symbol}: {', '.join(names)}" for symbol, names in failed.items())
        raise DataError(
            f"{count(len(failed), 'symbol')} failed the checks of data quality",
            found=told,
            hint="Mend the data, or set the thresholds and say why.",
        )


@dataclass(frozen=True, slots=True)
class _Sessions:
    n_sessions: int = 0
    n_missing: int = 0
    longest_gap: int = 0
    n_outside: int = 0
    n_doubled: int = 0
    missing_by_year: Mapping[int, float] = field(default_factory=dict)


def _sessions(ts: IntArray, calendar: "TradingCalendar") -> _Sessions:
    """Which sessions have bars; nothing where bars are further apart than sessions."""
    apart = float(np.median(np.diff(ts))) if len(ts) > 1 else 0.0
    if apart > 4 * _DAY_NS:
        return _Sessions()
    days = [np.datetime64(int(ns), "ns").astype("datetime64[D]") for ns in (ts[0] - _DAY_NS, ts[-1])]
    schedule = calendar.schedule(*days)
    row, inside = session_rows(ts, schedule)
    per_session = np.bincount(row[inside], minlength=len(schedule))
    if not inside.any():
        return _Sessions(n_outside=len(ts))
    # Sessions before the first bar and after the last are not missing.
    held = np.flatnonzero(per_session)
    expected = per_session[held[0] : held[-1] + 1]
    missing = expected == 0
    years = schedule.date[held[0] : held[-1] + 1].astype("datetime64[Y]").astype(np.int64) + 1970
    return _Sessions(
        n_sessions=len(expected),
        n_missing=int(missing.sum()),
        longest_gap=int(np.diff(held).max(initial=1)) - 1,
        n_outside=int((~inside).sum()),
        n_doubled=int((expected - 1).clip(min=0).sum()) if apart >= _INTRADAY_NS else 0,
        missing_by_year={int(year): float(missing[years == year].mean()) for year in np.unique(years)},
    )


def _grade(n: int, of: int, most: float) -> Verdict:
    return "pass" if not n else "warn" if n <= most * of else "fail"


def _named(symbols: Sequence[str]) -> str:
    more = f" and {len(symbols) - _SHOWN} more" if len(symbols) > _SHOWN else ""
    return ", ".join(symbols[:_SHOWN]) + more


def _day(ns: int) -> str:
    return str(np.datetime64(int(ns), "ns").astype("datetime64[D]"))
