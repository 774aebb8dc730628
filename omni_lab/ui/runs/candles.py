"""The last bars with the fills in them, as SVG for a page that changes many times a second."""

from __future__ import annotations

from html import escape

import numpy as np

from omni_lab.figures.theme import FONT, LIGHT
from omni_lab.figures.words import decimals_of, number
from omni_lab.typing import AnyArray, FloatArray

_WIDTH, _HEIGHT, _MARGIN, _SIDE = 600.0, 260.0, 22.0, 62.0
_INK, _SOFT, _RULE, _PAGE = (
    f"var(--omni-{name},{colour})"
    for name, colour in (
        ("ink", LIGHT.text),
        ("soft", LIGHT.muted),
        ("rule", LIGHT.grid),
        ("page", LIGHT.background),
    )
)


def candles_svg(
    bars: dict[str, FloatArray | None],
    labels: tuple[str, str],
    fills: tuple[AnyArray, FloatArray, AnyArray],
    *,
    n_places: int,
    symbol: str,
) -> str:
    """Bars from left to right, the latest at the right; a close alone is a dot.

    Parameters
    ----------
    bars : dict of str to ndarray of float64, shape (n_bars,)
        ``open``, ``high``, ``low`` (None for closes alone) and ``close``; NaN where there is no bar.
    labels : (str, str)
        Times of the first and of the last bar.
    fills : (ndarray of int, ndarray of float64, ndarray of bool)
        Bar, price, and whether it bought: an upright triangle, else one on its head.
    n_places : int
        Bars that there is room for.
    symbol : str
        For the words that stand for the picture.

    Returns
    -------
    str
        One ``svg`` element; all text is escaped; no scripts, no addresses.
    """
    close = bars["close"]
    assert close is not None
    known = ~np.isnan(close)
    if not known.any():
        return f'<p class="soft">{escape(symbol)} has no bar yet.</p>'
    places, prices, bought = fills
    seen = [each[known] for each in bars.values() if each is not None] + [prices]
    low, high = (float(bound(np.concatenate(seen))) for bound in (np.min, np.max))
    room = (high - low) or max(abs(high), 1.0) * 0.01

    def y(price: float) -> float:
        return _MARGIN + (high - price) / room * (_HEIGHT - 2 * _MARGIN)

    step = (_WIDTH - _SIDE) / n_places
    first = n_places - len(close)
    drawn = []
    for place in np.flatnonzero(known).tolist():
        drawn.append(
            _bar(
                {name: None if each is None else y(float(each[place])) for name, each in bars.items()},
                (first + place + 0.5) * step,
                step,
            )
        )
    for place, price, is_bought in zip(places.tolist(), prices.tolist(), bought.tolist(), strict=True):
        drawn.append(_mark((first + place + 0.5) * step, y(price), is_bought))
    last = float(close[known][-1])
    decimals = decimals_of([low, high, last])
    # Words keep a line's distance from each other: the last close, then what bounds the picture.
    drawn.append(_words(_WIDTH - _SIDE + 4, y(last), number(last, decimals), _INK, "bold"))
    drawn += [
        _words(_WIDTH - _SIDE + 4, y(each), number(each, decimals), _SOFT)
        for each in (high, low)
        if abs(y(each) - y(last)) > 14
    ]
    drawn.append(_words(_WIDTH - _SIDE, _HEIGHT - 6, labels[1], _SOFT, anchor="end"))
    # Both times only where they do not run into each other.
    if len(close) * step > 8.0 * (len(labels[0]) + len(labels[1])):
        drawn.append(_words(first * step, _HEIGHT - 6, labels[0], _SOFT))
    says = f"{symbol}: the last {len(close)} bars to {labels[1]}, close {number(last, decimals)}"
    if len(places):
        says += f", {len(places)} fills"
    return (
        f'<svg class="omni-candles" role="img" aria-label="{escape(says)}" '
        f'viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" '
        f'style="width:100%;max-width:{_WIDTH:g}px;height:auto;display:block" '
        f'font-family="{FONT}, Verdana, sans-serif">{"".join(drawn)}</svg>'
    )


def _bar(at: dict[str, float | None], x: float, step: float) -> str:
    """A candle, hollow where the price rose; a dot where only the close is known."""
    opened, high, low, close = (at[name] for name in ("open", "high", "low", "close"))
    assert close is not None
    if opened is None or high is None or low is None:
        return f'<circle cx="{x:.1f}" cy="{close:.1f}" r="1.8" style="fill:{_INK}"/>'
    wide = max(step * 0.64, 1.0)
    top, tall = min(opened, close), max(abs(opened - close), 1.0)
    filled = _PAGE if close < opened else _INK
    return (
        f'<path d="M{x:.1f} {high:.1f}V{low:.1f}" style="stroke:{_INK}"/>'
        f'<rect x="{x - wide / 2:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
        f'style="fill:{filled};stroke:{_INK}"/>'
    )


def _mark(x: float, y: float, bought: bool) -> str:
    """A triangle whose tip is at the price that was paid."""
    colour, way = (LIGHT.buy, 1) if bought else (LIGHT.sell, -1)
    return (
        f'<path d="M{x:.1f} {y:.1f}l-6 {way * 10}h12z" style="fill:{colour};stroke:{_PAGE};stroke-width:1"/>'
    )


def _words(x: float, y: float, text: str, ink: str, weight: str = "normal", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" dy=".36em" text-anchor="{anchor}" font-size="12" '
        f'font-weight="{weight}" '
        f'style="fill:{ink};font-variant-numeric:tabular-nums">{escape(text)}</text>'
    )
