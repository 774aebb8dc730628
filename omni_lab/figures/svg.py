"""The ladder as SVG, for screens that change many times a second.

It shows what `omni_lab.figures.ladder.ladder_figure` shows, from the same rows, in a hundredth of the time.
Colours come from CSS variables where the page has them, so one picture serves a dark page and a light one.
"""

from collections.abc import Iterator
from html import escape

from omni_lab.figures._marks import Box, Scale, Side, Words, height_of, marks_of
from omni_lab.figures._rungs import BookSide, rungs_of
from omni_lab.figures.ladder import book_title
from omni_lab.figures.theme import FONT, Theme, find_theme

_ROW = 26.0
_PIXELS = 104.0  # of an inch, where its type is as large as that of the figure
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}
_TONES = {
    "text": ("ink", 13, "normal"),
    "bold": ("ink", 13, "bold"),
    "label": ("ink", 12, "bold"),
    "small": ("soft", 12, "normal"),
}


def ladder_svg(
    bids: BookSide,
    asks: BookSide,
    *,
    last: float | None = None,
    symbol: str = "",
    queue: bool = False,
    n_levels: int = 10,
    width: float = 640.0,
    theme: str | Theme = "light",
) -> str:
    """Order book as a ladder, as one ``svg`` element with a title that says what it shows.

    Parameters
    ----------
    bids, asks, last, symbol, queue, n_levels
        As in `omni_lab.figures.ladder_figure`.
    width : float
        Pixels for which it is laid out; it shrinks with its container.
    theme : {"light", "dark"} or Theme
        Colours where the page has no variables ``--omni-ink``, ``--omni-soft``, ``--omni-rule`` and
        ``--omni-page``.

    Returns
    -------
    str
        All text is escaped; no scripts, no addresses.
    """
    paint = find_theme(theme)
    rungs = rungs_of(bids, asks, n_levels)
    scale = Scale.of([rungs], width / 2 / _PIXELS)
    pen = _Pen(width / 2, paint)
    marks = marks_of(rungs, scale, last=last, queue=queue)
    drawn = "".join(
        text for mark in marks for text in (pen.box(mark) if isinstance(mark, Box) else pen.words(mark))
    )
    height = height_of(rungs) * _ROW
    says = escape(book_title(bids, asks, symbol))
    return (
        f'<svg class="omni-ladder" role="img" aria-label="{says}" viewBox="0 0 {width:g} {height:g}" '
        f'style="width:100%;max-width:{width:g}px;height:auto;display:block" '
        f'font-family="{FONT}, Verdana, sans-serif">{pen.hatches()}{drawn}</svg>'
    )


class _Pen:
    def __init__(self, half: float, theme: Theme) -> None:
        self.half = half
        self.ink = {
            "ink": f"var(--omni-ink,{theme.text})",
            "soft": f"var(--omni-soft,{theme.muted})",
            "rule": f"var(--omni-rule,{theme.grid})",
            "page": f"var(--omni-page,{theme.background})",
        }
        self.colours: dict[Side, str] = {-1: theme.buy, 0: self.ink["rule"], 1: theme.sell}

    def hatches(self) -> str:
        """Patterns of what does not show; alike wherever they stand, so that pictures may share a page."""
        return "".join(
            f'<pattern id="omni-hatch{side}" width="5" height="5" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><path d="M0 0V5" stroke="{self.colours[side]}" '
            'stroke-width="2.4"/></pattern>'
            for side in (-1, 1)
        )

    def box(self, box: Box) -> Iterator[str]:
        """A rectangle."""
        colour = self.colours[box.side]
        style = {
            "band": f'style="fill:{colour}" opacity=".6"',
            "cum": f'fill="{colour}" opacity=".15"',
            "shown": f'fill="{colour}" style="stroke:{self.ink["page"]}"',
            "own": f'fill="{colour}" style="stroke:{self.ink["ink"]};stroke-width:2"',
            "unseen": f'fill="url(#omni-hatch{box.side})" stroke="{colour}"',
            "own unseen": f'fill="url(#omni-hatch{box.side})" stroke="{colour}" stroke-width="2"',
        }[box.ink]
        x, wide = (box.x0 + 1.0) * self.half, (box.x1 - box.x0) * self.half
        y, high = box.y0 * _ROW, (box.y1 - box.y0) * _ROW
        yield f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" {style}/>'

    def words(self, words: Words) -> Iterator[str]:
        """A line of text."""
        ink, size, weight = _TONES[words.tone]
        x, y = (words.x + 1.0) * self.half, words.y * _ROW
        yield (
            f'<text x="{x:.1f}" y="{y:.1f}" dy=".36em" text-anchor="{_ANCHORS[words.align]}" '
            f'font-size="{size}" font-weight="{weight}" '
            f'style="fill:{self.ink[ink]};font-variant-numeric:tabular-nums">'
            f"{escape(words.text)}</text>"
        )
