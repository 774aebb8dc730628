"""`Running`: a system between its start and its stop, with everything wired."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from omni_lab.data.moments import span_ns
from omni_lab.errors import ConfigError, StateError
from omni_lab.execution import OMS, OMSConfig
from omni_lab.execution.config import Durability
from omni_lab.execution.edges import Edges
from omni_lab.execution.limits import Limits
from omni_lab.execution.registers import account_address
from omni_lab.execution.setup import Setup
from omni_lab.messaging.bus import Bus
from omni_lab.simulator.faces import overrides
from omni_lab.strategies.registry import create
from omni_lab.system.accounts import account_of, cash_and_equity
from omni_lab.system.bars import BarBoard
from omni_lab.system.config import DESK, STREET, SystemConfig
from omni_lab.system.context import MARK, LiveContext
from omni_lab.system.engine import Engine, Happened
from omni_lab.system.feed import ScriptFeed
from omni_lab.system.home import Home
from omni_lab.system.host import CALLBACKS, StrategyHost
from omni_lab.system.ledger import Ledger
from omni_lab.system.live import LIVE, LiveFeed
from omni_lab.system.market import open_script
from omni_lab.system.parents import Parents
from omni_lab.system.publishing import OrdersStream, StateStream
from omni_lab.system.recorder import Recorder
from omni_lab.system.records import Kept, Records
from omni_lab.system.recovery import Past, read_past, said, scope_name
from omni_lab.system.views import EquityCurve, JournalState, State, Status
from omni_lab.system.wire import account_json, status_json

if TYPE_CHECKING:
    from omni_lab.config import Settings
    from omni_lab.strategies.base import Strategy

Answer = TypeVar("Answer")
_ORDERS_KEPT = 100_000
# Of states: who is further behind than that is told the state in fewer bytes.
_STATES_KEPT = 512
_SNAPSHOT_EVERY = 250_000
# Hours of a market that is made up; the table of orders does not grow, and nobody waits for it, until then.
_ROOM = 250_000
_OPENING_S = 10.0


class Running:
    """A system that was started.

    Parameters
    ----------
    config : SystemConfig
    bus : Bus
    strategy : Strategy or None
        In place of the one that ``config`` names.
    settings : Settings or None
    status : callable
        What stream ``system`` says.
    ended : callable
        Called when the engine ends, with what went wrong or None.
    """

    def __init__(
        self,
        config: SystemConfig,
        *,
        bus: Bus,
        strategy: Strategy | None,
        settings: Settings | None,
        status: Callable[[], Status],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self.config, self.bus = config, bus
        self.stopping = False
        self.results: Any = None
        self.switches: dict[str, str] = {}
        self.strategy = _strategy(config, strategy)
        self.strategy_state = "NONE" if self.strategy is None else "STOPPED"
        self.strategy_error: str | None = None
        self.host: StrategyHost | None = None
        self._limits: Limits | None = None
        self._ended = ended
        self._closing = ExitStack()
        with ExitStack() as failing:
            self.home = Home(config, settings)
            self.home.hold()
            failing.callback(self.home.release)
            endless = config.mode == "paper"
            self.feed = self._opened_feed(failing)
            self.instruments, self._price_unit = self.feed.instruments, self.feed.price_unit
            recovers = self.home.has_journal
            self.oms = self._opened_oms(recovers)
            failing.callback(self.oms.close)
            self.oms.reserve(_ROOM)
            self.edges = Edges(Setup.from_payload(self.oms.configuration))
            self.street, self.desk = self.edges.account(STREET), self.edges.account(DESK)
            self.ledger = Ledger(self.edges, self.desk)
            self.records = Records(self.home.records)
            failing.callback(self.records.close)
            self.past: Past | None = None
            kept = self.records.kept() if recovers and endless else None
            if recovers:
                self.past = self._read_past(kept)
                self.switches = dict(self.past.switches)
            self.records.switches = self.switches
            every = self.oms.orders(live=False)
            if recovers and isinstance(self.feed, ScriptFeed) and not endless:
                street_ids = every["order_id"][every["account"] == self.street]
                assert self.past is not None, "it was read"
                self.feed.resume(self.past.n_street_commands, street_ids)
            self._open_streams(status)
            self.engine = Engine(
                self.oms,
                self.ledger,
                self.feed,
                next_order_id=int(every["order_id"].max(initial=0)) + 1,
                tell=self._tell,
                ended=self._engine_ended,
                new_day=self._new_day if endless else None,
            )
            self.feed.on_news = self.engine.poke
            if self.past is not None:
                told = self.feed.n_told if isinstance(self.feed, ScriptFeed) else 0
                self.recorder.n_market_events = told if kept is None else kept.n_market_events
            self.parents = Parents(
                self.oms,
                self.edges,
                DESK,
                now=self.now,
                settle=self.engine.settle,
                file=self.home.path / "parents.json",
            )
            self.engine.worker = self.parents
            self._closing = failing.pop_all()

    # --- its life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin."""
        self.recorder.start()
        self.engine.start(self._begin, self._end)
        if self.config.mode == "paper":
            # Whoever trades at once finds the book of the opening.
            self.engine.opened.wait(_OPENING_S)

    def stop(self) -> None:
        """End both paths; what is known stays known."""
        self.stopping = True
        self.engine.stop()
        self.recorder.stop()

    def close(self) -> None:
        """Let go of journal, records and directory."""
        self._closing.close()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end of the market; whether it came."""
        return self.engine.join(timeout)

    def ask(self, what: Callable[[], Answer]) -> Answer:
        """Do something between two slices."""
        return self.engine.ask(what)

    def now(self) -> int | None:
        """Time of a command that is given now, nanoseconds; None for the market's last."""
        return self.feed.now()

    # --- what people do, in the engine ----------------------------------------------------------------------

    def kill(self, who: str, why: str, symbol: str | None) -> None:
        """Throw a switch."""
        account = None if symbol is not None else DESK
        self.oms.kill(account, instrument=symbol, who=who, why=why, ts=self.now())
        self.switches[scope_name(account=account, symbol=symbol)] = said(who, why)
        self.stop_strategy("STOPPED")
        self.engine.settle()
        self.parents.give_up(symbol)
        self.say(
            "CRITICAL", f"{who} threw the kill switch of {scope_name(account=account, symbol=symbol)}: {why}"
        )

    def reset(self, who: str, why: str, symbol: str | None) -> None:
        """Take a switch back."""
        account = None if symbol is not None else DESK
        self.oms.reset(account, instrument=symbol, who=who, why=why, ts=self.now())
        self.switches.pop(scope_name(account=account, symbol=symbol), None)
        self.say(
            "WARNING", f"{who} reset the kill switch of {scope_name(account=account, symbol=symbol)}: {why}"
        )

    def set_limits(self, limits: Limits) -> None:
        """Give the account other limits."""
        self.oms.set_limits(DESK, limits, ts=self.now())
        self._limits = None

    def start_strategy(self) -> None:
        """Let the strategy begin anew, with the positions and orders that there are.

        Raises
        ------
        ConfigError
            If there is none, or it cannot run here.
        StateError
            If it runs.
        """
        if self.strategy is None:
            raise ConfigError("no strategy is configured", where="SystemConfig.strategy")
        if self.strategy_state == "RUNNING":
            raise StateError("the strategy runs already", found=self.strategy.name)
        self.strategy_state, self.strategy_error = "RUNNING", None
        self.host = self.engine.host = self._host(self.strategy)
        self.host.start(self.engine.clock)

    def stop_strategy(self, state: str = "STOPPED") -> None:
        """End the strategy, and cancel its orders."""
        host = self.host
        if host is None or self.strategy_state != "RUNNING":
            return
        self.strategy_state = state
        self.host = self.engine.host = None
        host.stop()
        self._cancel_all_of(host)

    def _host(self, strategy: Strategy) -> StrategyHost:
        board = BarBoard(self.instruments, span_ns(self.config.bar), self._price_unit)
        context = LiveContext(
            self.oms,
            board,
            account=lambda: cash_and_equity(self.oms, self.desk),
            live_ids=lambda: self.ledger.live_ids,
            next_id=self._fresh_id,
            kill=lambda why: self.kill(f"strategy {strategy.name}"[:64], why, None),
        )
        for order in (self.oms.order(order_id) for order_id in self.ledger.live_ids):
            if str(order.client_order_id).startswith(MARK):
                context.sent.add(order.order_id)
        return StrategyHost(
            strategy,
            context,
            board,
            self.edges,
            self.desk,
            order=self.oms.order,
            settle=self.engine.settle,
            failed=self._strategy_failed,
        )

    def _strategy_failed(self, sentence: str) -> None:
        host = self.host
        self.strategy_state, self.strategy_error = "FAILED", sentence
        self.host = self.engine.host = None
        if host is not None:
            self._cancel_all_of(host)
        self.say("ERROR", f"the strategy failed and was stopped: {sentence}")

    def _cancel_all_of(self, host: StrategyHost) -> None:
        for order_id in self.ledger.live_ids:
            if order_id in host.context.sent:
                self.oms.cancel(order_id, ts=self.now())
        self.engine.settle()

    def _fresh_id(self) -> int:
        """What the next order is called: the same whenever the same happened."""
        self.engine.settle()
        return self.engine.next_id

    def refusal(self, order_id: int) -> str | None:
        """Why a request about an order was refused just now."""
        self.engine.settle()
        return self.ledger.refusal(order_id)

    # --- what is known --------------------------------------------------------------------------------------

    def number(self, symbol: str) -> int:
        """Our number of an instrument."""
        return self.edges.instrument(symbol)

    def live_ids(self) -> list[int]:
        """Ids of the account's orders that live, oldest first."""
        return self.ledger.live_ids

    def limits(self) -> Limits:
        """The account's limits now."""
        if self._limits is None:
            self._limits = limits_of(self.oms, self.desk, self.edges)
        return self._limits

    def equity(self, since: int | None) -> EquityCurve:
        """Samples of the account."""
        return self.records.equity(since)

    def journal(self, *, hashed: bool) -> JournalState:
        """The journal."""
        recovery = self.oms.recovery
        return JournalState(
            directory=str(self.home.journal),
            sequence=self.oms.sequence,
            n_bytes=sum(file.stat().st_size for file in self.home.journal.glob("*") if file.is_file()),
            durability=_durability(self.config),
            state_hash=self.oms.state_hash if hashed else None,
            recovered_frames=0 if recovery is None else recovery.n_replayed,
        )

    @property
    def is_halted(self) -> bool:
        """Whether a kill switch is on that stops the account."""
        return bool({scope_name(), scope_name(account=DESK)} & self.switches.keys())

    def status(self, state: State) -> Status:
        """How it is."""
        recorder = self.recorder
        return Status(
            name=self.config.name,
            mode=self.config.mode,
            state=state,
            ts=self.oms.clock,
            wall_ts=time.time_ns(),
            feed_age_s=time.monotonic() - recorder.last_event_at,
            source=self.feed.source,
            symbols=self.edges.symbols,
            account=DESK,
            strategy=None if self.strategy is None else self.config.strategy or self.strategy.name,
            strategy_state=self.strategy_state,
            error=self.strategy_error,
            halted=dict(self.switches),
            n_market_events=recorder.n_market_events,
            n_orders=self.ledger.n_orders,
            n_fills=self.ledger.n_fills,
            market_rate=recorder.market_rate,
            progress=math.nan if self.config.mode == "paper" else self.feed.progress,
        )

    def say(self, level: str, text: str) -> None:
        """A line for people on stream ``system``."""
        line = {"level": level, "text": text, "ts": time.time_ns()}
        self._streams["system"].publish({}, [line])

    # --- inside ---------------------------------------------------------------------------------------------

    def _opened_feed(self, closing: ExitStack) -> ScriptFeed | LiveFeed:
        config = self.config
        endless = config.mode == "paper"
        if config.market.startswith(LIVE):
            if not endless:
                raise ConfigError("a venue's feed is a market of paper", found=config.mode, where="mode")
            live = LiveFeed(config)
            closing.callback(live.close)
            return live
        return ScriptFeed(
            open_script(config),
            slice_ns=max(1, round(config.slice_ms * 1e6)),
            speed=1.0 if endless else config.speed,
            endless=endless,
            gathers=self.strategy is None,
        )

    def _opened_oms(self, recovers: bool) -> OMS:
        config = self.config
        begun = OMSConfig(
            instruments=self.instruments,
            accounts=(STREET, DESK),
            capital={DESK: config.capital},
            limits={DESK: config.limits},
            soft_limits={DESK: config.soft_limits},
            reference_prices=self.feed.reference_prices,
            journal=self.home.journal,
            durability=_durability(config),
            measure_latency=True,
            snapshot_every=_SNAPSHOT_EVERY,
        )
        if not recovers:
            return OMS(begun)
        # Limits may be others than it was begun with; what is traded may not.
        oms = OMS.recover(
            self.home.journal,
            durability=_durability(config),
            measure_latency=True,
            snapshot_every=_SNAPSHOT_EVERY,
        )
        found, wanted = (
            [(each.symbol, each.tick_size, each.lot_size) for each in setup.instruments]
            for setup in (Setup.from_payload(oms.configuration), begun.setup())
        )
        if found != wanted:
            oms.close()
            raise ConfigError(
                "this system was begun with other instruments",
                found=wanted,
                expected=str(found),
                where=str(self.home.journal),
            )
        return oms

    def _read_past(self, kept: Kept | None) -> Past:
        recovery = self.oms.recovery
        snapshot = None if recovery is None else recovery.report.snapshot
        return read_past(
            self.home.journal, self.ledger, self.edges, self.street, kept=kept, snapshot=snapshot
        )

    def _open_streams(self, status: Callable[[], Status]) -> None:
        epoch = f"{time.time_ns():x}"
        begun = _first_time(self.oms, self.home.path)
        topics = ("system", "account", *(f"market.{symbol}" for symbol in self.edges.symbols))
        for topic in ("orders", *topics):
            self.bus.close(topic)
        self._streams = {topic: self.bus.open(topic, epoch=epoch, keep=_STATES_KEPT) for topic in topics}
        self._streams["orders"] = self.bus.open(
            "orders", epoch=begun, keep=_ORDERS_KEPT, state={"orders": {}}
        )
        orders = OrdersStream(self._streams["orders"], self.oms.order)
        for log in self.past.own if self.past is not None else ():
            for event in log:
                orders.tell(event)
        states = {
            "account": (StateStream(self._streams["account"]), self._account_json),
            "system": (StateStream(self._streams["system"]), lambda: status_json(status())),
        }
        self.recorder = Recorder(
            self.oms,
            self.edges,
            self.desk,
            orders=orders,
            markets=[self._streams[f"market.{symbol}"] for symbol in self.edges.symbols],
            states=states,
            sample=self._sample,
            keep=self.records.note,
            has_traded=self.ledger.n_orders > 0,
        )

    def _account_json(self) -> dict[str, Any]:
        return account_json(account_of(self.oms, DESK, self.desk), self.switches, self.limits())

    def _sample(self) -> None:
        account = account_of(self.oms, DESK, self.desk)
        if self.oms.clock and not math.isnan(account.equity):
            self.records.sample(self.oms.clock, account)

    def _begin(self) -> None:
        """What the engine does first."""
        if "limits" in self.home.changed:
            self.oms.set_limits(DESK, self.config.limits, ts=self.now())
        if "soft_limits" in self.home.changed:
            self.oms.set_limits(DESK, self.config.soft_limits, soft=True, ts=self.now())
        self.engine.settle()
        self._limits = None
        if self.strategy is not None and not self.is_halted:
            self.start_strategy()

    def _end(self) -> None:
        """What the engine does last."""
        self._stop_host()
        if not self.stopping:
            self.recorder.flush()
            self.oms.close()

    def _new_day(self, ts: int) -> None:
        """The loss of a day counts from here."""
        self.oms.new_day(DESK, ts=ts)
        self.say("INFO", "a new day")

    def _stop_host(self) -> None:
        host = self.host
        if host is not None:
            self.strategy_state = "STOPPED"
            self.host = self.engine.host = None
            host.stop()

    def _tell(self, happened: Happened) -> None:
        self.recorder.put(happened)

    def _engine_ended(self, error: BaseException | None) -> None:
        self._ended(error)


def limits_of(oms: OMS, account: int, edges: Edges) -> Limits:
    """Limits of an account, as its registers hold them."""
    from omni_lab.execution.setup import LimitSetup

    def read(name: str) -> int:
        address = account_address(account, name)
        low = oms.read_register(address)
        wide = name in ("MAX_NOTIONAL", "MAX_DAILY_LOSS")
        return low + (oms.read_register(address + 8) << 64) if wide else low

    names = (
        *("max_position", "max_order_qty", "collar_bps", "max_notional", "order_rate", "order_burst"),
        *("cancel_rate", "cancel_burst", "max_daily_loss", "max_drawdown", "max_leverage"),
        *("max_sector", "max_name"),
    )
    setup = LimitSetup(**{name: read(name.upper()) for name in names})
    return Limits.from_setup(setup, [each.lot_size for each in edges.setup.instruments])


def _durability(config: SystemConfig) -> Durability:
    """Of the journal: nobody waits for the disk in a replay that goes as fast as it can."""
    fast = config.mode == "replay" and math.isinf(config.speed)
    return "none" if fast and config.durability == "batch" else config.durability


def _strategy(config: SystemConfig, given: Strategy | None) -> Strategy | None:
    """The strategy that runs."""
    if given is None and config.strategy is None:
        return None
    strategy = given or create(str(config.strategy), config.parameters)
    wanted = [name for name in CALLBACKS if overrides(strategy, name)]
    if not wanted:
        raise ConfigError(
            f"{strategy.name} must define a callback to run in a market",
            expected=CALLBACKS,
            hint="Signals over whole frames run on bars: mode backtest.",
        )
    return strategy


def _first_time(oms: OMS, path: Any) -> str:
    """What the life of a journal is called: the same after a restart."""
    file = path / "EPOCH"
    if not file.exists():
        file.write_text(f"{time.time_ns():x}")
    return str(file.read_text())
