"""The Rust engine: bars in ticks, the bar engine, the order book.

Rooms above the doors (domain, data, store, execution, simulator, venues) use the Python classes around
these. Prices are integer ticks, quantities integer lots, times int64 nanoseconds UTC. Errors are those of
:mod:`omni_lab.errors`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bar", "BarEngine", "Bars", "Context", "Fill", "Indicator", "OrderBook", "__version__"]

__version__: str
"""Version of the native workspace."""

@final
class Bars:
    """A checked panel of bars on its tick grids, immutable; see :class:`omni_lab.data.Bars`.

    Parameters
    ----------
    ts : ndarray of int64, shape (n_steps,)
        Closing times, nanoseconds UTC, strictly increasing.
    symbols : sequence of str, length n_symbols
        Names of the instruments.
    tick_sizes : sequence of float or None
        Smallest price steps; None infers one from the prices.
    lot_sizes : sequence of float
        Smallest quantity steps.
    close : ndarray of float64, shape (n_steps, n_symbols), C-contiguous
        Closing prices; NaN in all prices of a cell means no bar (an error for a single instrument).
    open, high, low : ndarray like ``close``, optional
        All three or none.
    volume : ndarray like ``close``, optional
        Traded quantity.

    Raises
    ------
    DataError
        If a value cannot be used; names row, instrument, column and value.
    ShapeError, SchemaError, ConfigError
        If columns disagree in shape, only some of open, high and low are given, or a grid cannot be used.
    """

    def __new__(
        cls,
        ts: NDArray[np.int64],
        symbols: Sequence[str],
        tick_sizes: Sequence[float | None],
        lot_sizes: Sequence[float],
        close: NDArray[np.float64],
        open: NDArray[np.float64] | None = None,
        high: NDArray[np.float64] | None = None,
        low: NDArray[np.float64] | None = None,
        volume: NDArray[np.float64] | None = None,
    ) -> Bars: ...
    @property
    def n_steps(self) -> int:
        """Number of rows."""

    @property
    def n_symbols(self) -> int:
        """Number of instruments."""

    @property
    def symbols(self) -> list[str]:
        """Names of the instruments."""

    @property
    def tick_sizes(self) -> list[float]:
        """Smallest price steps, inferred ones included."""

    @property
    def lot_sizes(self) -> list[float]:
        """Smallest quantity steps."""

    @property
    def has_ohlc(self) -> bool:
        """Whether open, high and low are known."""

    @property
    def has_volume(self) -> bool:
        """Whether volumes are known."""

    @property
    def off_grid(self) -> int:
        """Prices that lay more than 0.05 tick off their grid and were rounded."""

    def ts(self) -> NDArray[np.int64]:
        """Closing times, shape (n_steps,); a new array."""

    def ticks(self, column: str) -> NDArray[np.int64] | None:
        """A price column in ticks, shape (n_steps, n_symbols), 0 where there is no bar; None if not known."""

    def values(self, column: str) -> NDArray[np.float64] | None:
        """A column in currency or units of quantity, shape (n_steps, n_symbols).

        NaN where there is no bar; None if the column is not known.
        """

@final
class BarEngine:
    """One backtest over bars. Run it once, then read its columns.

    Parameters
    ----------
    bars : Bars
        What to run on.
    initial_capital, fill, limit_fill, commission_rate, commission_per_share, slippage_bps, slippage_ticks,
    max_leverage, on_insufficient_cash, volume_limit
        As in :class:`omni_lab.simulator.SimulationConfig`, which checks them.

    Raises
    ------
    ConfigError
        If a choice is unknown or the capital cannot be used.
    """

    def __new__(
        cls,
        bars: Bars,
        *,
        initial_capital: float,
        fill: str,
        limit_fill: str,
        commission_rate: float,
        commission_per_share: float,
        slippage_bps: float,
        slippage_ticks: int,
        max_leverage: float | None,
        on_insufficient_cash: str,
        volume_limit: float | None,
    ) -> BarEngine: ...
    def run_targets(
        self, targets: NDArray[np.float64], kind: str, progress: Callable[[int], object] | None = None
    ) -> None:
        """Run all bars on an array of targets, shape (n_steps, n_symbols), NaN for no decision.

        ``kind`` is ``"quantity"`` or ``"weight"``. Releases the interpreter lock; every 32,768 steps it
        looks for Ctrl-C and calls ``progress`` with the number of steps done.
        """

    def run_strategy(
        self,
        on_bar: Callable[[Any, Any], object],
        on_start: Callable[[Any], object] | None = None,
        on_fill: Callable[[Any, Any], object] | None = None,
        on_stop: Callable[[Any], object] | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        """Run all bars, calling a strategy.

        What a callback raises passes through, with a note of step, time and symbol.
        """

    @property
    def step(self) -> int:
        """Steps done."""

    def equity(self) -> NDArray[np.float64]:
        """Equity after each step, currency, shape (n_steps,)."""

    def orders(self) -> dict[str, NDArray[Any]]:
        """One row an order.

        Columns symbol, step_sent, step_closed, side (1 buy, 2 sell), kind, status, reason, qty and filled
        (lots), price (ticks).
        """

    def fills(self) -> dict[str, NDArray[Any]]:
        """One row a fill.

        Columns order, step, time (0 open, 1 inside, 2 close), maker, symbol, side, qty (lots), price and
        reference (ticks), commission (currency).
        """

    def trades(self) -> dict[str, NDArray[Any]]:
        """One row a closed trade.

        Columns symbol, step_entry, step_exit, lots (signed), entry_ticks (average), exit_price (ticks),
        commission and pnl (currency).
        """

    def counts(self) -> dict[str, int]:
        """Orders and targets that were held back, by what held them."""

    def totals(self) -> dict[str, float]:
        """cash, commission_paid, slippage_paid (currency), n_steps_exposed, n_orders, n_fills, n_trades."""

    def stats(self) -> dict[str, float]:
        """final_equity, mean and std (ddof 1) of the simple returns per step, max_drawdown (≤ 0)."""

@final
class OrderBook:
    """A limit order book with price-time priority; see :class:`omni_lab.execution.OrderBook`."""

    def __new__(cls) -> OrderBook: ...
    def limit(self, order_id: int, side: str, price_ticks: int, qty: int) -> list[dict[str, Any]]:
        """Trade a limit order, rest what is left; returns the events."""

    def market(self, order_id: int, side: str, qty: int) -> list[dict[str, Any]]:
        """Trade a market order, cancel what is left; returns the events."""

    def cancel(self, order_id: int) -> list[dict[str, Any]]:
        """Cancel a resting order; returns the events."""

    @property
    def best_bid(self) -> int | None:
        """Highest bid in ticks; None when there is none."""

    @property
    def best_ask(self) -> int | None:
        """Lowest ask in ticks; None when there is none."""

    def depth(self, side: str, n_levels: int = 10) -> dict[str, NDArray[np.int64]]:
        """Columns price_ticks, qty, n_orders of a side's levels from the best outward."""

    def __len__(self) -> int: ...

@final
class Bar:
    """A closed bar, as handed to ``on_bar``; see :class:`omni_lab.strategies.Bar`."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def index(self) -> int:
        """Number of the step."""

    @property
    def ts(self) -> int:
        """Closing time, nanoseconds UTC."""

    @property
    def open(self) -> float:
        """First price, or NaN."""

    @property
    def high(self) -> float:
        """Highest price, or NaN."""

    @property
    def low(self) -> float:
        """Lowest price, or NaN."""

    @property
    def close(self) -> float:
        """Last price."""

    @property
    def volume(self) -> float:
        """Traded quantity, or NaN."""

@final
class Fill:
    """One execution, as handed to ``on_fill``; see :class:`omni_lab.strategies.Fill`."""

    @property
    def order_id(self) -> int:
        """The order."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def side(self) -> str:
        """BUY or SELL."""

    @property
    def qty(self) -> float:
        """Quantity, positive."""

    @property
    def price(self) -> float:
        """Price."""

    @property
    def commission(self) -> float:
        """Commission, currency."""

    @property
    def position(self) -> float:
        """Position afterwards."""

    @property
    def ts(self) -> int:
        """Closing time of its bar, nanoseconds UTC."""

    @property
    def index(self) -> int:
        """Number of the step."""

@final
class Indicator:
    """A number kept current by the engine; see :class:`omni_lab.strategies.Indicator`."""

    @property
    def value(self) -> float:
        """Value for the instrument being handled; NaN until its window is full."""

    def of(self, symbol: str) -> float:
        """Value for another instrument."""

@final
class Context:
    """A strategy's view of its run; see :class:`omni_lab.strategies.Context`."""

    @property
    def index(self) -> int:
        """Number of the current step."""

    @property
    def ts(self) -> int:
        """Closing time of the current step, nanoseconds UTC."""

    @property
    def symbol(self) -> str:
        """Instrument being handled."""

    @property
    def symbols(self) -> list[str]:
        """All instruments."""

    @property
    def cash(self) -> float:
        """Cash, currency."""

    @property
    def equity(self) -> float:
        """Cash plus positions at their marks, currency."""

    @property
    def position(self) -> float:
        """Signed quantity held of the instrument being handled."""

    def position_of(self, symbol: str | None = None) -> float:
        """Signed quantity held."""

    def average_price(self, symbol: str | None = None) -> float:
        """Average entry price; NaN when flat."""

    def buy(
        self, qty: float, *, symbol: str | None = None, limit: float | None = None, stop: float | None = None
    ) -> int:
        """Send a buy order; returns its id."""

    def sell(
        self, qty: float, *, symbol: str | None = None, limit: float | None = None, stop: float | None = None
    ) -> int:
        """Send a sell order; returns its id."""

    def target(self, qty: float, *, symbol: str | None = None) -> None:
        """Aim at a signed quantity."""

    def target_weight(self, weight: float, *, symbol: str | None = None) -> None:
        """Aim at a signed fraction of equity."""

    def cancel(self, order_id: int) -> bool:
        """Cancel a working order; False when it is not working."""

    def is_working(self, order_id: int) -> bool:
        """Whether the order waits to be filled."""

    def history(
        self,
        column: Literal["open", "high", "low", "close", "volume"],
        n_bars: int,
        *,
        symbol: str | None = None,
    ) -> NDArray[np.float64]:
        """Last values up to the current bar, oldest first."""

    def sma(self, window: int) -> Indicator:
        """Declare a simple moving average of closes."""

    def momentum_z(self, window: int) -> Indicator:
        """Declare the z-score of the log return over a window."""
