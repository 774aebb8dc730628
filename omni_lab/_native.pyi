"""The Rust engine: bars in ticks, the bar engine, the order-management system, market feeds.

Rooms above the doors (domain, data, store, execution, simulator, venues) use the Python classes around
these. Prices are integer ticks, quantities integer lots, times int64 nanoseconds UTC. Errors are those of
:mod:`omni_lab.errors`.
"""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, Self, TypedDict, Unpack, final, type_check_only

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from omni_lab.domain import (
    OrderTerms,
    OrderType,
    PegReference,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
    Trigger,
)

__all__ = [
    "AgentMarket",
    "Bar",
    "BarEngine",
    "Bars",
    "Context",
    "FeedBooks",
    "Fill",
    "Indicator",
    "ItchReader",
    "MessageLog",
    "MoldReceiver",
    "MoldSender",
    "Oms",
    "OrderUpdate",
    "Replayer",
    "SoupClient",
    "SoupServer",
    "TickEngine",
    "TickFeed",
    "Timer",
    "__version__",
    "count_frames",
    "decode_message",
    "encode_message",
    "itch_scan",
    "itch_write",
    "journal_configuration",
    "message_layouts",
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

    def indicator(self, name: str, window: int, column: str = "close") -> NDArray[np.float64]:
        """An indicator of :mod:`omni_lab.strategies.indicators`, shape (n_steps, n_symbols).

        NaN where there is no bar, and until its window is full.
        """

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
    models : dict, optional
        Fees, impact, financing, corporate actions, halts and currencies, as ``models_to_engine`` makes it.
    limits : LimitSetup, optional
        Limits of the risk gate; None for no gate.
    sessions : ndarray of int64, shape (n_steps,), optional
        Number of the session of each step, not decreasing; None for days of UTC.

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
        models: dict[str, Any] | None = None,
        limits: Any = None,
        sessions: NDArray[np.int64] | None = None,
    ) -> BarEngine: ...
    def run_targets(
        self, targets: NDArray[np.float64], kind: str, progress: Callable[[int], object] | None = None
    ) -> None:
        """Run all bars on an array of targets, shape (n_steps, n_symbols), NaN for no decision.

        ``kind`` is ``"quantity"`` or ``"weight"``. Releases the interpreter lock; every 32,768 steps it
        looks for Ctrl-C and calls ``progress`` with the number of steps done.
        """

    def run_native(
        self, name: str, parameters: dict[str, Any], progress: Callable[[int], object] | None = None
    ) -> None:
        """Run all bars on a strategy of the engine's own: sma_cross or zscore_reversion.

        Releases the interpreter lock; progress as in :meth:`run_targets`.
        """

    def run_strategy(
        self,
        callbacks: dict[str, Callable[..., None]],
        *,
        name: str,
        max_orders_per_step: int,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        """Run all bars, calling what is given as on_start, on_bar, on_fill, on_order, on_timer, on_stop.

        What a callback raises passes through, with a note of strategy, step, time and symbol; what was
        computed until then stays.
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

    def terms(self) -> dict[str, NDArray[Any]]:
        """One row an order with terms, by order: the terms that hold, and quantity and prices when sent."""

    def terms_changes(self) -> dict[str, NDArray[Any]]:
        """One row a change of an order that went on working: 0 triggered, 1 replaced, 2 repriced."""

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

    def gate_counts(self) -> dict[str, int]:
        """CHECKED, PASSED and the number refused by each check of the risk gate; empty without one."""

    def flows(self) -> dict[str, NDArray[Any]]:
        """One row a movement without a fill.

        Columns step, symbol (−1 for none), currency, kind (0 dividend, 1 cash in lieu, 2 split, 3 borrow,
        4 interest), lots, amount (currency).
        """

    def cash_by_step(self) -> NDArray[np.float64] | None:
        """Cash after each step, base currency; None for a run without models."""

    def counts(self) -> dict[str, int]:
        """Orders and targets that were held back, by what held them."""

    def totals(self) -> dict[str, float]:
        """cash, commission_paid, slippage_paid (currency), n_steps_exposed, n_orders, n_fills, n_trades."""

    def stats(self) -> dict[str, float]:
        """final_equity, mean and std (ddof 1) of the simple returns per step, max_drawdown (≤ 0)."""

@type_check_only
class _CheckColumns(TypedDict):
    """Checks at their levels: columns of one length.

    Lots for POSITION_LIMIT and ORDER_SIZE; basis points for PRICE_COLLAR, NaN without a price or a reference
    price; currency for NOTIONAL and DAILY_LOSS (positive is a loss); tokens for the rates (1 is taken of
    those that there are); fractions of the peak for DRAWDOWN, and of the equity for the exposures, NaN where
    that is 0; 1 or 0 for KILL_SWITCH, against 0. No limit is inf.
    """

    check: list[str]
    """Names of `RejectReason`."""
    level: list[str]
    """``"everything"``, a symbol, the name of an account, or ``"account.symbol"``."""
    severity: list[str]
    """``"hard"`` or ``"warn"``."""
    account: list[str]
    """Empty where a row is about none."""
    instrument: list[str]
    """Its symbol; empty where a row is about none."""
    sector: NDArray[np.int64]
    """0 where a row is about none."""
    value: NDArray[np.float64]
    limit: NDArray[np.float64]
    headroom: NDArray[np.float64]
    """limit − value."""
    passes: NDArray[np.bool_]

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
        progress: Callable[[str, int, int], None] | None = None,
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
            If the command names no instrument, account or register, the register does not take the value, or
            it would reset a kill switch, which only a KillSwitch does.
        JournalError
            If it cannot be journaled; nothing is done from then on.
        """

    def _explain(self, kind: int, payload: bytes) -> _CheckColumns:
        """What the risk gate would say of a New, a Cancel or a Replace, changing nothing.

        One row for each check at each level, in the order of evaluation: the hard limits first, then those
        that only warn. The first hard row that does not pass is the verdict; where all pass, the first row
        that does not pass is the warning. ``docs/gate.md``, sections 4 and 7.

        Parameters
        ----------
        kind : int
            Kind of the frame: 1, 2 or 3.
        payload : bytes
            The command of the frame. Its time fills the tokens of rates up to then.

        Returns
        -------
        _CheckColumns
            POSITION_LIMIT compares what the side would reach.

        Raises
        ------
        CodecError
            If the payload spells no command.
        ConfigError
            If the command is of another kind, or names no account, instrument or live order.
        JournalError
            If the gate does not answer.
        """

    def _headroom(self) -> _CheckColumns:
        """How far each account is from its limits as things stand, without an order.

        For each account, by number, first the hard limits and then the warnings: POSITION_LIMIT for each
        instrument in which it has a position, open orders or a limit of its own (the larger of what it can
        reach either way; for hard limits a row of the account and one of ``"account.symbol"``);
        ORDER_RATE, CANCEL_RATE, DAILY_LOSS, DRAWDOWN, LEVERAGE; SECTOR_CONCENTRATION for each sector with
        an exposure; SINGLE_NAME for each instrument with one.

        Returns
        -------
        _CheckColumns
            As of `_explain`.

        Raises
        ------
        JournalError
            If the gate does not answer.
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

    def _reserve(self, n_orders: int) -> None:
        """Make room for so many more orders, and touch it; below 2^32, and no more than memory holds."""

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
    progress : callable, optional
        Called with a step, bytes done and bytes in all; what it raises ends the read.

    Raises
    ------
    JournalError, CodecError
        If the journal is damaged or empty, or the bytes are no state.
    """

    def __new__(
        cls,
        path: str | PathLike[str] | None = None,
        *,
        state: bytes | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Self: ...
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
        """Go on by so many frames, or to the end; columns of their commands, and of what came of them.

        Those of the commands hold lists of str, ``who`` and ``why``, which are empty but for a KillSwitch;
        its ``scope`` is 0 (everything), 1 (``account``) or 2 (``instrument``), its ``value`` 1 (on) or 0.
        """

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

def verify_journal(
    path: str | PathLike[str], progress: Callable[[str, int, int], None] | None = None
) -> dict[str, Any]:
    """Read every frame of a journal, and say what is there; `progress` as in :class:`Replayer`.

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
class ItchReader:
    """A capture of ITCH 5.0, read once, in batches of columns; ``docs/feeds.md``, section 3.

    Parameters
    ----------
    path : str or path
        Plain, gzip or zstd, told by its first bytes.
    framing : {"binaryfile", "soupbin", "moldudp64", "pcap", "pcapng"}, optional
        Form of the capture; told by its content unless given.
    lenient : bool, default False
        Count what is wrong and go on behind it, instead of raising.
    base_ns : int, default 0
        What times count from: midnight at the venue, nanoseconds since 1970 UTC.

    Raises
    ------
    SourceError
        If the file cannot be opened.
    CodecError
        If it is no capture of ITCH, here or in any call below; what came before the fault is delivered first.
    ConfigError
        If there is no such framing.
    """

    def __new__(
        cls,
        path: str | PathLike[str],
        *,
        framing: str | None = None,
        lenient: bool = False,
        base_ns: int = 0,
    ) -> ItchReader: ...
    def events(
        self, max_messages: int, instruments: NDArray[np.uint16] | None = None
    ) -> dict[str, NDArray[Any]] | None:
        """The next events, at most ``max_messages`` of them, as the columns of ``docs/feeds.md``, section 1.

        ``instruments`` leaves out the events of all others; those of the whole market (instrument 0) stay.
        None at the end.
        """

    def messages(
        self,
        max_messages: int,
        types: bytes | None = None,
        instruments: NDArray[np.uint16] | None = None,
    ) -> dict[str, dict[str, NDArray[Any]]] | None:
        """The next messages, at least ``max_messages`` or those that are left, as a table for each type.

        Tables go by the character of their type; one without rows is not there. Every field has a column,
        in units of the wire: prices uint32 or uint64, times int64 nanoseconds since midnight at the venue,
        characters ``S1``, texts ``S4`` or ``S8`` with their padding. ``number`` (uint64) counts the messages
        of all types before each. ``types`` and ``instruments`` choose. None at the end.
        """

    @property
    def position(self) -> tuple[int, int]:
        """Bytes of the file that were read, and how many it had when it was opened."""

    def counts(self) -> dict[str, int]:
        """What was met so far.

        ``bytes`` used, unpacked; ``messages`` of known types; ``unknown`` ones, skipped; bytes ``after_end``;
        of a lenient reader ``wrong_length``, ``malformed`` packets, ``resynchronised``, ``skipped_bytes``,
        ``truncated``; of captured packets ``packets``, ``other_packets``, ``fragments``, and messages that
        are ``missing`` or ``repeated``.
        """

@final
class FeedBooks:
    """Full books of up to 65,536 instruments from a stream of events; ``docs/feeds.md``, sections 1 and 2.

    Parameters
    ----------
    n_levels : int, default 0
        Levels of a row of depth; 0 for no depth. Without the next two, a row at every change of the levels.
    depth_every_ns : int, default 0
        A row at every multiple of so many nanoseconds, of the instruments whose levels changed since their
        last row.
    depth_at : ndarray of int64, shape (n_times,), optional
        A row at each of these times, which must not fall, of every instrument that the stream has named.
    bbo, trades, notes : bool, default True
        Which of the other tables to keep; ``notes`` are auctions and states.
    checksum : bool, default False
        Keep the sum that lets anyone compare books.
    instruments : ndarray of uint16, optional
        The instruments whose events count; all unless given.

    Raises
    ------
    ConfigError
        If the options of depth exclude each other or cannot be used.
    """

    def __new__(
        cls,
        *,
        n_levels: int = 0,
        depth_every_ns: int = 0,
        depth_at: NDArray[np.int64] | None = None,
        bbo: bool = True,
        trades: bool = True,
        notes: bool = True,
        checksum: bool = False,
        instruments: NDArray[np.uint16] | None = None,
    ) -> FeedBooks: ...
    def apply(self, events: dict[str, NDArray[Any]]) -> None:
        """Carry out events.

        Raises
        ------
        SchemaError, ShapeError
            If a column is missing, of another type, not contiguous or of another length. Nothing is done.
        """

    def run(self, reader: ItchReader, max_messages: int) -> bool:
        """Carry out at least so many messages of a capture, or those that are left; no columns in between.

        False at the end, when there were none.

        Raises
        ------
        CodecError
            The first thing that is wrong with the capture, after what came before it was carried out.
        """

    def finish(self) -> None:
        """Say that the stream is over: pictures of depth that are still due show the books as they are."""

    def take(self) -> dict[str, dict[str, NDArray[Any]]]:
        """The rows since the last call: ``bbo``, ``depth``, ``trades``, ``auctions``, ``status``, ``breaks``.

        Columns of levels have the shape (n_rows, n_levels). Prices and quantities are int64 in units of the
        feed, numbers of orders uint32.
        """

    def best(self, instrument: int) -> tuple[int, int, int, int]:
        """Bid price and quantity, ask price and quantity; 0 for a side that is empty."""

    def depth(self, instrument: int, n: int) -> dict[str, NDArray[Any]]:
        """The best ``n`` levels of each side, or as many as there are.

        ``bid_price``, ``bid_qty``, ``bid_orders`` have one length, ``ask_…`` another.
        """

    def queue(self, instrument: int, side: int, price: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Names and quantities of the orders at a price, first in line first; ``side`` is 1 or 2."""

    def position(self, order_id: int) -> tuple[int, int] | None:
        """Quantity and number of orders in line before an order; None if it does not wait."""

    def counts(self) -> dict[str, int]:
        """What was seen and what the stream did wrong, by the names of ``docs/feeds.md``, section 1.

        ``events`` carried out, ``orders`` that wait; ``unknown_order``, ``over_taken``, ``duplicate_order``,
        ``crossed``, ``locked``, ``malformed``.
        """

    @property
    def checksum(self) -> int:
        """The sum of ``docs/feeds.md``, section 2, so far; 0 where it is not kept."""

@final
class TickFeed:
    """Events prepared for replay; ``docs/replay.md``, section 5.

    Parameters
    ----------
    events : dict of str to ndarray
        The columns of ``docs/feeds.md``, section 1; ``ts`` must not fall.
    delay_ns : int, default 0
        How much later than ``ts`` every event is heard of.
    each_delay_ns : ndarray of int64, shape (n_events,), optional
        The same for each event; not negative.

    Raises
    ------
    DataError
        If there are no events, their times fall, or a delay is missing or negative.
    SchemaError, ShapeError
        If a column is missing, of another type, not contiguous or of another length.
    """

    def __new__(
        cls,
        events: dict[str, NDArray[Any]],
        *,
        delay_ns: int = 0,
        each_delay_ns: NDArray[np.int64] | None = None,
    ) -> TickFeed: ...
    @property
    def n_steps(self) -> int:
        """Changes of levels and trades that the events came to."""

    @property
    def names_orders(self) -> bool:
        """Whether the feed names orders, so that queues are exact."""

    @property
    def span(self) -> tuple[int, int]:
        """When the first event happened and when the last was heard of, nanoseconds."""

    def instruments(self) -> NDArray[np.uint16]:
        """Numbers of the instruments in the feed, ascending; elsewhere they go by their place here."""

    def counts(self) -> dict[str, int]:
        """What was seen and what was wrong with it.

        ``events``, ``unknown_order``, ``over_taken``, ``duplicate_order``, ``malformed``, and ``held_back``:
        events that waited for the delay of an earlier one.
        """

@disjoint_base
class TickEngine:
    """A replay with our orders in it; ``docs/replay.md`` is the contract.

    Prices are ticks of the feed, quantities its lots, times its nanoseconds; instruments go by their place in
    ``feed.instruments()``. What it shows is what we have heard.

    Parameters
    ----------
    feed : TickFeed
    cash : float
        Cash at the start, currency.
    tick_values : list of float
        What one lot of each instrument gains when its price rises by one tick, currency.
    latency : dict
        ``kind`` ``"constant"`` with ``entry_ns``, ``response_ns``; ``"lognormal"`` with ``base_ns``,
        ``median_ns``, ``sigma``; ``"measured"`` with int64 columns ``sent``, ``arrived`` (0: lost),
        ``answered``.
    queue : str
        A model of section 4.
    power : float
        Its n, where it has one.
    partial_fills : bool
        Whether an order may fill in part.
    limits : dict or None
        Limits of the risk gate by their names in ``omni_lab.execution.Limits``, in lots and currency.
    seed : int
        Seed of drawn latencies.
    sample_every_ns : int
        Time between two samples of the account, from the first event on; 0 for none.
    lot_sizes : list of float, optional
        Units of one lot of each instrument, 1 by default: fees and dividends count units.
    tick_size : float, optional
        Price of a tick, for instruments that are the rate of a currency; what a unit gains by default.
    models : dict, optional
        ``fees``, ``impact``, ``financing``, ``actions``, ``halts``, ``currencies`` as ``to_engine`` of the
        settings in ``omni_lab.simulator`` spells them; what is left out is not there.
    tick : int
        Units of the feed's prices in a tick, positive: mids of pegs, trails in basis points and post-only
        orders that slide are rounded to ticks.

    Raises
    ------
    ConfigError
        If a setting cannot be used, or the exact queue is asked of a feed of levels.
    ShapeError
        If there is not one tick value for each instrument.
    """

    def __new__(
        cls,
        feed: TickFeed,
        *,
        cash: float,
        tick_values: list[float],
        latency: dict[str, Any],
        queue: str,
        power: float,
        partial_fills: bool,
        limits: dict[str, Any] | None,
        seed: int,
        sample_every_ns: int,
        lot_sizes: list[float] | None = None,
        tick_size: float | None = None,
        models: dict[str, Any] | None = None,
        tick: int = 1,
    ) -> Self: ...
    @property
    def now(self) -> int:
        """Our clock, nanoseconds."""

    @property
    def n_heard(self) -> int:
        """Steps of the market that we have heard of."""

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen any more."""

    @property
    def lots(self) -> int:
        """Signed lots held of the first instrument."""

    @property
    def bid_ticks(self) -> int:
        """Best bid of the first instrument; 0 for none."""

    @property
    def ask_ticks(self) -> int:
        """Best ask of the first instrument; 0 for none."""

    @property
    def cash(self) -> float:
        """Cash after fees, currency."""

    @property
    def fees(self) -> float:
        """Fees paid, currency; negative when rebates are more."""

    @property
    def impact(self) -> float:
        """What impact made fills worse than the prices shown, currency; negative where it favoured us."""

    @property
    def realised(self) -> float:
        """Profit of all that was closed, at average cost and before fees, base currency."""

    @property
    def equity(self) -> float:
        """Cash plus positions at their mids, currency; without a mid, at what was paid."""

    @property
    def traded_value(self) -> float:
        """Value of all fills, currency."""

    @property
    def traded_lots(self) -> int:
        """Lots of all fills."""

    @property
    def n_fills(self) -> int:
        """Fills heard of."""

    @property
    def n_orders(self) -> int:
        """Orders sent, or refused by the gate; an order's number counts from 0."""

    def lots_of(self, instrument: int) -> int:
        """Signed lots held of an instrument."""

    def average_price_ticks(self, instrument: int) -> float:
        """Average price of the open lots; NaN when flat."""

    def quote(self, instrument: int) -> tuple[int, int, int, int]:
        """Bid price and lots, ask price and lots; 0 for an empty side."""

    def levels(
        self, instrument: int, n_levels: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Bid prices and lots, ask prices and lots, best first, of up to ``n_levels`` levels."""

    def lots_at(self, instrument: int, is_bid: bool, price: int) -> int:
        """Lots shown at a price."""

    def last_trade(self, instrument: int) -> tuple[int, int, int]:
        """Price, lots and who took: 1 a buyer, 2 a seller, 0 unknown. Zeros before the first."""

    def send(
        self,
        is_buy: bool,
        price: int,
        qty: int,
        kind: int = 1,
        time_in_force: int = 0,
        instrument: int = 0,
    ) -> int:
        """Send an order; its number.

        ``kind`` 0 market, 1 limit; ``time_in_force`` 0 GTC, 1 IOC, 2 FOK, 3 post-only. An order that the gate
        refuses has a number, too: its state says so at once.

        Raises
        ------
        ConfigError
            If it has no lots, or a limit no price, or its kind or time in force is none of these.
        UnknownSymbolError
            If there is no such instrument.
        """

    def cancel(self, number: int) -> bool:
        """Ask for a cancel; False if the order has ended or does not exist, or the gate refuses."""

    def send_order(
        self,
        side: Side | str,
        qty: int,
        price: int = 0,
        *,
        instrument: int = 0,
        order_type: OrderType | str | None = None,
        time_in_force: TimeInForce | str | None = None,
        self_trade: SelfTrade | str | None = None,
        post_only: PostOnly | str | bool | None = None,
        stop_price: int = 0,
        trail: int = 0,
        trail_bps: int = 0,
        trigger: Trigger | str | None = None,
        peg: PegReference | str | None = None,
        peg_offset: int = 0,
        display_qty: int | None = None,
        min_qty: int = 0,
        all_or_none: bool = False,
        expire_at: int = 0,
    ) -> int:
        """Send an order of any type; its number.

        The arguments are those of ``omni_lab.execution.OMS.submit``, in price units and lots; the
        time in force is DAY if none is given. What does not go together the venue rejects, with the codes of
        ``docs/matching.md``.

        Raises
        ------
        ConfigError
            If a word is unknown, there is no lot, or a number is below 0.
        UnknownSymbolError
            If there is no such instrument.
        """

    def replace(self, number: int, price: int, qty: int, stop_price: int = 0) -> bool:
        """Ask for another price, total quantity and stop price; a price of 0 keeps what was.

        False if the order has ended, is a market order, or the gate
        refuses.
        """

    def order_kind(self, number: int) -> int:
        """What decides its price, as it was sent.

        0 market, 1 limit, 2 stop, 3 stop-limit, 4 trailing stop, 5 pegged.
        """

    def order_state(self, number: int) -> tuple[int, int, int, int, bool]:
        """Status, lots filled, price, total lots, and whether a request about it is on its way.

        Status is 0 pending, 1 new, 2 partially filled, 3 filled, 4 canceled, 5 expired, 6 rejected.
        """

    def order_reason(self, number: int) -> int:
        """Why it ended without being filled whole, else 0; below 1,000 the codes of the risk gate."""

    def instrument_of(self, number: int) -> int:
        """Place of the instrument of an order."""

    def is_buy(self, number: int) -> bool:
        """Whether an order buys."""

    def ahead(self, number: int) -> float | None:
        """Lots before it at the venue, by the queue model, for explanations; None unless it waits."""

    def working(self) -> list[int]:
        """Numbers of the orders that have not ended."""

    def advance(self, until: int, progress: Callable[[int], object] | None = None) -> bool:
        """Go on until a time; False once nothing will happen any more.

        ``progress`` is called with :attr:`n_heard` from time to time; Ctrl-C is noticed.
        """

    def advance_to_next(self, until: int, wake: int) -> tuple[int, int, int]:
        """Go on until a time, or until something one wants to know.

        Parameters
        ----------
        until : int
        wake : int
            Bits: 1 the best bid, best ask or lots at them changed; 2 the market traded; 4 a level changed; 8
            something was heard of an order.

        Returns
        -------
        tuple of int
            0 the end, 1 the time, 2 the market (with the bits, and the instrument), 3 orders
            (:meth:`take_notices`).
        """

    def take_notices(self) -> list[tuple[int, int, int, int, bool, float, int]]:
        """What was heard of orders while ``wake`` had bit 8, since the last call.

        Order, kind (0 accepted, 1 replaced, 2 fill, 3 ended, 4 request refused, 5 triggered, 6 repriced, 7
        refreshed, 8 decremented), lots, price, whether it was a maker, fee (currency), the venue's time.
        """

    def run_quoter(
        self, settings: dict[str, Any], until: int, progress: Callable[[int], object] | None = None
    ) -> int:
        """Run the market maker of section 6 until a time or the end; how often it looked.

        ``settings`` are ``rule`` with its numbers, ``instrument``, ``tick`` (price units), ``interval_ns``,
        ``qty``, ``max_position``, ``n_levels``, ``level_step``, ``half_life`` (seconds).
        """

    def finish(self) -> None:
        """Say that the run is over: what still works expires."""

    def orders(self) -> dict[str, NDArray[Any]]:
        """One row an order.

        Columns instrument, side, kind, time_in_force, price, qty, filled, status, reason,
        ts_sent, ts_venue, ts_heard, seen_bid, seen_ask. Kinds are those of :meth:`order_kind`; times in force
        0 GTC, 1 IOC, 2 FOK, 3 post-only, 4 DAY, 5 AT_OPEN, 6 GTD, 7 AT_CLOSE.
        """

    def order_terms(self) -> dict[str, NDArray[Any]]:
        """One row for each order that said more than price, quantity and time, by ascending number.

        Columns order, stop_price, trail, trail_unit, trigger, peg_reference, peg_offset, display_qty,
        min_qty, all_or_none, post_only, self_trade, expire_at, as they were sent; codes are those of
        ``omni_lab.domain``.
        """

    def messages(self) -> dict[str, NDArray[Any]]:
        """One row a message.

        Columns ts, ts_venue, order, kind, is_maker, reason, qty, price, ahead (NaN unless
        taken in), fee.

        Kinds are 0 sent, 1 denied, 2 cancel sent, 3 replace sent, 4 accepted, 5 replaced, 6 fill, 7 canceled,
        8 expired, 9 rejected, 10 request refused, 11 triggered, 12 repriced, 13 refreshed, 14 decremented.
        """

    def flows(self) -> dict[str, NDArray[Any]]:
        """Money, and lots, that came or went other than by fills.

        Columns ``ts``, ``symbol`` (place of the instrument, −1 for interest), ``currency`` (0 is the base),
        ``kind`` (0 dividend, 1 cash in lieu, 2 split, 3 borrow fee, 4 interest), ``lots``, ``amount``
        (currency; − was paid).
        """

    def met(self) -> dict[str, NDArray[Any]]:
        """What fills of orders that took had met, before impact; empty where there is none.

        Columns ``message`` (row of :meth:`messages`) and ``price`` (ticks).
        """

    def samples(self) -> dict[str, NDArray[Any]]:
        """One row a sample.

        Columns ts, equity, cash, position (lots of the first instrument), twice_mid (of it,
        ticks).
        """

@disjoint_base
class AgentMarket:
    """A market made of participants, with our account in it; ``docs/participants.md`` is the contract.

    Prices are ticks, quantities lots, times nanoseconds. What it shows is what we have heard, except where it
    says otherwise. What it shares with :class:`TickEngine` has the same meaning; there is one instrument, 0.

    Parameters
    ----------
    participants : list of dict
        ``kind`` and the settings of section 4; see ``omni_lab.simulator.participants``.
    start_ns, start_ticks : int
        Time and best bid at the start.
    value : dict
        ``kind`` ``"jumps"`` with ``jump_rate``, ``jump_ticks``; ``"schedule"`` with ``times``, ``values``.
    cash, tick_value : float
        Our cash, and what one lot gains when its price rises by one tick, currency.
    latency : dict
        As for :class:`TickEngine`.
    feed_delay_ns : int
        How much later we hear of the market.
    limits : dict or None
        What the gate of the venue holds us to.
    seed : int
        Of everything that is drawn.
    sample_every_ns : int
        Time between two samples of the account; 0 for none.
    keep_events : bool
        Whether :meth:`events` are kept.
    journal : path or None
        An empty directory for a journal of all commands.
    fees : dict, optional
        Fees of our fills as ``FeeSchedule.to_engine`` spells them, a lot being one unit; none without it.

    Raises
    ------
    ConfigError
        If a setting cannot be used, with the participant whose it is.
    JournalError
        If the journal cannot be begun.
    """

    def __new__(
        cls,
        participants: list[dict[str, Any]],
        *,
        start_ns: int,
        start_ticks: int,
        value: dict[str, Any],
        cash: float,
        tick_value: float,
        latency: dict[str, Any],
        feed_delay_ns: int,
        limits: dict[str, Any] | None,
        seed: int,
        sample_every_ns: int,
        keep_events: bool,
        journal: str | PathLike[str] | None,
        fees: dict[str, Any] | None = None,
    ) -> AgentMarket: ...
    @property
    def now(self) -> int:
        """Our clock, nanoseconds."""

    @property
    def n_heard(self) -> int:
        """Market events that we have heard of."""

    @property
    def n_commands(self) -> int:
        """Commands that the venue has carried out, refused ones included."""

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen any more."""

    @property
    def lots(self) -> int:
        """Signed lots held."""

    @property
    def bid_ticks(self) -> int:
        """Best bid; 0 for none."""

    @property
    def ask_ticks(self) -> int:
        """Best ask; 0 for none."""

    @property
    def cash(self) -> float:
        """Cash after fees, currency."""

    @property
    def fees(self) -> float:
        """Fees paid, currency; negative when rebates are more."""

    @property
    def equity(self) -> float:
        """Cash plus positions at their mids, currency; without a mid, at what was paid."""

    @property
    def traded_value(self) -> float:
        """Value of all fills, currency."""

    @property
    def traded_lots(self) -> int:
        """Lots of all fills."""

    @property
    def n_fills(self) -> int:
        """Fills heard of."""

    @property
    def n_orders(self) -> int:
        """Orders sent; an order's number counts from 0."""

    def lots_of(self, instrument: int) -> int:
        """Signed lots held of an instrument."""

    def average_price_ticks(self, instrument: int) -> float:
        """Average price of the open lots; NaN when flat."""

    def quote(self, instrument: int) -> tuple[int, int, int, int]:
        """Bid price and lots, ask price and lots; 0 for an empty side."""

    def levels(
        self, instrument: int, n_levels: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Bid prices and lots, ask prices and lots, best first, of up to ``n_levels`` levels."""

    def lots_at(self, instrument: int, is_bid: bool, price: int) -> int:
        """Lots shown at a price."""

    def last_trade(self, instrument: int) -> tuple[int, int, int]:
        """Price, lots and who took: 1 a buyer, 2 a seller, 0 unknown. Zeros before the first."""

    def send(
        self,
        is_buy: bool,
        price: int,
        qty: int,
        kind: int = 1,
        time_in_force: int = 0,
        instrument: int = 0,
    ) -> int:
        """Send an order; its number.

        ``kind`` 0 market, 1 limit; ``time_in_force`` 0 GTC, 1 IOC, 2 FOK, 3 post-only. What the venue refuses
        is heard like any other answer.

        Raises
        ------
        ConfigError
            If it has no lots, or a limit no price.
        UnknownSymbolError
            If there is no such instrument.
        """

    def submit(
        self,
        side: Side | str,
        qty: int,
        price: int = 0,
        *,
        order_type: OrderType | str | None = None,
        time_in_force: TimeInForce | str | None = None,
        self_trade: SelfTrade | str | None = None,
        post_only: bool | PostOnly | str | None = None,
        stop_price: int = 0,
        trail: int = 0,
        trail_bps: int = 0,
        trigger: Trigger | str | None = None,
        peg: PegReference | str | None = None,
        peg_offset: int = 0,
        display_qty: int | None = None,
        min_qty: int = 0,
        all_or_none: bool = False,
        expire_at: int = 0,
    ) -> int:
        """Send an order of any type of ``docs/matching.md``, section 2; its number.

        Without ``order_type`` it is what its terms imply: pegged with ``peg``, a trailing stop with ``trail``
        or ``trail_bps``, a stop with ``stop_price`` (a stop-limit with ``price``, too), a limit with
        ``price``, else a market order. ``time_in_force`` is DAY where nothing is said. What the form forbids
        is refused by the venue.

        Raises
        ------
        ConfigError
            For a word that is none.
        """

    def cancel(self, number: int) -> bool:
        """Ask for a cancel; False if the order has ended or does not exist."""

    def replace(self, number: int, price: int, qty: int, stop_price: int = 0) -> bool:
        """Ask for another price, total quantity and stop price; 0 keeps a price.

        False if the order has ended, is a market order, or does not exist.
        """

    def order_state(self, number: int) -> tuple[int, int, int, int, bool]:
        """Status, lots filled, price, total lots, and whether a request about it is on its way.

        Status is 0 pending, 1 new, 2 partially filled, 3 filled, 4 canceled, 5 expired, 6 rejected.
        """

    def order_reason(self, number: int) -> int:
        """Why it ended without being filled whole, else 0; below 1,000 a ``RejectReason``."""

    def ahead(self, number: int) -> float | None:
        """Lots before it at the venue, for explanations; None unless it waits in the book."""

    def working(self) -> list[int]:
        """Numbers of the orders that have not ended."""

    def advance(self, until: int, progress: Callable[[int], object] | None = None) -> bool:
        """Go on until a time; False once nothing will happen any more.

        ``progress`` is called with :attr:`n_heard` from time to time; Ctrl-C is noticed.
        """

    def advance_to_next(self, until: int, wake: int) -> tuple[int, int, int]:
        """Go on until a time, or until something one wants to know.

        Parameters
        ----------
        until : int
        wake : int
            Bits: 1 the best bid, best ask or lots at them changed; 2 the market traded; 4 a level changed; 8
            something was heard of an order.

        Returns
        -------
        tuple of int
            0 the end, 1 the time, 2 the market (with the bits, and the instrument), 3 orders
            (:meth:`take_notices`).
        """

    def take_notices(self) -> list[tuple[int, int, int, int, bool, float, int]]:
        """What was heard of orders while ``wake`` had bit 8, since the last call.

        Order, kind (0 accepted, 1 replaced, 2 fill, 3 ended, 4 request refused), lots, price, whether it was
        a maker, fee (currency), the venue's time.
        """

    def run_quoter(
        self, settings: dict[str, Any], until: int, progress: Callable[[int], object] | None = None
    ) -> int:
        """Run the market maker of ``docs/replay.md``, section 6, until a time; how often it looked.

        ``settings`` are ``rule`` with its numbers, ``instrument``, ``tick`` (price units), ``interval_ns``,
        ``qty``, ``max_position``, ``n_levels``, ``level_step``, ``half_life`` (seconds).
        """

    def finish(self) -> None:
        """Say that the run is over: what still works expires."""

    def commit(self) -> None:
        """Hand the journal over to the operating system, where there is one.

        Raises
        ------
        JournalError
            If that fails.
        """

    def orders(self) -> dict[str, NDArray[Any]]:
        """One row an order.

        Columns instrument, side, kind, time_in_force, price, qty, filled, status, reason,
        ts_sent, ts_venue, ts_heard, seen_bid, seen_ask as of a replay, order_type (code of the venue),
        venue_id (its name there, 0 before it arrived).
        """

    def messages(self) -> dict[str, NDArray[Any]]:
        """One row a message.

        Columns ts, ts_venue, order, kind, is_maker, reason, qty, price, ahead (NaN unless
        taken in), fee.

        Kinds are 0 sent, 1 denied, 2 cancel sent, 3 replace sent, 4 accepted, 5 replaced, 6 fill, 7 canceled,
        8 expired, 9 rejected, 10 request refused.
        """

    def samples(self) -> dict[str, NDArray[Any]]:
        """One row a sample.

        Columns ts, equity, cash, position (lots), twice_mid (of it,
        ticks).
        """

    def events(self) -> dict[str, NDArray[Any]]:
        """Market events so far, in the columns of ``docs/feeds.md``, section 1.

        Raises
        ------
        ConfigError
            If they are not kept.
        """

    def accounts(self) -> dict[str, NDArray[Any]]:
        """What the venue knows of each account, ours first, then the participants.

        Columns lots (held, signed), bought, sold (lots ever), cash (currency, from 0 on, before fees). Lots
        and cash sum to zero.
        """

    def values(self) -> dict[str, NDArray[Any]]:
        """What the instrument was worth: columns ts, value (ticks)."""

    def names(self) -> list[str]:
        """Kinds of the participants, by place."""

    def counts(self, participant: int) -> list[int]:
        """How often a participant wanted what.

        Zero intelligence: limit orders, market orders, cancels. Informed: orders of those who know, of the
        others. Hawkes: events by kind. Market maker: looks. Trend: purchases, sales.
        """

def itch_scan(
    path: str | PathLike[str],
    *,
    framing: str | None = None,
    lenient: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]:
    """Count what a capture of ITCH 5.0 holds, in one pass.

    Parameters
    ----------
    path, framing, lenient
        As for :class:`ItchReader`, and with its errors.
    progress : callable, optional
        Called every few MiB with the bytes read and the bytes of the file; what it raises ends the scan.

    Returns
    -------
    dict
        The counts of :meth:`ItchReader.counts`, with ``messages`` by the character of their type and
        ``unknown`` as ``{"?": n}``; ``first_ns`` and ``last_ns``, times since midnight at the venue, None
        without a message; ``locate`` (uint16) and ``symbol`` (``S8``, padded), the stock directory.
    """

def itch_write(
    path: str | PathLike[str],
    *,
    messages: int,
    symbols: int,
    seed: int,
    all_types: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]:
    """Write a made-up day of ITCH 5.0 with 2-byte lengths; the same numbers give the same bytes everywhere.

    Parameters
    ----------
    path : str or path
        Where to; an existing file is replaced when the day is complete.
    messages : int
        How many, the stock directory and the end of the day included; at least 4 a symbol and 1,000.
    symbols : int
        How many, 1 to 65,535.
    seed : int
        From 0 to 2^64 - 1.
    all_types : bool
        Also the types that an ordinary day does not have: a circuit breaker, an operational halt, a direct
        listing.
    progress : callable, optional
        Called every few MiB with the messages written and ``messages``; what it raises ends the work, and no
        file is left.

    Returns
    -------
    dict
        ``messages`` by type, ``bytes``, and ``orders`` that wait in the end.

    Raises
    ------
    ConfigError
        If a number is out of range.
    SourceError
        If the file cannot be written.
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
class OrderUpdate:
    """A change of an order, as handed to ``on_order``; see :class:`omni_lab.strategies.OrderUpdate`."""

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
    def type(self) -> str:
        """MARKET, LIMIT or STOP."""

    @property
    def qty(self) -> float:
        """Quantity ordered."""

    @property
    def filled_qty(self) -> float:
        """Quantity filled so far."""

    @property
    def status(self) -> str:
        """ACCEPTED, REJECTED, CANCELED or EXPIRED."""

    @property
    def reason(self) -> str:
        """Why; empty when it was accepted."""

    @property
    def ts(self) -> int:
        """Closing time of its step, nanoseconds UTC."""

    @property
    def index(self) -> int:
        """Number of the step."""

@final
class Timer:
    """A timer that fired, as handed to ``on_timer``; see :class:`omni_lab.strategies.Timer`."""

    @property
    def id(self) -> int:
        """As ``Context.timer`` returned it."""

    @property
    def due(self) -> int:
        """When it was to fire, nanoseconds UTC."""

    @property
    def ts(self) -> int:
        """Closing time of the step in which it fired, nanoseconds UTC."""

    @property
    def index(self) -> int:
        """Number of the step."""

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

    def tick_size(self, symbol: str | None = None) -> float:
        """Grid of prices."""

    def lot_size(self, symbol: str | None = None) -> float:
        """Smallest quantity step."""

    def buy(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        stop: float | None = None,
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send a buy order; returns its id. What it cannot say on bars is a ConfigError."""

    def sell(
        self,
        qty: float,
        *,
        symbol: str | None = None,
        limit: float | None = None,
        stop: float | None = None,
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send a sell order; returns its id. What it cannot say on bars is a ConfigError."""

    def replace(
        self,
        order_id: int,
        *,
        qty: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
    ) -> bool:
        """Give a working order another total quantity or other prices; False where it cannot have them."""

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

    def declare(self, expression: Any) -> Indicator:
        """Declare an indicator of :mod:`omni_lab.strategies.indicators`."""

    def when(self, condition: Any, callback: Callable[[Any, Any], object]) -> None:
        """Call back, with context and bar, where a condition holds."""

    def timer(self, *, at: Any = None, every: Any = None) -> int:
        """Set a timer; returns its id."""

    def kill_switch(self, on: bool = True) -> None:
        """Switch all trading off at the risk gate, or on again."""

    def cancel_timer(self, timer_id: int) -> bool:
        """Take a timer back; False when it is not set any more."""

@final
class MessageLog:
    """Messages of a session, numbered from 1, kept for those who come late; the oldest are forgotten first.

    Parameters
    ----------
    session : str
        Up to 10 printable ASCII characters.
    max_bytes : int
        About how much is kept, and always the last 64 KiB.

    Raises
    ------
    ConfigError
        If the session cannot have this name.
    """

    def __new__(cls, session: str, *, max_bytes: int = 268_435_456) -> MessageLog: ...
    @property
    def session(self) -> str:
        """Name of the session."""

    @property
    def first(self) -> int:
        """Number of the oldest message that is kept; ``next`` if none is."""

    @property
    def next(self) -> int:
        """Number that the next message will have."""

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""

    def append(self, message: bytes) -> int:
        """Add a message, of at most 65,485 bytes, and return its number; CodecError if it cannot be."""

    def get(self, number: int) -> bytes | None:
        """A message, while it is kept."""

    def end(self) -> None:
        """Say that nothing will come any more."""

@final
class SoupClient:
    """The client's end of SoupBinTCP over any number of connections, without a socket or a clock.

    Events are tuples of kind, number, count and bytes: ``("accepted", sequence, 0, session)``,
    ``("lost", first, count, b"")``, ``("rejected", 0, 0, letter)``, ``("message", sequence, 1, data)``,
    ``("unsequenced", 0, 0, data)``, ``("debug", 0, 0, text)``, ``("end", 0, 0, b"")``,
    ``("dead", 0, 0, b"")``, ``("broken", offset, 0, text)``. After rejected, end, dead and broken the
    connection is over. Times are monotonic nanoseconds.

    Parameters
    ----------
    username, password : str
        Up to 6 and 10 ASCII letters and digits.
    session : str
        Blank for the current one.
    sequence : int
        The first message wanted; 0 for what comes from now on.
    heartbeat_ns, timeout_ns, login_timeout_ns : int
        Silence of ours before a heartbeat, silence of theirs before giving up, how long a login may take.
    max_output : int
        Bytes that may wait to be taken.

    Raises
    ------
    ConfigError
        If a name does not fit.
    """

    def __new__(
        cls,
        username: str,
        password: str,
        *,
        session: str = "",
        sequence: int = 1,
        heartbeat_ns: int = 1_000_000_000,
        timeout_ns: int = 15_000_000_000,
        login_timeout_ns: int = 30_000_000_000,
        max_output: int = 1_048_576,
    ) -> SoupClient: ...
    @property
    def state(self) -> Literal["disconnected", "login_sent", "logged_in", "ended"]:
        """Where it is."""

    @property
    def session(self) -> str:
        """The session it reads or wants to read."""

    @property
    def next(self) -> int:
        """Number of the message that it wants next."""

    @property
    def due_ns(self) -> int | None:
        """When `tick` has something to do, if nothing happens before."""

    def connect(self, now_ns: int) -> None:
        """Begin a connection: the login is in the output."""

    def disconnect(self) -> None:
        """Say that the connection is gone."""

    def receive(self, data: bytes, now_ns: int) -> list[tuple[str, int, int, bytes]]:
        """Take bytes, in pieces of any size, and return events."""

    def tick(self, now_ns: int) -> list[tuple[str, int, int, bytes]]:
        """Let time go by, and return events."""

    def send(self, payload: bytes, now_ns: int) -> None:
        """Send a message; GatewayError if it cannot be sent now, CodecError if it is too long."""

    def logout(self, now_ns: int) -> None:
        """Ask the server to close."""

    def output(self) -> bytes:
        """What is to be sent, which is then nothing."""

@final
class SoupServer:
    """The server's end of one SoupBinTCP connection, without a socket or a clock.

    Events are ``("login", sequence, 0, user)``, to be answered after `take_login`,
    ``("message", 0, 1, data)``, ``("debug", 0, 0, text)``, ``("logout", 0, 0, b"")``,
    ``("dead", 0, 0, b"")`` and ``("broken", offset, 0, text)``. After the last three the connection is over.

    Parameters
    ----------
    now_ns : int
        When the connection came, monotonic nanoseconds.
    heartbeat_ns, timeout_ns, login_timeout_ns, max_output : int
        As in `SoupClient`.
    """

    def __new__(
        cls,
        now_ns: int,
        *,
        heartbeat_ns: int = 1_000_000_000,
        timeout_ns: int = 15_000_000_000,
        login_timeout_ns: int = 30_000_000_000,
        max_output: int = 262_144,
    ) -> SoupServer: ...
    @property
    def state(self) -> Literal["waiting", "asked", "logged_in", "closed"]:
        """Where it is; closed means that what waits is to be sent and the connection closed."""

    @property
    def next(self) -> int:
        """Number of the message that goes out next."""

    @property
    def due_ns(self) -> int | None:
        """When `tick` has something to do, if nothing happens before."""

    def take_login(self) -> tuple[str, str, str, int] | None:
        """User name, password, session and sequence number of who asked to be let in, once."""

    def receive(self, data: bytes, now_ns: int) -> list[tuple[str, int, int, bytes]]:
        """Take bytes, in pieces of any size, and return events."""

    def tick(self, now_ns: int) -> list[tuple[str, int, int, bytes]]:
        """Let time go by, and return events."""

    def accept(self, log: MessageLog, sequence: int, now_ns: int) -> None:
        """Let a client in to a log, from the number it wants, or the nearest that there is."""

    def reject(self, code: str, now_ns: int) -> None:
        """Do not let a client in: "A" not authorised, "S" no such session."""

    def pull(self, log: MessageLog, now_ns: int) -> bool:
        """Move to the output what the client is still to get, as far as there is room; whether more waits."""

    def send(self, payload: bytes, now_ns: int) -> None:
        """Send a message beside the numbered ones; errors as of `SoupClient.send`."""

    def output(self) -> bytes:
        """What is to be sent, which is then nothing."""

    def close(self) -> None:
        """Be over."""

@final
class MoldSender:
    """The sending end of MoldUDP64, without a socket or a clock.

    Parameters
    ----------
    heartbeat_ns : int
        Silence before a heartbeat, or before the end of the session is said again.
    max_datagram : int
        Bytes of a datagram; a message that is longer travels alone.
    """

    def __new__(cls, *, heartbeat_ns: int = 1_000_000_000, max_datagram: int = 1_400) -> MoldSender: ...
    @property
    def next(self) -> int:
        """Number of the message that goes out next."""

    @property
    def due_ns(self) -> int | None:
        """When a heartbeat is due, if nothing is sent before; None before the first datagram."""

    def datagrams(self, log: MessageLog, now_ns: int, most: int = 64) -> list[bytes]:
        """What is to be sent now: messages, else a heartbeat or the end of the session if one is due."""

    def answer(self, log: MessageLog, request: bytes) -> bytes | None:
        """The answer to a request; None if it is none, or asks for what is not there."""

@final
class MoldReceiver:
    """The receiving end of MoldUDP64, for up to eight lines that carry the same, without a socket or a clock.

    Events are ``("session", sequence, 0, name)``, ``("message", sequence, 1, data)`` in order and each once,
    ``("lost", first, count, b"")``, ``("end", 0, 0, b"")``, ``("line_down", line, 0, b"")`` and
    ``("line_up", line, 0, b"")``.

    Parameters
    ----------
    session : str
        Blank for that of the first datagram.
    first : int
        Number to begin at; 0 for that of the first datagram.
    patience_ns, retry_ns, max_tries : int
        How long a gap may stand before it is asked for, how long an answer may take, and how often to ask.
    max_held : int
        Bytes that are held while something before them is missing.
    line_timeout_ns : int
        Silence after which a line is down.

    Raises
    ------
    ConfigError
        If the session cannot have this name.
    """

    def __new__(
        cls,
        *,
        session: str = "",
        first: int = 1,
        patience_ns: int = 20_000_000,
        retry_ns: int = 1_000_000_000,
        max_tries: int = 5,
        max_held: int = 16_777_216,
        line_timeout_ns: int = 5_000_000_000,
    ) -> MoldReceiver: ...
    @property
    def session(self) -> str:
        """The session it follows; blank while it has heard of none."""

    @property
    def next(self) -> int:
        """Number of the message that it hands over next."""

    @property
    def behind(self) -> bool:
        """Whether something that was sent is missing."""

    @property
    def ended(self) -> bool:
        """Whether the session is over and all of it was handed over."""

    @property
    def due_ns(self) -> int | None:
        """When `tick` or `request` has something to do, if nothing happens before."""

    def receive(self, line: int, datagram: bytes, now_ns: int) -> list[tuple[str, int, int, bytes]]:
        """Take a datagram of a line, and return events; a line from 8 on is none, as for answers."""

    def tick(self, now_ns: int) -> list[tuple[str, int, int, bytes]]:
        """Let time go by, and return events."""

    def request(self, now_ns: int) -> bytes | None:
        """The request that is due now, for any server that answers them."""

    def counts(self) -> dict[str, int]:
        """What was not handed over: malformed, foreign, duplicate, dropped, lost; and requests."""

def encode_message(protocol: str, name: str, fields: dict[str, Any]) -> bytes:
    """The bytes of a message of "itch", "ouch_client" or "ouch_venue"; CodecError names what cannot be."""

def decode_message(protocol: str, message: bytes) -> tuple[str, dict[str, Any]] | None:
    """Name and fields of a message, None for a type that is not known; CodecError if its length is wrong."""

def message_layouts(protocol: str) -> list[tuple[str, str, int, list[tuple[str, int, int]]]]:
    """Type, name, length and fields (name, offset, width) of every message of a protocol."""
