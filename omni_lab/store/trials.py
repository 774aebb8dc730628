"""The ledger of trials: every backtest that was ever run here, counted, so that the best can be judged by it.

One SQLite file for all processes of a project. What a run was is told by its data, its family (the strategy's
class or function), its parameters, its settings and what came out; the same again counts once. A ledger that
cannot be written never costs anybody a result: what could not be recorded is kept and tried again with the
next trial, and a warning says so once.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import math
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.config import Settings
from omni_lab.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1
_WAIT_S = 2.0
_MOST_PENDING = 100_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trials (
    key BLOB PRIMARY KEY, data TEXT NOT NULL, family TEXT NOT NULL, parameters TEXT NOT NULL,
    settings TEXT NOT NULL, source TEXT NOT NULL, sharpe REAL, n_obs INTEGER NOT NULL, skew REAL,
    kurtosis REAL, time_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS trials_of ON trials (data, family, sharpe);
"""
_INSERT = "INSERT OR IGNORE INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COLUMNS = "data, family, parameters, settings, source, sharpe, n_obs, skew, kurtosis, time_ns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One backtest, as far as judging the best of them needs it.

    Attributes
    ----------
    data : str
        Fingerprint of the bars.
    family : str
        Which strategy: the qualified name of its class or function.
    parameters : str
        What distinguishes it within the family; see `canonical`.
    settings : str
        Hash of the simulation's settings.
    source : str
        What ran it: ``run``, ``sweep``, ``search`` …
    sharpe : float
        Sharpe ratio **per period, not annual**; NaN where it never traded or was ruined.
    n_obs : int
        Number of returns.
    skew, kurtosis : float
        Of the returns, 3 for normal ones (not the excess); NaN where not known.
    time_ns : int
        When it was run, nanoseconds since 1970 UTC.
    """

    data: str
    family: str
    parameters: str
    settings: str
    source: str
    sharpe: float
    n_obs: int
    skew: float = math.nan
    kurtosis: float = math.nan
    time_ns: int = field(default_factory=time.time_ns)

    @property
    def key(self) -> bytes:
        """What makes it this trial: all but who ran it and when.

        The outcome takes part, so that an edited strategy under its old name is another trial.
        """
        told = (self.data, self.family, self.parameters, self.settings)
        outcome = (self.sharpe, self.n_obs, self.skew, self.kurtosis)
        return hashlib.blake2b(repr((told, outcome)).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSummary:
    """What is known of the trials of a family on some data.

    Attributes
    ----------
    n_trials : int
        Different trials that have a Sharpe ratio.
    n_idle : int
        Those that have none: they never traded, or were ruined.
    sharpe_mean, sharpe_variance, sharpe_best : float
        Of the Sharpe ratios, **per period**; the variance with ddof 1. NaN where there are too few.
    best_parameters : str
        Of the best one.
    """

    n_trials: int = 0
    n_idle: int = 0
    sharpe_mean: float = math.nan
    sharpe_variance: float = math.nan
    sharpe_best: float = math.nan
    best_parameters: str = ""


class TrialLedger:
    """The trials of a project.

    Parameters
    ----------
    path : Path, optional
        The file; ``trials.sqlite`` in the data directory (``OMNI_LAB_HOME``) by default. Made when the first
        trial is recorded.

    Examples
    --------
    >>> ledger = TrialLedger()  # doctest: +SKIP
    >>> ledger.families()  # doctest: +SKIP
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Settings.from_env().trials_file if path is None else Path(path).absolute()

    def record(self, trials: Iterable[Trial]) -> None:
        """Count trials, all or none of them, each once.

        Never raises for what is wrong with the file: a warning is given once in a process, and the trials are
        tried again with the next ones and when the process ends.
        """
        rows = [(trial.key, *map(_stored, astuple(trial))) for trial in trials]
        with _lock:
            waiting = _pending.pop(self.path, [])
            if not waiting and not rows:
                return
            try:
                with _open(self.path, make=True, patient=not waiting) as connection:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.executemany(_INSERT, waiting + rows)
                    connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                _pending[self.path] = (waiting + rows)[-_MOST_PENDING:]
                _warn_once(self.path, error)

    def summary(self, data: str, family: str | None = None) -> TrialSummary:
        """What was tried on some data.

        Parameters
        ----------
        data : str
            Fingerprint of the bars.
        family : str, optional
            Only this family; all of them by default.

        Raises
        ------
        DataError
            If the ledger cannot be read.
        """
        counted = self._select("count(*), count(sharpe), avg(sharpe)", data, family)
        n_all, n, mean = counted[0] if counted else (0, 0, None)
        if not n:
            return TrialSummary(n_idle=n_all)
        # About the mean, in a second pass: in one, the squares would cancel.
        squares = self._select("total((sharpe - :mean) * (sharpe - :mean))", data, family, mean=mean)
        best = self._select("sharpe, parameters", data, family, order="sharpe DESC, key", limit=1)
        return TrialSummary(
            n_trials=n,
            n_idle=n_all - n,
            sharpe_mean=mean,
            sharpe_variance=squares[0][0] / (n - 1) if n > 1 else math.nan,
            sharpe_best=best[0][0],
            best_parameters=best[0][1],
        )

    def trials(self, data: str | None = None, family: str | None = None) -> pd.DataFrame:
        """One row a trial, the oldest first: the fields of `Trial`, its time as ``ts`` in UTC.

        Raises
        ------
        DataError
            If the ledger cannot be read.
        """
        import pandas as pd

        names = _COLUMNS.split(", ")
        frame = pd.DataFrame(self._select(_COLUMNS, data, family, order="time_ns"), columns=names)
        floats = dict.fromkeys(("sharpe", "skew", "kurtosis"), "float64")
        frame = frame.astype({**floats, "n_obs": "int64", "time_ns": "int64"})
        frame["ts"] = pd.to_datetime(frame.pop("time_ns"), utc=True)
        return frame

    def families(self) -> pd.DataFrame:
        """What was tried, the latest first: data, family, n_trials, sharpe_best (per period), ts of the last.

        Raises
        ------
        DataError
            If the ledger cannot be read.
        """
        frame = self.trials()
        grouped = frame.groupby(["data", "family"], as_index=False, sort=False)
        table = grouped.agg(n_trials=("n_obs", "size"), sharpe_best=("sharpe", "max"), ts=("ts", "max"))
        return table.sort_values("ts", ascending=False, ignore_index=True)

    def __repr__(self) -> str:
        return f"TrialLedger({str(self.path)!r})"

    def _select(
        self,
        columns: str,
        data: str | None,
        family: str | None,
        *,
        order: str = "1",
        limit: int = -1,
        mean: float | None = None,
    ) -> list[tuple[Any, ...]]:
        asked = {"data": data, "family": family}
        wanted = {name: value for name, value in asked.items() if value is not None}
        where = " AND ".join(f"{name} = :{name}" for name in wanted) or "1"
        with _lock:
            if not self.path.exists():
                return []
            try:
                with _open(self.path, make=False) as connection:
                    statement = f"SELECT {columns} FROM trials WHERE {where} ORDER BY {order} LIMIT {limit}"
                    return connection.execute(statement, {**wanted, "mean": mean}).fetchall()
            except (sqlite3.Error, OSError) as error:
                raise DataError(
                    "the ledger of trials cannot be read",
                    found=str(error),
                    where=str(self.path),
                    hint="Wait if another program holds it; if it is damaged, move it away and start anew.",
                ) from error


def canonical(parameters: Mapping[Any, Any]) -> str:
    """Parameters as one line of JSON that is the same for equal parameters.

    Keys are sorted. Arrays are told by a hash, and other things that JSON does not know by their ``repr``,
    without the address that it may hold.
    """
    return json.dumps(_plain(parameters), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return _plain(value.item())
    if hasattr(value, "tobytes") and hasattr(value, "shape"):
        return f"array{list(value.shape)} {hashlib.blake2b(value.tobytes(), digest_size=8).hexdigest()}"
    return repr(value).split(" at 0x")[0]


def _stored(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


# --- one connection a file and process --------------------------------------------------------------

_lock = threading.RLock()
_connections: dict[Path, tuple[sqlite3.Connection, tuple[int, int]]] = {}
_abandoned: list[object] = []
_pending: dict[Path, list[tuple[Any, ...]]] = {}
_warned: set[Path] = set()


@contextmanager
def _open(path: Path, *, make: bool, patient: bool = True) -> Iterator[sqlite3.Connection]:
    """The connection to a ledger; after an error it is closed, so that the next one starts afresh."""
    kept = _connections.get(path)
    if kept is None or kept[1] != _identity(path):
        # A file that was moved away leaves a connection to nowhere.
        _close(path)
        kept = _connections[path] = _connect(path, make=make, wait_s=_WAIT_S if patient else 0.0)
    connection = kept[0]
    connection.execute(f"PRAGMA busy_timeout = {int(1000 * _WAIT_S) if patient else 0}")
    try:
        yield connection
    except BaseException:
        _close(path)
        raise


def _connect(path: Path, *, make: bool, wait_s: float) -> tuple[sqlite3.Connection, tuple[int, int]]:
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=wait_s, isolation_level=None, check_same_thread=False)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.DatabaseError(f"it was written by a newer version of OmniLab (format {version})")
        if version < VERSION:
            _prepare(connection, wait_s)
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection, _identity(path)


def _prepare(connection: sqlite3.Connection, wait_s: float) -> None:
    """Tables and write-ahead log of a new file. Two that do it at once get in each other's way; one waits."""
    until = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            return
        except sqlite3.OperationalError as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def _close(path: Path) -> None:
    kept = _connections.pop(path, None)
    if kept is not None:
        with suppress(sqlite3.Error):
            kept[0].close()


def _warn_once(path: Path, error: Exception) -> None:
    if path in _warned:
        return
    _warned.add(path)
    warnings.warn(
        f"Trials are not being counted: {path} cannot be written ({error}). Results are not affected, but "
        "deflated Sharpe ratios will know of too few trials. Counting is tried again with every run; move "
        "the file away if it is damaged.",
        RuntimeWarning,
        stacklevel=2,
    )


def _leave_to_the_parent() -> None:
    """In a forked child: a connection must not be used, nor closed, on both sides of a fork."""
    global _lock  # noqa: PLW0603
    _lock = threading.RLock()
    _abandoned.append(dict(_connections))
    _connections.clear()
    _pending.clear()


def _last_try() -> None:
    for path in list(_pending):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TrialLedger(path).record(())


os.register_at_fork(after_in_child=_leave_to_the_parent)
atexit.register(_last_try)
