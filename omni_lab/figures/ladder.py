"""The order book as a ladder: prices in the middle, bids to the left, asks to the right.

It takes the orders of both sides as arrays, or just the quantity of each price, and knows nothing of what
keeps them. `omni_lab.figures._rungs` sorts them into the rows that are drawn here.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from omni_lab.figures import words
from omni_lab.figures._marks import Box, Ink, Scale, Side, Tone, Words, height_of, marks_of
from omni_lab.figures._rungs import BookSide, Rungs, book_side, rungs_of
from omni_lab.figures.theme import Theme, find_theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

__all__ = ["BookSide", "Ladder", "book_side", "ladder_figure", "ladders_figure"]

_LEVELS = 10
_ROW = 0.27  # inches
_TITLE = 0.42
_MARGIN = 0.12
_COLUMNS = {0: 1, 1: 1, 2: 2, 4: 2}  # of so many ladders; of others three


class Ladder(NamedTuple):
    """A book at one moment, and what is said above it.

    Attributes
    ----------
    bids, asks : BookSide
        Both sides.
    last : float, optional
        Last traded price.
    title : str
        What it shows; by default the best prices and which side is heavier.
    """

    bids: BookSide
    asks: BookSide
    last: float | None = None
    title: str = ""


def ladder_figure(
    bids: BookSide,
    asks: BookSide,
    *,
    last: float | None = None,
    symbol: str = "",
    title: str = "",
    queue: bool = False,
    n_levels: int = _LEVELS,
    width: float = 11.0,
    theme: str | Theme = "light",
) -> "Figure":
    """Order book as a ladder: a bar for what stands at each price, the sum so far behind, the spread between.

    Own orders have a triangle, their quantity and what stands ahead of them beside their bar. What does not
    show (hidden orders, the rest of icebergs) is hatched and said in words.

    Parameters
    ----------
    bids, asks : BookSide
        Orders, or quantities by price, of each side, the best first; see `book_side`.
    last : float, optional
        Last traded price.
    symbol : str
        What is traded.
    title : str
        By default the best prices and which side is heavier.
    queue : bool
        Whether to draw every order as a segment of its bar, the first in the queue next to the price.
    n_levels : int
        Prices of each side; how many more there are is said below.
    width : float
        Inches.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        As high as its rows need. Blue is bid and left, vermilion ask and right.
    """
    one = Ladder(bids, asks, last, title or book_title(bids, asks, symbol))
    return ladders_figure([one], queue=queue, n_levels=n_levels, width=width, theme=theme)


def ladders_figure(
    ladders: Sequence[Ladder],
    *,
    title: str = "",
    queue: bool = False,
    n_levels: int = _LEVELS,
    width: float = 11.0,
    theme: str | Theme = "light",
) -> "Figure":
    """Ladders side by side, on one scale: a book before and after.

    Parameters
    ----------
    ladders : sequence of Ladder
        From left to right, at most three in a row.
    title : str
        Above all of them: what changed.
    queue, n_levels, width, theme
        As in `ladder_figure`.

    Returns
    -------
    Figure
        As high as the ladder with the most rows needs.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    drawn = [rungs_of(each.bids, each.asks, n_levels) for each in ladders]
    n_columns = _COLUMNS.get(len(drawn), 3)
    heights = [
        max(map(height_of, drawn[start : start + n_columns])) * _ROW + _TITLE
        for start in range(0, len(drawn), n_columns)
    ]
    head = 0.75 * _TITLE if title else 0.0
    height = head + sum(heights) + _MARGIN
    part = (width - _MARGIN) / n_columns
    scale = Scale.of(drawn, (part - _MARGIN) / 2)
    figure = Figure(paint, (width, height))
    figure.set_layout_engine("none")  # everything has its place; looking for one takes longer than drawing
    with figure.painting():
        for index, (ladder, rungs) in enumerate(zip(ladders, drawn, strict=True)):
            row, column = divmod(index, n_columns)
            left, high = _MARGIN + column * part, height_of(rungs) * _ROW
            top = height - head - sum(heights[:row]) - _TITLE
            box = (left / width, (top - high) / height, (part - _MARGIN) / width, high / height)
            ax = figure.add_axes(box)
            _draw(ax, rungs, marks_of(rungs, scale, last=ladder.last, queue=queue), paint)
            ax.set_title(ladder.title, fontsize=10.0 if title else 11.5, pad=6.0)
        if title:
            place = (_MARGIN / width, 1.0 - 0.12 / height)
            figure.text(*place, title, fontsize=11.5, fontweight="bold", color=paint.text, va="top")
    figure.alt = ". ".join(filter(None, [title, *(each.title for each in ladders)]))
    return figure


def book_title(bids: BookSide, asks: BookSide, symbol: str = "") -> str:
    """Best prices, the spread, and which side is heavier."""
    name = f"{symbol} " if symbol else ""
    rungs = rungs_of(bids, asks, _LEVELS)
    best = rungs.best
    if best.bid is None and best.ask is None:
        return f"{name}The book is empty" if not name else f"{symbol}: the book is empty"
    if best.bid is None or best.ask is None:
        side, price = ("bid", best.bid) if best.ask is None else ("ask", best.ask)
        other = "asks" if side == "bid" else "bids"
        return f"{name}{rungs.price(price)} {side}, and no {other}"
    title = f"{name}{rungs.price(best.bid)} × {rungs.price(best.ask)}, {rungs.spread()}"
    shown = [float(side.qty[~side.hidden].sum()) for side in (bids, asks)]
    if not sum(shown):
        return title
    share = words.percent(shown[0] / sum(shown), decimals=0)
    return f"{title}; {share} of {words.quantity(sum(shown))} shown is bid"


def _draw(ax: "Axes", rungs: Rungs, marks: Iterable[Box | Words], theme: Theme) -> None:
    from matplotlib.collections import PolyCollection

    ax.set_axis_off()
    ax.set_xlim(-1.0, 1.0)
    ax.set_ylim(height_of(rungs), 0.0)
    boxes: dict[tuple[Side, Ink], list[list[tuple[float, float]]]] = {}
    for mark in marks:
        if isinstance(mark, Box):
            corners = [(x, y) for x in (mark.x0, mark.x1) for y in (mark.y0, mark.y1)]
            boxes.setdefault((mark.side, mark.ink), []).append([corners[i] for i in (0, 1, 3, 2)])
        else:
            style = _tones(theme)[mark.tone]
            ax.text(mark.x, mark.y, mark.text, ha=mark.align, va="center_baseline", **style)
    for (side, ink), polygons in boxes.items():
        label = f"{ink} {('bid', 'neither', 'ask')[side + 1]}"
        ax.add_collection(PolyCollection(polygons, label=label, **_style(side, ink, theme)), autolim=False)


def _style(side: Side, ink: Ink, theme: Theme) -> dict[str, Any]:
    colour = theme.buy if side < 0 else theme.sell
    styles: dict[Ink, dict[str, Any]] = {
        "band": {"color": theme.grid, "alpha": 0.6, "linewidth": 0.0},
        "cum": {"color": colour, "alpha": 0.13, "linewidth": 0.0},
        "shown": {"facecolor": colour, "edgecolor": theme.background, "linewidth": 0.8},
        "own": {"facecolor": colour, "edgecolor": theme.text, "linewidth": 1.3, "zorder": 1.5},
        "unseen": {"facecolor": "none", "edgecolor": colour, "linewidth": 0.8, "hatch": "/////"},
        "own unseen": {"facecolor": "none", "edgecolor": colour, "linewidth": 1.6, "hatch": "/////"},
    }
    return styles[ink]


def _tones(theme: Theme) -> dict[Tone, dict[str, Any]]:
    return {
        "text": {"fontsize": 9.0, "color": theme.text},
        "bold": {"fontsize": 9.0, "color": theme.text, "fontweight": "bold"},
        "small": {"fontsize": 8.0, "color": theme.muted},
        "label": {"fontsize": 8.0, "color": theme.text, "fontweight": "bold"},
    }
