"""Mode ``backtest``: the strategy in the simulator, in a thread that tells how far it is."""

from __future__ import annotations

import functools
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError
from omni_lab.simulator import EventSimulator, SimulationConfig, TickConfig
from omni_lab.simulator.faces import overrides
from omni_lab.strategies.base import Strategy
from omni_lab.system.captures import captured, is_capture
from omni_lab.system.config import DESK, SystemConfig
from omni_lab.system.host import CALLBACKS
from omni_lab.system.views import State, Status

if TYPE_CHECKING:
    from omni_lab.config import Settings

LAKE = "lake"
"""The market that is all bars of the lake, whatever their source."""
logger = logging.getLogger(__name__)


class Backtest:
    """A backtest that runs.

    Parameters
    ----------
    config : SystemConfig
        ``market`` is a capture, ``"synthetic"``, ``"lake"``, or a source of bars in the lake, of which
        ``symbols`` are run.
    strategy : Strategy or None
        In place of the one that ``config`` names.
    settings : Settings or None
        Where the lake is.
    ended : callable
        Called in the thread when it ends, with what went wrong or None.

    Attributes
    ----------
    results : BacktestResults or TickResults or None
        Once it has ended well.
    """

    def __init__(
        self,
        config: SystemConfig,
        *,
        strategy: Strategy | None,
        settings: Settings | None,
        ended: Callable[[BaseException | None], None],
    ) -> None:
        if strategy is None and config.strategy is None:
            raise ConfigError("a backtest is of a strategy", where="SystemConfig.strategy")
        self.config, self.stopping = config, False
        self.results: Any = None
        self.error: Exception | None = None
        self._strategy, self._settings, self._ended = strategy, settings, ended
        self._clock, self._span = 0, (0, 0)
        self._symbols: tuple[str, ...] = config.symbols
        self._thread = threading.Thread(target=self._run, name="omni-backtest", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End at the strategy's next callback, and wait for that."""
        self.stopping = True
        if self._thread.is_alive():
            self._thread.join()

    def close(self) -> None:
        """Nothing is held."""

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; whether it came."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def status(self, state: State) -> Status:
        """How it is: where in its data, and how far."""
        first, last = self._span
        strategy = self._strategy
        return Status(
            name=self.config.name,
            mode=self.config.mode,
            state=state,
            ts=self._clock,
            wall_ts=time.time_ns(),
            feed_age_s=math.nan,
            source=self.config.market,
            symbols=self._symbols,
            account=DESK,
            strategy=self.config.strategy or (None if strategy is None else strategy.name),
            strategy_state="RUNNING" if self._thread.is_alive() else "STOPPED",
            progress=1.0 if self.results is not None else _share(self._clock, first, last),
        )

    # --- in its thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self.results = self._on_ticks() if is_capture(self.config.market) else self._on_bars()
        except _Stopped:
            logger.info("the backtest was stopped")
        except Exception as failed:
            logger.exception("the backtest failed")
            self.error = failed
        self._ended(self.error)

    def _on_ticks(self) -> Any:
        config = self.config
        market = captured(config)
        events, self._symbols = market.events.of(*market.symbols), tuple(market.symbols)
        self._span = int(events.ts[0]), int(events.ts[-1])
        simulator = EventSimulator(
            tick_config=TickConfig(
                initial_capital=config.capital, bar=config.bar, limits=config.limits, seed=config.seed
            )
        )
        with self._watched() as strategy:
            params = dict(config.parameters) if isinstance(strategy, str) else None
            return simulator.run_ticks(strategy, events, params=params, progress=False)

    def _on_bars(self) -> Any:
        config = self.config
        bars = _bars_of(config, self._settings)
        self._symbols, self._span = bars.symbols, (int(bars.ts[0]), int(bars.ts[-1]))
        simulator = EventSimulator(SimulationConfig(initial_capital=config.capital, seed=config.seed))
        with self._watched() as strategy:
            params = dict(config.parameters) if isinstance(strategy, str) else None
            return simulator.run_backtest(strategy, bars, params=params, progress=False)

    @contextmanager
    def _watched(self) -> Iterator[Strategy | str]:
        """The strategy, whose callbacks tell how far it is; by its name it may run in the engine alone."""
        strategy = self._strategy
        if strategy is None:
            yield str(self.config.strategy)
            return
        watched = [name for name in CALLBACKS if overrides(strategy, name)]
        for name in watched:
            setattr(strategy, name, self._told(getattr(strategy, name)))
        try:
            yield strategy
        finally:
            for name in watched:
                delattr(strategy, name)

    def _told(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(callback)
        def told(context: Any, *what: Any) -> Any:
            if self.stopping:
                raise _Stopped
            self._clock = int(context.ts)
            return callback(context, *what)

        return told


class _Stopped(Exception):
    """Somebody stopped the backtest."""


def _bars_of(config: SystemConfig, settings: Settings | None) -> Any:
    from omni_lab.config import Settings
    from omni_lab.data.synthetic import SYNTHETIC_SYMBOL, synthetic_bars
    from omni_lab.store import DuckDBStore

    if config.market == SYNTHETIC_SYMBOL:
        return synthetic_bars(seed=config.seed)
    store = DuckDBStore((settings or Settings.from_env()).lake_dir)
    if not config.symbols:
        raise ConfigError(
            "a backtest on bars names its symbols",
            where="SystemConfig.symbols",
            hint=f"{SYNTHETIC_SYMBOL!r} as the market needs none.",
        )
    return store.load(config.symbols, source=None if config.market == LAKE else config.market)


def _share(now: int, first: int, last: int) -> float:
    if not now or last <= first:
        return math.nan
    return min(max((now - first) / (last - first), 0.0), 1.0)
