"""One run of the native engine and what it left behind: a door to the native module."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from omni_lab._native import BarEngine
from omni_lab.data.bars import Bars
from omni_lab.data.times import as_nanoseconds, iso
from omni_lab.errors import ConfigError, DataError, SchemaError, ShapeError
from omni_lab.progress import Progress
from omni_lab.simulator.bar_sessions import sessions_for_engine
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.faces import only_signals, overrides
from omni_lab.simulator.models import models_to_engine
from omni_lab.simulator.tables import frozen
from omni_lab.strategies.base import Strategy
from omni_lab.typing import AnyArray, FloatArray

Columns = dict[str, AnyArray]

_CALLBACKS = ("on_start", "on_bar", "on_fill", "on_order", "on_timer", "on_stop")


class Run:
    """A finished run: raw columns in ticks, lots and steps, fetched from the engine when asked for."""

    def __init__(self, engine: BarEngine) -> None:
        self._engine = engine

    @functools.cached_property
    def equity(self) -> FloatArray:
        """Equity after each step, currency."""
        return frozen(self._engine.equity())

    @functools.cached_property
    def orders(self) -> Columns:
        """One row an order; codes as in ``native/sim/src/record.rs``."""
        return self._engine.orders()

    @functools.cached_property
    def terms(self) -> Columns:
        """One row an order with terms; most runs have none."""
        return self._engine.terms()

    @functools.cached_property
    def terms_changes(self) -> Columns:
        """One row a change of an order that went on working."""
        return self._engine.terms_changes()

    @functools.cached_property
    def fills(self) -> Columns:
        """One row a fill."""
        return self._engine.fills()

    @functools.cached_property
    def trades(self) -> Columns:
        """One row a closed trade."""
        return self._engine.trades()

    @functools.cached_property
    def flows(self) -> Columns:
        """One row a movement of money or lots that no fill made; codes as in ``native/sim/src/models.rs``."""
        return self._engine.flows()

    @functools.cached_property
    def cash(self) -> FloatArray | None:
        """Cash after each step, base currency; None where it follows from the fills alone."""
        return self._engine.cash_by_step()

    @functools.cached_property
    def counts(self) -> dict[str, int]:
        """What was held back."""
        return self._engine.counts()

    @functools.cached_property
    def gate(self) -> dict[str, int]:
        """What the risk gate counted; empty where there was none."""
        return self._engine.gate_counts()

    @functools.cached_property
    def totals(self) -> dict[str, float]:
        """Cash, costs and numbers of things at the end."""
        return self._engine.totals()

    @functools.cached_property
    def stats(self) -> dict[str, float]:
        """Final equity, mean and standard deviation of returns, deepest drawdown."""
        return self._engine.stats()

    def __getstate__(self) -> dict[str, Any]:
        """Everything fetched, so that a run can be sent to another process."""
        names = (
            "equity",
            "orders",
            "terms",
            "terms_changes",
            "fills",
            "trades",
            "flows",
            "cash",
            "counts",
            "gate",
            "totals",
            "stats",
        )
        return {name: getattr(self, name) for name in names}


def run_targets(
    bars: Bars, config: SimulationConfig, targets: Any, kind: str, *, progress: bool, label: str
) -> Run:
    """Run an array of targets; see :meth:`EventSimulator.run_targets`."""
    engine = new_engine(bars, config)
    parameters = {"kind": kind}
    with Progress(bars.n_times, label, progress) as report, kept(engine, bars, config, label, parameters):
        engine.run_targets(target_cells(bars, targets), kind, report)
    return Run(engine)


def run_strategy(bars: Bars, config: SimulationConfig, strategy: Strategy, *, progress: bool) -> Run:
    """Run a strategy's callbacks, or its signals if it has nothing else."""
    if only_signals(strategy):
        return run_targets(
            bars,
            config,
            strategy.signals(bars),
            strategy.signals_kind,
            progress=progress,
            label=strategy.name,
        )
    return run_callbacks(bars, config, strategy, progress=progress)


def run_callbacks(bars: Bars, config: SimulationConfig, strategy: Strategy, *, progress: bool) -> Run:
    """Run a strategy's callbacks; those it does not override are not called."""
    if strategy.needs_intrabar_prices and not bars.has_ohlc:
        raise ConfigError(
            f"{strategy.name} sends stop or limit orders, and these bars have only closes",
            found=f"closes of {', '.join(bars.symbols[:3])}",
            expected="bars with open, high and low",
            where="run_backtest",
            hint="Turn off what needs them (a stop loss, for example), or load full bars.",
        )
    wanted = {name: getattr(strategy, name) for name in _CALLBACKS if overrides(strategy, name)}
    if not wanted:
        raise ConfigError(
            f"{strategy.name} must define on_bar or another callback",
            expected=_CALLBACKS,
            hint="As it is, it would never be called.",
        )
    engine = new_engine(bars, config)
    with (
        Progress(bars.n_times, strategy.name, progress) as report,
        kept(engine, bars, config, strategy.name, strategy.parameters),
    ):
        engine.run_strategy(
            wanted,
            name=strategy.name,
            max_orders_per_step=config.max_orders_per_step,
            progress=report,
        )
    return Run(engine)


@contextlib.contextmanager
def kept(
    engine: BarEngine, bars: Bars, config: SimulationConfig, name: str, parameters: dict[str, Any]
) -> Iterator[None]:
    """What a run came to before it failed, as ``error.results``; None where it failed before the first step.

    The error itself passes through, whatever it is.
    """
    try:
        yield
    except BaseException as error:
        from omni_lab.simulator.results import BacktestResults

        results, n_steps = None, engine.step
        if n_steps:
            place = [note for note in getattr(error, "__notes__", ()) if note.startswith("raised in ")]
            results = BacktestResults(
                Run(engine),
                bars=bars.slice(0, n_steps),
                config=config,
                strategy=name,
                parameters=parameters,
                error=f"{type(error).__name__}: {error}" + "".join(f" ({note})" for note in place),
            )
        # Somebody else's exception may refuse new attributes; it matters more than what it carries.
        with contextlib.suppress(Exception):
            vars(error)["results"] = results
        raise


def new_engine(bars: Bars, config: SimulationConfig) -> BarEngine:
    """An engine over bars, after the checks that concern both bars and settings."""
    if config.fill == "next_open" and not bars.has_ohlc:
        raise ConfigError(
            "fill='next_open' needs opens, and these bars have only closes",
            found=f"closes of {', '.join(bars.symbols[:3])}",
            where="SimulationConfig.fill",
            hint="Use fill='next_close', which gets the first price known after the decision.",
        )
    if config.volume_limit is not None and not bars.has_volume:
        raise ConfigError(
            "volume_limit needs volumes, and these bars have none",
            found=config.volume_limit,
            where="SimulationConfig.volume_limit",
            hint="Set it to None, or load bars with volume.",
        )
    return BarEngine(
        bars.native,
        **config.to_engine(),
        models=models_to_engine(bars, config),
        limits=None
        if config.limits is None
        else config.limits.setup(each.lot_size for each in bars.instruments),
        sessions=sessions_for_engine(bars.ts, config),
    )


def target_cells(bars: Bars, targets: Any) -> FloatArray:
    """Targets as a float panel of the bars' shape, labelled columns in the order of the bars."""
    cells = np.asarray(_in_order(bars, targets))
    if cells.dtype.kind not in "fiub":
        raise SchemaError(
            "targets must be numbers",
            found=str(cells.dtype),
            expected="float64",
            where="targets",
            hint="A function of bars must return them.",
        )
    if cells.ndim == 1:
        cells = cells[:, np.newaxis]
    if cells.shape != (bars.n_times, bars.n_symbols):
        raise ShapeError(
            "targets must have one row a step and one column an instrument",
            found=cells.shape,
            expected=str((bars.n_times, bars.n_symbols)),
            where="targets",
        )
    return np.ascontiguousarray(cells, dtype=np.float64)


def _in_order(bars: Bars, targets: Any) -> Any:
    """Labelled targets put in the order of the bars: weights must not reach another instrument or day."""
    index: Any = getattr(targets, "index", None)
    if getattr(getattr(index, "dtype", None), "kind", "") == "M" and (
        len(index) != bars.n_times or (as_nanoseconds(index) != bars.ts).any()
    ):
        raise DataError(
            "the targets' times are not those of the bars",
            found=f"{len(index):,} from {index[0] if len(index) else 'none'}",
            expected=f"{bars.n_times:,} from {iso(int(bars.ts[0]))}",
            where="targets",
            hint="Reindex them, or pass targets.to_numpy() to go by position.",
        )
    labels = [name for name in getattr(targets, "columns", ()) if isinstance(name, str)]
    if not labels or bars.n_symbols == 1:
        return targets
    if sorted(labels) != sorted(bars.symbols):
        raise ShapeError(
            "the targets' columns are not the bars' instruments",
            found=labels,
            expected=bars.symbols,
            where="targets",
            hint="Rename them, or pass targets.to_numpy() to go by position.",
        )
    return targets[list(bars.symbols)]


def name_of(strategy: object) -> str:
    """Under which name results list it."""
    if isinstance(strategy, Strategy):
        return strategy.name
    if isinstance(strategy, functools.partial):
        return name_of(strategy.func)
    return str(getattr(strategy, "__name__", type(strategy).__name__))
