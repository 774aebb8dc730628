"""What people call on an order-management system, native or plain: prices, names and keywords in, events out.

Everything here is translation. A system adds `OMSFace.execute`, which carries out one command, and what it
knows.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from omni_lab.domain import (
    OrderType,
    PegReference,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
    TradingPhase,
    Trigger,
)
from omni_lab.errors import ConfigError
from omni_lab.execution.client_ids import number_of
from omni_lab.execution.codec import ALL, Advance, Cancel, Mark, MassCancel, Replace, SetPhase
from omni_lab.execution.config import OMSConfig
from omni_lab.execution.edges import Edges, word
from omni_lab.execution.events import EventLog
from omni_lab.execution.gate_face import GateFace
from omni_lab.execution.views import BookView, Order, Position, Snapshot
from omni_lab.execution.wishes import SubmitTerms, new_order
from omni_lab.typing import AnyArray, ArrayLike


class OMSFace(GateFace):
    """An order-management system as people use it.

    Prices and quantities are floats on the instrument's grids, names are words in letters of any size, times
    are nanoseconds UTC (None: the clock stays). What an order comes to is an event, not an exception.

    Parameters
    ----------
    config : OMSConfig
        What it starts from.
    """

    def __init__(self, config: OMSConfig) -> None:
        self.config = config
        self._edges = Edges(config.setup(), config.sector_names)

    # --- commands -------------------------------------------------------------------------------------------

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
        time_in_force: TimeInForce | str = TimeInForce.DAY,
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
        """Send a new order.

        Parameters
        ----------
        symbol, side, qty : str, Side or str, float
            What, which way, how much.
        price : float, optional
            Limit, or the cap of a pegged order.
        account : str, optional
            Whose; the first account by default.
        client_order_id : int or str, optional
            A name of your own: sent twice, it is one order.
        order_type : OrderType or str, optional
            By default what the other arguments say: pegged with ``peg``, trailing with ``trail`` or
            ``trail_bps``, a stop with ``stop_price``, otherwise limit with a price and market without.
        time_in_force : TimeInForce or str
            How long it stands.
        stop_price, trail : float, optional
            What elects a stop; distance of a trailing stop, in units of price.
        trail_bps : int, optional
            That distance in basis points of the reference.
        trigger : Trigger or str, optional
            What a stop watches; the last trade by default.
        peg, peg_offset : PegReference or str, float
            What a pegged order follows, and how far above it (negative: below), in units of price.
        display_qty : float, optional
            What shows of it; None all, 0 nothing.
        min_qty, all_or_none : float, bool
            What it trades at least at once.
        post_only : PostOnly, str or bool, optional
            Whether it must not take; True is REJECT.
        self_trade : SelfTrade or str, optional
            What happens when it would meet an order of its own account.
        expire_at : int, optional
            When a GTD order ends, nanoseconds UTC.
        ts : int, optional
            Time of the command, nanoseconds UTC.

        Returns
        -------
        int
            Its order id; 0 if it was refused before it got one.

        Raises
        ------
        UnknownSymbolError, ConfigError
            If a name is unknown.
        DataError
            If a number is off its grid.
        """
        terms = SubmitTerms(
            account=account,
            client_order_id=client_order_id,
            order_type=order_type,
            time_in_force=time_in_force,
            stop_price=stop_price,
            trail=trail,
            trail_bps=trail_bps,
            trigger=trigger,
            peg=peg,
            peg_offset=peg_offset,
            display_qty=display_qty,
            min_qty=min_qty,
            all_or_none=all_or_none,
            post_only=post_only,
            self_trade=self_trade,
            expire_at=expire_at,
        )
        return self._execute(new_order(self._edges, self._ts(ts), symbol, side, qty, price, terms))

    def cancel(
        self,
        order_id: int | None = None,
        *,
        client_order_id: int | str | None = None,
        account: str | None = None,
        ts: int | None = None,
    ) -> bool:
        """End an order, named by its id or by the client's; whether it was canceled."""
        order_id = self._find(order_id, client_order_id, account)
        return bool(self._execute(Cancel(self._ts(ts), order_id)))

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
        """Give an order another total quantity (fills included) or other prices; whether it was replaced.

        What is None stays as it is.
        """
        order_id = self._find(order_id, client_order_id, account)
        instrument, now = self._terms(order_id)
        replace = Replace(
            self._ts(ts),
            order_id,
            self._edges.lots(instrument, qty, none=now),
            self._edges.ticks(instrument, price),
            self._edges.ticks(instrument, stop_price, where="stop_price"),
        )
        return bool(self._execute(replace))

    def mass_cancel(
        self,
        *,
        account: str | None = None,
        symbol: str | None = None,
        side: Side | str | None = None,
        ts: int | None = None,
    ) -> int:
        """End all orders of an account, an instrument, a side, or simply all; how many those were."""
        return self._execute(
            MassCancel(
                self._ts(ts),
                ALL if account is None else self._edges.account(account),
                ALL if symbol is None else self._edges.instrument(symbol),
                0 if side is None else word(Side, side),
            )
        )

    def set_phase(
        self, phase: TradingPhase | str, *, symbol: str | None = None, ts: int | None = None
    ) -> None:
        """Put an instrument, or all of them, into another phase; auctions happen between them."""
        instrument = ALL if symbol is None else self._edges.instrument(symbol)
        self._execute(SetPhase(self._ts(ts), instrument, word(TradingPhase, phase)))

    def advance(self, ts: int) -> None:
        """Move the clock, nanoseconds UTC; what expires until then expires."""
        self._execute(Advance(ts))

    def mark(self, symbol: str, price: float, *, ts: int | None = None) -> None:
        """Set the reference price that collars, exposure, equity and unrealised profit are measured by."""
        instrument = self._edges.instrument(symbol)
        self._execute(Mark(self._ts(ts), instrument, self._edges.ticks(instrument, price)))

    # --- what is known --------------------------------------------------------------------------------------

    def events(self) -> EventLog:
        """What came of commands since the last call."""
        self.commit()
        return EventLog(self._drain(), self._edges)

    @property
    def state_hash(self) -> str:
        """SHA-256 of the state, hexadecimal."""
        return hashlib.sha256(self.state()).hexdigest()

    def snapshot(self) -> Snapshot:
        """The whole state, and the frame it follows."""
        return Snapshot(self.sequence, self.state())

    # --- what a system adds ---------------------------------------------------------------------------------

    @abstractmethod
    def apply(self, commands: Mapping[str, ArrayLike]) -> dict[str, AnyArray]:
        """Carry out many commands, in ticks, lots and codes.

        Parameters
        ----------
        commands : mapping of str to array_like
            Columns; `omni_lab.execution.commands.DEFAULTS` names them and says what an absent one holds.

        Returns
        -------
        dict of str to ndarray
            The columns of what came of these commands. `events` does not hand them out again.

        Raises
        ------
        SchemaError, ShapeError, DataError
            If a column cannot be used, before any command acts.
        """

    @property
    @abstractmethod
    def sequence(self) -> int:
        """Number of the last frame; the configuration is 1."""

    @abstractmethod
    def state(self) -> bytes:
        """The canonical bytes of everything that matters for what comes next: ``docs/oms.md``, section 7."""

    @abstractmethod
    def book(self, symbol: str) -> BookView:
        """The book of an instrument as it stands now."""

    @abstractmethod
    def order(self, order_id: int) -> Order:
        """An order as it is now, or was when it ended."""

    @abstractmethod
    def orders(self, *, live: bool = True) -> dict[str, AnyArray]:
        """Columns of the orders that live, or of all there ever were."""

    @abstractmethod
    def positions(self) -> list[Position]:
        """What accounts have, of everything they ever traded."""

    @abstractmethod
    def commit(self) -> None:
        """Wait until every command so far is on disk, where there is a journal."""

    @abstractmethod
    def close(self) -> None:
        """Commit, and let go of the journal."""

    @abstractmethod
    def latency(self) -> dict[str, AnyArray]:
        """How long commands took, if that was measured."""

    @abstractmethod
    def _drain(self) -> dict[str, AnyArray]:
        """Columns of the events since the last call."""

    @abstractmethod
    def _order_id(self, account: int, client_order_id: int) -> int:
        """The id of the order that a client calls so, 0 if there is none."""

    @abstractmethod
    def _terms(self, order_id: int) -> tuple[int, int]:
        """Instrument and total quantity of an order, zeros if there is none."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- how it is translated -------------------------------------------------------------------------------

    def _find(self, order_id: int | None, client_order_id: int | str | None, account: str | None) -> int:
        if (order_id is None) == (client_order_id is None):
            raise ConfigError("an order is named by its order_id or by its client_order_id, and not by both")
        if order_id is not None:
            return int(order_id)
        return self._order_id(self._edges.account(account), number_of(client_order_id))
