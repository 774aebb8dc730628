"""What a backtest leaves behind: metrics, curves, tables, counts of what was held back, and a manifest.

Everything is computed from the engine's columns when it is first asked for.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab import __version__
from omni_lab.data.bars import Bars
from omni_lab.errors import SchemaError
from omni_lab.simulator.caveats import caveats
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.run import Columns, Run
from omni_lab.typing import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

_SIDES = np.array(["", "BUY", "SELL"])
_KINDS = np.array(["MARKET", "LIMIT", "STOP"])
_STATUSES = np.array(["WORKING", "FILLED", "CANCELED", "REJECTED", "EXPIRED"])
_REASONS = np.array(
    [
        "",
        "INSUFFICIENT_CASH",
        "REPLACED_BY_TARGET",
        "CANCELED_BY_STRATEGY",
        "END_OF_DATA",
        "INVALID_QTY",
        "INVALID_PRICE",
        "NO_INTRABAR_PRICES",
    ]
)
_TIMES = np.array(["OPEN", "INSIDE", "CLOSE"])


class Table:
    """Named columns of equal length, immutable.

    ``table["price"]`` is an array, ``len(table)`` the number of rows.

    Attributes
    ----------
    columns : tuple of str
        Names of the columns.
    """

    def __init__(self, columns: Mapping[str, AnyArray]) -> None:
        self._columns = dict(columns)
        self.columns = tuple(self._columns)
        for column in self._columns.values():
            column.flags.writeable = False

    def __getitem__(self, name: str) -> AnyArray:
        try:
            return self._columns[name]
        except KeyError:
            raise SchemaError("no such column", found=name, expected=self.columns) from None

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def to_pandas(self) -> pd.DataFrame:
        """A pandas frame; columns whose names begin with ``ts`` become times in UTC."""
        import pandas as pd

        frame = pd.DataFrame(self._columns)
        for name in frame.columns:
            if name.startswith("ts"):
                frame[name] = pd.to_datetime(frame[name], utc=True)
        return frame

    def __repr__(self) -> str:
        return f"Table({len(self):,} rows: {', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        shown = 10
        html = Table({name: self[name][:shown] for name in self.columns}).to_pandas().to_html(index=False)
        return html if len(self) <= shown else f"{html}<p>{shown} of {len(self):,} rows</p>"


class BacktestResults(Mapping[str, float]):
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
    parameters : dict
        Its parameters.
    """

    bars: Bars
    config: SimulationConfig
    strategy: str
    parameters: dict[str, Any]
    _run: Run

    def __init__(
        self, run: Run, *, bars: Bars, config: SimulationConfig, strategy: str, parameters: dict[str, Any]
    ) -> None:
        vars(self).update(_run=run, bars=bars, config=config, strategy=strategy, parameters=parameters)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"results are frozen; {name!r} cannot be set")

    def __getitem__(self, name: str) -> float:
        try:
            return self.metrics[name]
        except KeyError:
            raise SchemaError("no such metric", found=name, expected=list(self.metrics)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.metrics)

    def __len__(self) -> int:
        return len(self.metrics)

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

        return returns_from_equity(self.equity, self.config.initial_capital)

    @cached_property
    def drawdown(self) -> FloatArray:
        """Equity relative to its running peak, minus one, shape (n_times,)."""
        from omni_lab.portfolio.performance import drawdown

        return drawdown(self.equity, self.config.initial_capital)

    @cached_property
    def positions(self) -> FloatArray:
        """Signed quantities held after each step, shape (n_times, n_symbols)."""
        fills = self._run.fills
        change = np.zeros((self.bars.n_times, self.bars.n_symbols))
        np.add.at(change, (fills["step"], fills["symbol"]), _signed(fills) * self._lot_sizes[fills["symbol"]])
        return np.cumsum(change, axis=0)

    @cached_property
    def gross_exposure(self) -> FloatArray:
        """Sum of the absolute position values after each step, currency, shape (n_times,)."""
        from omni_lab.simulator.marks import last_known

        return np.asarray(np.nansum(np.abs(self.positions) * last_known(self.bars.close()), axis=1))

    @cached_property
    def cash(self) -> FloatArray:
        """Cash after each step, currency, shape (n_times,)."""
        fills = self.fills
        paid = np.where(fills["side"] == "BUY", 1.0, -1.0) * fills["notional"] + fills["commission"]
        change = np.zeros(self.bars.n_times)
        np.add.at(change, self._run.fills["step"], paid)
        return np.asarray(self.config.initial_capital - np.cumsum(change))

    @cached_property
    def fills(self) -> Table:
        """Executions.

        Columns fill_id, order_id, ts (of the bar), symbol, side, qty, price, notional, commission,
        slippage_cost, time (OPEN, INSIDE or CLOSE), liquidity.
        """
        raw = self._run.fills
        codes, qty = raw["symbol"], raw["qty"] * self._lot_sizes[raw["symbol"]]
        price = self._price(raw["price"], codes)
        distance = np.abs(price - self._price(raw["reference"], codes))
        return Table(
            {
                "fill_id": np.arange(len(codes)),
                "order_id": raw["order"].astype(np.int64),
                "ts": self.ts[raw["step"]],
                "symbol": self._names[codes],
                "side": _SIDES[raw["side"]],
                "qty": qty,
                "price": price,
                "notional": price * qty,
                "commission": raw["commission"],
                "slippage_cost": distance * qty,
                "time": _TIMES[raw["time"]],
                "liquidity": np.where(raw["maker"], "MAKER", "TAKER"),
            }
        )

    @cached_property
    def orders(self) -> Table:
        """Orders.

        Columns order_id, ts_submitted, ts_closed, symbol, side, type, qty, limit_price, stop_price,
        filled_qty, avg_price, status, reason.
        """
        raw, fills = self._run.orders, self._run.fills
        codes, lots = raw["symbol"], self._lot_sizes[raw["symbol"]]
        value = np.zeros(len(codes))
        np.add.at(value, fills["order"], self._price(fills["price"], fills["symbol"]) * fills["qty"])
        filled = raw["filled"]
        price = self._price(raw["price"], codes)
        with np.errstate(invalid="ignore"):
            average = np.where(filled > 0, value / filled, np.nan)
        return Table(
            {
                "order_id": np.arange(len(codes)),
                "ts_submitted": self.ts[raw["step_sent"]],
                "ts_closed": self.ts[raw["step_closed"]],
                "symbol": self._names[codes],
                "side": _SIDES[raw["side"]],
                "type": _KINDS[raw["kind"]],
                "qty": raw["qty"] * lots,
                "limit_price": np.where(raw["kind"] == 1, price, np.nan),
                "stop_price": np.where(raw["kind"] == 2, price, np.nan),
                "filled_qty": filled * lots,
                "avg_price": average,
                "status": _STATUSES[raw["status"]],
                "reason": _REASONS[raw["reason"]],
            }
        )

    @cached_property
    def trades(self) -> Table:
        """Closed positions, or the parts of them that were closed.

        Columns symbol, side (LONG or SHORT), qty, ts_entry, ts_exit, entry_price (average), exit_price,
        pnl (after commissions), commission, return_ (pnl over entry value), bars_held.
        """
        raw = self._run.trades
        codes = raw["symbol"]
        qty = np.abs(raw["lots"]) * self._lot_sizes[codes]
        entry = raw["entry_ticks"] * np.array([i.tick_size for i in self.bars.instruments])[codes]
        return Table(
            {
                "symbol": self._names[codes],
                "side": np.where(raw["lots"] > 0, "LONG", "SHORT"),
                "qty": qty,
                "ts_entry": self.ts[raw["step_entry"]],
                "ts_exit": self.ts[raw["step_exit"]],
                "entry_price": entry,
                "exit_price": self._price(raw["exit_price"], codes),
                "pnl": raw["pnl"],
                "commission": raw["commission"],
                "return_": raw["pnl"] / (entry * qty),
                "bars_held": raw["step_exit"].astype(np.int64) - raw["step_entry"],
            }
        )

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Metrics by name, as :func:`omni_lab.portfolio.performance.summarize` defines them."""
        from omni_lab.portfolio.performance import summarize

        totals = self._run.totals
        return summarize(
            self.equity,
            self.ts,
            initial_capital=self.config.initial_capital,
            gross_exposure=self.gross_exposure,
            traded_notional=float(self.fills["notional"].sum()),
            trade_pnl=self._run.trades["pnl"],
            n_orders=int(totals["n_orders"]),
            n_fills=int(totals["n_fills"]),
            commission_paid=totals["commission_paid"],
            slippage_paid=totals["slippage_paid"],
            risk_free_rate=self.config.risk_free_rate,
            periods_per_year=self.config.periods_per_year,
        )

    @cached_property
    def counts(self) -> dict[str, int]:
        """Everything that was held back.

        Keys rejected, insufficient_cash, reduced, replaced, expired, rounded_to_zero, volume_limited,
        off_grid_prices.
        """
        return {**self._run.counts, "off_grid_prices": self.bars.off_grid}

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Why a number here may not be what it seems, as sentences."""
        return caveats(self)

    @cached_property
    def events_sha256(self) -> str:
        """SHA-256 (hex) over orders, fills and equity: equal for equal runs, on any machine."""
        digest = hashlib.sha256(self.equity.tobytes())
        for table in (self._run.orders, self._run.fills):
            for name, column in table.items():
                digest.update(name.encode() + column.tobytes())
        return digest.hexdigest()

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What it takes to run this again and to know that it came out the same."""
        return {
            "data": {
                "fingerprint": self.bars.fingerprint,
                "symbols": list(self.symbols),
                "n_times": self.bars.n_times,
                "first": str(np.datetime64(int(self.ts[0]), "ns")),
                "last": str(np.datetime64(int(self.ts[-1]), "ns")),
            },
            "strategy": {"name": self.strategy, "parameters": dict(self.parameters)},
            "settings": asdict(self.config),
            "seed": self.config.seed,
            "versions": {
                "omni_lab": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
            },
            "events_sha256": self.events_sha256,
        }

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
        figures = ", ".join(f"{name} {self.metrics[name]:.4g}" for name in shown)
        return f"BacktestResults({self.strategy} on {self.listed_symbols}: {figures})"

    def _repr_html_(self) -> str:
        from omni_lab.figures import metrics_html

        first, last = (str(np.datetime64(int(t), "ns"))[:10] for t in (self.ts[0], self.ts[-1]))
        span = f"{first} to {last}, {self.bars.n_times:,} steps"
        subtitle = f"{self.listed_symbols}, {span}, fill={self.config.fill}"
        return metrics_html(self.metrics, title=self.strategy, subtitle=subtitle, notes=self.warnings)

    @cached_property
    def _names(self) -> AnyArray:
        return np.array(self.symbols, dtype=np.dtypes.StringDType())

    @cached_property
    def _lot_sizes(self) -> FloatArray:
        return np.array([instrument.lot_size for instrument in self.bars.instruments])

    def _price(self, ticks: AnyArray, codes: AnyArray) -> FloatArray:
        """Ticks as prices.

        Dividing by ticks per unit gives 100.07 where multiplying by 0.01 gives 100.07000000000001.
        """
        sizes = np.array([instrument.tick_size for instrument in self.bars.instruments], dtype=np.float64)
        per_unit = np.round(1.0 / sizes)
        whole = np.abs(per_unit * sizes - 1.0) < 1e-12
        return np.where(whole[codes], ticks / np.maximum(per_unit, 1.0)[codes], ticks * sizes[codes])


def _signed(fills: Columns) -> IntArray:
    return np.asarray(np.where(fills["side"] == 1, fills["qty"], -fills["qty"]), dtype=np.int64)
