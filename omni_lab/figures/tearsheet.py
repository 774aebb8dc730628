"""Everything about a backtest on one page."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omni_lab.figures import _panel as panel
from omni_lab.figures import equity as curve
from omni_lab.figures import returns as by_time
from omni_lab.figures import trades as on_price
from omni_lab.figures.metrics import format_metric, label_of
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

_WIDTH = 11.0
_HEADLINE = (
    "total_return",
    "annual_return",
    "annual_volatility",
    "sharpe_ratio",
    "sortino_ratio",
    "max_drawdown",
    "exposure",
    "n_trades",
    "costs_paid",
)


def tearsheet_figure(
    ts: ArrayLike,
    equity: ArrayLike,
    drawdown: ArrayLike,
    *,
    initial_capital: float,
    worst: Sequence[curve.Fall],
    years: ArrayLike,
    monthly: ArrayLike,
    annual: ArrayLike,
    rolling: ArrayLike,
    window: int,
    metrics: Mapping[str, float],
    title: str = "Backtest",
    subtitle: str = "",
    benchmark: ArrayLike | None = None,
    benchmark_label: str = "Benchmark",
    currency: str = "USD",
    price: ArrayLike | None = None,
    fill_ts: ArrayLike = (),
    fill_price: ArrayLike = (),
    fill_is_buy: ArrayLike = (),
    position: ArrayLike | None = None,
    symbol: str = "",
    theme: str | Theme = "light",
) -> "Figure":
    """Headline numbers, equity and drawdown, rolling Sharpe, worst falls, months, and fills on the price.

    Parameters
    ----------
    ts, equity, drawdown, initial_capital, benchmark, benchmark_label, currency
        As in `equity_figure`.
    worst : sequence of Drawdown
        As in `drawdown_figure`.
    years, monthly, annual : array-like
        As in `monthly_heatmap`.
    rolling, window
        As in `rolling_sharpe_figure`.
    metrics : mapping of str to float
        By the names of `omni_lab.portfolio.performance.summarize`; the headline takes those it finds.
    title, subtitle : str
        What was tested; on what, and under which assumptions.
    price, fill_ts, fill_price, fill_is_buy, position, symbol
        As in `trades_figure`; without a price that panel is left out.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        One page, 11 inches wide and as long as it needs to be.

    Raises
    ------
    ShapeError
        If series differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    values, depths = panel.series(equity, ns, "equity"), panel.series(drawdown, ns, "drawdown")
    other = None if benchmark is None else panel.series(benchmark, ns, "benchmark")
    ratio = panel.series(rolling, ns, "rolling")
    rows, table, totals = by_time.checked_months(years, monthly, annual)
    prices = None if price is None else panel.series(price, ns, "price")
    held = None if position is None else panel.series(position, ns, "position")
    fills = on_price.checked_fills(fill_ts, fill_price, fill_is_buy)

    heights = [0.85, 3.0, 1.15, 2.1, by_time.heatmap_height(len(rows))]
    if prices is not None:
        heights += [2.6] if held is None else [2.6, 0.9]
    figure = Figure(paint, (_WIDTH, sum(heights) + 2.0 + (0.9 if prices is not None else 0.0)))
    with figure.painting():
        figure.get_layout_engine().set(h_pad=0.09, w_pad=0.08)  # type: ignore[union-attr, call-arg]
        grid = figure.add_gridspec(len(heights), 2, height_ratios=heights, width_ratios=[1.15, 1.0])
        axis = TimeAxis(ns)
        _headline(figure.add_subplot(grid[0, :]), title, subtitle, metrics, paint)

        upper = figure.add_subplot(grid[1, :])
        curve.draw_equity(upper, axis, values, initial_capital, other, benchmark_label, currency, paint)
        upper.set_title(curve.equity_title(ns, values, depths, initial_capital, other, benchmark_label))
        curve.draw_underwater(figure.add_subplot(grid[2, :], sharex=upper), axis, depths, worst, paint)

        left = figure.add_subplot(grid[3, 0])
        overall = metrics.get("sharpe_ratio", float("nan"))
        by_time.draw_rolling_sharpe(left, axis, ratio, window, overall, paint, max_ticks=6)
        left.set_title(by_time.rolling_title(ns, ratio, window), fontsize=10.5)
        right = figure.add_subplot(grid[3, 1])
        curve.draw_falls(right, ns, worst, paint)
        right.set_title(curve.drawdown_title(ns, depths, worst, short=True), fontsize=10.5)

        months = figure.add_subplot(grid[4, :])
        by_time.draw_months(months, rows, table, totals, paint)
        months.set_title(by_time.months_title(rows, table))

        if prices is not None:
            _trades(figure, grid, axis, prices, fills, held, symbol, currency, paint)
        figure.alt = f"{title}: {upper.get_title(loc='left')}"
    return figure


def _trades(
    figure: "Figure",
    grid: Any,
    axis: TimeAxis,
    price: FloatArray,
    fills: tuple[IntArray, FloatArray, Any],
    position: FloatArray | None,
    symbol: str,
    currency: str,
    theme: Theme,
) -> None:
    ax = figure.add_subplot(grid[5, :])
    on_price.draw_trades(ax, axis, price, *fills, position, symbol, currency, theme)
    ax.set_title(on_price.trades_title(fills[2], position, symbol))
    if position is not None:
        panel.hide_dates(ax)
        on_price.draw_position(figure.add_subplot(grid[6, :], sharex=ax), axis, position, theme)


def _headline(ax: "Axes", title: str, subtitle: str, metrics: Mapping[str, float], theme: Theme) -> None:
    """Title and subtitle, and a row of numbers with their names below them."""
    ax.set_axis_off()
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, 1.0)
    ax.text(0.0, 1.0, title, fontsize=16.0, fontweight="bold", va="top")
    ax.text(0.0, 0.68, subtitle, fontsize=9.5, color=theme.muted, va="top")
    shown = [name for name in _HEADLINE if name in metrics]
    for i, name in enumerate(shown):
        x = i / len(_HEADLINE)
        ax.text(x, 0.16, format_metric(name, metrics[name]), fontsize=13.0, fontweight="bold", va="baseline")
        ax.text(x, -0.02, label_of(name), fontsize=8.0, color=theme.muted, va="top")
