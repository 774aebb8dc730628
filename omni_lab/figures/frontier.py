"""The efficient frontier with assets and a chosen portfolio on it, and the weights of that portfolio."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

_MARKERS = ("D", "s", "^", "v", "P", "X")
_MOST_BARS = 24


def frontier_figure(
    volatility: ArrayLike,
    expected: ArrayLike,
    names: Sequence[str],
    asset_volatility: ArrayLike,
    asset_expected: ArrayLike,
    *,
    marked: Mapping[str, tuple[float, float]],
    title: str,
    theme: str | Theme = "light",
) -> "Figure":
    """Expected return against volatility: the frontier, the assets by name, and portfolios marked on it.

    Parameters
    ----------
    volatility, expected : array-like of float, shape (n_points,)
        Of the frontier, annual, as fractions.
    names : sequence of str
        Of the assets.
    asset_volatility, asset_expected : array-like of float, shape (n_assets,)
        Of each asset, annual, as fractions.
    marked : mapping of str to (float, float)
        Volatility and expected return of portfolios by name, the chosen one first; at most six.
    title : str
        What the figure shows, as a finding.
    theme : {"light", "dark"} or Theme
        Colours.

    Raises
    ------
    ShapeError
        If points disagree in number, or more than six portfolios are marked.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    x, y, asset_x, asset_y = (
        np.asarray(each, dtype=np.float64)
        for each in (volatility, expected, asset_volatility, asset_expected)
    )
    if x.shape != y.shape or not asset_x.shape == asset_y.shape == (len(names),):
        raise ShapeError(
            "points have a volatility and a return",
            found=(x.shape, y.shape, asset_x.shape, asset_y.shape),
            expected=f"two for each of {len(names)} assets",
        )
    if len(marked) > len(_MARKERS):
        raise ShapeError("too many portfolios are marked", found=len(marked), expected=len(_MARKERS))
    figure = Figure(paint, (9.0, 5.2))
    with figure.painting():
        ax = figure.subplots()
        ax.plot(x, y, color=paint.equity, linewidth=2.0, zorder=2, label="Efficient frontier")
        ax.scatter(asset_x, asset_y, s=22.0, color=paint.benchmark, zorder=2.2)
        for name, at_x, at_y in zip(names, asset_x, asset_y, strict=True):
            ax.annotate(
                name,
                (float(at_x), float(at_y)),
                (5.0, 3.0),
                textcoords="offset points",
                color=paint.muted,
                fontsize=8.0,
            )
        hues = (paint.sell, paint.third, paint.fourth, paint.text, paint.equity, paint.benchmark)
        for (name, (at_x, at_y)), marker, hue in zip(marked.items(), _MARKERS, hues, strict=False):
            size = 110.0 if marker == _MARKERS[0] else 55.0
            ax.scatter(
                [at_x],
                [at_y],
                s=size,
                marker=marker,
                color=hue,
                edgecolor=paint.background,
                zorder=4,
                label=name,
            )
        ax.set_xlim(0.0, None)
        ax.set_xlabel("Volatility, annual")
        ax.set_ylabel("Expected return, annual")
        panel.percent_axis(ax)
        panel.percent_axis(ax, x=True)
        ax.grid(visible=True)
        ax.legend(loc="best")
        ax.set_title(title)
        figure.alt = title
    return figure


def holdings_figure(
    names: Sequence[str],
    weights: ArrayLike,
    before: ArrayLike | None = None,
    *,
    title: str | None = None,
    theme: str | Theme = "light",
) -> "Figure":
    """Weights of one portfolio as bars, the largest on top, beside what is held now.

    Parameters
    ----------
    names : sequence of str
        Of the assets.
    weights : array-like of float, shape (n_assets,)
        Fractions of equity, negative where short.
    before : array-like of float, shape (n_assets,), optional
        What is held now.
    title : str, optional
        By default how many are held, and the largest.
    theme : {"light", "dark"} or Theme
        Colours.

    Raises
    ------
    ShapeError
        If there is not a weight for each name.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    values = np.asarray(weights, dtype=np.float64)
    held = np.zeros(len(names)) if before is None else np.asarray(before, dtype=np.float64)
    if values.shape != (len(names),) or held.shape != values.shape:
        raise ShapeError("every asset has a weight", found=(values.shape, held.shape), expected=len(names))
    order = np.argsort(np.maximum(np.abs(values), np.abs(held)), kind="stable")[-_MOST_BARS:]
    figure = Figure(paint, (9.0, 1.5 + 0.3 * max(len(order), 2)))
    with figure.painting():
        ax, at = figure.subplots(), np.arange(len(order))
        colours = [paint.buy if value >= 0 else paint.sell for value in values[order]]
        ax.barh(at, values[order], height=0.6, color=colours, label="aimed at")
        if before is not None:
            ax.scatter(held[order], at, marker="|", s=130.0, color=paint.text, zorder=3, label="held now")
            panel.legend_above(ax)
        ax.axvline(0.0, color=paint.muted, linewidth=0.8)
        ax.set_yticks(at, [names[row] for row in order])
        panel.percent_axis(ax, x=True)
        ax.set_xlabel("Share of equity")
        ax.grid(visible=True, axis="x")
        told = holdings_title(names, values) if title is None else title
        ax.set_title(told)
        figure.alt = told
    return figure


def holdings_title(names: Sequence[str], weights: FloatArray) -> str:
    """How many are held, and the largest."""
    n_held = int((np.abs(weights) > 5e-5).sum())
    if not n_held:
        return "Nothing is held"
    most = int(np.argmax(np.abs(weights)))
    share = words.percent(float(weights[most]))
    return f"{n_held} of {words.count(len(names), 'instrument')} held; {names[most]} the most, {share}"
