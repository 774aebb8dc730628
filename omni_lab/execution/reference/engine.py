"""Commands in, events out: the order-management system in whole numbers (``docs/oms.md``, section 2).

A command passes the checks, the gate and the book, in the order of ``docs/matching.md``, section 4. Names,
floats and tables are the business of `omni_lab.execution.reference.oms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any

from omni_lab.domain import (
    CancelReason,
    EventKind,
    OrderType,
    PostOnly,
    RejectReason,
    TimeInForce,
    TradingPhase,
)
from omni_lab.errors import ConfigError
from omni_lab.execution.codec import (
    ACCOUNT,
    ALL,
    EVERYTHING,
    INSTRUMENT,
    Advance,
    Cancel,
    Command,
    KillSwitch,
    Mark,
    MassCancel,
    New,
    Replace,
    SetPhase,
    WriteRegister,
    decode,
    digest,
    digest_of,
)
from omni_lab.execution.reference import auction, device
from omni_lab.execution.reference.book import CONTINUOUS, Book
from omni_lab.execution.reference.checks import Request, check
from omni_lab.execution.reference.desk import Desk
from omni_lab.execution.reference.form import form_problem, has_too_many_slices, phase_problem
from omni_lab.execution.reference.gate import Scope
from omni_lab.execution.reference.matching import arrive, go_on, post_only_price
from omni_lab.execution.reference.order import DISPLAYED, HIDDEN, PARKED, OrderRecord
from omni_lab.execution.reference.settling import park, settle
from omni_lab.execution.setup import MAX_PRICE, MAX_QTY, Setup

_MARKET = OrderType.MARKET.value
_LIMIT = OrderType.LIMIT.value
_STOP = OrderType.STOP.value
_STOP_LIMIT = OrderType.STOP_LIMIT.value
_TRAILING_STOP = OrderType.TRAILING_STOP.value
_PEGGED = OrderType.PEGGED.value
_CLOSED = TradingPhase.CLOSED.value
_HALTED = TradingPhase.HALTED.value
_PRE_CLOSE = TradingPhase.PRE_CLOSE.value
_OF_SOMETHING = (SetPhase, Mark, KillSwitch)
_UNTIL_CLOSE = (TimeInForce.DAY.value, TimeInForce.AT_OPEN.value, TimeInForce.AT_CLOSE.value)


class Engine:
    """One order-management system.

    Attributes
    ----------
    desk : Desk
        Orders, positions, gate, counters and events.
    books : list of Book
        By instrument.
    clients : dict of (int, int) to int
        Order id by account and client order id.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.desk = Desk(setup)
        self.books = [Book(number, setup.phase.value, self.desk) for number in range(len(setup.instruments))]
        self.clients: dict[tuple[int, int], int] = {}
        self.expiries: list[tuple[int, int]] = []
        self._acts: dict[type[Command], Callable[[Any], int]] = {
            Cancel: self._cancel,
            Replace: self._replace,
            MassCancel: self._mass_cancel,
            SetPhase: self._set_phase,
            Advance: lambda _: 0,
            Mark: self._mark,
            KillSwitch: self._kill_switch,
        }

    def execute(self, kind: int, payload: bytes) -> int:
        """Carry out the command of a frame.

        Parameters
        ----------
        kind : int
            A `CommandKind`.
        payload : bytes
            As in ``docs/oms.md``, section 2.

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
            If the command names no instrument, account or register, or the register does not take the value.
            Nothing has happened then, not even to the clock.
        """
        command = decode(kind, payload)
        if isinstance(command, New):
            self._begin(command.ts)
            return self._new(command, payload)
        if isinstance(command, WriteRegister):
            write = device.writing(self.desk.gate, command.address, command.value)
            self._begin(command.ts)
            return self._write_register(command, write)
        if isinstance(command, _OF_SOMETHING):
            self._need(command)
        self._begin(command.ts)
        return self._acts[type(command)](command)

    def _begin(self, ts: int) -> None:
        """Count the frame, move the clock, and let expire what its time has come for."""
        desk = self.desk
        desk.sequence += 1
        desk.clock = max(desk.clock, ts)
        if self.expiries and self.expiries[0][0] <= desk.clock:
            self._expire_due()

    def _expire_due(self) -> None:
        desk = self.desk
        touched = set()
        while self.expiries and self.expiries[0][0] <= desk.clock:
            _, order_id = heappop(self.expiries)
            order = desk.live.get(order_id)
            if order is not None:
                self.books[order.instrument].expire(order)
                touched.add(order.instrument)
        self._settle(touched)

    def _settle(self, instruments: Iterable[int]) -> None:
        for instrument in sorted(instruments):
            settle(self.books[instrument])

    # --- orders ---------------------------------------------------------------------------------------------

    def _new(self, new: New, payload: bytes) -> int:
        desk = self.desk
        if new.account >= len(desk.gate.accounts):
            return self._refuse(new, RejectReason.UNKNOWN_ACCOUNT)
        if new.instrument >= len(self.books):
            return self._refuse(new, RejectReason.UNKNOWN_INSTRUMENT)
        said = 0
        if new.client_order_id:
            said = digest(payload)
            earlier = self.clients.get((new.account, new.client_order_id))
            if earlier is not None:
                return self._sent_before(desk.orders[earlier - 1], new, said)
        order = desk.enlist(new, said)
        if new.client_order_id:
            self.clients[new.account, new.client_order_id] = order.id
        book = self.books[new.instrument]
        reason = form_problem(new, desk.clock) or phase_problem(new, book.phase)
        if not reason:
            reason = self._gate(order, self.request(new), order.price or order.stop_price, order.qty)
        if reason:
            desk.rejected(order, reason)
            return order.id
        if order.expire_at:
            heappush(self.expiries, (order.expire_at, order.id))
        arrive(book, order)
        settle(book)
        return order.id

    def _refuse(self, new: New, reason: RejectReason) -> int:
        self.desk.refused(new, reason.value)
        return 0

    def _sent_before(self, order: OrderRecord, new: New, said: int) -> int:
        if order.digest != said:
            return self._refuse(new, RejectReason.DUPLICATE_ORDER_ID)
        self.desk.status(order)
        return order.id

    def _gate(self, order: OrderRecord, request: Request, price: int, qty: int) -> int:
        """Why the gate refuses a request about an order; 0 if it passes, perhaps with a warning."""
        refused, warned = check(self.desk.gate, request)
        if warned:
            self.desk.warned(order, warned, price, qty)
        return refused

    def request(self, command: New | Cancel | Replace) -> Request:
        """What the gate sees of a command; its order must be known."""
        now = max(self.desk.clock, command.ts)
        if isinstance(command, New):
            who = (command.account, command.instrument, command.side, now)
            price = command.price or command.stop_price
            return Request(*who, price, command.qty, command.qty, command.qty)
        order = self.desk.orders[command.order_id - 1]
        who = (order.account, order.instrument, order.side, now)
        if isinstance(command, Cancel):
            return Request(*who, cancels=True)
        price = command.price or order.price or command.stop_price or order.stop_price
        leaves = command.qty - (order.qty - order.leaves)
        return Request(*who, price, command.qty, leaves, leaves - order.leaves)

    def _cancel(self, cancel: Cancel) -> int:
        desk = self.desk
        order = self._find(cancel.order_id)
        if order is None:
            desk.unknown(EventKind.CANCEL_REJECTED, cancel.order_id)
            return 0
        reason = 0 if order.live else RejectReason.TOO_LATE.value
        reason = reason or self._gate(order, self.request(cancel), 0, order.leaves)
        if reason:
            desk.cancel_rejected(order, reason)
            return 0
        book = self.books[order.instrument]
        book.cancel(order, CancelReason.REQUESTED)
        settle(book)
        return 1

    def _mass_cancel(self, cancel: MassCancel) -> int:
        return self._cancel_all(
            [
                order
                for order in self.desk.live.values()
                if cancel.account in (ALL, order.account)
                and cancel.instrument in (ALL, order.instrument)
                and cancel.side in (0, order.side)
            ],
            CancelReason.MASS_CANCEL,
        )

    def _cancel_all(self, orders: list[OrderRecord], reason: CancelReason) -> int:
        for order in orders:
            self.books[order.instrument].cancel(order, reason)
        self._settle({order.instrument for order in orders})
        return len(orders)

    def _find(self, order_id: int) -> OrderRecord | None:
        return self.desk.orders[order_id - 1] if 1 <= order_id <= len(self.desk.orders) else None

    # --- replace --------------------------------------------------------------------------------------------

    def _replace(self, replace: Replace) -> int:
        desk = self.desk
        order = self._find(replace.order_id)
        if order is None:
            desk.unknown(EventKind.REPLACE_REJECTED, replace.order_id)
            return 0
        book = self.books[order.instrument]
        price = replace.price or order.price
        stop_price = replace.stop_price or order.stop_price
        leaves = replace.qty - (order.qty - order.leaves)
        keeps = price == order.price and stop_price == order.stop_price and leaves <= order.leaves
        reason = self._replace_problem(replace, order, book)
        if not reason:
            request = self.request(replace)
            reason = self._gate(order, request, request.price, replace.qty)
        if not reason and not keeps and _may_not_take(book, order):
            price = post_only_price(book, order, price)
            reason = 0 if price else RejectReason.POST_ONLY_WOULD_TAKE.value
        if reason:
            desk.replace_rejected(order, reason)
            return 0
        if keeps:
            order.slice = min(order.slice, leaves)
        else:
            book.take_out(order)
        order.price, order.stop_price = price, stop_price
        desk.replaced(order, _price_that_holds(order), replace.qty, leaves)
        if not keeps:
            go_on(book, order)
        settle(book)
        return 1

    @staticmethod
    def _replace_problem(replace: Replace, order: OrderRecord, book: Book) -> int:
        """The first reason why an order cannot be replaced so, 0 if there is none."""
        if not order.live:
            return RejectReason.TOO_LATE.value
        if book.phase == _CLOSED:
            return RejectReason.MARKET_CLOSED.value
        if book.phase == _HALTED:
            return RejectReason.HALTED.value
        if not 1 <= replace.qty <= MAX_QTY:
            return RejectReason.INVALID_QTY.value
        priced = order.order_type in (_LIMIT, _STOP_LIMIT, _PEGGED)
        if replace.price and not (priced and 1 <= replace.price <= MAX_PRICE):
            return RejectReason.INVALID_PRICE.value
        stopped = order.order_type in (_STOP, _STOP_LIMIT)
        if replace.stop_price and not (stopped and 1 <= replace.stop_price <= MAX_PRICE):
            return RejectReason.INVALID_STOP_PRICE.value
        if replace.qty - (order.qty - order.leaves) < 1:
            return RejectReason.QTY_BELOW_FILLED.value
        if has_too_many_slices(replace.qty - (order.qty - order.leaves), order.display_qty):
            return RejectReason.INVALID_DISPLAY_QTY.value
        return 0

    # --- markets and the gate -------------------------------------------------------------------------------

    def _set_phase(self, command: SetPhase) -> int:
        for book in self.books if command.instrument == ALL else [self.books[command.instrument]]:
            if book.phase != command.phase:
                self._change_phase(book, command.phase)
        return 0

    def _change_phase(self, book: Book, phase: int) -> None:
        before, book.phase = book.phase, phase
        self.desk.phase_changed(book.instrument, phase)
        if before == CONTINUOUS:
            for order in book.pegs.values():
                if order.place != PARKED:
                    park(book, order)
                    self.desk.repriced(order, 0)
        if phase == CONTINUOUS:
            auction.hold(book, TimeInForce.AT_OPEN)
            self._expire_all(book, (TimeInForce.AT_OPEN.value,))
            settle(book)
        elif phase == _CLOSED:
            if before in (CONTINUOUS, _PRE_CLOSE):
                auction.hold(book, TimeInForce.AT_CLOSE)
            self._expire_all(book, _UNTIL_CLOSE)

    def _expire_all(self, book: Book, times_in_force: tuple[int, ...]) -> None:
        for order in list(self.desk.live.values()):
            if order.instrument == book.instrument and order.time_in_force in times_in_force:
                book.expire(order)

    def _mark(self, mark: Mark) -> int:
        if 1 <= mark.price <= MAX_PRICE:
            self.desk.marked(mark.instrument, mark.price)
        return 0

    def _write_register(self, command: WriteRegister, write: Callable[[], None]) -> int:
        gate = self.desk.gate
        scope = device.switch_at(gate, command.address)
        throws = scope is not None and not gate.switch(scope).control
        write()
        self.desk.register_written(command.address, device.signed(command.value))
        if scope is not None and throws:
            self._cancel_killed(scope)
        return 0

    def _kill_switch(self, command: KillSwitch) -> int:
        gate, scope = self.desk.gate, (command.scope, command.number)
        if command.on:
            was_off = gate.throw(scope)
            self.desk.switched(scope, 1)
            if was_off:
                self._cancel_killed(scope)
        else:
            self.desk.switched(scope, 0 if gate.reset(scope, digest_of(command.who)) else 2)
        return 0

    def _cancel_killed(self, scope: Scope) -> None:
        kind, number = scope
        lineages = self.desk.gate.lineages
        orders = [
            order
            for order in self.desk.live.values()
            if kind == EVERYTHING
            or (kind == ACCOUNT and number in lineages[order.account])
            or (kind == INSTRUMENT and number == order.instrument)
        ]
        self._cancel_all(orders, CancelReason.KILL_SWITCH)

    def _need(self, command: SetPhase | Mark | KillSwitch) -> None:
        """Refuse a command about an instrument or an account that does not exist."""
        if isinstance(command, KillSwitch):
            sizes = {ACCOUNT: len(self.desk.gate.accounts), INSTRUMENT: len(self.books)}
            number, size = command.number, sizes.get(command.scope, 1)
            what = "account" if command.scope == ACCOUNT else "instrument"
        else:
            everywhere = isinstance(command, SetPhase) and command.instrument == ALL
            number, size = (0 if everywhere else command.instrument), len(self.books)
            what = "instrument"
        if number >= size:
            raise ConfigError(f"no {what} has this number", found=number, expected=f"below {size}")


def _may_not_take(book: Book, order: OrderRecord) -> bool:
    """Whether an order that changes its price must not take with it."""
    return (
        book.phase == CONTINUOUS
        and order.post_only != PostOnly.NO
        and order.order_type == _LIMIT
        and order.place in (DISPLAYED, HIDDEN)
    )


def _price_that_holds(order: OrderRecord) -> int:
    """The price that a replaced order reports."""
    return order.stop_price if order.order_type == _STOP else order.price
