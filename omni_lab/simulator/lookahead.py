"""The look-ahead guard: a decision must not change when only its future does.

A strategy is run on the data as it is, then, for each of several bars (cuts), on data that ends there and on
data that goes on differently: mirrored (every later rise a fall) and shaken (every later price moved at
random). Decisions made up to the cut that differ have seen what came after it. Passing is evidence, not
proof: a leak that never changes a decision at the bars examined goes unseen.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.errors import DataError, OmniError
from omni_lab.simulator.captured import with_captured
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.futures import Ended, Future, Mirrored, Shaken
from omni_lab.simulator.run import Progress, run_strategy, target_cells
from omni_lab.strategies.base import Strategy
from omni_lab.typing import FloatArray

Decisions = dict[tuple[int, str], tuple[Any, ...]]
"""What was decided, by step and symbol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """The first decision found to depend on its future.

    Attributes
    ----------
    step : int
        Step of the decision.
    ts : int
        Its time, nanoseconds since 1970 UTC.
    symbol : str
        Its instrument.
    cut : int
        Last step on which both runs had the same data.
    how : str
        What was done to the future.
    original, changed : tuple
        The decision before and after: orders as (action, side, type, quantity, price), or a target; empty
        when there was none.
    """

    step: int
    ts: int
    symbol: str
    cut: int
    how: str
    original: tuple[Any, ...]
    changed: tuple[Any, ...]

    def __str__(self) -> str:
        when = np.datetime64(self.ts, "ns").astype("datetime64[s]")
        return (
            f"The decision of step {self.step} ({when}) on {self.symbol} changes when the future after step "
            f"{self.cut} is {self.how}: {_shown(self.original)} becomes {_shown(self.changed)}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LookaheadReport:
    """What the guard found; true when it found nothing.

    Attributes
    ----------
    strategy : str
        Name of the strategy.
    leak : Leak or None
        The first decision found to change, or None.
    deterministic : bool
        Whether two runs on the same data decided the same; if not, nothing can be said about look-ahead.
    n_cuts, n_runs, n_decisions : int
        Bars examined, runs made, decisions of the original run.
    captured : tuple of str
        Data of the strategy's own that was changed along with the bars.
    """

    strategy: str
    leak: Leak | None
    deterministic: bool
    n_cuts: int
    n_runs: int
    n_decisions: int
    captured: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the strategy is deterministic and no decision changed."""
        return self.deterministic and self.leak is None

    def __bool__(self) -> bool:
        return self.passed

    def raise_if_failed(self) -> None:
        """Raise what was found.

        Raises
        ------
        DataError
            If the check failed.
        """
        if not self.passed:
            raise DataError(str(self), where=f"strategy {self.strategy}")

    def __str__(self) -> str:
        if not self.deterministic:
            return f"{self.strategy} decides differently on the same data; seed its randomness first."
        if self.leak is not None:
            return f"{self.strategy} looks ahead. {self.leak}"
        own = f" Its own data ({', '.join(self.captured)}) was changed too." if self.captured else ""
        effort = f"{self.n_decisions:,} decisions, {self.n_cuts} cuts, {self.n_runs} runs"
        return f"No look-ahead found in {self.strategy}: {effort}.{own}"


def check_lookahead(
    strategy: Any,
    bars: Bars,
    config: SimulationConfig,
    *,
    kind: str,
    max_cuts: int | None,
    progress: bool,
) -> LookaheadReport:
    """See :meth:`EventSimulator.check_lookahead`."""
    name = (
        strategy.name
        if isinstance(strategy, Strategy)
        else getattr(strategy, "__name__", type(strategy).__name__)
    )
    decide = _decider(config, kind)
    original = decide(strategy, bars)
    runs = 2
    if decide(strategy, bars) != original:
        return LookaheadReport(
            strategy=name, leak=None, deterministic=False, n_cuts=0, n_runs=runs, n_decisions=len(original)
        )
    cuts = _cuts(original, bars.n_times, max_cuts)
    captured: tuple[str, ...] = ()
    leak = None
    with Progress(len(cuts), "look-ahead check", progress) as report:
        for examined, cut in enumerate(cuts):
            for future in (Ended(bars.n_times, cut), Mirrored(bars.n_times, cut), Shaken(bars.n_times, cut)):
                subject, captured = with_captured(strategy, future)
                runs += 1
                leak = _compare(decide, subject, future, original, bars)
                if leak is not None:
                    break
            report(examined + 1)
            if leak is not None:
                break
    return LookaheadReport(
        strategy=name,
        leak=leak,
        deterministic=True,
        n_cuts=len(cuts),
        n_runs=runs,
        n_decisions=len(original),
        captured=captured,
    )


def _decider(config: SimulationConfig, kind: str) -> Callable[[Any, Bars], Decisions]:
    def decide(strategy: Any, bars: Bars) -> Decisions:
        if isinstance(strategy, Strategy):
            return _orders(bars, config, copy.deepcopy(strategy))
        return _targets(bars, target_cells(bars, strategy(bars)))

    return decide


def _orders(bars: Bars, config: SimulationConfig, strategy: Strategy) -> Decisions:
    orders = run_strategy(bars, config, strategy, progress=False).orders
    decisions: Decisions = {}
    names = bars.symbols
    columns = [orders[name].tolist() for name in ("step_sent", "symbol", "side", "kind", "qty", "price")]
    for step, symbol, *order in zip(*columns, strict=True):
        key = (step, names[symbol])
        decisions[key] = (*decisions.get(key, ()), ("SEND", *order))
    for row in np.flatnonzero(orders["reason"] == 3).tolist():
        key = (int(orders["step_closed"][row]), names[orders["symbol"][row]])
        decisions[key] = (*decisions.get(key, ()), ("CANCEL", row))
    return decisions


def _targets(bars: Bars, targets: FloatArray) -> Decisions:
    steps, columns = np.nonzero(~np.isnan(targets))
    values = targets[steps, columns].tolist()
    return {
        (step, bars.symbols[column]): (value,)
        for step, column, value in zip(steps.tolist(), columns.tolist(), values, strict=True)
    }


def _cuts(decisions: Decisions, n_times: int, max_cuts: int | None) -> list[int]:
    """Bars to examine.

    Where decisions were made, and evenly spaced ones, in which a decision could appear.
    """
    everywhere = np.arange(n_times - 1)
    if max_cuts is None or max_cuts >= n_times - 1:
        return [int(cut) for cut in everywhere]
    decided = np.unique([step for step, _ in decisions if step < n_times - 1]).astype(np.int64)
    return sorted({*_evenly(decided, (max_cuts + 1) // 2), *_evenly(everywhere, max_cuts // 2)})


def _evenly(values: Any, n: int) -> list[int]:
    if len(values) <= n:
        return [int(value) for value in values]
    return [int(value) for value in values[np.linspace(0, len(values) - 1, n).astype(np.int64)]] if n else []


def _compare(
    decide: Callable[[Any, Bars], Decisions], subject: Any, future: Future, original: Decisions, bars: Bars
) -> Leak | None:
    cut = future.cut
    try:
        changed = decide(subject, future.of_bars(bars))
    except OmniError:
        raise
    except (IndexError, KeyError, ValueError) as error:
        # Data that ends at a bar is data a live run would have had then; not coping with it means reaching
        # past it.
        symbol = bars.symbols[0]
        note = (f"{type(error).__name__}: {error}",)
        return Leak(
            step=cut, ts=int(bars.ts[cut]), symbol=symbol, cut=cut, how=future.how, original=(), changed=note
        )
    before = {key: what for key, what in original.items() if key[0] <= cut}
    after = {key: what for key, what in changed.items() if key[0] <= cut}
    different = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    if not different:
        return None
    step, symbol = min(different)
    return Leak(
        step=step,
        ts=int(bars.ts[step]),
        symbol=symbol,
        cut=cut,
        how=future.how,
        original=before.get((step, symbol), ()),
        changed=after.get((step, symbol), ()),
    )


def _shown(decision: tuple[Any, ...]) -> str:
    if not decision:
        return "nothing"
    words = []
    for part in decision:
        if isinstance(part, tuple) and part[0] == "SEND":
            side, kind = ("BUY", "SELL")[part[1] - 1], ("MARKET", "LIMIT", "STOP")[part[2]]
            words.append(f"{side} {part[3]:,} lots {kind}")
        elif isinstance(part, tuple):
            words.append(f"cancel of order {part[1]}")
        elif isinstance(part, str):
            words.append(part)
        else:
            words.append(f"target {part:g}")
    return " and ".join(words)
