"""`TradingSystem`: feed, strategy, gate, order-management system, fills, and everybody who wants to know."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from omni_lab.errors import ConfigError, DataError, SourceError, StateError
from omni_lab.execution.limits import Limits
from omni_lab.messaging.bus import Bus
from omni_lab.system.accounts import account_of
from omni_lab.system.acts import Listener, act
from omni_lab.system.backtest import Backtest
from omni_lab.system.config import DESK, SystemConfig
from omni_lab.system.context import MARK
from omni_lab.system.people import Action, Person
from omni_lab.system.running import Running
from omni_lab.system.views import (
    Account,
    EquityCurve,
    Fill,
    JournalState,
    Quotes,
    State,
    Status,
    Tape,
    Ticket,
)
from omni_lab.typing import AnyArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omni_lab.config import Settings
    from omni_lab.execution.algorithms import ParentOrder
    from omni_lab.execution.explanations import Explanation, Headroom
    from omni_lab.execution.views import BookView, Order
    from omni_lab.strategies.base import Strategy
    from omni_lab.system.parents import Change, ParentsView


class TradingSystem:
    """One market, one order-management system, one account, and at most one strategy.

    Hot path, in one thread: market events, strategy, risk gate, journal, book, fills. Cold path, in
    another: what came of it goes to the bus, the records and whoever asks. All methods may be called from
    any thread. docs/system.md is the contract.

    Parameters
    ----------
    config : SystemConfig
    strategy : Strategy, optional
        In place of the one that ``config`` names.
    bus : Bus, optional
        Where it publishes ``system``, ``account``, ``orders`` and ``market.SYMBOL``; one of its own by
        default.
    settings : Settings, optional
        Where its directory is; of this process by default.

    Attributes
    ----------
    listeners : list of callable
        Told what people did: see `omni_lab.system.acts`.
    """

    def __init__(
        self,
        config: SystemConfig,
        *,
        strategy: Strategy | None = None,
        bus: Bus | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.config = config
        self.bus = bus or Bus()
        self._strategy = strategy
        self._settings = settings
        self._running: Running | Backtest | None = None
        self._life = threading.RLock()
        self._state: State = "STOPPED"
        self._error: str | None = None
        self.listeners: list[Listener] = []

    # --- its life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Recover what its journal holds, then begin; returns once it runs.

        Raises
        ------
        StateError
            If it runs already, or another process runs it.
        ConfigError
            If it was begun with another configuration.
        """
        with self._life:
            if self._state in ("RECOVERING", "RUNNING"):
                raise StateError("the system runs already", found=self.config.name)
            if self._running is not None:
                self._running.close()
            self._state, self._error = "RECOVERING", None
            try:
                self._running = self._made()
                self._state = "RUNNING"
                self._running.start()
            except BaseException as error:
                self._state, self._error = "FAILED", f"{type(error).__name__}: {error}"
                raise

    def stop(self) -> None:
        """End it: the strategy's ``on_stop``, then journal and records close. Orders stay as they are."""
        with self._life:
            running = self._running
            if running is None:
                return
            running.stop()
            if self._state == "RUNNING":
                self._state = "STOPPED"
            if isinstance(running, Running):
                running.recorder.tell_all()
            running.close()

    def run(self) -> Any:
        """Begin, wait for the end of the market, stop; the results of a backtest."""
        self.start()
        try:
            running = self._running
            assert running is not None, "it was started"
            while not running.join(1.0):
                pass
            if isinstance(running, Backtest) and running.error is not None:
                raise running.error
            return running.results
        finally:
            self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def ready(self, timeout: float = 10.0) -> bool:
        """Wait until every instrument has been looked at and told of; whether it was in time."""
        running = self._here()
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if all(len(kept) for kept in running.recorder.quotes) and running.recorder.flush(timeout):
                return True
            time.sleep(0.01)
        return False

    @act
    def start_strategy(self, *, who: Person) -> None:
        """Let the strategy run (again): it begins anew with the positions and orders that there are.

        Raises
        ------
        StateError
            If a kill switch holds it, or it runs already.
        ConfigError
            If there is none.
        """
        who.require(Action.TRADE)
        running = self._live()
        self._refuse_while_halted("start the strategy")
        running.ask(running.start_strategy)
        running.say("INFO", f"{who.name} started the strategy")

    @act
    def stop_strategy(self, *, who: Person) -> None:
        """Stop the strategy and cancel its orders."""
        who.require(Action.TRADE)
        running = self._live()
        running.ask(lambda: running.stop_strategy("STOPPED"))
        running.say("INFO", f"{who.name} stopped the strategy")

    # --- what people do -------------------------------------------------------------------------------------

    def preview(self, ticket: Ticket) -> Explanation:
        """What the risk gate would say, check by check; nothing changes."""
        running = self._here()
        return running.oms.explain(
            ticket.symbol, ticket.side, ticket.qty, ticket.price, ts=running.now(), **self._terms(ticket)
        )

    @act
    def submit(self, ticket: Ticket, *, who: Person) -> Order:
        """Send an order; what it came to. A refusal is a state of it, not an exception.

        Raises
        ------
        ForbiddenError
            If he may not trade.
        StateError
            If the system does not run.
        DataError
            If a number is off its grid, or another order has this client order id.
        """
        who.require(Action.TRADE)
        running, terms = self._live(), self._terms(ticket)

        def send() -> Order:
            order_id = running.oms.submit(
                ticket.symbol, ticket.side, ticket.qty, ticket.price, ts=running.now(), **terms
            )
            if not order_id:
                raise DataError(
                    "another order was sent under this client order id", found=ticket.client_order_id
                )
            return running.oms.order(order_id)

        return running.ask(send)

    @act
    def replace(
        self, order_id: int, *, who: Person, qty: float | None = None, price: float | None = None
    ) -> Order:
        """Give an order of the account another total quantity or limit; the order as it is then.

        Raises
        ------
        StateError
            If it was refused: the order has ended, or the gate said no.
        """
        who.require(Action.TRADE)
        running = self._live()
        self.order(order_id)

        def send() -> Order:
            oms = running.oms
            if not oms.replace(order_id, qty=qty, price=price, ts=running.now()):
                raise StateError(
                    "the order was not replaced", found=running.refusal(order_id) or oms.order(order_id).state
                )
            return oms.order(order_id)

        return running.ask(send)

    @act
    def cancel(self, order_id: int, *, who: Person) -> Order:
        """Cancel an order of the account; the order as it is then."""
        who.require(Action.TRADE)
        running = self._live()
        self.order(order_id)

        def send() -> Order:
            oms = running.oms
            if not oms.cancel(order_id, ts=running.now()):
                raise StateError(
                    "the order was not canceled", found=running.refusal(order_id) or oms.order(order_id).state
                )
            return oms.order(order_id)

        return running.ask(send)

    @act
    def cancel_all(self, *, who: Person, symbol: str | None = None) -> int:
        """Cancel all orders of the account; how many."""
        who.require(Action.TRADE)
        running = self._live()
        return running.ask(lambda: running.oms.mass_cancel(account=DESK, symbol=symbol, ts=running.now()))

    @act
    def work(self, order: ParentOrder, algorithm: str | Mapping[str, Any], *, who: Person) -> int:
        """Have a parent order worked off; its number.

        Parameters
        ----------
        order : ParentOrder
            Start and end on the market's clock, ``status().ts``.
        algorithm : str or mapping
            A name of `omni_lab.execution.algorithms.RECIPES`, or a mapping with that ``"name"`` and settings.
        who : Person

        Raises
        ------
        StateError
            If the system does not run, or a kill switch is on.
        ConfigError, DataError
            If order and algorithm cannot be used.
        """
        who.require(Action.TRADE)
        running = self._live()
        if running.is_halted:
            raise StateError("no parent is worked while a kill switch is on", hint="Reset it first.")
        number = running.ask(lambda: running.parents.add(order, algorithm))
        running.say(
            "INFO", f"{who.name} has parent {number} worked: {order.side} {order.qty:g} {order.symbol}"
        )
        return number

    @act
    def change_parent(self, number: int, what: Change, *, who: Person) -> None:
        """Pause a parent, go on with it, or give it up; its children are canceled, or sent again.

        Raises
        ------
        ConfigError
            If there is no such parent, or its state does not allow that.
        """
        who.require(Action.TRADE)
        running = self._live()
        if what == "resume" and running.is_halted:
            raise StateError("no parent goes on while a kill switch is on", hint="Reset it first.")
        running.ask(lambda: running.parents.change(number, what))
        running.say("INFO", f"{who.name}: {what} parent {number}")

    def parents(self) -> ParentsView:
        """Parents that were taken on, with their children, fills and schedules."""
        running = self._here()
        if self._state not in ("RUNNING", "HALTED"):
            # Nobody works them any more.
            return running.parents.view()
        return running.ask(running.parents.view)

    @act
    def kill(self, *, who: Person, why: str, symbol: str | None = None) -> None:
        """Throw the switch of the account, or of an instrument: orders are canceled, the strategy stops.

        Raises
        ------
        ForbiddenError
            If he may not.
        ConfigError
            If no reason is stated.
        """
        who.require(Action.HALT)
        running = self._live()
        running.ask(lambda: running.kill(who.name, why, symbol))

    @act
    def reset(self, *, who: Person, why: str, symbol: str | None = None) -> None:
        """Take a kill switch back. The strategy stays stopped until somebody starts it."""
        who.require(Action.RESET)
        running = self._live()
        running.ask(lambda: running.reset(who.name, why, symbol))

    @act
    def set_limits(self, limits: Limits, *, who: Person) -> None:
        """Give the account other limits."""
        who.require(Action.LIMIT)
        running = self._live()
        running.ask(lambda: running.set_limits(limits))
        running.say("WARNING", f"{who.name} changed the limits")

    # --- what is known --------------------------------------------------------------------------------------

    def status(self) -> Status:
        """How it is."""
        config, running = self.config, self._running
        if running is None:
            return Status(
                name=config.name,
                mode=config.mode,
                state=self._state,
                ts=0,
                wall_ts=time.time_ns(),
                feed_age_s=math.nan,
                source=config.market,
                symbols=config.symbols,
                account=DESK,
                strategy=config.strategy,
                error=self._error,
            )
        halted = isinstance(running, Running) and running.is_halted
        told = running.status("HALTED" if halted and self._state == "RUNNING" else self._state)
        return replace(told, error=self._error) if self._error else told

    def account(self) -> Account:
        """What its account is worth."""
        running = self._here()
        return account_of(running.oms, DESK, running.desk)

    def equity(self, *, since: int | None = None) -> EquityCurve:
        """Samples of the account, one a second; after a time (ns UTC), or all that are kept."""
        return self._here().equity(since)

    def book(self, symbol: str) -> BookView:
        """The book of an instrument."""
        return self._here().oms.book(symbol)

    def own_orders(self, symbol: str | None = None) -> list[Order]:
        """Orders of the account that live, oldest first."""
        running = self._here()
        ids = running.live_ids()
        orders = [running.oms.order(order_id) for order_id in ids]
        return [each for each in orders if symbol in (None, each.symbol)]

    def orders(
        self, *, live: bool = False, after: int = 0, before: int | None = None, most: int = 1_000
    ) -> list[Order]:
        """Orders of the account, newest first, with ids above ``after`` and below ``before``."""
        running = self._here()
        if live:
            end = math.inf if before is None else before
            ids = [each for each in reversed(running.live_ids()) if after < each < end][: max(most, 0)]
        else:
            ids = running.ledger.order_ids(after=after, before=before, most=most)
        return [running.oms.order(order_id) for order_id in ids]

    def order(self, order_id: int) -> Order:
        """An order of the account, live or ended.

        Raises
        ------
        SourceError
            If the account has no such order.
        """
        running = self._here()
        try:
            found = running.oms.order(order_id)
        except DataError:
            found = None
        if found is None or found.account != DESK:
            raise SourceError("the account has no such order", found=order_id)
        return found

    def fills(self, *, after: int = 0, most: int = 1_000) -> list[Fill]:
        """Fills with numbers above ``after``, oldest first; of more than ``most`` the newest."""
        return self._here().ledger.fills(after=after, most=most)

    def tape(self, symbol: str, *, after: int = 0, most: int = 10_000) -> Tape:
        """Trades of an instrument with numbers above ``after``; of more than ``most`` the newest."""
        running = self._here()
        kept = running.recorder.tapes[running.number(symbol)]
        rows = kept.since(after) if after else kept.newest(most)
        first = max(0, len(rows["number"]) - most)
        return Tape(**{name: column[first:] for name, column in rows.items()})

    def quotes(self, symbol: str, *, since: int | None = None) -> Quotes:
        """Best prices of an instrument, sampled at every look, as far back as is kept."""
        running = self._here()
        kept = running.recorder.quotes[running.number(symbol)]
        rows = kept.newest() if since is None else kept.since(since)
        return Quotes(**{name: rows[name] for name in ("ts", "bid", "ask", "bid_qty", "ask_qty")})

    def headroom(self) -> Headroom:
        """How near the account stands to its limits."""
        return self._here().oms.headroom()

    def limits(self) -> Limits:
        """The account's limits now."""
        return self._here().limits()

    def latency(self) -> dict[str, AnyArray]:
        """Time of commands, by ``stage``: ``count``, ``p50_ns``, ``p99_ns``, ``p999_ns``, ``max_ns``."""
        return self._here().oms.latency()

    def latency_histograms(self) -> dict[str, tuple[IntArray, IntArray]]:
        """By stage: durations in nanoseconds, and how often each was measured."""
        return self._here().oms.latency_histograms()

    def journal(self, *, hashed: bool = False) -> JournalState:
        """The journal; with the hash of the state, which takes a while, if it is asked for."""
        return self._here().journal(hashed=hashed)

    # --- inside ---------------------------------------------------------------------------------------------

    def _made(self) -> Running | Backtest:
        config, strategy, settings = self.config, self._strategy, self._settings
        if config.mode == "backtest":
            return Backtest(config, strategy=strategy, settings=settings, ended=self._ended)
        return Running(
            config,
            bus=self.bus,
            strategy=strategy,
            settings=settings,
            status=self.status,
            ended=self._ended,
        )

    def _here(self) -> Running:
        running = self._running
        if running is None:
            raise StateError(
                "the system has not been started", found=self._state, hint="Call start(), or use with."
            )
        if isinstance(running, Backtest):
            raise StateError(
                "a backtest has no market that anybody could look at or trade in",
                found=self.config.mode,
                expected="replay or paper",
                hint="run() returns its results.",
            )
        return running

    def _live(self) -> Running:
        running = self._here()
        if self._state != "RUNNING":
            raise StateError("the system does not run", found=self._state, expected="RUNNING or HALTED")
        return running

    def _refuse_while_halted(self, what: str) -> None:
        if self._live().is_halted:
            raise StateError(f"a kill switch is on: it cannot {what}", hint="Reset it first.")

    def _ended(self, error: BaseException | None) -> None:
        """The engine has ended by itself."""
        if error is not None:
            self._state, self._error = "FAILED", f"{type(error).__name__}: {error}"
        elif self._state == "RUNNING" and self._running is not None and not self._running.stopping:
            self._state = "FINISHED"

    def _terms(self, ticket: Ticket) -> dict[str, Any]:
        if str(ticket.client_order_id).startswith(MARK):
            raise DataError(
                f"client order ids that begin with {MARK!r} are those of strategies",
                found=ticket.client_order_id,
            )
        own = {"account", "symbol", "side", "qty", "price", "ts", "time_in_force", "client_order_id"}
        taken = sorted(own & ticket.terms.keys())
        if taken:
            raise ConfigError("a ticket states this by itself", found=taken, where="Ticket.terms")
        return {
            **ticket.terms,
            "account": DESK,
            "time_in_force": ticket.time_in_force,
            "client_order_id": ticket.client_order_id,
        }
