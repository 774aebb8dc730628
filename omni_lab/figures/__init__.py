"""Figures of backtests and order books: arrays in, matplotlib figures or HTML out.

They draw what others computed, read and write no files, and leave no global state behind. A figure shows
itself in a notebook when it is the last thing in a cell; ``figure.savefig(path)`` writes it. Importing this
package does not import matplotlib; drawing does.
"""

from omni_lab.figures.auction import auction_figure
from omni_lab.figures.depth import depth_figure
from omni_lab.figures.equity import drawdown_figure, equity_figure
from omni_lab.figures.flow import flow_figure
from omni_lab.figures.html import metrics_html
from omni_lab.figures.intensity import intensity_figure
from omni_lab.figures.ladder import BookSide, Ladder, book_side, ladder_figure, ladders_figure
from omni_lab.figures.ladder_svg import ladder_svg
from omni_lab.figures.latency import latency_figure
from omni_lab.figures.quotes import quotes_figure
from omni_lab.figures.quoting import profits_figure, quoting_figure
from omni_lab.figures.response import response_figure
from omni_lab.figures.returns import monthly_heatmap, rolling_sharpe_figure
from omni_lab.figures.tearsheet import tearsheet_figure
from omni_lab.figures.theme import DARK, LIGHT, Theme
from omni_lab.figures.trades import trades_figure

__all__ = [
    "DARK",
    "LIGHT",
    "BookSide",
    "Ladder",
    "Theme",
    "auction_figure",
    "book_side",
    "depth_figure",
    "drawdown_figure",
    "equity_figure",
    "flow_figure",
    "intensity_figure",
    "ladder_figure",
    "ladder_svg",
    "ladders_figure",
    "latency_figure",
    "metrics_html",
    "monthly_heatmap",
    "profits_figure",
    "quotes_figure",
    "quoting_figure",
    "response_figure",
    "rolling_sharpe_figure",
    "tearsheet_figure",
    "trades_figure",
]
