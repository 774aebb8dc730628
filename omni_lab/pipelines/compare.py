"""Two runs beside each other: what was asked, what it was made with, and what came out.

Read from records and from the files a run left: ``equity.parquet`` (ts, equity), ``weights.parquet`` (ts,
symbol, weight), ``trades.parquet`` and ``fills.parquet`` (a row for each). How a difference is told is in
``compare_views``; how it is drawn, in ``figures.compare``.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from omni_lab.errors import SchemaError
from omni_lab.pipelines.registry import RunRecord
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.figures._canvas import Figure

ABSENT = "–"
"""What stands for a parameter or a fact that one of the runs does not have."""

EQUITY_FILE, WEIGHTS_FILE = "equity.parquet", "weights.parquet"
ROW_FILES = {"trades": "trades.parquet", "fills": "fills.parquet"}

_FACTS = ("data_fingerprint", "notebook_sha256", "code_sha256", "lock_sha256", "seed", "platform")

Pair = tuple[Any, Any]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class MetricDiff:
    """A number of both runs; None where one does not have it or it is not finite."""

    name: str
    a: float | None
    b: float | None

    @property
    def delta(self) -> float | None:
        """The second minus the first."""
        return None if self.a is None or self.b is None else self.b - self.a

    @property
    def differs(self) -> bool:
        """Whether a bit of it differs."""
        return self.a != self.b

    @property
    def size(self) -> float:
        """How large the difference is beside the numbers; infinite where only one has it."""
        if not self.differs:
            return 0.0
        if self.a is None or self.b is None:
            return math.inf
        return abs(self.b - self.a) / max(abs(self.a), abs(self.b))


@dataclass(frozen=True, slots=True)
class EquityDiff:
    """Equity of both runs on the times of either.

    Attributes
    ----------
    ts : ndarray of int64, shape (n_steps,)
        Nanoseconds since 1970, UTC.
    a, b : ndarray of float64, shape (n_steps,)
        NaN before a run's first step and after its last.
    parts_at : int or None
        The first time at which both are known and differ.
    """

    ts: IntArray
    a: FloatArray
    b: FloatArray
    parts_at: int | None


@dataclass(frozen=True, slots=True)
class RowsDiff:
    """Rows of a table that only one of the runs has."""

    n_common: int
    only_a: "pd.DataFrame"
    only_b: "pd.DataFrame"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDiff:
    """What differs between two runs.

    Attributes
    ----------
    a, b : RunRecord
    parameters : mapping of str to (object, object)
        Those that differ; `ABSENT` where a run does not have one.
    made_with : mapping of str to (object, object)
        What differs of data, notebook, code, lock, commit and versions.
    metrics : tuple of MetricDiff
        All, in the order of the first run.
    equity : EquityDiff or None
    weights : DataFrame or None
        By symbol: ``last_a``, ``last_b``, ``largest`` difference and ``when``, of those that differ.
    rows : mapping of str to RowsDiff
        ``trades`` and ``fills``.
    notes : tuple of str
        What could not be compared.
    """

    a: RunRecord
    b: RunRecord
    parameters: Mapping[str, Pair]
    made_with: Mapping[str, Pair]
    metrics: tuple[MetricDiff, ...]
    equity: EquityDiff | None = None
    weights: "pd.DataFrame | None" = None
    rows: Mapping[str, RowsDiff] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def same_results(self) -> bool:
        """Whether all that came out is the same bit for bit, as far as it can be compared."""
        rows = all(each.only_a.empty and each.only_b.empty for each in self.rows.values())
        equity = self.equity is None or bool(np.array_equal(self.equity.a, self.equity.b, equal_nan=True))
        held = self.weights is None or self.weights.empty
        return rows and equity and held and not any(each.differs for each in self.metrics)

    def plot(self, *, theme: str = "light") -> "Figure":
        """Both equities with their drawdowns, and the metrics that differ most."""
        from omni_lab.pipelines.compare_views import figure_of

        return figure_of(self, theme=theme)

    def __str__(self) -> str:
        from omni_lab.pipelines.compare_views import text_of

        return text_of(self)

    def _repr_html_(self) -> str:
        from omni_lab.pipelines.compare_views import html_of

        return html_of(self)


def compare_runs(a: RunRecord, b: RunRecord) -> RunDiff:
    """What differs between two runs; files that one of them lacks are noted and left out.

    Parameters
    ----------
    a, b : RunRecord
        Differences are what the second has and the first has not.
    """
    notes: list[str] = []
    told = partial(_tell, a, b, notes)
    rows = {name: told(file, (), _rows) for name, file in ROW_FILES.items()}
    return RunDiff(
        a=a,
        b=b,
        parameters=_differing(a.content.get("parameters") or {}, b.content.get("parameters") or {}),
        made_with=_differing(_facts(a), _facts(b)),
        metrics=_metrics(a.metrics, b.metrics),
        equity=told(EQUITY_FILE, ("ts", "equity"), _equity),
        weights=told(WEIGHTS_FILE, ("ts", "symbol", "weight"), _weights),
        rows={name: found for name, found in rows.items() if found is not None},
        notes=tuple(notes),
    )


def equity_of(run: RunRecord) -> tuple[IntArray, FloatArray]:
    """Times (nanoseconds UTC, increasing) and equity that a run left, both of shape (n_steps,).

    Raises
    ------
    OSError, ValueError
        If the file cannot be read; FileNotFoundError if there is none.
    SchemaError
        If a column is missing.
    """
    return _series(_read(run.folder.path / EQUITY_FILE, ("ts", "equity")))


def on_common_times(curves: Sequence[tuple[IntArray, FloatArray]]) -> tuple[IntArray, list[FloatArray]]:
    """Curves on the times of all of them: the last value at or before each, NaN outside of a curve."""
    ts = np.unique(np.concatenate([own for own, _ in curves]))
    return ts, [_onto(ts, own, values) for own, values in curves]


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Pair]:
    pairs = ((name, (a.get(name, ABSENT), b.get(name, ABSENT))) for name in dict.fromkeys([*a, *b]))
    # 1 and True are equal in Python and other questions here.
    return {name: pair for name, pair in pairs if pair[0] != pair[1] or type(pair[0]) is not type(pair[1])}


def _facts(run: RunRecord) -> dict[str, Any]:
    content = run.content
    git = content.get("git") or {}
    commit = git.get("commit") and str(git["commit"])[:12] + (" with changes" if git.get("dirty") else "")
    strategy = content.get("strategy") or {}
    facts = {
        "pipeline": run.pipeline,
        "strategy": strategy.get("sha256"),
        **{name: content.get(name) for name in _FACTS},
        "commit": commit,
        **(content.get("versions") or {}),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _metrics(a: Mapping[str, float | None], b: Mapping[str, float | None]) -> tuple[MetricDiff, ...]:
    return tuple(MetricDiff(name, a.get(name), b.get(name)) for name in dict.fromkeys([*a, *b]))


def _tell(
    a: RunRecord,
    b: RunRecord,
    notes: list[str],
    file: str,
    columns: Iterable[str],
    compare: "Callable[[pd.DataFrame, pd.DataFrame], _T | None]",
) -> "_T | None":
    """What comes of comparing a file of both; None, with a note if only one has it or it cannot be used."""
    there = [run for run in (a, b) if (run.folder.path / file).is_file()]
    if len(there) == 1:
        notes.append(f"only {there[0].run_id} left {file}")
    if len(there) < 2:
        return None
    try:
        one, other = (_read(run.folder.path / file, columns) for run in (a, b))
        return compare(one, other)
    except (OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        notes.append(f"{file} cannot be compared: {type(error).__name__}: {error}".splitlines()[0])
        return None


def _read(path: Path, columns: Iterable[str]) -> "pd.DataFrame":
    import pandas as pd

    frame = pd.read_parquet(path)
    if missing := sorted(set(columns) - set(frame.columns)):
        raise SchemaError(f"{path.parent.name} has no column {', '.join(missing)}")
    return frame


def _equity(a: "pd.DataFrame", b: "pd.DataFrame") -> EquityDiff | None:
    if a.empty or b.empty:
        return None
    (ts_a, of_a), (ts_b, of_b) = _series(a), _series(b)
    ts = np.union1d(ts_a, ts_b)
    on_a, on_b = _onto(ts, ts_a, of_a), _onto(ts, ts_b, of_b)
    parted = np.flatnonzero(np.isfinite(on_a) & np.isfinite(on_b) & (on_a != on_b))
    return EquityDiff(ts, on_a, on_b, int(ts[parted[0]]) if len(parted) else None)


def _series(frame: "pd.DataFrame") -> tuple[IntArray, FloatArray]:
    ts, order = np.unique(_nanoseconds(frame["ts"]), return_index=True)
    return ts, frame["equity"].to_numpy(dtype=np.float64)[order]


def _nanoseconds(ts: "pd.Series[Any]") -> IntArray:
    import pandas as pd

    moments = pd.DatetimeIndex(pd.to_datetime(ts, utc=True)).as_unit("ns")
    return moments.asi8.astype(np.int64)


def _onto(ts: IntArray, own: IntArray, values: FloatArray) -> FloatArray:
    """The last value at or before each time, NaN outside of the series."""
    at = np.searchsorted(own, ts, side="right") - 1
    known = (at >= 0) & (ts <= own[-1])
    return np.where(known, values[np.maximum(at, 0)], np.nan)


def _weights(a: "pd.DataFrame", b: "pd.DataFrame") -> "pd.DataFrame":
    """Symbols whose weights differ, the largest difference first; what nobody wrote down is not held."""
    import pandas as pd

    wide_a, wide_b = (
        frame.assign(ts=_nanoseconds(frame["ts"])).pivot_table(
            index="ts", columns="symbol", values="weight", aggfunc="last"
        )
        for frame in (a, b)
    )
    times, symbols = wide_a.index.union(wide_b.index), wide_a.columns.union(wide_b.columns)
    if not len(times):
        return pd.DataFrame(columns=["last_a", "last_b", "largest", "when"])
    on_a, on_b = (
        wide.reindex(times).ffill().fillna(0.0).reindex(columns=symbols, fill_value=0.0)
        for wide in (wide_a, wide_b)
    )
    apart = (on_b - on_a).abs()
    table = pd.DataFrame(
        {
            "last_a": on_a.iloc[-1],
            "last_b": on_b.iloc[-1],
            "largest": apart.max(),
            "when": pd.to_datetime(apart.idxmax(), utc=True),
        }
    )
    return table[table["largest"] > 0.0].sort_values("largest", ascending=False)


def _rows(a: "pd.DataFrame", b: "pd.DataFrame") -> RowsDiff:
    """Rows are the same if all that both tables say of them is; equal rows are matched one to one."""
    common = [name for name in a.columns if name in b.columns]
    keys_a, keys_b = (_numbered(frame, common) for frame in (a, b))
    shared = set(keys_a) & set(keys_b)
    only_a, only_b = (
        frame[[key not in shared for key in keys]] for frame, keys in ((a, keys_a), (b, keys_b))
    )
    return RowsDiff(len(shared), only_a, only_b)


def _numbered(frame: "pd.DataFrame", columns: list[str]) -> list[tuple[str, int]]:
    """Each row as text, with how many like it came before."""
    seen: dict[str, int] = {}
    keys = []
    for values in frame[columns].itertuples(index=False, name=None):
        key = repr(values)
        keys.append((key, seen.get(key, 0)))
        seen[key] = seen.get(key, 0) + 1
    return keys
