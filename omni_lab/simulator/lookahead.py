"""The look-ahead guard: a decision must not change when only its future does.

A strategy is run on the data as it is, then, for each of many steps (cuts), on data that ends there or goes
on differently: mirrored (every later rise a fall) or shaken (every later price moved at random). Decisions
made up to the cut that differ have seen what came after it. Passing is evidence, not proof: a leak that never
changes a decision at the steps examined goes unseen.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.data.times import iso
from omni_lab.errors import ConfigError, DataError
from omni_lab.progress import Progress
from omni_lab.simulator.captured import with_captured
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.decisions import Decisions, Orders, Targets
from omni_lab.simulator.faces import fresh_copy, only_signals
from omni_lab.simulator.futures import Ended, Future, Mirrored, Shaken
from omni_lab.simulator.native_strategies import NativeRule, run_native
from omni_lab.simulator.run import name_of, run_callbacks, target_cells
from omni_lab.strategies.base import Strategy
from omni_lab.typing import ArrayLike, IntArray

_FUTURES = (Ended, Mirrored, Shaken)

# What two seconds buy on one core, about. A run has a price of its own, and one for every bar in it. Counted
# and not timed, so that the same check does the same work everywhere.
_SECONDS = 2.0
_SECONDS_A_RUN = 3e-4
_SECONDS_A_BAR = {Targets: 1.5e-7, Orders: 5e-7}
_FEWEST_RUNS = 15
# Without data of its own a strategy meets no bar before its time, and there is little to find.
_RUNS_WITHOUT_DATA = 40


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
    original, changed : str
        The decision before and after.
    """

    step: int
    ts: int
    symbol: str
    cut: int
    how: str
    original: str
    changed: str

    def __str__(self) -> str:
        return (
            f"The decision of step {self.step} ({iso(self.ts)}) on {self.symbol} changes when the future "
            f"after step {self.cut} is {self.how}: {self.original} becomes {self.changed}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LookaheadReport:
    """What the guard found; true when it could look and found nothing.

    Attributes
    ----------
    strategy : str
        Name of the strategy.
    leak : Leak or None
        The first decision found to change, or None.
    deterministic : bool
        Whether two runs on the same data decided the same; if not, nothing can be said about look-ahead.
    n_times, n_cuts, n_runs, n_decisions : int
        Steps of the data, those after which the future was changed, runs made, decisions of the original run.
    captured : tuple of str
        Data of the strategy's own that was changed along with the bars.
    n_failed : int
        Runs in which the strategy raised an error, so that nothing could be compared.
    failure : str
        The first of these errors.
    inconclusive : bool
        Whether it failed every time that the data ended early, or every time that the future was changed.
    """

    strategy: str
    leak: Leak | None = None
    deterministic: bool = True
    n_times: int
    n_cuts: int = 0
    n_runs: int
    n_decisions: int
    captured: tuple[str, ...] = ()
    n_failed: int = 0
    failure: str = ""
    inconclusive: bool = False

    @property
    def passed(self) -> bool:
        """Whether the strategy could be examined and no decision changed."""
        return self.deterministic and self.leak is None and not self.inconclusive

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
        failed = f"{self.n_failed:,} of {self.n_runs:,} runs failed ({self.failure})"
        if self.inconclusive:
            return f"{self.strategy} cannot be examined: {failed}."
        sentences = [
            f"No look-ahead found in {self.strategy}: {self.n_decisions:,} decisions, {self.n_runs:,} runs, "
            f"the future changed after {self.n_cuts:,} of {self.n_times:,} steps."
        ]
        if self.captured:
            own = ", ".join(self.captured)
            sentences.append(f"Its own data ({own}) was changed too, but how it was made goes unseen.")
        if self.n_failed:
            sentences.append(f"But {failed}.")
        return " ".join(sentences)


def check_lookahead(
    strategy: Any, bars: Bars, config: SimulationConfig, *, max_cuts: int | None, progress: bool
) -> LookaheadReport:
    """See :meth:`EventSimulator.check_lookahead`."""
    if bars.n_times < 2:
        raise DataError("there is no future to change", found="1 step", expected="at least 2", where="bars")
    if max_cuts is not None and max_cuts < 1:
        raise ConfigError("max_cuts cannot be used", found=max_cuts, expected="at least 1, or None")
    guard = _Guard(strategy, bars, config)
    facts: dict[str, Any] = {
        "strategy": name_of(strategy),
        "n_times": bars.n_times,
        "n_decisions": guard.original.n,
    }
    with _quiet():
        again = guard.decide(strategy, bars)
    if guard.original.first_change(again, bars.n_times) is not None:
        return LookaheadReport(deterministic=False, n_runs=2, **facts)
    plan = guard.plan(max_cuts)
    leak = None
    with Progress(len(plan), "look-ahead check", progress, unit="runs") as report:
        for done, future in enumerate(plan):
            leak = guard.leak(future)
            report(done + 1)
            if leak is not None:
                break
    return LookaheadReport(
        leak=leak,
        n_cuts=len({future.cut for future in plan}),
        n_runs=2 + guard.n_runs,
        captured=guard.captured,
        n_failed=guard.n_failed,
        failure=guard.failure,
        inconclusive=leak is None and guard.inconclusive,
        **facts,
    )


class _Guard:
    """One strategy on one set of bars, run again under other futures."""

    def __init__(self, strategy: Any, bars: Bars, config: SimulationConfig) -> None:
        self._strategy = strategy
        self._bars = bars
        self._config = config
        self.original = self.decide(strategy, bars)
        there = ~np.isnan(bars.close())
        self._n_bars = int(there.sum())
        self._all_listed = int(there.argmax(axis=0).max())
        with _quiet():
            _, self.captured = self._with_other(self._future(Mirrored, 0))
        self.n_runs = 0
        self.n_failed = 0
        self.failure = ""
        self._worked: dict[str, bool] = {}

    def decide(self, strategy: Any, bars: Bars) -> Decisions:
        """What a fresh copy of the strategy decides on bars."""
        try:
            subject = fresh_copy(strategy)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigError(
                "the strategy cannot be copied, and the guard runs copies of it",
                found=f"{type(error).__name__}: {error}",
                where=name_of(strategy),
                hint="Open what cannot be copied (files, locks, connections) in on_start.",
            ) from error
        if isinstance(subject, NativeRule):
            run = run_native(bars, self._config, subject.name, subject.parameters, progress=False)
            return Orders(run, bars)
        if isinstance(subject, Strategy):
            if not only_signals(subject):
                return Orders(run_callbacks(bars, self._config, subject, progress=False), bars)
            subject = subject.signals
        return Targets(target_cells(bars, subject(bars)))

    def plan(self, max_cuts: int | None) -> list[Future]:
        """The futures to try, by cut.

        Some cuts meet all of them. As many others as can be afforded meet one each, drawn at random so that
        no rhythm of the strategy escapes it.
        """
        last = self._bars.n_times - 1
        if isinstance(self.original, Orders) and not self.captured:
            n_cuts = max_cuts or min(_RUNS_WITHOUT_DATA, self._affordable())
            thorough, kinds = self._cuts(min(n_cuts, last)), 1
            others = thorough[:0]
        elif max_cuts is not None:
            thorough, kinds = self._cuts(min(max_cuts, last)), len(_FUTURES)
            others = thorough[:0]
        else:
            n_runs, kinds = self._affordable(), len(_FUTURES)
            thorough = evenly(np.arange(last), max(n_runs // 10, _FEWEST_RUNS // kinds))
            others = self._cuts(n_runs - kinds * len(thorough), without=thorough)
        drawn = np.random.default_rng(0).integers(0, kinds, len(others))
        pairs = [(cut, kind) for cut in thorough.tolist() for kind in range(kinds)]
        pairs += zip(others.tolist(), drawn.tolist(), strict=True)
        return list(dict.fromkeys(self._future(_FUTURES[kind], cut) for cut, kind in sorted(pairs)))

    def leak(self, future: Future) -> Leak | None:
        """The first decision that another future changes, or None."""
        self.n_runs += 1
        with _quiet():
            subject, _ = self._with_other(future)
            bars = self._bars_with(future)
            try:
                changed = self.decide(subject, bars)
            except Exception as error:  # noqa: BLE001 - it may fail in any way on data it has not seen
                return self._failed(future, error)
        self._worked[future.how] = True
        found = self.original.first_change(changed, future.cut)
        if found is None:
            return None
        step, column = found
        return self._leak(
            future, step, column, self.original.shown(step, column), changed.shown(step, column)
        )

    @property
    def inconclusive(self) -> bool:
        """Whether some kind of future made it fail every time."""
        return not all(self._worked.values())

    def _with_other(self, future: Future) -> tuple[Any, tuple[str, ...]]:
        """The strategy with another future in the data it holds, and the names of that data."""
        if isinstance(self._strategy, NativeRule):
            return self._strategy, ()
        return with_captured(self._strategy, future, self._bars)

    def _failed(self, future: Future, error: Exception) -> Leak | None:
        fact = f"{type(error).__name__}: {error}"
        # What runs on less data and yet not on this looks for a row that is not there yet.
        if self._worked.get(future.how) and isinstance(future, Ended) and isinstance(error, LookupError):
            return self._leak(future, future.cut, 0, self.original.shown(future.cut, 0), fact)
        self.n_failed += 1
        self.failure = self.failure or fact
        self._worked.setdefault(future.how, False)
        return None

    def _leak(self, future: Future, step: int, column: int, original: str, changed: str) -> Leak:
        return Leak(
            step=step,
            ts=int(self._bars.ts[step]),
            symbol=self._bars.symbols[column],
            cut=future.cut,
            how=future.how,
            original=original,
            changed=changed,
        )

    def _future(self, kind: type[Future], cut: int) -> Future:
        # Bars that end before an instrument has one would lack it altogether.
        if kind is Ended and cut < self._all_listed:
            kind = Mirrored
        return kind(cut, int(self._bars.ts[cut]))

    def _bars_with(self, future: Future) -> Bars:
        if isinstance(self.original, Orders) and future.cut >= self._all_listed:
            # A strategy meets bars one by one: those after the cut come after all that is compared.
            future = self._future(Ended, future.cut)
        return future.of_bars(self._bars)

    def _affordable(self) -> int:
        a_run = _SECONDS_A_RUN + _SECONDS_A_BAR[type(self.original)] * self._n_bars
        return max(_FEWEST_RUNS, int(_SECONDS / a_run))

    def _cuts(self, n: int, *, without: ArrayLike = ()) -> IntArray:
        """Steps to cut after: where something was decided, up to half of them, and evenly spaced ones."""
        everywhere = np.setdiff1d(np.arange(self._bars.n_times - 1), without)
        decided = evenly(np.intersect1d(self.original.steps, everywhere), (n + 1) // 2)
        between = evenly(np.setdiff1d(everywhere, decided), n - len(decided))
        return np.union1d(decided, between)


def evenly(values: IntArray, n: int) -> IntArray:
    """At most so many of the values, evenly chosen."""
    if n <= 0 or len(values) <= n:
        return values[: max(n, 0)]
    return values[np.linspace(0, len(values) - 1, n).astype(np.int64)]


@contextmanager
def _quiet() -> Iterator[None]:
    """What a strategy has to say about its numbers, it has said in its first run."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
