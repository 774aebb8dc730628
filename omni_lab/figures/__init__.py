"""Figures of backtests and order books: arrays in, matplotlib figures or HTML out.

They draw what others computed, read and write no files, and leave no global state behind. A figure shows
itself in a notebook when it is the last thing in a cell; ``figure.savefig(path)`` writes it. Importing this
package does not import matplotlib; drawing does.
"""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.figures.attribution import attribution_figure
    from omni_lab.figures.auction import auction_figure
    from omni_lab.figures.bands import bands_figure
    from omni_lab.figures.breaks import breaks_figure, gaps_figure
    from omni_lab.figures.calendar import calendar_figure
    from omni_lab.figures.capacity import capacity_figure
    from omni_lab.figures.compare import compare_figure
    from omni_lab.figures.costs import cost_figure
    from omni_lab.figures.coverage import coverage_figure
    from omni_lab.figures.depth import depth_figure
    from omni_lab.figures.drift import distributions_figure, drift_figure
    from omni_lab.figures.equity import drawdown_figure, equity_figure
    from omni_lab.figures.flow import flow_figure
    from omni_lab.figures.frontier import frontier_figure, holdings_figure
    from omni_lab.figures.html import metrics_html
    from omni_lab.figures.intensity import intensity_figure
    from omni_lab.figures.ladder import BookSide, Ladder, book_side, ladder_figure, ladders_figure
    from omni_lab.figures.latency import latency_figure
    from omni_lab.figures.limits import limits_figure
    from omni_lab.figures.luck import luck_figure
    from omni_lab.figures.overfitting import overfitting_figure
    from omni_lab.figures.parameters import parameter_heatmap
    from omni_lab.figures.quotes import quotes_figure
    from omni_lab.figures.quoting import profits_figure, quoting_figure
    from omni_lab.figures.replay import replay_figure
    from omni_lab.figures.research import growth_figure, spread_figure, weights_figure
    from omni_lab.figures.response import markout_figure, response_figure
    from omni_lab.figures.returns import monthly_heatmap, rolling_sharpe_figure
    from omni_lab.figures.scenarios import regimes_figure, stress_figure
    from omni_lab.figures.signals import memory_figure, prediction_figure
    from omni_lab.figures.svg import ladder_svg
    from omni_lab.figures.tails import components_figure, exceedances_figure, tail_figure
    from omni_lab.figures.tearsheet import tearsheet_figure
    from omni_lab.figures.theme import DARK, LIGHT, Theme
    from omni_lab.figures.trades import trades_figure
    from omni_lab.figures.walks import paths_figure, walk_forward_figure
    from omni_lab.figures.years import annual_figure

__all__ = [
    "DARK",
    "LIGHT",
    "BookSide",
    "Ladder",
    "Theme",
    "annual_figure",
    "attribution_figure",
    "auction_figure",
    "bands_figure",
    "book_side",
    "breaks_figure",
    "calendar_figure",
    "capacity_figure",
    "compare_figure",
    "components_figure",
    "cost_figure",
    "coverage_figure",
    "depth_figure",
    "distributions_figure",
    "drawdown_figure",
    "drift_figure",
    "equity_figure",
    "exceedances_figure",
    "flow_figure",
    "frontier_figure",
    "gaps_figure",
    "growth_figure",
    "holdings_figure",
    "intensity_figure",
    "ladder_figure",
    "ladder_svg",
    "ladders_figure",
    "latency_figure",
    "limits_figure",
    "luck_figure",
    "markout_figure",
    "memory_figure",
    "metrics_html",
    "monthly_heatmap",
    "overfitting_figure",
    "parameter_heatmap",
    "paths_figure",
    "prediction_figure",
    "profits_figure",
    "quotes_figure",
    "quoting_figure",
    "regimes_figure",
    "replay_figure",
    "response_figure",
    "rolling_sharpe_figure",
    "spread_figure",
    "stress_figure",
    "tail_figure",
    "tearsheet_figure",
    "trades_figure",
    "walk_forward_figure",
    "weights_figure",
]

__getattr__ = attributes(
    __name__,
    {
        "attribution_figure": "attribution",
        "auction_figure": "auction",
        "bands_figure": "bands",
        "breaks_figure": "breaks",
        "gaps_figure": "breaks",
        "calendar_figure": "calendar",
        "capacity_figure": "capacity",
        "compare_figure": "compare",
        "cost_figure": "costs",
        "coverage_figure": "coverage",
        "depth_figure": "depth",
        "distributions_figure": "drift",
        "drift_figure": "drift",
        "drawdown_figure": "equity",
        "equity_figure": "equity",
        "flow_figure": "flow",
        "frontier_figure": "frontier",
        "holdings_figure": "frontier",
        "metrics_html": "html",
        "intensity_figure": "intensity",
        "BookSide": "ladder",
        "Ladder": "ladder",
        "book_side": "ladder",
        "ladder_figure": "ladder",
        "ladders_figure": "ladder",
        "regimes_figure": "scenarios",
        "stress_figure": "scenarios",
        "memory_figure": "signals",
        "prediction_figure": "signals",
        "ladder_svg": "svg",
        "components_figure": "tails",
        "exceedances_figure": "tails",
        "tail_figure": "tails",
        "latency_figure": "latency",
        "limits_figure": "limits",
        "luck_figure": "luck",
        "markout_figure": "response",
        "overfitting_figure": "overfitting",
        "parameter_heatmap": "parameters",
        "quotes_figure": "quotes",
        "profits_figure": "quoting",
        "quoting_figure": "quoting",
        "replay_figure": "replay",
        "response_figure": "response",
        "growth_figure": "research",
        "spread_figure": "research",
        "weights_figure": "research",
        "monthly_heatmap": "returns",
        "rolling_sharpe_figure": "returns",
        "tearsheet_figure": "tearsheet",
        "DARK": "theme",
        "LIGHT": "theme",
        "Theme": "theme",
        "trades_figure": "trades",
        "paths_figure": "walks",
        "walk_forward_figure": "walks",
        "annual_figure": "years",
    },
)
