"""Real prices that need no network: the panels that well-known libraries carry in their packages.

Three sources are registered, all of the extra ``samples``. Each file is read where its package put it;
nothing is copied into this project. The packages are located, not imported: importing skfolio or arch only
to find a CSV file would cost seconds.

``skfolio``
    Daily adjusted closes, 1990 to 2022, of 20 members of the S&P 500 and of the index (``SP500``), and of
    five factor ETFs (``MTUM``, ``QUAL``, ``SIZE``, ``USMV``, ``VLUE``) from 2014. Rounded to three decimals
    by skfolio, which is coarse for the oldest prices: one unit of the last place is 1% of BBY in 1990. The
    members are today's survivors, chosen with hindsight: a strategy tested on them owes part of its return
    to that choice.
``arch``
    Daily bars, 1999 to 2018, of the S&P 500 (``SPX``) and the Nasdaq Composite (``IXIC``), and daily closes
    of the CBOE volatility index (``VIX``, from 2014) and of West Texas Intermediate crude oil, spot
    (``WTI``, from 1986). Indices and a spot price: nothing here could be bought as such.
``statsmodels``
    Month-end closes of the S&P 500, 1947 to 1985 (``SP500_M``), the one series of the package that says it is
    this index. The file (``tsa/tests/results/SP500.csv``, since statsmodels 0.15) holds 468 numbers without
    dates; statsmodels' tests call it data from Schwert [1]_. The dates are ours, on this evidence: the baa
    yields beside it, from the same study and of the same length, equal the dated Moody's yields in arch from
    January 1947 to December 1985 in 466 of 468 months; and its changes correlate 0.98 with the monthly market
    return of Fama and French (also in arch) when dated so, below 0.2 when dated any other way. The tests
    repeat both comparisons.

Every bar is stamped with the time it closed. For a daily bar that is 16:00 in New York on its date, also on
half days, when the market closed sooner: a stamp may make a price known too late, never too early. A
month-end close is stamped 16:00 in New York on the last calendar day of the month, for the same reason. The
oil price bears the time of the market, as all others do; it is published days later.

References
----------
.. [1] G. W. Schwert, "Effects of model specification on tests for unit roots in macroeconomic data",
   Journal of Monetary Economics 20, 1987, 73-103.
"""

from __future__ import annotations

import csv
import gzip
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, runtime_checkable

from omni_lab.data.checks import BAR_COLUMNS, CheckedBars, check_bars
from omni_lab.errors import DataError, MissingExtraError, SourceError, UnknownSymbolError

if TYPE_CHECKING:
    import pandas as pd

NEW_YORK_CLOSE = "16:00 America/New_York"


@runtime_checkable
class Source(Protocol):
    """Where bars come from."""

    @property
    def name(self) -> str:
        """What it is called in stores and on the command line."""
        ...

    @property
    def description(self) -> str:
        """One line on what it holds."""
        ...

    @property
    def licence_note(self) -> str:
        """Under which terms, and whose the prices are."""
        ...

    @property
    def prices_adjusted(self) -> bool:
        """True where closes already include dividends and splits, or the series has none."""
        ...

    def symbols(self) -> tuple[str, ...]:
        """Every symbol it has."""
        ...

    def load(self, symbols: Iterable[str] | None = None) -> pd.DataFrame:
        """Bars of these symbols, of all by default, checked and repaired."""
        ...

    def load_checked(self, symbols: Iterable[str] | None = None) -> CheckedBars:
        """The same bars with the list of what was repaired in them."""
        ...


class PackageSource(ABC):
    """A source read from the data files of an installed package.

    Subclasses say which files hold which symbols and how a file becomes bars.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    licence_note: ClassVar[str]
    prices_adjusted: ClassVar[bool] = True
    extra: ClassVar[str] = "samples"

    def __repr__(self) -> str:
        return f"<source {self.name!r}: {self.description}>"

    @property
    def package(self) -> str:
        """The package that holds the files."""
        return self.name

    @property
    def is_installed(self) -> bool:
        """Whether the package that holds the files can be found."""
        return find_spec(self.package) is not None

    def symbols(self) -> tuple[str, ...]:
        """Every symbol in the package's files, in their order."""
        return tuple(self._files())

    def load(self, symbols: Iterable[str] | None = None) -> pd.DataFrame:
        """Bars of these symbols, checked and repaired.

        Parameters
        ----------
        symbols : iterable of str, optional
            All by default. The bars come in this order.

        Returns
        -------
        DataFrame
            Columns ``ts`` (datetime64[ns, UTC], when the bar closed), ``symbol``, ``open``, ``high``,
            ``low``, ``close``, ``volume``, ``adj_close``; NaN where the source has nothing.

        Raises
        ------
        MissingExtraError
            If the package is not installed.
        UnknownSymbolError
            If the source lacks a symbol.
        DataError
            If a file is not what it is known to be.
        """
        return self.load_checked(symbols).frame

    def load_checked(self, symbols: Iterable[str] | None = None) -> CheckedBars:
        """What :meth:`load` returns, with the list of what was repaired.

        The rules are those of :func:`omni_lab.data.checks.check_bars`.
        """
        import pandas as pd

        files = self._files()
        wanted = list(files) if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
        for symbol in wanted:
            if symbol not in files:
                raise UnknownSymbolError(
                    "unknown symbol", found=symbol, expected=tuple(files), where=f"source {self.name!r}"
                )
        if not wanted:
            raise DataError("no symbol was asked for", where=f"source {self.name!r}")
        bars = pd.concat(
            [self._read(self._path(files[symbol]), symbol) for symbol in wanted], ignore_index=True
        )
        return check_bars(
            bars.reindex(columns=list(BAR_COLUMNS)), where=f"source {self.name!r}", daily_close=NEW_YORK_CLOSE
        )

    @abstractmethod
    def _files(self) -> Mapping[str, str]:
        """The file of each symbol, relative to the package."""

    @abstractmethod
    def _read(self, path: Path, symbol: str) -> pd.DataFrame:
        """Bars of one symbol: ``ts`` (a date), ``symbol`` and the values that the file has."""

    def _path(self, file: str) -> Path:
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtraError(self.package, extra=self.extra, what=f"The source {self.name!r}")
        path = Path(spec.submodule_search_locations[0]) / file
        if not path.is_file():
            raise SourceError(
                f"the installed {self.package} does not carry this file",
                found=str(path),
                where=f"source {self.name!r}",
                hint=f"Install {self.package} from its wheel on PyPI, in the version the lock names.",
            )
        return path


class SkfolioSource(PackageSource):
    """20 S&P 500 members, the index, and five factor ETFs: daily adjusted closes."""

    name = "skfolio"
    description = "20 S&P 500 members, the index and 5 factor ETFs; daily adjusted closes, 1990 to 2022"
    licence_note = "skfolio, BSD-3-Clause; offered by its authors for tests and examples only"

    _FILES = ("sp500_dataset", "sp500_index", "factors_dataset")

    def _files(self) -> Mapping[str, str]:
        files: dict[str, str] = {}
        for stem in self._FILES:
            file = f"datasets/data/{stem}.csv.gz"
            with gzip.open(self._path(file), "rt", encoding="utf-8", newline="") as lines:
                _, *columns = next(csv.reader(lines))
            files |= dict.fromkeys(columns, file)
        return files

    def _read(self, path: Path, symbol: str) -> pd.DataFrame:
        return _daily(path, symbol, {"close": symbol}, date_format="%Y-%m-%d")


class ArchSource(PackageSource):
    """S&P 500 and Nasdaq Composite daily bars; VIX and WTI daily closes."""

    name = "arch"
    description = "S&P 500 and Nasdaq Composite daily bars, 1999 to 2018; daily closes of VIX and WTI oil"
    licence_note = "arch, NCSA; the prices under the terms of Yahoo Finance, CBOE (VIX) and FRED (WTI)"

    _BARS: Final = MappingProxyType(
        {
            "open": "Open",
            "high": "High",
            "low": "Low",
            "close": "Close",
            "volume": "Volume",
            "adj_close": "Adj Close",
        }
    )
    _SERIES: Final = MappingProxyType(
        {
            "SPX": ("data/sp500/sp500.csv.gz", _BARS),
            "IXIC": ("data/nasdaq/nasdaq.csv.gz", _BARS),
            "VIX": ("data/vix/vix.csv.gz", MappingProxyType({"close": "vix"})),
            "WTI": ("data/wti/wti.csv.gz", MappingProxyType({"close": "DCOILWTICO"})),
        }
    )

    def _files(self) -> Mapping[str, str]:
        return {symbol: file for symbol, (file, _) in self._SERIES.items()}

    def _read(self, path: Path, symbol: str) -> pd.DataFrame:
        return _daily(path, symbol, self._SERIES[symbol][1], date_format="%m/%d/%Y")


class StatsmodelsSource(PackageSource):
    """The S&P 500 at month ends from January 1947 to December 1985."""

    name = "statsmodels"
    description = "S&P 500 month-end closes, 1947 to 1985 (468 values from Schwert 1987)"
    licence_note = "statsmodels, BSD-3-Clause; the series is from Schwert (1987)"

    _HEADER = "SCHWERTSP500"
    _FIRST, _LAST, _N_MONTHS = "1947-01", "1985-12", 468

    def _files(self) -> Mapping[str, str]:
        return {"SP500_M": "tsa/tests/results/SP500.csv"}

    def _read(self, path: Path, symbol: str) -> pd.DataFrame:
        import pandas as pd

        table = pd.read_csv(path)
        # The file has no dates. Those below belong to exactly this series; to another one they would be
        # invented.
        if list(table.columns) != [self._HEADER] or len(table) != self._N_MONTHS:
            raise DataError(
                "the file is not the series whose dates are known",
                found=f"{len(table)} rows of {list(table.columns)}",
                expected=f"{self._N_MONTHS} rows of {self._HEADER}",
                where=str(path),
            )
        months = pd.period_range(self._FIRST, self._LAST, freq="M")
        last_days = months.to_timestamp(how="end").normalize()
        return pd.DataFrame({"ts": last_days, "symbol": symbol, "close": table[self._HEADER].to_numpy()})


SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {source.name: source for source in (SkfolioSource(), ArchSource(), StatsmodelsSource())}
)
"""Every registered source, by name."""


def get_source(name: str) -> Source:
    """The registered source of this name.

    Raises
    ------
    SourceError
        If there is none.
    """
    try:
        return SOURCES[name]
    except (KeyError, TypeError):
        raise SourceError("unknown source", found=name, expected=tuple(SOURCES)) from None


def _daily(path: Path, symbol: str, columns: Mapping[str, str], *, date_format: str) -> pd.DataFrame:
    import pandas as pd

    # FRED marks a day without a value by a point. Prices are parsed to the nearest double, as Python does.
    table = pd.read_csv(path, usecols=["Date", *columns.values()], na_values=["."])
    dates = pd.DatetimeIndex(pd.to_datetime(table["Date"], format=date_format))
    values: dict[str, Any] = {ours: table[theirs].to_numpy() for ours, theirs in columns.items()}
    return pd.DataFrame({"ts": dates, "symbol": symbol, **values})
