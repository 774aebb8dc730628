"""How often takers reach each depth, and the laws that were fitted to it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.words import compact
from omni_lab.typing import ArrayLike

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure


def intensity_figure(
    levels: ArrayLike,
    counts: ArrayLike,
    seconds: float,
    fits: Mapping[str, tuple[float, float]],
    *,
    unit: str = "ticks",
    symbol: str = "",
    theme: str | Theme = "light",
) -> "Figure":
    """Rates at which depths were reached, on a logarithmic axis, with lines ``A · exp(−k · depth)``.

    Parameters
    ----------
    levels : array-like of float, shape (n,)
        Depths.
    counts : array-like of int, shape (n,)
        How often each was reached; those never reached are not drawn.
    seconds : float
        How long was watched.
    fits : mapping of str to (A, k)
        By the name of a fit; A for each second, k for each unit of depth.
    unit : str
        Of the depths.
    symbol : str
        Of what.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: A and k of the first fit. Bars are two standard errors of Poisson counts.

    Raises
    ------
    ShapeError
        If the columns differ in length.
    """
    from matplotlib import ticker

    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    depth, n = np.asarray(levels, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if depth.shape != n.shape or depth.ndim != 1:
        raise ShapeError("a level has a count", found=n.shape, expected=str(depth.shape))
    seen = n > 0
    depth, n = depth[seen], n[seen]
    figure = Figure(paint, (8.4, 4.6))
    with figure.painting():
        ax = figure.subplots()
        if not len(depth):
            panel.empty(ax, "No level was reached.", paint)
        else:
            rate = n / seconds
            spread = np.exp(2.0 / np.sqrt(n))
            bars = np.array([rate - rate / spread, rate * spread - rate])
            ax.set_yscale("log")
            ax.errorbar(
                depth,
                rate,
                yerr=bars,
                fmt="o",
                markersize=4.5,
                color=paint.text,
                ecolor=paint.muted,
                elinewidth=1.0,
            )
            hues = (paint.equity, paint.drawdown, paint.third, paint.fourth)
            dashes = ("-", (0, (4, 2)), (0, (1, 1.5)))
            for i, (name, (scale, k)) in enumerate(fits.items()):
                ends = np.array([depth.min(), depth.max()])
                ax.plot(
                    ends, scale * np.exp(-k * ends), color=hues[i % 4], linestyle=dashes[i % 3], label=name
                )
            ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: compact(value)))
            ax.set_xlabel(f"Depth, {unit} from the middle")
            ax.set_ylabel("Reached, times a second")
            ax.grid(visible=True, axis="y")
            panel.number_axis(ax, x=True)
            if fits:
                ax.legend(loc="upper right")
        ax.set_title(intensity_title(next(iter(fits.values()), None), unit, symbol))
        figure.alt = ax.get_title(loc="left")
    return figure


def intensity_title(fit: tuple[float, float] | None, unit: str, symbol: str) -> str:
    """How fast fills become rarer."""
    name = f"{symbol}: " if symbol else ""
    if fit is None or not np.isfinite(fit).all():
        return _sentence(f"{name}how often takers reach each depth")
    half = f"{np.log(2.0) / fit[1]:.3g}" if fit[1] > 0 else "no number of"
    law = f"(A = {fit[0]:.3g} a second, k = {fit[1]:.3g})"
    return _sentence(f"{name}takers come half as often every {half} {unit} {law}")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
