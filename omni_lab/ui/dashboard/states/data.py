"""Data of the lake: what is there, how good it is, and whether features of it have moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.features.drift import Drift, drift
from omni_lab.pipelines.form import Form, form, knob
from omni_lab.typing import FloatArray
from omni_lab.ui.dashboard.states.coverage import CalendarForm, Covered, covered
from omni_lab.ui.dashboard.states.knobs import KnobsState

if TYPE_CHECKING:
    from omni_lab.data import Bars
    from omni_lab.figures._canvas import Figure
    from omni_lab.pipelines.studies.quality import SymbolQuality
    from omni_lab.system.services import Services

_MOST_EXAMINED = 60
_FEWEST = 8


@form("examine", reads=("lake",))
class ExamineForm:
    """What is examined, and what counts as a fault."""

    symbols: list[str] = knob([], "which, with commas; none is all of the source")
    source: str | None = knob(None, "whose bars; by default the first source that has each")
    calendar: str = knob("XNYS", "whose sessions there should be bars of; ALWAYS_OPEN for every day")
    most_missing: float = knob(
        0.01, "fraction of sessions without a bar, above which it fails", at_least=0.0, at_most=1.0
    )
    longest_gap: int = knob(5, "without a bar in a row, above which it fails", unit="sessions", at_least=0)
    jump_z: float = knob(12.0, "size from which a return is a jump", unit="robust deviations", above=0.0)
    stale_bars: int = knob(4, "equal closes in a row that count as stale", unit="bars", at_least=2)

    def check(self) -> None:
        """A calendar that there is."""
        from omni_lab.data import TradingCalendar

        TradingCalendar.parse(self.calendar)


@form("drift", reads=("lake",))
class DriftForm:
    """Which bars are held against which."""

    symbol: str = knob("", "instrument of the lake")
    source: str | None = knob(None, "whose bars; by default the first source that has it")
    recent: int = knob(60, "newest bars, which are judged", unit="bars", at_least=10)
    reference: int = knob(500, "bars before them, which they are held against", unit="bars", at_least=30)
    window: int = knob(20, "of the averages", unit="bars", at_least=2)

    def check(self) -> None:
        """A symbol."""
        if not self.symbol:
            raise ConfigError("name an instrument of the lake", where="symbol")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examined:
    """What was found of bars.

    Attributes
    ----------
    found : list of SymbolQuality
    left_out : int
        Symbols beyond the most that are examined at once.
    calendar : str
    """

    found: list[SymbolQuality]
    left_out: int
    calendar: str

    def rows(self) -> list[dict[str, Any]]:
        """A row a symbol, those that fail first."""
        from omni_lab.pipelines.studies.quality import table

        order = {"fail": 0, "warn": 1, "pass": 2}
        made = [{str(n): v for n, v in row.items()} for row in table(self.found).to_dict("records")]
        return sorted(made, key=lambda row: (order[row["verdict"]], row["symbol"]))

    def sentences(self) -> list[str]:
        """What was found, and what to doubt of it."""
        from omni_lab.pipelines.studies.quality import conclusions, doubts

        told = [*conclusions(self.found), *(f"Doubt: {line}" for line in doubts(self.found, self.calendar))]
        return told + ([f"{self.left_out} more symbols were left out."] if self.left_out else [])

    def plot(self, *, theme: str = "light") -> Figure:
        """Fraction of sessions that is missing, by instrument and year."""
        from omni_lab.figures import coverage_figure
        from omni_lab.pipelines.studies.quality import coverage

        years, missing = coverage(self.found)
        return coverage_figure([each.symbol for each in self.found], years, missing, theme=theme)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drifted:
    """How features of an instrument moved.

    Attributes
    ----------
    symbol : str
    by_feature : dict of str to Drift
    first, last : int
        Of the recent bars, nanoseconds UTC.
    """

    symbol: str
    by_feature: dict[str, Drift]
    first: int
    last: int

    def rows(self) -> list[dict[str, Any]]:
        """A row a feature, those that moved most first."""
        rows = [
            {
                "feature": name,
                "verdict": each.verdict,
                "psi": each.psi,
                "ks": each.ks,
                "p_value": each.p_value,
                "shift": each.shift,
                "n_reference": each.n_reference,
                "n_recent": each.n_recent,
            }
            for name, each in self.by_feature.items()
        ]
        return sorted(rows, key=lambda row: -float(row["psi"]))

    def plot(self, *, theme: str = "light") -> Figure:
        """The index of each feature."""
        from omni_lab.features.drift import MOVED, STABLE
        from omni_lab.figures import drift_figure

        names = list(self.by_feature)
        psi = [self.by_feature[name].psi for name in names]
        return drift_figure(names, psi, watch=STABLE, moved=MOVED, theme=theme)

    def plot_feature(self, name: str, *, theme: str = "light") -> Figure:
        """Both distributions of one feature."""
        from omni_lab.figures import distributions_figure

        each = self.by_feature[name]
        return distributions_figure(each.edges, each.reference, each.recent, name=name, theme=theme)


class DataState:
    """The lake as somebody looks at it.

    Parameters
    ----------
    services : Services

    Attributes
    ----------
    examine_form, drift_form, calendar_form : KnobsState
        What is asked.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        examine: Form = ExamineForm.__form__  # type: ignore[attr-defined]
        drifts: Form = DriftForm.__form__  # type: ignore[attr-defined]
        days: Form = CalendarForm.__form__  # type: ignore[attr-defined]
        self.examine_form, self.drift_form = KnobsState(examine), KnobsState(drifts)
        self.calendar_form = KnobsState(days)

    def stored(self) -> list[dict[str, Any]]:
        """What the lake has, a row for each symbol of each source; times in nanoseconds UTC."""
        frame = self._store().symbols()
        return [
            {
                "key": f"{row.source}/{row.symbol}",
                "symbol": row.symbol,
                "source": row.source,
                "n_rows": int(row.n_rows),
                "first": int(row.first.value),
                "last": int(row.last.value),
                "has": ", ".join(n for n in ("ohlc", "volume", "adjusted") if getattr(row, f"has_{n}"))
                or "close",
            }
            for row in frame.itertuples()
        ]

    def begin(self, rows: list[dict[str, Any]]) -> None:
        """Propose the first instrument where none is named."""
        for asked in (self.drift_form, self.calendar_form):
            if rows and not asked.values["symbol"]:
                asked.values |= {"symbol": rows[0]["symbol"], "source": rows[0]["source"]}

    def examine(self) -> Examined:
        """Look at bars as the pipeline ``data_quality`` does.

        Raises
        ------
        ConfigError, DataError
            If there are none, or the calendar cannot be used.
        """
        from omni_lab.data import TradingCalendar
        from omni_lab.pipelines.studies import quality

        asked, store = self.examine_form.values, self._store()
        sessions = TradingCalendar.parse(asked["calendar"])
        # What the lake lacks is not fetched for somebody who only looks.
        chosen = list(dict.fromkeys(asked["symbols"])) or quality.chosen_symbols(store, (), asked["source"])
        limits = quality.Thresholds(
            **{name: asked[name] for name in ("most_missing", "longest_gap", "jump_z", "stale_bars")}
        )
        found = [
            quality.examine(store.load(symbol, source=asked["source"]), sessions, limits)
            for symbol in chosen[:_MOST_EXAMINED]
        ]
        if not found:
            raise DataError("the lake has no bars to examine", hint="omni ingest, or the pipeline ingest.")
        return Examined(
            found=found, left_out=max(len(chosen) - _MOST_EXAMINED, 0), calendar=asked["calendar"]
        )

    def drift(self) -> Drifted:
        """Hold the features of the newest bars against those before.

        Raises
        ------
        ConfigError, DataError
            If there are too few bars, or none of that symbol.
        """
        asked = self.drift_form.values
        bars = self._store().load(asked["symbol"], source=asked["source"])
        recent, window = asked["recent"], asked["window"]
        if bars.n_times < recent + 30 + window:
            raise DataError(
                "there are too few bars", found=bars.n_times, expected=f"{recent + 30 + window} or more"
            )
        features = bar_features(bars, window)
        found = {}
        for name, values in features.items():
            old = values[-recent - asked["reference"] : -recent]
            if np.isfinite(old).sum() >= _FEWEST and np.isfinite(values[-recent:]).sum() >= _FEWEST:
                found[name] = drift(old, values[-recent:])
        if not found:
            raise DataError("no feature has enough values on both sides", found=asked["symbol"])
        return Drifted(
            symbol=asked["symbol"], by_feature=found, first=int(bars.ts[-recent]), last=int(bars.ts[-1])
        )

    def calendar(self) -> Covered:
        """What each day of the years that are asked for has.

        Raises
        ------
        ConfigError, DataError
            If there are no bars of that symbol, or the calendar cannot be used.
        """
        asked = self.calendar_form.values
        return covered(self._store().load(asked["symbol"], source=asked["source"]), asked)

    def _store(self) -> Any:
        from omni_lab.store import DuckDBStore

        return DuckDBStore(self._services.settings.lake_dir)


def bar_features(bars: Bars, window: int) -> dict[str, FloatArray]:
    """Features of one instrument's bars, each of shape (n_bars,) with NaN where its window is not full.

    Parameters
    ----------
    bars : Bars
        Of one instrument; without open, high and low, or volume, the features that need them are left out.
    window : int
        Bars of the averages.
    """
    from omni_lab.features import indicators

    close = bars.close()[:, 0]
    steps = indicators.returns(close)
    found = {
        "return": steps,
        "volatility": np.concatenate([[np.nan], indicators.rolling_std(steps[1:], window)]),
        "z_score": indicators.zscore(close, window),
        "rsi": indicators.rsi(close, window),
        "momentum": indicators.returns(close, window),
    }
    high, low, volume = bars.high(), bars.low(), bars.volume()
    if high is not None and low is not None:
        found["range"] = (high[:, 0] - low[:, 0]) / close
    if volume is not None and np.isfinite(volume).any():
        traded = volume[:, 0]
        mean = indicators.sma(traded, window)
        found["relative_volume"] = np.divide(traded, mean, out=np.full(len(traded), np.nan), where=mean > 0.0)
    return found
