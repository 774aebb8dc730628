"""Whether the two faces of a strategy decide the same: its callbacks and its signals, in one engine.

What is compared is what reaches the market: orders sent and orders canceled. Both faces see the same bars
under the same settings, so that a difference is one of the strategy and not of two simulators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omni_lab.data.bars import Bars
from omni_lab.data.times import iso
from omni_lab.errors import ConfigError, DataError
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.decisions import Orders
from omni_lab.simulator.faces import fresh_copy, has_callbacks, has_signals
from omni_lab.simulator.run import name_of, run_callbacks, run_targets
from omni_lab.strategies.base import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first decision on which the two faces differ.

    Attributes
    ----------
    step, ts : int
        Step and its time, nanoseconds since 1970 UTC.
    symbol : str
        Instrument.
    callbacks, signals : str
        What each of them decided there, ``"nothing"`` included.
    """

    step: int
    ts: int
    symbol: str
    callbacks: str
    signals: str

    def __str__(self) -> str:
        return (
            f"At step {self.step} ({iso(self.ts)}) on {self.symbol} the callbacks decide {self.callbacks} "
            f"and the signals {self.signals}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementReport:
    """Outcome of a comparison; true when both faces decide the same.

    Attributes
    ----------
    strategy : str
        Name of the strategy.
    difference : Difference or None
        The first one, or None.
    n_times, n_decisions : int
        Steps of the data, orders sent and canceled by the callbacks.
    """

    strategy: str
    difference: Difference | None
    n_times: int
    n_decisions: int

    def __bool__(self) -> bool:
        return self.difference is None

    def raise_if_failed(self) -> None:
        """Raise what was found.

        Raises
        ------
        DataError
            If the faces differ.
        """
        if self.difference is not None:
            raise DataError(str(self), where=f"strategy {self.strategy}")

    def __str__(self) -> str:
        if self.difference is not None:
            return f"The two faces of {self.strategy} differ. {self.difference}"
        return (
            f"Callbacks and signals of {self.strategy} are equal: {self.n_decisions:,} decisions "
            f"in {self.n_times:,} steps."
        )


def check_agreement(
    strategy: Any, bars: Bars, config: SimulationConfig, *, progress: bool
) -> AgreementReport:
    """See :meth:`EventSimulator.check_agreement`."""
    if not (isinstance(strategy, Strategy) and has_callbacks(strategy) and has_signals(strategy)):
        raise ConfigError(
            "only what has two faces can be compared",
            found=name_of(strategy),
            expected="a Strategy with both callbacks (on_bar, …) and signals",
            where="check_agreement",
        )
    called = Orders(run_callbacks(bars, config, fresh_copy(strategy), progress=progress), bars)
    targets = fresh_copy(strategy).signals(bars)
    run = run_targets(bars, config, targets, strategy.signals_kind, progress=progress, label=strategy.name)
    aimed = Orders(run, bars)
    found = called.first_change(aimed, bars.n_times)
    difference = None
    if found is not None:
        step, column = found
        difference = Difference(
            step=step,
            ts=int(bars.ts[step]),
            symbol=bars.symbols[column],
            callbacks=called.shown(step, column),
            signals=aimed.shown(step, column),
        )
    return AgreementReport(
        strategy=strategy.name, difference=difference, n_times=bars.n_times, n_decisions=called.n
    )
