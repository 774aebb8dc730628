"""The look-ahead guard on captured markets: what is sent must not change when only later events do.

A strategy is run on the market as it is and, for each of some events, on the market that ends there. What it
sent before the next event happened cannot depend on that event or a later one; what differs has seen them.
Data that the strategy carries with it ends with the market.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from omni_lab.data import EventKind, Events, TradingState
from omni_lab.errors import ConfigError, DataError
from omni_lab.progress import Progress
from omni_lab.simulator.captured import with_captured
from omni_lab.simulator.faces import fresh_copy
from omni_lab.simulator.futures import Ended
from omni_lab.simulator.lookahead import Leak, LookaheadReport, evenly
from omni_lab.simulator.named import strategy_given
from omni_lab.simulator.run import name_of
from omni_lab.simulator.ticks.config import TickConfig
from omni_lab.simulator.ticks.driver import run_on_ticks
from omni_lab.simulator.ticks.feed import MarketFeed, prepare
from omni_lab.simulator.ticks.quoter import run_named_on_ticks
from omni_lab.simulator.ticks.results import MESSAGE_KINDS, TickResults
from omni_lab.strategies.base import Strategy
from omni_lab.strategies.registry import create
from omni_lab.typing import AnyArray, IntArray

_CUTS = 20
_SAID = tuple(MESSAGE_KINDS.index(kind) for kind in ("SENT", "DENIED", "CANCEL_SENT", "REPLACE_SENT"))


def check_lookahead_on_ticks(
    strategy: Any,
    params: Mapping[str, Any] | None,
    market: Any,
    config: TickConfig,
    *,
    max_cuts: int | None,
    progress: bool,
) -> LookaheadReport:
    """See :meth:`EventSimulator.check_lookahead`."""
    if max_cuts is not None and max_cuts < 1:
        raise ConfigError("max_cuts cannot be used", found=max_cuts, expected="at least 1, or None")
    by_name = isinstance(strategy, str)
    strategy = create(strategy, params) if by_name else strategy_given(strategy, params)
    if not isinstance(strategy, Strategy):
        raise ConfigError(
            "only a Strategy with callbacks runs on ticks", found=name_of(strategy), where="check_lookahead"
        )
    feed = prepare(market, config)
    # A market that ends before an instrument has an event would lack it altogether.
    rows = np.flatnonzero(feed.events.kind != EventKind.SYSTEM)
    listed = rows[np.unique(feed.events.instrument[rows], return_index=True)[1].max(initial=0)]
    ends = np.intersect1d(np.flatnonzero(np.diff(feed.events.ts) > 0), rows[rows >= listed])
    if not len(ends):
        raise DataError(
            "there is no future to change",
            found="1 time of all instruments",
            expected="at least 2",
            where="market",
        )
    guard = _Guard(strategy, feed, config, by_name=by_name)
    original = guard.said(feed, strategy)
    facts: dict[str, Any] = {
        "strategy": strategy.name,
        "n_times": len(feed.events),
        "n_decisions": len(original.rows),
    }
    if original.first_change(guard.said(feed, strategy), None) is not None:
        return LookaheadReport(deterministic=False, n_runs=2, **facts)
    plan = _cuts(ends, feed.events.ts, original.rows[:, 0], max_cuts or _CUTS)
    leak = None
    with Progress(len(plan), "look-ahead check", progress, unit="runs") as report:
        for done, cut in enumerate(plan.tolist()):
            leak = guard.leak(original, cut)
            report(done + 1)
            if leak is not None:
                break
    return LookaheadReport(
        leak=leak,
        n_cuts=len(plan),
        n_runs=2 + guard.n_runs,
        captured=guard.captured,
        n_failed=guard.n_failed,
        failure=guard.failure,
        inconclusive=leak is None and guard.n_failed == guard.n_runs,
        **facts,
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """Requests: time, kind, order, quantity, price, side, instrument, time in force of each."""

    rows: AnyArray
    results: TickResults

    def first_change(self, other: _Said, before: int | None) -> int | None:
        """The first request before a time that the other run did not make, or made otherwise."""
        ours, theirs = (each.rows if before is None else each.until(before) for each in (self, other))
        both = min(len(ours), len(theirs))
        differ = (ours[:both] != theirs[:both]).any(axis=1)
        if differ.any():
            return int(differ.argmax())
        return None if len(ours) == len(theirs) else both

    def until(self, before: int) -> AnyArray:
        return self.rows[: np.searchsorted(self.rows[:, 0], before)]

    def shown(self, row: int) -> str:
        """A request in words."""
        if row >= len(self.rows):
            return "nothing"
        _, kind, order, qty, price, side, *_ = self.rows[row].tolist()
        what = MESSAGE_KINDS[kind].lower().replace("_", " ")
        feed = self.results.feed
        at = f" at {feed.price(price):.10g}" if price else ""
        return f"order {order} {what}: {('', 'BUY', 'SELL')[side]} {qty * feed.lot_size:g}{at}"


class _Guard:
    def __init__(self, strategy: Strategy, feed: MarketFeed, config: TickConfig, *, by_name: bool) -> None:
        self._strategy, self._feed, self._config = strategy, feed, config
        self._run = run_named_on_ticks if by_name else run_on_ticks
        self.n_runs = self.n_failed = 0
        self.failure = ""
        _, self.captured = self._with_end(0)

    def said(self, feed: MarketFeed, strategy: Strategy) -> _Said:
        """What a fresh copy of the strategy asks for on a market."""
        results = self._run(fresh_copy(strategy), feed, self._config, progress=False)
        messages, orders = results.raw_messages, results.raw_orders
        mine = np.isin(messages["kind"], _SAID)
        order = messages["order"][mine].astype(np.int64)
        columns = [messages[name][mine] for name in ("ts", "kind")]
        columns += [order, *(messages[name][mine] for name in ("qty", "price"))]
        columns += [orders[name][order] for name in ("side", "instrument", "time_in_force")]
        return _Said(np.column_stack([np.asarray(each, np.int64) for each in columns]), results)

    def leak(self, original: _Said, cut: int) -> Leak | None:
        """The first request that the end of the market after an event changes, or None."""
        self.n_runs += 1
        events, part = self._feed.events, self._ended(cut)
        strategy, _ = self._with_end(cut)
        try:
            changed = self.said(part, strategy)
        except Exception as error:  # noqa: BLE001 - it may fail in any way on data it has not seen
            fact = f"{type(error).__name__}: {error}"
            # Who holds data and reaches past its end has looked for what is not there yet.
            if self.captured and isinstance(error, LookupError):
                return self._leak(cut, int(events.ts[cut]), self._feed.symbols[0], "what it decided", fact)
            self.n_failed += 1
            self.failure = self.failure or fact
            return None
        # The original run ends with the last event that it heard of, which may be before the next one.
        before = min(int(events.ts[cut + 1]), self._feed.span[1])
        row = original.first_change(changed, before)
        if row is None:
            return None
        place = (original if row < len(original.until(before)) else changed).rows[row]
        symbol = self._feed.symbols[int(place[6])]
        return self._leak(cut, int(place[0]), symbol, original.shown(row), changed.shown(row))

    def _leak(self, cut: int, ts: int, symbol: str, original: str, changed: str) -> Leak:
        step = int(np.searchsorted(self._feed.events.ts, ts, side="right")) - 1
        told = {"how": Ended.how, "original": original, "changed": changed}
        return Leak(step=step, ts=ts, symbol=symbol, cut=cut, **told)

    def _ended(self, cut: int) -> MarketFeed:
        """The market without what came after an event; to its last moment it stays as it was then."""
        events, delay = self._feed.events, self._feed.delay_ns
        last = {name: column[-1:] for name, column in events.columns().items()}
        silent = {name: np.zeros_like(column) for name, column in last.items()}
        silent |= {"ts": last["ts"], "instrument": events.instrument[cut : cut + 1]}
        silent["kind"] = np.array([EventKind.STATUS], np.uint8)
        silent["qty"] = np.array([TradingState.TRADING], np.int64)
        return MarketFeed(
            Events.concat([events[: cut + 1], Events(**silent, info=events.info)]),
            delay_ns=delay if isinstance(delay, int) else np.append(delay[: cut + 1], delay[-1:]),
            # Found from all quotes, as the strategy of the original run knew it.
            tick_size=self._feed.tick_size,
        )

    def _with_end(self, cut: int) -> tuple[Strategy, tuple[str, ...]]:
        """The strategy with the data it holds ended after an event, and the names of that data."""
        future = Ended(cut, int(self._feed.events.ts[cut]))
        rows: Any = SimpleNamespace(n_times=len(self._feed.events))
        strategy, names = with_captured(self._strategy, future, rows)
        return cast(Strategy, strategy), names


def _cuts(ends: IntArray, ts: IntArray, decided: AnyArray, n: int) -> IntArray:
    """Events to end after: the last before something was decided, up to half of them, and evenly spaced."""
    places = np.unique(np.searchsorted(ts, decided, side="right") - 1)
    just_before = evenly(np.intersect1d(places, ends), (n + 1) // 2)
    return np.union1d(just_before, evenly(np.setdiff1d(ends, just_before), n - len(just_before)))
