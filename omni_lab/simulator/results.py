"""What a backtest leaves behind: metrics, curves, tables, counts of what was held back, and a manifest.

Everything is computed from the engine's columns when it is first asked for.
"""

from __future__ import annotations

import copy
import hashlib
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab import __version__
from omni_lab.data.bars import Bars
from omni_lab.data.times import iso
from omni_lab.errors import SchemaError
from omni_lab.simulator.bar_sessions import steps_per_year
from omni_lab.simulator.caveats import caveats
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.replayable import Replayable
from omni_lab.simulator.result_tables import RunTables, signed_lots
from omni_lab.simulator.run import Run
from omni_lab.simulator.tables import Table, frozen
from omni_lab.strategies.identity import describe, run_id
from omni_lab.typing import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.portfolio.capacity import Capacity
    from omni_lab.simulator.cost_sensitivity import CostCurve
    from omni_lab.simulator.order_story import OrderStory
    from omni_lab.simulator.run_journal import Happenings
    from omni_lab.simulator.significance import Significance


class BacktestResults(Replayable, Mapping[str, float]):
    """The outcome of one backtest: a frozen mapping of metrics, with the curves and tables behind them.

    ``results["sharpe_ratio"]`` is a metric; all of them are in ``results.metrics`` and defined in
    :mod:`omni_lab.portfolio.performance`.

    Attributes
    ----------
    bars : Bars
        What it ran on.
    config : SimulationConfig
        Under which assumptions.
    strategy : str
        Name of the strategy.
    error : str or None
        What ended the run before its data did, and where; None for a run that came to its end.
    family : str
        What it is a trial of: the qualified name of its class or function, in the ledger of trials.
    counted : bool
        Whether it was counted there.
    """

    bars: Bars
    config: SimulationConfig
    strategy: str
    error: str | None
    family: str
    counted: bool
    _run: Run
    _parameters: dict[str, Any]

    def __init__(
        self,
        run: Run,
        *,
        bars: Bars,
        config: SimulationConfig,
        strategy: str,
        parameters: dict[str, Any],
        error: str | None = None,
        family: str = "",
        counted: bool = False,
    ) -> None:
        vars(self).update(
            _run=run,
            bars=bars,
            config=config,
            strategy=strategy,
            error=error,
            family=family or strategy,
            counted=counted,
            _parameters=copy.deepcopy(parameters),
        )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"results are frozen; {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"results are frozen; {name!r} cannot be deleted")

    def __getstate__(self) -> dict[str, Any]:
        """What was computed is left behind: it can be computed again, and would double the size."""
        kept = ("_run", "bars", "config", "strategy", "error", "family", "counted", "_parameters")
        return {name: vars(self)[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def __getitem__(self, name: str) -> float:
        try:
            return self._metrics[name]
        except KeyError:
            raise SchemaError("no such metric", found=name, expected=list(self._metrics)) from None

    def __contains__(self, name: object) -> bool:
        return name in self._metrics

    def get(self, name: str, default: Any = None, /) -> Any:
        """A metric, or the default where there is none of that name."""
        return self._metrics.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    @property
    def parameters(self) -> dict[str, Any]:
        """The strategy's parameters."""
        return copy.deepcopy(self._parameters)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instruments."""
        return self.bars.symbols

    @property
    def listed_symbols(self) -> str:
        """The first four instruments and how many more there are, for titles."""
        more = len(self.symbols) - 4
        return ", ".join(self.symbols[:4]) + (f" and {more} more" if more > 0 else "")

    @property
    def ts(self) -> IntArray:
        """Times of the steps, nanoseconds since 1970 UTC, shape (n_times,)."""
        return self.bars.ts

    @property
    def equity(self) -> FloatArray:
        """Cash plus positions at their marks after each step, currency, shape (n_times,)."""
        return self._run.equity

    @property
    def final_equity(self) -> float:
        """Equity after the last step."""
        return float(self.equity[-1])

    @cached_property
    def returns(self) -> FloatArray:
        """Simple return of each step, the first against the initial capital, shape (n_times,)."""
        from omni_lab.portfolio.performance import returns_from_equity

        return frozen(returns_from_equity(self.equity, self.config.initial_capital))

    @cached_property
    def drawdown(self) -> FloatArray:
        """Equity relative to its running peak, minus one, shape (n_times,)."""
        from omni_lab.portfolio.performance import drawdown

        return frozen(drawdown(self.equity, self.config.initial_capital))

    @cached_property
    def positions(self) -> FloatArray:
        """Signed quantities held after each step, shape (n_times, n_symbols)."""
        fills = self._run.fills
        # Whole lots add up exactly; a position that was closed is zero and nothing beside it.
        lots = np.zeros((self.bars.n_times, self.bars.n_symbols), dtype=np.int64)
        np.add.at(lots, (fills["step"], fills["symbol"]), signed_lots(fills))
        flows = self._run.flows
        np.add.at(lots, (flows["step"], flows["symbol"]), flows["lots"])
        np.cumsum(lots, axis=0, out=lots)
        return frozen(self._tables.quantity(lots, np.arange(self.bars.n_symbols)))

    @cached_property
    def gross_exposure(self) -> FloatArray:
        """Sum of the absolute position values after each step, currency, shape (n_times,)."""
        from omni_lab.simulator.marks import last_known

        value = np.abs(self.positions) * last_known(self.bars.close())
        return frozen(np.nansum(value if self._rates is None else value * self._rates, axis=1))

    @cached_property
    def pnl_by_symbol(self) -> FloatArray:
        """Profit of each instrument, open positions at their last mark, shape (n_symbols,)."""
        from omni_lab.simulator.marks import last_known

        raw, fills = self._run.fills, self.fills
        paid = np.where(raw["side"] == 1, fills["notional"], -fills["notional"]) + fills["commission"]
        lots = np.zeros(self.bars.n_symbols, dtype=np.int64)
        np.add.at(lots, raw["symbol"], signed_lots(raw))
        held = self._tables.quantity(lots, np.arange(self.bars.n_symbols))
        worth = np.nan_to_num(held * last_known(self.bars.close())[-1])
        return frozen(worth - np.bincount(raw["symbol"], weights=paid, minlength=self.bars.n_symbols))

    @cached_property
    def cash(self) -> FloatArray:
        """Cash after each step, currency (the base, if there are several), shape (n_times,)."""
        if self._run.cash is not None:
            return frozen(self._run.cash)
        raw, fills = self._run.fills, self.fills
        paid = np.where(raw["side"] == 1, fills["notional"], -fills["notional"]) + fills["commission"]
        change = np.bincount(raw["step"], weights=paid, minlength=self.bars.n_times)
        return frozen(self.config.initial_capital - np.cumsum(change))

    @cached_property
    def _tables(self) -> RunTables:
        return RunTables(self.bars, self._run)

    @cached_property
    def fills(self) -> Table:
        """Executions.

        Columns fill_id, order_id, ts (of the bar), symbol, side, qty, price, notional, commission,
        slippage_cost (slippage and impact; − where an earlier impact helped), time (OPEN, INSIDE or CLOSE),
        liquidity.
        """
        return self._tables.fills()

    @cached_property
    def orders(self) -> Table:
        """Orders.

        Columns order_id, ts_submitted, ts_closed, symbol, side, type, qty, limit_price, stop_price (quantity
        and prices that held last), filled_qty, avg_price, status, reason; time_in_force, trail, trail_bps,
        display_qty, min_qty, all_or_none, post_only, expire_at (nanoseconds; 0 for none).
        """
        return self._tables.orders()

    @cached_property
    def trades(self) -> Table:
        """Closed positions, or the parts of them that were closed.

        Columns symbol, side (LONG or SHORT), qty, ts_entry, ts_exit, entry_price (average), exit_price,
        pnl (after commissions), commission, return_ (pnl over entry value), bars_held.
        """
        return self._tables.trades()

    def explain(self, order_id: int) -> OrderStory:
        """The story of one order: what was known, what held it back, its fills, its costs, what it closed.

        Facts of the decision: ``symbol``, ``side``, ``type``, ``qty``, ``limit_price``, ``stop_price`` as
        they were sent, ``time_in_force`` and the other terms of :attr:`orders`;
        ``step``, ``ts``; ``known_step`` (−1 for none) and ``known_open``, ``known_high``, ``known_low``,
        ``known_close`` of the last bar of the instrument; ``equity_before``, ``cash_before`` (base currency)
        and ``position_before``. What a strategy sends from ``on_fill`` and does not fill in the same step
        cannot be told from a decision at its close.

        Of what became of it before it filled: ``changes``, each a step, what happened (TRIGGERED, REPLACED,
        REPRICED), and the quantity and prices from then on.

        Of what held it back: ``refused_by_gate`` (the check; empty for none) and ``gate_limit``;
        ``bars_waited`` of its instrument before the first fill or the end; ``cut_qty``, and the ``exposure``
        and ``exposure_allowed`` from which the buying power cut it (NaN where it did not, and in several
        currencies).

        Of what came of it, in the instrument's currency: ``filled_qty``, ``average_price``, ``price_met`` and
        ``price_paid`` of each fill, ``commission``, ``slippage`` and ``impact`` (their sum over all orders is
        what the run paid), ``trades`` (rows of :attr:`trades` that its fills closed) and their
        ``realised_pnl``, ``status``, ``reason``.

        Raises
        ------
        DataError
            If there is no such order.
        """
        from omni_lab.simulator.bar_story import story_of

        return story_of(self, self._run, order_id)

    @cached_property
    def flows(self) -> Table:
        """Money and quantities that came or went other than by fills.

        Columns ts, symbol (empty for interest), currency, kind (DIVIDEND, CASH_IN_LIEU, SPLIT, BORROW,
        INTEREST), qty (change of the position), amount (currency; − was paid).
        """
        from omni_lab.simulator.models import currency_names

        return self._tables.flows(currency_names(self.config.currencies))

    @cached_property
    def financing_paid(self) -> float:
        """Borrow fees and interest paid, base currency; what was received is not taken off."""
        from omni_lab.simulator.models import rates_by_currency

        flows, raw = self.flows, self._run.flows
        paid = np.isin(flows["kind"], ("BORROW", "INTEREST")) & (flows["amount"] < 0.0)
        amounts, steps = -flows["amount"][paid], raw["step"][paid]
        rates = rates_by_currency(self.bars, self.config.currencies)
        return float((amounts if rates is None else amounts * rates[steps, raw["currency"][paid]]).sum())

    @cached_property
    def _rates(self) -> FloatArray | None:
        """Worth of each instrument's currency in the base, by step; None where there is one currency."""
        from omni_lab.simulator.models import rates_by_step

        return rates_by_step(self.bars, self.config.currencies)

    def _in_base(self, amounts: FloatArray, steps: AnyArray, codes: AnyArray) -> FloatArray:
        """Amounts of the instruments' currencies in the base, at the rates of the steps' closes."""
        return amounts if self._rates is None else amounts * self._rates[steps, codes]

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics by name, as :func:`omni_lab.portfolio.performance.summarize` defines them."""
        return dict(self._metrics)

    @cached_property
    def _metrics(self) -> dict[str, float]:
        from omni_lab.portfolio.performance import summarize

        totals, fills, trades = self._run.totals, self._run.fills, self._run.trades
        return summarize(
            self.equity,
            self.ts,
            initial_capital=self.config.initial_capital,
            gross_exposure=self.gross_exposure,
            traded_notional=float(
                self._in_base(self.fills["notional"], fills["step"], fills["symbol"]).sum()
            ),
            trade_pnl=self._in_base(trades["pnl"], trades["step_exit"], trades["symbol"]),
            n_orders=int(totals["n_orders"]),
            n_fills=int(totals["n_fills"]),
            commission_paid=totals["commission_paid"],
            slippage_paid=totals["slippage_paid"],
            risk_free_rate=self.config.risk_free_rate,
            periods_per_year=steps_per_year(self.ts, self.config),
        )

    @property
    def counts(self) -> dict[str, int]:
        """Everything that was held back.

        Keys rejected, insufficient_cash, reduced, replaced, expired, rounded_to_zero, unpriced,
        volume_limited, cancels_refused, replaces_refused, ended_by_terms, off_grid_prices.
        """
        return {**self._run.counts, "off_grid_prices": self.bars.off_grid}

    @property
    def gate(self) -> dict[str, int]:
        """What the risk gate counted: ``CHECKED``, ``PASSED``, and the orders refused by each check.

        Empty where the run had no limits.
        """
        return dict(self._run.gate)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Why a number here may not be what it seems, as sentences."""
        return caveats(self)

    def significance(
        self,
        *,
        confidence: float = 0.95,
        benchmark: float = 0.0,
        n_samples: int = 1000,
        progress: bool = True,
    ) -> Significance:
        """How far the Sharpe ratio can be told from luck, given the trials made of this family on these bars.

        Parameters
        ----------
        confidence : float
            Of the bands, and of the track record that it would take.
        benchmark : float
            Annual Sharpe ratio to exceed. The deflated ratio is always measured against zero merit.
        n_samples : int
            Samples of the block bootstrap behind the bands; 0 for no bands. Seeded by the settings.
        progress : bool
            Whether drawing for longer than two seconds shows a progress bar.
        """
        from omni_lab.simulator.significance import significance

        return significance(
            self, confidence=confidence, benchmark=benchmark, n_samples=n_samples, progress=progress
        )

    def cost_sensitivity(
        self,
        multiples: Sequence[float] = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
        *,
        sizing: str | None = None,
        rerun: Callable[[SimulationConfig], BacktestResults] | None = None,
    ) -> CostCurve:
        """Sharpe ratio and return under other costs, and the costs at which nothing is left.

        By default the fills of this run are charged anew, which is exact for a strategy that would have sent
        the same orders. One that looks at its own equity or prices of fills may not have; `rerun` then runs
        it under each of the changed settings: ``lambda config: EventSimulator(config, count_trials=False)
        .run_backtest(strategy, bars)``.

        Parameters
        ----------
        multiples : sequence of float
            Of the costs charged, zero or more; of one basis point of the notional, if none were charged.
        sizing : {"quantity", "weight"}, optional
            What stays the same of the fills: their quantities, or their sizes relative to equity, rounding to
            lots aside. By default that of the targets, and weights for a strategy.
        rerun : callable, optional
            Results under settings.

        Raises
        ------
        ConfigError
            If a multiple is negative, the sizing unknown, or there are no costs to rerun with.
        """
        from omni_lab.simulator.cost_sensitivity import cost_sensitivity

        return cost_sensitivity(self, multiples, sizing=sizing, rerun=rerun)

    def capacity(
        self, *, impact: float = 1.0, limit: float = 0.1, quantile: float = 0.99, volume: Any = None
    ) -> Capacity:
        """Money at which impact halves the Sharpe ratio, leaves no return, or fills take too much volume.

        By the square-root law on top of the costs charged; see :mod:`omni_lab.portfolio.capacity` for what is
        assumed. Volatility is that of the 21 steps before each fill, per step, and volume that of its bar.

        Parameters
        ----------
        impact : float
            The constant Y of the law.
        limit, quantile : float
            Fraction of a bar's volume to which this part of the fills must keep.
        volume : float or array_like of shape (n_times, n_symbols), optional
            Quantity traded in each bar, for bars that do not know it.

        Raises
        ------
        DataError
            If the bars have no volume and none is given.
        """
        from omni_lab.simulator.capacity import capacity

        return capacity(self, self._run, impact=impact, limit=limit, quantile=quantile, volume=volume)

    @cached_property
    def events_sha256(self) -> str:
        """SHA-256 (hex) over orders, fills and equity: equal for equal runs, on any machine."""
        digest = hashlib.sha256(self.equity.tobytes())
        for table in (self._run.orders, self._run.fills):
            for name, column in table.items():
                digest.update(name.encode() + column.tobytes())
        return digest.hexdigest()

    @cached_property
    def run_id(self) -> str:
        """By what the run is known: strategy, hash of its name and parameters, hash of all that decides it.

        Equal for the same strategy, data and settings, on any machine. Where parameters say nothing of what
        was decided (a function, an array of targets, a strategy that states none), what happened stands in
        for them.
        """
        facts = {"data": self.bars.fingerprint, "settings": self.config.to_mapping()}
        strategy = describe(self.strategy, self._parameters)
        if strategy["sha256"] is None or not set(self._parameters) - {"kind"}:
            facts["events"] = self.events_sha256
        return run_id(strategy, **facts)

    @property
    def manifest(self) -> dict[str, Any]:
        """What it takes to run this again and to know that it came out the same."""
        return {
            "run_id": self.run_id,
            "data": {
                "fingerprint": self.bars.fingerprint,
                "symbols": list(self.symbols),
                "n_times": self.bars.n_times,
                "first": iso(int(self.ts[0])),
                "last": iso(int(self.ts[-1])),
            },
            "strategy": describe(self.strategy, self.parameters),
            "settings": self.config.to_mapping(),
            "seed": self.config.seed,
            "versions": {
                "omni_lab": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
            },
            "events_sha256": self.events_sha256,
        }

    def write_journal(self, path: str | Path) -> Path:
        """Write what happened to a file, frame by frame; see :mod:`omni_lab.simulator.run_journal`.

        :func:`omni_lab.simulator.open_journal` reads and verifies it. Equal runs give equal bytes.

        Raises
        ------
        JournalError
            If it cannot be written; what had that name before is then still there.
        """
        from omni_lab.simulator.run_journal import write_journal

        return write_journal(self._happenings, path)

    @cached_property
    def journal_sha256(self) -> str:
        """SHA-256 (hex) of the file that :meth:`write_journal` writes."""
        from omni_lab.simulator.run_journal import journal_sha256

        return journal_sha256(self._happenings)

    @property
    def _happenings(self) -> Happenings:
        from omni_lab.simulator.happenings import of_bars

        return of_bars(self, self._run)

    def plot(
        self,
        kind: str = "tearsheet",
        *,
        theme: str = "light",
        benchmark: Any = None,
        symbol: str | None = None,
    ) -> Any:
        """A figure of the results.

        Parameters
        ----------
        kind : {"tearsheet", "equity", "drawdown", "monthly", "rolling_sharpe", "trades"}
            What to draw.
        theme : {"light", "dark"}
            Colours.
        benchmark : array_like of float, shape (n_times,), optional
            Prices or equity to compare with; by default buying and holding the instrument, if there is only
            one. False for none.
        symbol : str, optional
            Whose fills to show on the price; by default the first instrument traded.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ConfigError
            If there is no such kind of plot.
        """
        from omni_lab.simulator.plots import draw

        return draw(self, kind, theme=theme, benchmark=benchmark, symbol=symbol)

    def __repr__(self) -> str:
        shown = ("total_return", "sharpe_ratio", "max_drawdown", "n_trades")
        figures = ", ".join(f"{name} {self[name]:.4g}" for name in shown)
        return f"BacktestResults({self.strategy} on {self.listed_symbols}: {figures})"

    def _repr_html_(self) -> str:
        from omni_lab.figures import metrics_html

        first, last = (iso(int(ts))[:10] for ts in (self.ts[0], self.ts[-1]))
        span = f"{first} to {last}, {self.bars.n_times:,} steps"
        subtitle = f"{self.listed_symbols}, {span}, fill={self.config.fill}"
        return metrics_html(self.metrics, title=self.strategy, subtitle=subtitle, notes=self.warnings)
