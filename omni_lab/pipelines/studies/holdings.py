"""The portfolio that a risk report is about: from weights, or from what a run left in its folder.

Prices come from the store; what they may mean for losses is asked elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data import Bars
    from omni_lab.pipelines.registry import RunRecord
    from omni_lab.store import BarStore

EQUITY_FILE, WEIGHTS_FILE = "equity.parquet", "weights.parquet"
"""What runs of other pipelines leave of the worth of an account, and of what it holds."""
WHOLE = "equity"
"""Name of the one position where only the worth of the whole is known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Portfolio:
    """What is held, and how it moved.

    Attributes
    ----------
    names : tuple of str
        Of the positions; ``("equity",)`` where only the worth of the whole is known.
    weights : ndarray of float64, shape (n_assets,)
        Fractions of the money, negative where short; what is missing to 1 is cash.
    ts : ndarray of int64, shape (n_obs,)
        Ends of the steps, nanoseconds UTC.
    returns : ndarray of float64, shape (n_obs, n_assets)
        Simple returns of each position.
    origin : str
        Where it comes from, in a line.
    caveats : tuple of str
        What to know before believing a number.
    """

    names: tuple[str, ...]
    weights: FloatArray
    ts: IntArray
    returns: FloatArray
    origin: str
    caveats: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of names, weights, times and returns."""
        import hashlib

        digest = hashlib.sha256(repr(self.names).encode())
        for column in (self.weights, self.ts, self.returns):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()

    @property
    def profits(self) -> FloatArray:
        """Return of the whole in each step, at today's weights, shape (n_obs,)."""
        return np.asarray(self.returns @ self.weights, dtype=np.float64)

    @property
    def has_parts(self) -> bool:
        """Whether there is more than one position to divide the risk among."""
        return len(self.names) > 1


def portfolio_of(
    store: "BarStore",
    *,
    weights: Mapping[str, Any],
    run: str | None = None,
    source: str | None = None,
    start: str | None = None,
    end: str | None = None,
) -> Portfolio:
    """The portfolio of a run, or of weights.

    Parameters
    ----------
    store : BarStore
        Prices of the positions; what it lacks is ingested.
    weights : mapping of str to float
        Fractions of the money by symbol; ignored with a run.
    run : str, optional
        Beginning of a run's id, or what else names one. It left ``weights.parquet``, of which the last
        row is taken, or ``equity.parquet``.
    source, start, end : str, optional
        Of the prices: where from, and the first and last day.

    Raises
    ------
    ConfigError
        If weights are no numbers, or there is no such run.
    DataError
        If the run left neither file, a file cannot be used, or the positions have no days in common.
    """
    if run is None:
        return _of_weights(store, numbers_by_symbol(weights), "weights given", source, start, end)
    from omni_lab.pipelines.registry import find_run

    record = find_run(run)
    origin = f"run {record.run_id} of {record.pipeline}"
    if (record.folder.path / WEIGHTS_FILE).is_file():
        held = last_weights(_frame(record.folder.path / WEIGHTS_FILE))
        return _of_weights(store, held, origin, source, start, end)
    if (record.folder.path / EQUITY_FILE).is_file():
        return _of_equity(_frame(record.folder.path / EQUITY_FILE), origin, start, end)
    raise _nothing_left(record)


def last_weights(frame: "pd.DataFrame") -> dict[str, float]:
    """The newest weights that a run left.

    Parameters
    ----------
    frame : DataFrame
        A column for each symbol and a row for each time, or rows of ``ts``, ``symbol``, ``weight``.

    Returns
    -------
    dict of str to float
        Positions that are not 0.

    Raises
    ------
    DataError
        If there is no weight in it.
    """
    if {"symbol", "weight"} <= set(frame.columns):
        times = frame["ts"] if "ts" in frame.columns else frame.index
        newest = frame[np.asarray(times == times.max())]
        row = dict(zip(newest["symbol"], newest["weight"], strict=True))
    else:
        wide = frame.drop(columns=[name for name in ("ts", "cash") if name in frame.columns])
        known = wide.dropna(how="all").select_dtypes("number")
        row = known.iloc[-1].to_dict() if len(known) else {}
    held = {str(name): float(weight) for name, weight in row.items() if weight == weight and weight != 0.0}
    if not held:
        raise DataError("nothing is held in the last row of these weights", where=WEIGHTS_FILE)
    return held


def numbers_by_symbol(given: Mapping[str, Any], where: str = "weights") -> dict[str, float]:
    """Numbers by symbol, checked.

    Raises
    ------
    ConfigError
        If one is no finite number, or all are 0.
    """
    wrong = {
        name: value
        for name, value in given.items()
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value)
    }
    if wrong or not given or not any(given.values()):
        raise ConfigError(
            "symbols are mapped to numbers, not all of them 0", found=wrong or dict(given), where=where
        )
    return {str(name): float(value) for name, value in given.items()}


def _of_weights(
    store: "BarStore",
    weights: Mapping[str, float],
    origin: str,
    source: str | None,
    start: str | None,
    end: str | None,
) -> Portfolio:
    from omni_lab.pipelines.prices import caveats, ensure_ingested

    names = tuple(weights)
    for symbol in names:
        ensure_ingested(store, symbol, source=source, progress=False)
    ts, returns = _returns(store.load(list(names), start=start, end=end, source=source, closes_only=True))
    said = dict.fromkeys(line for symbol in names for line in caveats(symbol, source))
    return Portfolio(
        names=names,
        weights=np.array([weights[name] for name in names], dtype=np.float64),
        ts=ts,
        returns=returns,
        origin=origin,
        caveats=tuple(said),
    )


def _of_equity(frame: "pd.DataFrame", origin: str, start: str | None, end: str | None) -> Portfolio:
    import pandas as pd

    if "equity" not in frame.columns:
        raise DataError("there is no column of equity", found=list(frame.columns), where=EQUITY_FILE)
    times = pd.DatetimeIndex(pd.to_datetime(frame["ts"] if "ts" in frame.columns else frame.index, utc=True))
    times = times.tz_convert(None)
    worth = pd.Series(frame["equity"].to_numpy(dtype=np.float64), index=times)[start:end]
    if len(worth) < 2 or not (worth > 0.0).all():
        raise DataError("the account was not worth something on two days or more", where=EQUITY_FILE)
    times_ns = worth.index.to_numpy().astype("datetime64[ns]").astype(np.int64)
    returns = worth.to_numpy()[1:] / worth.to_numpy()[:-1] - 1.0
    return Portfolio(
        names=(WHOLE,),
        weights=np.ones(1),
        ts=times_ns[1:],
        returns=returns[:, None],
        origin=origin,
        caveats=(
            "It is the past of a backtest: what it would have been worth, and what was tried is unseen.",
        ),
    )


def _returns(bars: "Bars") -> tuple[IntArray, FloatArray]:
    """Simple returns over the days on which every position has a price."""
    close = bars.close()
    known = np.isfinite(close).all(axis=1)
    if known.sum() < 2:
        raise DataError(
            "the positions have no days in common", found=f"{int(known.sum())} days", where="weights"
        )
    close, ts = close[known], bars.ts[known]
    return ts[1:], close[1:] / close[:-1] - 1.0


def _frame(path: Path) -> "pd.DataFrame":
    import pandas as pd
    from pyarrow import ArrowInvalid

    try:
        return pd.read_parquet(path)
    except (OSError, ArrowInvalid) as error:
        raise DataError(f"the file cannot be read: {error}", where=path.name) from error


def _nothing_left(record: "RunRecord") -> DataError:
    return DataError(
        "the run left neither weights nor equity",
        found=record.run_id,
        expected=f"{WEIGHTS_FILE} or {EQUITY_FILE} in its folder",
        where="run",
        hint=f"It is a run of {record.pipeline}; runs of backtest, walk_forward and portfolio leave them.",
    )
