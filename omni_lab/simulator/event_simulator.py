"""The simulator's face: one object, one backtest a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.data.times import iso
from omni_lab.errors import ConfigError, DataError
from omni_lab.simulator.agreement import AgreementReport, check_agreement
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.lookahead import LookaheadReport, check_lookahead
from omni_lab.simulator.results import BacktestResults
from omni_lab.simulator.run import name_of, run_strategy, run_targets
from omni_lab.simulator.sweep import SweepResults, sweep
from omni_lab.strategies.base import Strategy
from omni_lab.typing import ArrayLike

Signals = Callable[..., ArrayLike]
"""A vectorised strategy: bars (and parameters) in, targets of shape (n_times, n_symbols) out."""


class EventSimulator:
    """Backtests strategies on bars, in the native engine.

    Parameters
    ----------
    sim_config : SimulationConfig or mapping, optional
        How orders fill and what they cost; the defaults fill at the next open, free of charge, unlevered.

    Examples
    --------
    >>> from omni_lab.simulator import EventSimulator, SimulationConfig
    >>> from omni_lab.strategies import MomentumStrategy
    >>> sim = EventSimulator(sim_config=SimulationConfig(commission_rate=0.0002))
    >>> results = sim.run_backtest(MomentumStrategy(), symbol="SYNTH")
    >>> results["n_trades"] > 0
    True
    """

    def __init__(self, sim_config: SimulationConfig | Mapping[str, Any] | None = None) -> None:
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

    def run_backtest(
        self,
        strategy: Strategy | Signals,
        bars: Any = None,
        *,
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
        strategy : Strategy or callable
            An object with callbacks, or with ``signals`` alone, or a function from bars to an array of
            targets.
        bars : Bars or frame, optional
            Bars, or a pandas, polars or Arrow frame of them (see :meth:`Bars.from_frame`). Without it they
            come from the store; ``SYNTH`` is made on the spot.
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
            which step, time and symbol.
        """
        _refuse_unknown_kind(kind)
        bars = resolve_bars(bars, symbol=symbol, symbols=symbols, start=start, end=end, seed=self.config.seed)
        if isinstance(strategy, Strategy):
            run = run_strategy(bars, self.config, strategy, progress=progress)
            return BacktestResults(
                run, bars=bars, config=self.config, strategy=strategy.name, parameters=strategy.parameters
            )
        _refuse_no_strategy(strategy)
        return self.run_targets(bars, strategy(bars), kind=kind, name=name_of(strategy), progress=progress)

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
        return BacktestResults(run, bars=bars, config=self.config, strategy=name, parameters={"kind": kind})

    def sweep(
        self,
        bars: Any,
        signals: Signals,
        grid: Mapping[str, Any] | Iterable[Mapping[str, Any]],
        *,
        kind: str = "weight",
        progress: bool = True,
    ) -> SweepResults:
        """Headline figures of a vectorised strategy over many parameter sets.

        Parameters
        ----------
        bars : Bars or frame
            As in :meth:`run_backtest`.
        signals : callable
            ``signals(bars, **parameters)`` returns targets, as a function given to :meth:`run_backtest`.
        grid : mapping of sequences, or sequence of mappings
            Values by name (one or many), all combinations of which are run; or the parameter sets themselves.
        kind, progress
            As in :meth:`run_backtest`: what a function returns means the same here as there.

        Returns
        -------
        SweepResults
            One row a parameter set, and the number of trials, without which no Sharpe ratio of the best row
            means anything.
        """
        _refuse_unknown_kind(kind)
        if isinstance(signals, type) or not callable(signals):
            raise ConfigError(
                "a sweep needs a function from bars and parameters to targets",
                found=name_of(signals),
                where="signals",
                hint="Call run_backtest once for each setting of a Strategy.",
            )
        bars = resolve_bars(bars, seed=self.config.seed)
        return sweep(bars, self.config, signals, grid, kind=kind, progress=progress)

    def check_lookahead(
        self,
        strategy: Strategy | Signals,
        bars: Any = None,
        *,
        symbol: str | None = None,
        max_cuts: int | None = None,
        progress: bool = True,
    ) -> LookaheadReport:
        """Whether any decision of a strategy depends on what came after it.

        The strategy is run again on data that ends at a bar, and on data whose future after that bar is
        another one; a decision made up to that bar which differs from the original run's has seen the
        future.

        Parameters
        ----------
        strategy, bars, symbol
            As in :meth:`run_backtest`. Arrays, frames and bars that the strategy holds itself (as attributes,
            default arguments, closure or global variables) are changed in the same way, if they have one row
            a step or a pandas index of times.
        max_cuts : int, optional
            After how many steps to change the future, all futures at each: those where it decided, evenly
            chosen, and as many evenly spaced. By default as many as take about two seconds on one core: of
            two thousand daily bars every one, of a million bars a few, which take longer.
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
        bars = resolve_bars(bars, symbol=symbol, seed=self.config.seed)
        if not isinstance(strategy, Strategy):
            _refuse_no_strategy(strategy)
        return check_lookahead(strategy, bars, self.config, max_cuts=max_cuts, progress=progress)

    def check_agreement(
        self,
        strategy: Strategy,
        bars: Any = None,
        *,
        symbol: str | None = None,
        progress: bool = True,
    ) -> AgreementReport:
        """Whether a strategy that has both callbacks and ``signals`` decides the same with either.

        Copies of it are run through the same engine, once each way, and the orders are compared.

        Parameters
        ----------
        strategy, bars, symbol, progress
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
        bars = resolve_bars(bars, symbol=symbol, seed=self.config.seed)
        return check_agreement(strategy, bars, self.config, progress=progress)


def _refuse_unknown_kind(kind: str) -> None:
    if kind not in ("weight", "quantity"):
        raise ConfigError("unknown kind of target", found=kind, expected=("weight", "quantity"), where="kind")


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


def resolve_bars(
    bars: Any,
    *,
    seed: int,
    symbol: str | None = None,
    symbols: Sequence[str] | None = None,
    start: Any = None,
    end: Any = None,
) -> Bars:
    """Bars from whatever was given: bars, a frame, or symbols of the store."""
    if symbol is not None and symbols is not None:
        raise ConfigError("give symbol or symbols, not both", found=[symbol, *symbols])
    if isinstance(symbols, str):
        symbols = [symbols]
    names = [symbol] if symbol is not None else list(symbols) if symbols is not None else None
    if bars is None:
        if not names:
            raise ConfigError(
                "there is nothing to run on",
                expected="bars=… or symbol=…",
                hint="symbol='SYNTH' needs no data; `omni store ls` lists the symbols of the store.",
            )
        return _from_store(names, seed, start, end)
    if not isinstance(bars, Bars):
        single = names[0] if names and len(names) == 1 else None
        bars = Bars.from_frame(bars, symbol=single)
    if names is not None and tuple(names) != bars.symbols:
        bars = bars.take(names)
    return _between(bars, start, end)


def _from_store(names: list[str], seed: int, start: Any, end: Any) -> Bars:
    from omni_lab.data.synthetic import SYNTHETIC_SYMBOL, synthetic_bars

    if names == [SYNTHETIC_SYMBOL]:
        return _between(synthetic_bars(seed=seed), start, end)
    from omni_lab.store import DuckDBStore

    return DuckDBStore().load(names, start, end)


def _between(bars: Bars, start: Any, end: Any) -> Bars:
    if start is None and end is None:
        return bars
    from omni_lab.store.ranges import parse_range

    available = f"{iso(int(bars.ts[0]))} to {iso(int(bars.ts[-1]))}"
    first, last = parse_range(start, end, available=available, where="run_backtest")
    begin = 0 if first is None else int(np.searchsorted(bars.ts, first, side="left"))
    stop = bars.n_times if last is None else int(np.searchsorted(bars.ts, last, side="right"))
    if begin >= stop:
        raise DataError(
            "there are no bars in the range", found=f"{start} to {end}", hint=f"Available: {available}."
        )
    return bars.slice(begin, stop)
