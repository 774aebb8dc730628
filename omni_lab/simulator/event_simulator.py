"""The simulator's face: one object, one backtest a call."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError
from omni_lab.simulator.bars_given import resolve_bars
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.counting import (
    bound_parameters,
    counting,
    family_of,
    record,
    trial_of,
    trial_of_ticks,
)
from omni_lab.simulator.named import family_given, strategy_given
from omni_lab.simulator.native_strategies import NativeRule, run_native
from omni_lab.simulator.results import BacktestResults
from omni_lab.simulator.run import Run, name_of, run_strategy, run_targets
from omni_lab.strategies.base import Strategy
from omni_lab.strategies.registry import create
from omni_lab.strategies.settings import parse_settings
from omni_lab.typing import ArrayLike

if TYPE_CHECKING:
    from omni_lab.simulator.agreement import AgreementReport
    from omni_lab.simulator.lookahead import LookaheadReport
    from omni_lab.simulator.research.cross_validation import CrossValidationResults
    from omni_lab.simulator.research.runner import Errors
    from omni_lab.simulator.research.search import Search
    from omni_lab.simulator.research.splits import CombinatorialPurged, WalkForward
    from omni_lab.simulator.research.walk_forward import WalkForwardResults
    from omni_lab.simulator.sweep import SweepResults
    from omni_lab.simulator.ticks import TickConfig, TickResults, TickSimulator

Signals = Callable[..., ArrayLike]
"""A vectorised strategy: bars (and parameters) in, targets of shape (n_times, n_symbols) out."""


class EventSimulator:
    """Backtests strategies on bars and on captured markets, in the native engine.

    Parameters
    ----------
    sim_config : SimulationConfig or mapping, optional
        How orders fill on bars and what they cost; the defaults fill at the next open, free of charge,
        unlevered.
    tick_config : TickConfig or mapping, optional
        How orders travel, wait, fill and cost on ticks.
    count_trials : bool, default True
        Whether runs are counted in the project's ledger of trials (:class:`omni_lab.store.TrialLedger`), by
        which ``results.significance()`` deflates their Sharpe ratios. ``OMNI_LAB_COUNT_TRIALS=0`` in the
        environment turns it off everywhere. It changes no number of a run; results say when it was off.

    Examples
    --------
    >>> from omni_lab.simulator import EventSimulator, SimulationConfig
    >>> from omni_lab.strategies import MomentumStrategy
    >>> sim = EventSimulator(sim_config=SimulationConfig(commission_rate=0.0002))
    >>> results = sim.run_backtest(MomentumStrategy(), symbol="SYNTH")
    >>> results["n_trades"] > 0
    True
    """

    def __init__(
        self,
        sim_config: SimulationConfig | Mapping[str, Any] | None = None,
        *,
        tick_config: TickConfig | Mapping[str, Any] | None = None,
        count_trials: bool = True,
    ) -> None:
        if sim_config is None:
            sim_config = SimulationConfig()
        elif isinstance(sim_config, Mapping):
            sim_config = SimulationConfig.from_mapping(sim_config)
        if not isinstance(sim_config, SimulationConfig):
            raise ConfigError(
                "sim_config cannot be used",
                found=type(sim_config).__name__,
                expected="SimulationConfig or a mapping",
            )
        self.config = sim_config
        self._tick_config = tick_config
        self.count_trials = count_trials

    @functools.cached_property
    def tick_config(self) -> TickConfig:
        """How orders travel, wait, fill and cost on ticks."""
        from omni_lab.simulator.ticks import TickConfig

        return parse_settings(TickConfig, self._tick_config)

    def run_backtest(
        self,
        strategy: Strategy | Signals | str,
        bars: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        symbol: str | None = None,
        symbols: Sequence[str] | None = None,
        start: Any = None,
        end: Any = None,
        kind: str = "weight",
        progress: bool = True,
    ) -> BacktestResults:
        """Results of a strategy on bars.

        Parameters
        ----------
        strategy : Strategy, callable or str
            An object with callbacks, or with ``signals`` alone, or a function from bars to an array of
            targets, or one of :func:`omni_lab.strategies.names`, of which ``"sma_cross"`` and
            ``"zscore_reversion"`` run in the engine alone.
        bars : Bars or frame, optional
            Bars, or a pandas, polars or Arrow frame of them (see :meth:`Bars.from_frame`). Without it they
            come from the store; ``SYNTH`` is made on the spot.
        params : mapping, optional
            Settings of a strategy that is given by name, such as those of
            :class:`omni_lab.strategies.MomentumConfig` for ``"momentum"``.
        symbol, symbols : str, sequence of str, optional
            Which instruments; by default all those in ``bars``.
        start, end : str or datetime-like, optional
            First and last time, both included; a date without a time includes the whole day. Naive times are
            UTC.
        kind : {"weight", "quantity"}
            What the targets of a function mean.
        progress : bool
            Whether a run longer than two seconds shows a progress bar.

        Returns
        -------
        BacktestResults

        Raises
        ------
        UnknownSymbolError
            If a symbol is neither in the bars nor in the store.
        DataError, SchemaError, ConfigError
            If bars or settings cannot be used. What a strategy raises passes through, with a note saying at
            which step, time and symbol; its attribute ``results`` holds the results until then, or None.
        """
        _refuse_unknown_kind(kind)
        bars = resolve_bars(bars, symbol=symbol, symbols=symbols, start=start, end=end, seed=self.config.seed)
        given: Any = strategy_given(strategy, params)
        if isinstance(given, NativeRule):
            name, parameters = given.name, given.parameters
            run = run_native(bars, self.config, name, parameters, progress=progress)
            return self._results(run, bars, name, parameters, family=name)
        if isinstance(given, Strategy):
            run = run_strategy(bars, self.config, given, progress=progress)
            return self._results(run, bars, given.name, given.parameters, family=family_of(given))
        _refuse_no_strategy(given)
        name, bound = name_of(given), bound_parameters(given)
        run = run_targets(bars, self.config, given(bars), kind, progress=progress, label=name)
        return self._results(run, bars, name, {"kind": kind}, family=family_of(given), bound=bound, kind=kind)

    def run_ticks(
        self,
        strategy: Strategy | str,
        market: Any,
        *,
        params: Mapping[str, Any] | None = None,
        progress: bool = True,
    ) -> TickResults:
        """Results of a strategy on a captured market: quotes, levels, or every order.

        The callbacks are those of bars and more: ``on_quote``, ``on_trade``, ``on_book``; ``on_bar`` is
        called for bars made of what was heard, if ``tick_config`` says how long they are. ``docs/replay.md``
        says when orders fill.

        Parameters
        ----------
        strategy : Strategy or str
            An object with callbacks, or a name: ``"market_making"`` runs in the engine alone, others are made
            by :func:`omni_lab.strategies.create`.
        market : Events, MarketFeed, or a reader such as ItchFile
            What happened.
        params : mapping, optional
            Settings of a strategy given by name.
        progress : bool
            Whether a run longer than two seconds shows a progress bar.

        Returns
        -------
        TickResults

        Raises
        ------
        ConfigError
            If the strategy has no callback, or asks for bars that nobody makes. What a strategy raises passes
            through with a note saying in which callback and when; ``error.results`` keeps the run so far.
        DataError
            If the events cannot be replayed.
        """
        from omni_lab.simulator.ticks import run_named_on_ticks, run_on_ticks

        by_name = isinstance(strategy, str)
        if isinstance(strategy, str):
            strategy = create(strategy, params)
        else:
            strategy_given(strategy, params)
        given: object = strategy
        if not isinstance(given, Strategy):
            _refuse_no_strategy(given)
            raise ConfigError(
                "a function of bars cannot run on ticks",
                found=name_of(given),
                expected="a Strategy with callbacks",
                where="run_ticks",
            )
        run = run_named_on_ticks if by_name else run_on_ticks
        return self._counted_ticks(run(strategy, market, self.tick_config, progress=progress), strategy)

    def _counted_ticks(self, results: TickResults, strategy: Strategy) -> TickResults:
        if counting(self.count_trials):
            record([trial_of_ticks(results, family_of(strategy))])
        return results

    def replay(self, market: Any) -> TickSimulator:
        """A captured market to drive step by step, under the settings of ``tick_config``."""
        from omni_lab.simulator.ticks import TickSimulator

        return TickSimulator(market, self.tick_config)

    def run_targets(
        self,
        bars: Any,
        targets: ArrayLike,
        *,
        kind: str = "quantity",
        name: str = "targets",
        progress: bool = True,
    ) -> BacktestResults:
        """Results of an array of targets, entirely in native code.

        Parameters
        ----------
        bars : Bars or frame
            As in :meth:`run_backtest`.
        targets : array_like of float, shape (n_times,) or (n_times, n_symbols)
            Row *t* is decided at the close of bar *t*. NaN decides nothing. The columns of a pandas or polars
            frame go by name, and a pandas index of times must be that of the bars; all else goes by position.
        kind : {"quantity", "weight"}
            Signed quantities, or signed fractions of equity.
        name : str
            Under which name results list it.
        progress : bool
            As in :meth:`run_backtest`.

        Returns
        -------
        BacktestResults

        Raises
        ------
        ShapeError, DataError
            If the targets do not fit the bars or their labels, or hold infinities.
        """
        _refuse_unknown_kind(kind)
        bars = resolve_bars(bars, seed=self.config.seed)
        run = run_targets(bars, self.config, targets, kind, progress=progress, label=name)
        return self._results(run, bars, name, {"kind": kind}, family=name, bound={}, kind=kind)

    def sweep(
        self,
        bars: Any,
        strategy: Signals | type[Strategy] | str,
        grid: Search | Mapping[str, Any] | Iterable[Mapping[str, Any]],
        *,
        kind: str = "weight",
        progress: bool = True,
        workers: int | None = None,
        executor: str = "auto",
        errors: Errors = "raise",
        journal: str | os.PathLike[str] | None = None,
        keep_returns: bool | None = None,
    ) -> SweepResults:
        """Headline figures of a strategy over many parameter sets.

        Parameters
        ----------
        bars : Bars or frame
            As in :meth:`run_backtest`.
        strategy : callable, class or str
            A name of :func:`omni_lab.strategies.names`; or a :class:`Strategy`, which is made anew for each
            set: with the parameters as one mapping if its constructor takes ``config``, otherwise by name; or
            ``signals(bars, **parameters)``, which returns targets, as a function given to
            :meth:`run_backtest`.
        grid : mapping of sequences, sequence of mappings, or Search
            Values by name (one or many), all combinations of which are run; or the parameter sets themselves;
            or a search: :class:`RandomSearch`, :class:`OptunaSearch`.
        kind, progress
            As in :meth:`run_backtest`: what a function returns means the same here as there.
        workers : int, optional
            Trials at the same time; by default as many as there are cores to use. The results do not depend
            on it.
        executor : {"auto", "serial", "threads", "processes", "dask", "ray"}
            Where trials run. ``"auto"`` runs the first ones here, and goes on in processes if that is worth
            starting them, or on the cluster that ``OMNI_LAB_CLUSTER`` names. Functions made in a notebook
            work everywhere; threads help where NumPy and the engine do the work. An address behind the name
            of a cluster, ``"dask:tcp://host:8786"``, is of one that exists; docs/clusters.md says more.
        errors : {"raise", "record"}
            Whether what a trial raises ends the sweep, or is kept in ``results.errors`` beside a row of NaN.
        journal : path or name, optional
            A file of finished trials. Run the same sweep again with the same journal, and only what is
            missing is run. A bare name is a file under ``OMNI_LAB_HOME/sweeps``.
        keep_returns : bool, optional
            Whether ``results.returns`` keeps the return of every step of every trial, for the tests of the
            choice among them; by default if they take no more than 64 MiB.

        Returns
        -------
        SweepResults
            One row a parameter set, and the number of trials, without which no Sharpe ratio of the best row
            means anything.

        Raises
        ------
        SweepInterrupted
            On Ctrl-C; a KeyboardInterrupt that carries the trials which had ended.
        TrialError
            If worker processes died at the same trial, twice on this machine or three times on a cluster.
        JournalError
            If the journal is in use, or damaged.
        """
        from omni_lab.simulator.sweep import sweep

        _refuse_unknown_kind(kind)
        family = family_given(strategy)
        _refuse_no_family(family)
        return sweep(
            resolve_bars(bars, seed=self.config.seed),
            self.config,
            family,
            grid,
            kind=kind,
            progress=progress,
            workers=workers,
            executor=executor,
            errors=errors,
            journal=journal,
            keep_returns=keep_returns,
            counted=counting(self.count_trials),
        )

    def walk_forward(
        self,
        bars: Any,
        strategy: Signals | type[Strategy] | str,
        grid: Search | Mapping[str, Any] | Iterable[Mapping[str, Any]],
        split: WalkForward,
        *,
        metric: str = "sharpe_ratio",
        kind: str = "weight",
        progress: bool = True,
        workers: int | None = None,
        executor: str = "auto",
        errors: Errors = "raise",
        journal: str | os.PathLike[str] | None = None,
    ) -> WalkForwardResults:
        """What choosing parameters on the past would have earned, fold after fold.

        Parameters
        ----------
        bars, strategy, kind, progress, workers, executor, errors, journal
            As in :meth:`sweep`.
        grid : mapping of sequences, sequence of mappings, or RandomSearch
            The parameter sets to choose from in each fold.
        split : WalkForward
            Which steps train and which test.
        metric : {"sharpe_ratio", "total_return", "max_drawdown"}
            What to choose by; the largest wins.

        Returns
        -------
        WalkForwardResults
            A row for each fold, the stitched account, and the metric in and out of sample.
        """
        from omni_lab.simulator.bar_sessions import steps_per_year
        from omni_lab.simulator.research.walk_forward import walk_forward

        _refuse_unknown_kind(kind)
        family = family_given(strategy)
        _refuse_no_family(family)
        bars = resolve_bars(bars, seed=self.config.seed)
        return walk_forward(
            bars,
            self.config,
            family,
            grid,
            split,
            per_year=steps_per_year(bars.ts, self.config),
            metric=metric,
            kind=kind,
            progress=progress,
            workers=workers,
            executor=executor,
            errors=errors,
            journal=journal,
            counted=counting(self.count_trials),
        )

    def cross_validate(
        self,
        bars: Any,
        strategy: Signals | type[Strategy] | str,
        grid: Search | Mapping[str, Any] | Iterable[Mapping[str, Any]],
        split: CombinatorialPurged,
        *,
        metric: str = "sharpe_ratio",
        **options: Any,
    ) -> CrossValidationResults:
        """How a choice of parameters does on every combination of groups of steps.

        Parameters
        ----------
        bars, strategy, grid
            As in :meth:`sweep`. Each set is run once over all steps, so decisions must depend on the past
            alone: see :meth:`check_lookahead`.
        split : CombinatorialPurged
            Groups, purging and embargo.
        metric : {"sharpe_ratio", "total_return", "max_drawdown"}
            What to choose by; the largest wins.
        **options
            Of :meth:`sweep`, ``keep_returns`` excepted.

        Returns
        -------
        CrossValidationResults
            A row for each split, and the returns and the metric of each path.
        """
        from omni_lab.simulator.research.cross_validation import cross_validate

        swept = self.sweep(bars, strategy, grid, **options, keep_returns=True)
        assert swept.returns is not None
        return cross_validate(
            swept.parameters,
            swept.returns,
            resolve_bars(bars, seed=self.config.seed).ts,
            split,
            metric=metric,
            per_year=swept.periods_per_year,
            risk_free_rate=self.config.risk_free_rate,
        )

    def check_lookahead(
        self,
        strategy: Strategy | Signals | str,
        bars: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        symbol: str | None = None,
        max_cuts: int | None = None,
        progress: bool = True,
    ) -> LookaheadReport:
        """Whether any decision of a strategy depends on what came after it.

        The strategy is run again on data that ends at a bar, and on data whose future after that bar is
        another one; a decision made up to that bar which differs from the original run's has seen the
        future. On a captured market it is run again on events that end early, under ``tick_config``.

        Parameters
        ----------
        strategy, params, symbol
            As in :meth:`run_backtest`.
        bars : Bars, frame, Events, MarketFeed or reader, optional
            As in :meth:`run_backtest` or :meth:`run_ticks`. Arrays, frames and bars that the strategy holds
            itself (as attributes, default arguments, closure or global variables) are changed in the same
            way, if they have one row a step (or event) or a pandas index of times.
        max_cuts : int, optional
            After how many steps to change the future, all futures at each: those where it decided, evenly
            chosen, and as many evenly spaced. By default as many as take about two seconds on one core: of
            two thousand daily bars every one, of a million bars a few, which take longer; of a captured
            market, twenty.
        progress : bool
            Whether a check longer than two seconds shows a progress bar.

        Returns
        -------
        LookaheadReport
            True if clean; otherwise it names the first decision found to change.

        Raises
        ------
        ConfigError
            If the strategy cannot be copied.
        DataError
            If there is but one step.
        """
        from omni_lab.simulator.lookahead import check_lookahead

        if _is_market(bars):
            from omni_lab.simulator.ticks.lookahead import check_lookahead_on_ticks

            return check_lookahead_on_ticks(
                strategy, params, bars, self.tick_config, max_cuts=max_cuts, progress=progress
            )
        bars = resolve_bars(bars, symbol=symbol, seed=self.config.seed)
        strategy = strategy_given(strategy, params)
        if not isinstance(strategy, Strategy | NativeRule):
            _refuse_no_strategy(strategy)
        return check_lookahead(strategy, bars, self.config, max_cuts=max_cuts, progress=progress)

    def check_agreement(
        self,
        strategy: Strategy | str,
        bars: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        symbol: str | None = None,
        progress: bool = True,
    ) -> AgreementReport:
        """Whether a strategy that has both callbacks and ``signals`` decides the same with either.

        Copies of it are run through the same engine, once each way, and the orders are compared.

        Parameters
        ----------
        strategy, bars, params, symbol, progress
            As in :meth:`run_backtest`.

        Returns
        -------
        AgreementReport
            True if every order is the same; otherwise it names the first difference: step, instrument, and
            what each face decided.

        Raises
        ------
        ConfigError
            If the strategy lacks one of the faces.
        """
        from omni_lab.simulator.agreement import check_agreement

        bars = resolve_bars(bars, symbol=symbol, seed=self.config.seed)
        return check_agreement(strategy_given(strategy, params), bars, self.config, progress=progress)

    def _results(
        self,
        run: Run,
        bars: Bars,
        name: str,
        parameters: dict[str, Any],
        *,
        family: str,
        bound: dict[str, Any] | None = None,
        kind: str = "",
    ) -> BacktestResults:
        """Results of a run, which is counted. Trials of a function differ in what it was bound to."""
        counted = counting(self.count_trials)
        if counted:
            told = parameters if bound is None else bound
            record(
                [trial_of(run, bars, self.config, family=family, parameters=told, source="run", kind=kind)]
            )
        return BacktestResults(
            run,
            bars=bars,
            config=self.config,
            strategy=name,
            parameters=parameters,
            family=family,
            counted=counted,
        )


def _is_market(given: object) -> bool:
    """Whether it is to be replayed, and no bars: events, a prepared feed, or a reader of events."""
    from omni_lab.data import Events

    held = getattr(given, "events", None)
    return isinstance(given, Events) or isinstance(held, Events) or callable(held)


def _refuse_unknown_kind(kind: str) -> None:
    if kind not in ("weight", "quantity"):
        raise ConfigError("unknown kind of target", found=kind, expected=("weight", "quantity"), where="kind")


def _refuse_no_family(given: object) -> None:
    if callable(given) and not (isinstance(given, type) and not issubclass(given, Strategy)):
        return
    raise ConfigError(
        "a sweep needs a function from bars and parameters to targets, or a class of strategies",
        found=name_of(given),
        where="strategy",
        hint="Pass the class, not an instance; a value that stays the same is a parameter with one value."
        if isinstance(given, Strategy)
        else None,
    )


def _refuse_no_strategy(given: object) -> None:
    if callable(given) and not isinstance(given, type):
        return
    hint = "Arrays of targets go to run_targets." if hasattr(given, "shape") else None
    raise ConfigError(
        "this is not a strategy",
        found=name_of(given),
        expected="an instance of omni_lab.strategies.Strategy, or a function from bars to targets",
        hint="Pass an instance, MyStrategy(), not the class." if isinstance(given, type) else hint,
    )
