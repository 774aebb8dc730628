"""The Rust engine: bars in ticks, the bar engine, the order-management system.

Rooms above the doors (domain, data, store, execution, simulator, venues) use the Python classes around
these. Prices are integer ticks, quantities integer lots, times int64 nanoseconds UTC. Errors are those of
:mod:`omni_lab.errors`.
"""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from omni_lab.domain import OrderType, PegReference, PostOnly, SelfTrade, Side, TimeInForce, Trigger

__all__ = [
    "Bar",
    "BarEngine",
    "Bars",
    "Context",
    "Fill",
    "Indicator",
    "Oms",
    "Replayer",
    "__version__",
    "count_frames",
    "journal_configuration",
    "verify_journal",
    "vocabulary",
]

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

@disjoint_base
class Oms:
    """The order-management system, in ticks, lots and numbers; see :class:`omni_lab.execution.OMS`.

    Several threads may call it: they wait for each other.

    Parameters
    ----------
    config : bytes, optional
        The configuration: ``docs/oms.md``, section 1. Without it the journal must have been begun.
    state : bytes, optional
        Go on from this state instead, without a journal.
    journal : path, optional
        Directory of the journal.
    durability : {"batch", "every", "none"}
        When a command counts as written.
    measure_latency : bool
        Whether to keep how long commands take.
    snapshot_every : int, optional
        Frames between snapshots.
    segment_bytes : int, optional
        Size of the files of the journal; 64 MiB by default.

    Raises
    ------
    CodecError, ConfigError, JournalError
        If the bytes spell nothing, the settings cannot be used, or the journal cannot be opened.
    """

    def __new__(
        cls,
        config: bytes | None = None,
        *,
        state: bytes | None = None,
        journal: str | PathLike[str] | None = None,
        durability: str = "batch",
        measure_latency: bool = False,
        snapshot_every: int | None = None,
        segment_bytes: int | None = None,
    ) -> Self: ...
    def submit(
        self,
        symbol: str,
        side: Side | str,
        qty: float,
        price: float | None = None,
        *,
        account: str | None = None,
        client_order_id: int | str | None = None,
        order_type: OrderType | str | None = None,
        time_in_force: TimeInForce | str = "DAY",
        stop_price: float | None = None,
        trail: float | None = None,
        trail_bps: int | None = None,
        trigger: Trigger | str | None = None,
        peg: PegReference | str | None = None,
        peg_offset: float = 0.0,
        display_qty: float | None = None,
        min_qty: float | None = None,
        all_or_none: bool = False,
        post_only: PostOnly | str | bool | None = None,
        self_trade: SelfTrade | str | None = None,
        expire_at: int | None = None,
        ts: int | None = None,
    ) -> int:
        """Send a new order and get its id; :meth:`omni_lab.execution.face.OMSFace.submit` explains it."""

    def cancel(
        self,
        order_id: int | None = None,
        *,
        client_order_id: int | str | None = None,
        account: str | None = None,
        ts: int | None = None,
    ) -> bool:
        """End an order, named by its id or by the client's; whether it was canceled."""

    def replace(
        self,
        order_id: int | None = None,
        *,
        client_order_id: int | str | None = None,
        account: str | None = None,
        qty: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
        ts: int | None = None,
    ) -> bool:
        """Give an order another total quantity or other prices; whether it was replaced."""

    def execute(self, kind: int, payload: bytes) -> int:
        """Carry out the command of a frame: ``docs/oms.md``, section 2.

        Returns
        -------
        int
            The order id of a New (0 if it got none, the earlier order's if it was sent before), how many
            orders a Cancel, Replace or MassCancel met, otherwise 0.

        Raises
        ------
        CodecError
            If the payload spells no command.
        ConfigError
            If the command names no instrument or register, or the register does not take the value.
        JournalError
            If it cannot be journaled; nothing is done from then on.
        """

    @property
    def sequence(self) -> int:
        """Number of the last frame; the configuration is 1."""

    @property
    def clock(self) -> int:
        """The latest time that a command had, nanoseconds UTC."""

    @property
    def configuration(self) -> bytes:
        """The payload of the configuration."""

    @property
    def state_hash(self) -> str:
        """SHA-256 of the state, hexadecimal."""

    def state(self) -> bytes:
        """The canonical bytes of everything that matters for what comes next: ``docs/oms.md``, section 7."""

    def commit(self) -> None:
        """Wait until every command so far is on disk, where there is a journal."""

    def close(self) -> None:
        """Commit, and let go of the journal; what is known can still be asked for."""

    def read_register(self, address: int) -> int:
        """A word of the risk gate, unsigned.

        Raises
        ------
        ConfigError
            If there is no register.
        """

    def latency_histograms(self) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """By stage: durations in nanoseconds, and how often each was measured."""

    def _apply_columns(self, columns: dict[str, NDArray[Any]], n_rows: int) -> dict[str, NDArray[Any]]:
        """Carry out rows of commands and commit once; columns have ``n_rows`` values, or one for all."""

    def _drain(self) -> dict[str, NDArray[Any]]:
        """Columns of the acknowledged events since the last call."""

    def _write_snapshot(self) -> None:
        """Store a snapshot beside the journal, if there is one."""

    def _order_id(self, account: int, client_order_id: int) -> int:
        """The id of the order that a client calls so, 0 if there is none."""

    def _terms(self, order_id: int) -> tuple[int, int]:
        """Instrument and total quantity of an order, zeros if there is none."""

    def _book(self, instrument: int) -> dict[str, Any]:
        """Phase, last price (0: none) and the columns of the orders of a book."""

    def _order(self, order_id: int) -> dict[str, Any] | None:
        """All that is known of an order."""

    def _orders(self, live: bool) -> dict[str, NDArray[Any]]:
        """Columns of the orders that live, or of all there ever were."""

    def _positions(self) -> list[tuple[int, int, int, int, int, int, int, int]]:
        """Account, instrument, qty, bought, sold, cost, realised and reference price of every position."""

    def _latency(self) -> dict[str, Any]:
        """Columns stage, count, p50_ns, p99_ns, p999_ns, max_ns; empty if nothing was measured."""

    @property
    def _recovery(self) -> dict[str, Any] | None:
        """What was found in the journal when it was opened."""

@final
class Replayer:
    """A journal shown after one of its frames; see :class:`omni_lab.execution.Replay`.

    Parameters
    ----------
    path : path, optional
        Directory of the journal.
    state : bytes, optional
        A state alone, instead of a journal.

    Raises
    ------
    JournalError, CodecError
        If the journal is damaged or empty, or the bytes are no state.
    """

    def __new__(cls, path: str | PathLike[str] | None = None, *, state: bytes | None = None) -> Self: ...
    @property
    def first(self) -> int:
        """First frame that can be shown."""

    @property
    def last(self) -> int:
        """Last frame."""

    @property
    def sequence(self) -> int:
        """The frame shown."""

    @property
    def clock(self) -> int:
        """Time after that frame, nanoseconds UTC."""

    @property
    def configuration(self) -> bytes:
        """The payload of the configuration."""

    @property
    def command(self) -> tuple[int, bytes] | None:
        """Kind and payload of that frame; None where the journal begins."""

    @property
    def state_hash(self) -> str:
        """SHA-256 of the state, hexadecimal."""

    def seek(self, sequence: int) -> None:
        """Show another frame.

        Raises
        ------
        JournalError
            If there is no such frame, or it cannot be replayed.
        """

    def step(self) -> bool:
        """Show the next frame; False at the end."""

    def advance(self, n_frames: int) -> int:
        """Go on by so many frames, or to the end; how many those were."""

    def read(self, n_frames: int) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
        """Go on by so many frames, or to the end; columns of their commands, and of what came of them."""

    def events(self) -> dict[str, NDArray[Any]]:
        """Columns of what came of the frame shown."""

    def state(self) -> bytes:
        """The canonical bytes of the state."""

    def read_register(self, address: int) -> int:
        """A word of the risk gate, unsigned."""

    def _book(self, instrument: int) -> dict[str, Any]:
        """As of `Oms`."""

    def _order(self, order_id: int) -> dict[str, Any] | None:
        """As of `Oms`."""

    def _orders(self, live: bool) -> dict[str, NDArray[Any]]:
        """As of `Oms`."""

    def _positions(self) -> list[tuple[int, int, int, int, int, int, int, int]]:
        """As of `Oms`."""

def vocabulary() -> dict[str, dict[str, int]]:
    """Names and codes of every enumeration, by the name of its class."""

def verify_journal(path: str | PathLike[str]) -> dict[str, Any]:
    """Read every frame of a journal, and say what is there.

    Raises
    ------
    JournalError
        If it is damaged in a way that no crash explains.
    """

def count_frames(path: str | PathLike[str], first_sequence: int) -> list[tuple[int, int, int]]:
    """Kinds of the frames of a journal, from a frame on; how many of each, and bytes of their payloads."""

def journal_configuration(path: str | PathLike[str]) -> bytes:
    """The configuration that a journal was begun with.

    Raises
    ------
    JournalError
        If it holds none.
    """

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
