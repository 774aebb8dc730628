"""What a trading system tells of itself. Every view is a copy: it may be kept, and read from any thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from omni_lab.execution.views import Position
from omni_lab.typing import FloatArray, IntArray

Mode = Literal["backtest", "replay", "paper"]
State = Literal["STOPPED", "RECOVERING", "RUNNING", "HALTED", "FINISHED", "FAILED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a system is.

    Attributes
    ----------
    name : str
    mode : {"backtest", "replay", "paper"}
    state : str
        HALTED while a kill switch is on that stops the system's account; FINISHED at the end of a replay.
    ts : int
        The market's clock, nanoseconds UTC; 0 before the first event.
    wall_ts : int
        When this was said, nanoseconds UTC.
    feed_age_s : float
        Seconds since the last event of the market came in; NaN before the first.
    source : str
        What the market comes from, as a short phrase: ``"synthetic, seed 5"``.
    symbols : tuple of str
    account : str
        Whose orders the system and the desk send.
    strategy : str or None
        Name of the strategy that runs; None if nobody but people trades.
    strategy_state : str
        RUNNING, STOPPED (by somebody, or by a kill switch), FAILED or NONE.
    error : str or None
        Why it failed.
    halted : mapping of str to str
        Kill switches that are on: scope ("everything", "account desk", "instrument AAPL") by who and why.
    n_market_events, n_orders, n_fills : int
        Since the journal began; after a kill in paper, events of the market of its last seconds are missing.
    market_rate : float
        Events of the market a second, of the last seconds.
    progress : float
        How far a backtest or a replay is, from 0 to 1; NaN where there is no end, or nobody knows.
    """

    name: str
    mode: Mode
    state: State
    ts: int
    wall_ts: int
    feed_age_s: float
    source: str
    symbols: tuple[str, ...]
    account: str
    strategy: str | None = None
    strategy_state: str = "NONE"
    error: str | None = None
    halted: Mapping[str, str] = field(default_factory=dict)
    n_market_events: int = 0
    n_orders: int = 0
    n_fills: int = 0
    market_rate: float = 0.0
    progress: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order as somebody writes it; the words are those of ``OMS.submit``.

    Attributes
    ----------
    symbol, side, qty : str, str, float
    price : float or None
        Limit; None at the market.
    time_in_force : str
    client_order_id : str or None
        Up to 16 ASCII characters. Sent twice, it is one order.
    terms : mapping
        Further keywords of ``OMS.submit``: ``stop_price``, ``display_qty``, ``post_only``, …
    """

    symbol: str
    side: str
    qty: float
    price: float | None = None
    time_in_force: str = "DAY"
    client_order_id: str | None = None
    terms: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """An execution of an order of the system's account.

    Attributes
    ----------
    number : int
        Counts from 1 since the journal began.
    trade_id, order_id, ts : int
        Nanoseconds UTC.
    symbol, side, liquidity : str
        ``"BUY"`` or ``"SELL"``; ``"MAKER"``, ``"TAKER"`` or ``"AUCTION"``.
    qty, price : float
    """

    number: int
    trade_id: int
    order_id: int
    ts: int
    symbol: str
    side: str
    liquidity: str
    qty: float
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the system's account is worth now, currency.

    Attributes
    ----------
    equity, cash, capital : float
        Equity is capital plus profit, realised and not; cash is equity less positions at their marks.
    pnl_day, realised, unrealised : float
        Profit of the day; of what was closed and of what is open, since the journal began.
    gross, net : float
        Sum of absolute, and of signed, positions at their marks.
    positions : tuple of Position
    """

    equity: float
    cash: float
    capital: float
    pnl_day: float
    realised: float
    unrealised: float
    gross: float
    net: float
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class EquityCurve:
    """Samples of the account, oldest first.

    Attributes
    ----------
    ts : ndarray of int64, shape (n,)
        Nanoseconds UTC.
    equity, pnl_day, gross, net : ndarray of float64, shape (n,)
        Currency.
    """

    ts: IntArray
    equity: FloatArray
    pnl_day: FloatArray
    gross: FloatArray
    net: FloatArray


@dataclass(frozen=True, slots=True)
class Tape:
    """Trades of a market, oldest first.

    Attributes
    ----------
    number : ndarray of int64, shape (n,)
        Counts from 1 since the system started, without a gap.
    trade_id, ts : ndarray of int64, shape (n,)
        Id 0 of those that are only told: they are no trades of our book. Times are nanoseconds UTC.
    price, qty : ndarray of float64, shape (n,)
    side : ndarray of int8, shape (n,)
        Who took: 1 a buyer, 2 a seller, 0 nobody (an auction).
    own : ndarray of bool, shape (n,)
        Whether the system's account was on one side.
    """

    number: IntArray
    trade_id: IntArray
    ts: IntArray
    price: FloatArray
    qty: FloatArray
    side: Any
    own: Any


@dataclass(frozen=True, slots=True)
class Quotes:
    """Best prices of a market as they were sampled, oldest first.

    Attributes
    ----------
    ts : ndarray of int64, shape (n,)
        Nanoseconds UTC.
    bid, ask, bid_qty, ask_qty : ndarray of float64, shape (n,)
        NaN, and 0, where a side is empty.
    """

    ts: IntArray
    bid: FloatArray
    ask: FloatArray
    bid_qty: FloatArray
    ask_qty: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalState:
    """The journal of a system.

    Attributes
    ----------
    directory : str or None
        None where nothing is kept.
    sequence : int
        Of the last frame.
    n_bytes : int
    durability : str
    state_hash : str or None
        SHA-256 of the state, where it was asked for.
    recovered_frames : int
        How many were replayed when the system started.
    """

    directory: str | None
    sequence: int
    n_bytes: int
    durability: str
    state_hash: str | None = None
    recovered_frames: int = 0
