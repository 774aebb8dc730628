"""What features say of the next move, and how long they remember themselves."""

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

_ERRORS = 2.0  # standard errors that chance is allowed, either way
_MOST_LINES = 6


def prediction_figure(
    names: Sequence[str],
    correlations: ArrayLike,
    errors: ArrayLike,
    *,
    target: str = "the next move",
    theme: str | Theme = "light",
) -> "Figure":
    """Correlation of each feature with a target, the strongest on top, beside what chance would bring.

    Parameters
    ----------
    names : sequence of str, length n_features
        Of the features.
    correlations : array-like of float, shape (n_features,)
        NaN where a feature does not vary: it is left out.
    errors : array-like of float, shape (n_features,)
        Standard error of each, were there nothing in it; two of them are shaded.
    target : str
        What they are correlated with.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how many features pass two standard errors, and the strongest.

    Raises
    ------
    ShapeError
        If names, correlations and errors differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    values, chance = (np.asarray(each, dtype=np.float64) for each in (correlations, errors))
    if not values.shape == chance.shape == (len(names),):
        raise ShapeError(
            "every feature has a correlation and an error",
            found=(values.shape, chance.shape),
            expected=str((len(names),)),
        )
    order = [row for row in np.argsort(np.abs(values), kind="stable").tolist() if np.isfinite(values[row])]
    figure = Figure(paint, (9.0, 1.5 + 0.34 * max(len(order), 2)))
    with figure.painting():
        ax = figure.subplots()
        if not order:
            panel.empty(ax, "No feature varies.", paint)
        else:
            at = np.arange(len(order))
            ax.barh(
                at, 2 * _ERRORS * chance[order], left=-_ERRORS * chance[order], height=0.9, color=paint.grid
            )
            colours = [paint.buy if values[row] > 0 else paint.sell for row in order]
            ax.barh(at, values[order], height=0.5, color=colours)
            ax.axvline(0.0, color=paint.muted, linewidth=0.8)
            ax.set_yticks(at, [names[row].replace("_", " ") for row in order])
            panel.number_axis(ax, x=True)
            ax.set_xlabel(f"Correlation with {target}; shaded, two standard errors of none")
        ax.set_title(prediction_title(names, values, chance, target))
        figure.alt = ax.get_title(loc="left")
    return figure


def prediction_title(names: Sequence[str], values: FloatArray, errors: FloatArray, target: str) -> str:
    """How many features pass two standard errors, and the strongest."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return f"No feature varies, so that none says anything of {target}"
    passed = int((np.abs(values[known]) > _ERRORS * errors[known]).sum())
    strongest = int(known[np.argmax(np.abs(values[known]))])
    name = names[strongest].replace("_", " ")
    verb = "tells" if passed == 1 else "tell"
    return (
        f"{passed or 'None'} of {len(known)} features {verb} more of {target} than chance,\n"
        f"{name} the most: {words.number(values[strongest], sign=True)}"
    )


def memory_figure(
    lags: ArrayLike,
    correlations: Mapping[str, ArrayLike],
    error: float,
    *,
    interval: str = "interval",
    theme: str | Theme = "light",
) -> "Figure":
    """Correlation of features with their own past, a line each.

    Parameters
    ----------
    lags : array-like of int, shape (n_lags,)
        In intervals, rising.
    correlations : mapping of str to array-like of float, shape (n_lags,)
        By the name of the feature; at most six.
    error : float
        Standard error of each, were there nothing in it; two of them are shaded.
    interval : str
        How long an interval is, as ``"10 seconds"``.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: which feature remembers itself longest.

    Raises
    ------
    ShapeError
        If a feature has not one value for each lag, or there are more than six.
    """
    from matplotlib.ticker import MaxNLocator

    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    x = np.asarray(lags, dtype=np.float64)
    lines = {name: np.asarray(values, dtype=np.float64) for name, values in correlations.items()}
    if len(lines) > _MOST_LINES or any(each.shape != x.shape for each in lines.values()):
        raise ShapeError(
            "a feature has a value for each lag, and at most six are drawn",
            found={name: each.shape for name, each in lines.items()},
            expected=str(x.shape),
        )
    hues = (paint.equity, paint.drawdown, paint.third, paint.fourth, paint.text, paint.benchmark)
    figure = Figure(paint, (9.0, 4.2))
    with figure.painting():
        ax = figure.subplots()
        ax.axhspan(-_ERRORS * error, _ERRORS * error, color=paint.grid, linewidth=0.0)
        for (name, values), hue in zip(lines.items(), hues, strict=False):
            ax.plot(x, values, color=hue, marker="o", markersize=3.0, label=name.replace("_", " "))
        ax.axhline(0.0, color=paint.muted, linewidth=0.8)
        panel.number_axis(ax)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel(f"Lag, in intervals of {interval}; shaded, two standard errors of none")
        ax.set_ylabel("Correlation with its own past")
        ax.grid(visible=True, axis="y")
        ax.legend(loc="best", ncols=2)
        ax.set_title(memory_title(x, lines, error))
        figure.alt = ax.get_title(loc="left")
    return figure


def memory_title(lags: FloatArray, lines: Mapping[str, FloatArray], error: float) -> str:
    """Which feature remembers itself longest."""
    lasts = {
        name: int(lags[np.argmin(np.append(values > _ERRORS * error, False))] - 1)
        if not np.all(values > _ERRORS * error)
        else int(lags[-1])
        for name, values in lines.items()
    }
    longest = max(lasts, key=lambda name: lasts[name], default="")
    if not longest or lasts[longest] < 1:
        return "No feature remembers its last interval"
    reach = f"at least {lasts[longest]}" if lasts[longest] == lags[-1] else str(lasts[longest])
    return f"{longest.replace('_', ' ').capitalize()} remembers itself longest: {reach} intervals"
