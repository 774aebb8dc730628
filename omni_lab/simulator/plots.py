"""Results as figures: gathers what the figures of ``omni_lab.figures`` need and passes it on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab import figures
from omni_lab.errors import ConfigError, UnknownSymbolError
from omni_lab.portfolio.calendar import annual_returns, monthly_returns
from omni_lab.portfolio.performance import rolling_sharpe
from omni_lab.risk.drawdowns import top_drawdowns
from omni_lab.simulator.marks import last_known

if TYPE_CHECKING:
    from omni_lab.simulator.results import BacktestResults

_ROLLING_YEARS = 0.5


def draw(results: BacktestResults, kind: str, *, theme: str, benchmark: Any, symbol: str | None) -> Any:
    """The figure of that kind; see :meth:`BacktestResults.plot`."""
    drawings: dict[str, Callable[[], Any]] = {
        "tearsheet": lambda: _tearsheet(results, theme, benchmark, symbol),
        "equity": lambda: figures.equity_figure(
            results.ts,
            results.equity,
            results.drawdown,
            theme=theme,
            **_money(results),
            **_benchmark(results, benchmark),
        ),
        "drawdown": lambda: figures.drawdown_figure(
            results.ts, results.drawdown, _worst(results), theme=theme
        ),
        "monthly": lambda: figures.monthly_heatmap(*_months(results), theme=theme),
        "rolling_sharpe": lambda: figures.rolling_sharpe_figure(
            results.ts, *_rolling(results), overall=results["sharpe_ratio"], theme=theme
        ),
        "trades": lambda: figures.trades_figure(results.ts, **_fills(results, symbol), theme=theme),
    }
    if kind not in drawings:
        raise ConfigError("there is no such plot", found=kind, expected=list(drawings))
    return drawings[kind]()


def _tearsheet(results: BacktestResults, theme: str, benchmark: Any, symbol: str | None) -> Any:
    years, monthly, annual = _months(results)
    rolling, window = _rolling(results)
    config = results.config
    costs = f"{config.commission_rate * 1e4:g} bps commission, {config.slippage_bps:g} bps slippage"
    return figures.tearsheet_figure(
        results.ts,
        results.equity,
        results.drawdown,
        worst=_worst(results),
        years=years,
        monthly=monthly,
        annual=annual,
        rolling=rolling,
        window=window,
        metrics=results.metrics,
        title=f"{results.strategy} on {results.listed_symbols}",
        subtitle=f"fill={config.fill}, {costs}, capital {config.initial_capital:,.0f}",
        theme=theme,
        **_money(results),
        **_benchmark(results, benchmark),
        **_fills(results, symbol),
    )


def _money(results: BacktestResults) -> dict[str, Any]:
    return {"initial_capital": results.config.initial_capital}


def _benchmark(results: BacktestResults, benchmark: Any) -> dict[str, Any]:
    if benchmark is False:
        return {}
    if benchmark is not None:
        return {"benchmark": np.asarray(benchmark, dtype=np.float64), "benchmark_label": "Benchmark"}
    if len(results.symbols) > 1:
        return {}
    return {"benchmark": results.bars.close()[:, 0], "benchmark_label": f"Holding {results.symbols[0]}"}


def _worst(results: BacktestResults) -> Any:
    return top_drawdowns(results.equity, results.config.initial_capital)


def _months(results: BacktestResults) -> Any:
    capital = results.config.initial_capital
    years, monthly = monthly_returns(results.ts, results.equity, capital)
    _, annual = annual_returns(results.ts, results.equity, capital)
    return years, monthly, annual


def _rolling(results: BacktestResults) -> Any:
    per_year = results["periods_per_year"]
    # A single step leaves the number of steps in a year open.
    wanted = 2 if math.isnan(per_year) else round(per_year * _ROLLING_YEARS)
    window = min(max(2, wanted), max(2, results.bars.n_times // 4))
    return rolling_sharpe(results.returns, window, per_year, results.config.risk_free_rate), window


def _fills(results: BacktestResults, symbol: str | None) -> dict[str, Any]:
    fills = results.fills
    if symbol is None:
        symbol = str(fills["symbol"][0]) if len(fills) else results.symbols[0]
    if symbol not in results.symbols:
        raise UnknownSymbolError(
            "the results hold no such symbol", found=symbol, expected=list(results.symbols)
        )
    column = results.symbols.index(symbol)
    of_symbol = fills["symbol"] == symbol
    return {
        "price": last_known(results.bars.close())[:, column],
        "fill_ts": fills["ts"][of_symbol],
        "fill_price": fills["price"][of_symbol],
        "fill_is_buy": fills["side"][of_symbol] == "BUY",
        "position": results.positions[:, column],
        "symbol": symbol,
    }
