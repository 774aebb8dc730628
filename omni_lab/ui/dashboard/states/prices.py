"""Prices of an instrument of the lake as a line, and two columns of its bars as a cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.pipelines.form import Form, form, knob
from omni_lab.typing import FloatArray, IntArray
from omni_lab.ui.dashboard.states.data import bar_features
from omni_lab.ui.dashboard.states.knobs import KnobsState

if TYPE_CHECKING:
    from omni_lab.data import Bars
    from omni_lab.system.services import Services

TIME = "time"
_COLUMNS = (
    *("return", "volatility", "z_score", "rsi", "momentum", "range", "relative_volume"),
    *("open", "high", "low", "close", "volume"),
)


@form("prices", reads=("lake",))
class PricesForm:
    """What is looked at."""

    symbol: str = knob("", "instrument of the lake")
    source: str | None = knob(None, "whose bars; by default the first source that has it")
    up: str = knob("return", "of the cloud, upwards", choices=_COLUMNS)
    across: str = knob(TIME, "of the cloud, to the right", choices=(TIME, *_COLUMNS))
    window: int = knob(20, "of the averages", unit="bars", at_least=2)

    def check(self) -> None:
        """A symbol."""
        if not self.symbol:
            raise ConfigError("name an instrument of the lake", where="symbol")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Priced:
    """Bars to look at.

    Attributes
    ----------
    symbol : str
    ts : ndarray of int64, shape (n_bars,)
        Ends of the bars, nanoseconds UTC.
    close : ndarray, shape (n_bars,)
    across, up : ndarray, shape (n_bars,)
        Of the cloud; NaN where a window is not full. Times are milliseconds since 1970.
    names : (str, str)
        What they are, as people read it.
    times : bool
        Whether ``across`` is the time.
    """

    symbol: str
    ts: IntArray
    close: FloatArray
    across: FloatArray
    up: FloatArray
    names: tuple[str, str]
    times: bool


class PricesState:
    """Prices as somebody looks at them.

    Parameters
    ----------
    services : Services

    Attributes
    ----------
    form : KnobsState
        What is asked.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        asked: Form = PricesForm.__form__  # type: ignore[attr-defined]
        self.form = KnobsState(asked)

    def begin(self, rows: list[dict[str, Any]]) -> None:
        """Propose the instrument with the most bars where none is named."""
        if rows and not self.form.values["symbol"]:
            longest = max(rows, key=lambda row: int(row["n_rows"]))
            self.form.values |= {"symbol": longest["symbol"], "source": longest["source"]}

    def look(self) -> Priced:
        """Read the bars and compute what is asked of them.

        Raises
        ------
        DataError
            If the lake lacks the instrument, or its bars the column.
        """
        from omni_lab.store import DuckDBStore

        asked = self.form.values
        bars = DuckDBStore(self._services.settings.lake_dir).load(asked["symbol"], source=asked["source"])
        ts, close = bars.ts, bars.close()[:, 0]
        columns = columns_of(bars, asked["window"]) | {TIME: ts / 1e6}
        names = (asked["across"], asked["up"])
        for name, where in zip(names, ("across", "up"), strict=True):
            if name not in columns:
                raise DataError(
                    f"these bars have no {name.replace('_', ' ')}",
                    expected=", ".join(each for each in columns if each != TIME),
                    where=where,
                )
        across, up = names
        return Priced(
            symbol=asked["symbol"],
            ts=ts,
            close=close,
            across=columns[across],
            up=columns[up],
            names=(across.replace("_", " "), up.replace("_", " ")),
            times=across == TIME,
        )


def columns_of(bars: Bars, window: int) -> dict[str, FloatArray]:
    """Prices, volume and features of one instrument, each of shape (n_bars,); what is unknown is left out."""
    known = {"open": bars.open(), "high": bars.high(), "low": bars.low(), "close": bars.close()}
    known["volume"] = bars.volume()
    found = {name: values[:, 0] for name, values in known.items() if values is not None}
    kept = {name: values for name, values in found.items() if np.isfinite(values).any()}
    return bar_features(bars, window) | kept
