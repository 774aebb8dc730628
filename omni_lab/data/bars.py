"""Bars: checked once, held in ticks, handed to the engine without another conversion.

This is one of the doors to the native module. Reading bars from places is the business of the sources and
the store.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab._native import Bars as NativeBars
from omni_lab.data.times import as_nanoseconds, check_increasing, iso
from omni_lab.domain import Instrument
from omni_lab.errors import DataError, SchemaError, ShapeError, UnknownSymbolError
from omni_lab.typing import AnyArray, ArrayLike, BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

_ROW = re.compile(r"row (\d+) ")
_PRICES = ("open", "high", "low", "close")


class Bars:
    """Bars of one or many instruments on one time axis, immutable.

    Make them with :meth:`from_frame`, :meth:`from_arrays` or :meth:`from_closes`. Prices are rounded once to
    the instrument's tick grid; everything after that is exact. A cell without a bar is NaN wherever prices
    are shown.

    Attributes
    ----------
    symbols : tuple of str
        The instruments, in column order.
    instruments : tuple of Instrument
        The same with their grids.
    ts : ndarray of int64, shape (n_times,)
        Times at which the bars closed: nanoseconds since 1970, UTC, strictly increasing.
    n_times, n_symbols : int
        Shape of every price column.
    has_ohlc : bool
        Whether open, high and low are known, or only closes.
    has_volume : bool
        Whether volumes are known.
    off_grid : int
        Prices that lay more than 0.05 tick off their grid and were rounded.
    """

    def __init__(self, native: NativeBars, instruments: Sequence[Instrument]) -> None:
        self._native = native
        self.instruments = tuple(instruments)
        self.symbols = tuple(instrument.symbol for instrument in instruments)
        self.n_times = native.n_steps
        self.n_symbols = native.n_symbols
        self.has_ohlc = native.has_ohlc
        self.has_volume = native.has_volume
        self.off_grid = native.off_grid

    @classmethod
    def from_arrays(
        cls,
        ts: ArrayLike,
        open: ArrayLike | None,
        high: ArrayLike | None,
        low: ArrayLike | None,
        close: ArrayLike,
        volume: ArrayLike | None = None,
        *,
        symbol: str | None = None,
        symbols: Sequence[str] | None = None,
        instruments: Sequence[Instrument] | Mapping[str, Instrument] | None = None,
    ) -> Bars:
        """Bars from columns.

        Parameters
        ----------
        ts : array_like of int64 or datetime64, shape (n_times,)
            Times at which the bars closed. Integers are nanoseconds since 1970, UTC; so are naive datetimes.
        open, high, low : array_like of float, shape (n_times,) or (n_times, n_symbols)
            Prices; all three or none (see :meth:`from_closes`).
        close : array_like of float, same shape
            Closing prices. NaN in every price of a cell means that the instrument has no bar then; with a
            single instrument that is an error, because such a row should not exist.
        volume : array_like of float, same shape, optional
            Traded quantity.
        symbol, symbols : str or sequence of str, optional
            Names; by default those of ``instruments``, otherwise ``BARS``, or ``S0, S1, …``.
        instruments : sequence or mapping of Instrument, optional
            Tick and lot sizes; instruments not named get an inferred tick size and whole lots.

        Returns
        -------
        Bars

        Raises
        ------
        DataError
            If a value cannot be used: NaN, zero or negative prices, a high below a low, times that do not
            increase. It names row, symbol, column and value.
        ShapeError, SchemaError
            If columns disagree in shape or are not numbers.
        """
        times = as_nanoseconds(ts)
        prices = {
            name: _cells(name, value) for name, value in zip(_PRICES, (open, high, low, close), strict=True)
        }
        cells = prices["close"]
        if cells is None:
            raise SchemaError("there are no closes", expected="an array of numbers", where="close")
        if cells.shape[0] != times.shape[0]:
            raise ShapeError(
                "times and prices differ in length",
                found=f"{times.shape[0]} times and {cells.shape[0]} rows of prices",
            )
        if symbol is None and symbols is None and instruments and not isinstance(instruments, Mapping):
            symbols = [instrument.symbol for instrument in instruments]
        names = _names(symbol, symbols, cells.shape[1])
        specs = _instruments(names, instruments)
        try:
            native = NativeBars(
                times,
                list(names),
                [spec.tick_size for spec in specs],
                [spec.lot_size for spec in specs],
                cells,
                prices["open"],
                prices["high"],
                prices["low"],
                _cells("volume", volume),
            )
        except DataError as error:
            # The engine knows rows and nanoseconds; here they can be told as dates.
            check_increasing(times)
            raise _dated(error, times) from None
        settled = [
            Instrument(spec.symbol, tick_size=tick, lot_size=spec.lot_size, currency=spec.currency)
            for spec, tick in zip(specs, native.tick_sizes, strict=True)
        ]
        return cls(native, settled)

    @classmethod
    def from_closes(
        cls,
        ts: ArrayLike,
        close: ArrayLike,
        volume: ArrayLike | None = None,
        *,
        symbol: str | None = None,
        symbols: Sequence[str] | None = None,
        instruments: Sequence[Instrument] | Mapping[str, Instrument] | None = None,
    ) -> Bars:
        """Bars of which only the closes are known; parameters and errors as in :meth:`from_arrays`.

        The simulator fills market orders on them at closes only, and refuses limit and stop orders.
        """
        return cls.from_arrays(
            ts, None, None, None, close, volume, symbol=symbol, symbols=symbols, instruments=instruments
        )

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        symbol: str | None = None,
        instruments: Sequence[Instrument] | Mapping[str, Instrument] | None = None,
    ) -> Bars:
        """Bars from a pandas, polars or Arrow frame.

        Parameters
        ----------
        frame : DataFrame or Table
            One row a bar. Columns, in any case: a time (``ts``, ``time``, ``timestamp``, ``date``,
            ``datetime``, or a pandas datetime index), ``close``, and optionally ``open``, ``high`` and
            ``low`` together, ``volume``, and ``symbol`` for many instruments. Times are when the bars
            closed; naive ones are UTC. Nulls in all of open, high and low mean that only closes are known.
        symbol : str, optional
            Name of the instrument of a frame without a symbol column, or the one to take from a frame with
            one.
        instruments : sequence or mapping of Instrument, optional
            Tick and lot sizes.

        Returns
        -------
        Bars

        Raises
        ------
        SchemaError
            If a column is missing or of the wrong type.
        DataError
            If times are unsorted or repeated within an instrument, or a price cannot be used.
        """
        from omni_lab.data.frames import read_frame

        table = read_frame(frame)
        if not table.symbols:
            columns = {name: table.column(name) for name in (*_PRICES, "volume")}
            return cls.from_arrays(_moments(table.ts), **columns, symbol=symbol, instruments=instruments)  # type: ignore[arg-type]
        if symbol is not None:
            table = table.only(symbol)
        ts, panel = table.to_panel()
        return cls.from_arrays(_moments(ts), **panel, symbols=table.symbols, instruments=instruments)  # type: ignore[arg-type]

    @cached_property
    def ts(self) -> IntArray:
        """Closing times, nanoseconds since 1970 UTC, shape (n_times,)."""
        return _frozen(self._native.ts())

    def open(self) -> FloatArray | None:
        """Opens, shape (n_times, n_symbols); NaN where there is no bar, None when only closes are known."""
        return self._native.values("open")

    def high(self) -> FloatArray | None:
        """Highs, shape (n_times, n_symbols); NaN where there is no bar, None when only closes are known."""
        return self._native.values("high")

    def low(self) -> FloatArray | None:
        """Lows, shape (n_times, n_symbols); NaN where there is no bar, None when only closes are known."""
        return self._native.values("low")

    def close(self) -> FloatArray:
        """Closes, shape (n_times, n_symbols); NaN where there is no bar."""
        values = self._native.values("close")
        assert values is not None
        return values

    def volume(self) -> FloatArray | None:
        """Traded quantities, shape (n_times, n_symbols); NaN where there is no bar, None when not known."""
        return self._native.values("volume")

    @property
    def native(self) -> NativeBars:
        """The native panel, for the engine."""
        return self._native

    def take(self, symbols: Sequence[str]) -> Bars:
        """The same bars of some instruments only; steps in which none of them has a bar are left out.

        Raises
        ------
        UnknownSymbolError
            If the bars do not hold one of them.
        """
        for symbol in symbols:
            if symbol not in self.symbols:
                raise UnknownSymbolError("the bars hold no such symbol", found=symbol, expected=self.symbols)
        columns = [self.symbols.index(symbol) for symbol in symbols]
        cells = {name: None if value is None else value[:, columns] for name, value in self._values().items()}
        there = ~np.isnan(np.asarray(cells["close"])).all(axis=1)
        return self._rebuilt(cells, self.ts, [self.instruments[column] for column in columns], there)

    def slice(self, first: int, stop: int | None) -> Bars:
        """The steps from ``first`` up to ``stop`` (exclusive).

        Instruments without a bar among them are left out.
        """
        cells = {name: None if value is None else value[first:stop] for name, value in self._values().items()}
        return self._rebuilt(cells, self.ts[first:stop], self.instruments)

    def replaced(self, changed: Mapping[str, FloatArray]) -> Bars:
        """The same bars with other values in some columns, on the same grids."""
        cells = {
            name: changed[name] if name in changed else self._native.values(name)
            for name in (*_PRICES, "volume")
        }
        return self._rebuilt(cells, self.ts, self.instruments)

    def _values(self) -> dict[str, FloatArray | None]:
        return {name: self._native.values(name) for name in (*_PRICES, "volume")}

    def _rebuilt(
        self,
        cells: Mapping[str, FloatArray | None],
        ts: IntArray,
        instruments: Sequence[Instrument],
        steps: BoolArray | None = None,
    ) -> Bars:
        """Bars of other cells; steps and instruments without a bar are left out."""
        if steps is not None and not steps.all():
            ts = ts[steps]
            cells = {name: None if value is None else value[steps] for name, value in cells.items()}
        there = ~np.isnan(np.asarray(cells["close"])).all(axis=0)
        if not there.all():
            cells = {name: None if value is None else value[:, there] for name, value in cells.items()}
            instruments = [each for each, here in zip(instruments, there, strict=True) if here]
        names = [each.symbol for each in instruments]
        return Bars.from_arrays(_moments(ts), **cells, symbols=names, instruments=instruments)  # type: ignore[arg-type]

    def __reduce__(self) -> tuple[Any, ...]:
        # Prices on their grid survive the way through floats exactly.
        return _restored, (self.ts, self._values(), self.instruments)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over times, grids and all columns: equal bars, equal fingerprint."""
        digest = hashlib.sha256()
        for instrument in self.instruments:
            digest.update(repr(instrument).encode())
        digest.update(self.ts.tobytes())
        columns = {**{name: self._native.ticks(name) for name in _PRICES}, "volume": self.volume()}
        for name, column in columns.items():
            digest.update(name.encode() + (b"" if column is None else column.tobytes()))
        return digest.hexdigest()

    def to_pandas(self) -> pd.DataFrame:
        """A long pandas frame: ``ts`` (datetime64[ns, UTC]), ``symbol``, prices and volume; one row a bar."""
        import pandas as pd

        there = ~np.isnan(self.close())
        steps, columns = np.nonzero(there)
        table: dict[str, Any] = {
            "ts": pd.to_datetime(self.ts[steps], utc=True),
            "symbol": np.asarray(self.symbols, dtype=object)[columns],
        }
        for name in (*_PRICES, "volume"):
            values = self._native.values(name)
            if values is not None:
                table[name] = values[there]
        return pd.DataFrame(table)

    def head(self, n: int = 5) -> pd.DataFrame:
        """The first ``n`` rows of :meth:`to_pandas`."""
        return self.to_pandas().head(n)

    def __len__(self) -> int:
        return self.n_times

    def __repr__(self) -> str:
        first, last = (str(np.datetime64(int(t), "ns"))[:16] for t in (self.ts[0], self.ts[-1]))
        shown = ", ".join(self.symbols[:4]) + (", …" if self.n_symbols > 4 else "")
        kind = "bars" if self.has_ohlc else "closes"
        return f"Bars({shown}: {self.n_times:,} steps of {kind}, {first} to {last})"


def _cells(name: str, values: ArrayLike | None) -> FloatArray | None:
    if values is None:
        return None
    cells = np.asarray(values)
    if cells.dtype.kind not in "fiu":
        raise SchemaError(
            f"the {name} column has the wrong type", found=str(cells.dtype), expected="numbers", where=name
        )
    if cells.ndim == 1:
        cells = cells[:, np.newaxis]
    if cells.ndim != 2:
        raise ShapeError(
            f"the {name} column has the wrong shape", found=cells.shape, expected="(n_times, n_symbols)"
        )
    return np.ascontiguousarray(cells, dtype=np.float64)


def _names(symbol: str | None, symbols: Sequence[str] | None, n_symbols: int) -> tuple[str, ...]:
    if symbols is None:
        if symbol is not None:
            symbols = [symbol]
        else:
            symbols = ["BARS"] if n_symbols == 1 else [f"S{column}" for column in range(n_symbols)]
    if len(symbols) != n_symbols:
        raise ShapeError(
            "there must be one symbol for each column",
            found=len(symbols),
            expected=str(n_symbols),
            where="symbols",
        )
    if len(set(symbols)) != len(symbols):
        twice = next(name for name in symbols if list(symbols).count(name) > 1)
        raise DataError("a symbol stands twice", found=twice, where="symbols")
    return tuple(symbols)


def _instruments(
    names: Sequence[str], instruments: Sequence[Instrument] | Mapping[str, Instrument] | None
) -> list[Instrument]:
    given = instruments or ()
    by_name = dict(given) if isinstance(given, Mapping) else {each.symbol: each for each in given}
    unknown = by_name.keys() - set(names)
    if unknown:
        raise UnknownSymbolError(
            "an instrument is given that the bars do not hold",
            found=sorted(unknown)[0],
            expected=list(names),
            where="instruments",
        )
    return [by_name.get(name) or Instrument(name) for name in names]


def _restored(
    ts: IntArray, values: dict[str, FloatArray | None], instruments: tuple[Instrument, ...]
) -> Bars:
    names = [instrument.symbol for instrument in instruments]
    return Bars.from_arrays(_moments(ts), **values, symbols=names, instruments=instruments)  # type: ignore[arg-type]


def _moments(ts: IntArray) -> AnyArray:
    """Nanoseconds known to be such, so that nobody asks again whether they are seconds."""
    return ts.view("datetime64[ns]")


def _dated(error: DataError, times: IntArray) -> DataError:
    """The same error, with the time of the row that it names."""
    row = _ROW.match(error.where or "")
    if row is None:
        return error
    where = f"{error.where} at {iso(int(times[int(row[1])]))}"
    return type(error)(error.what, found=error.found, expected=error.expected, where=where, hint=error.hint)


def _frozen(array: AnyArray) -> AnyArray:
    array.flags.writeable = False
    return array
