"""How much of each limit is used, as gauges: what is left, where a warning comes, where a refusal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, BoolArray, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

_ROW_INCHES = 0.34
_BEYOND = 1.12  # of the limit: how far a gauge can show
_HEIGHT = 0.55


def limits_figure(
    labels: Sequence[str],
    value: ArrayLike,
    limit: ArrayLike,
    warn: ArrayLike | None = None,
    *,
    passes: ArrayLike | None = None,
    texts: Sequence[str] | None = None,
    theme: str | Theme = "light",
) -> "Figure":
    """One gauge for each limit, each as wide as its limit; where there is none, as what is warned of.

    Parameters
    ----------
    labels : sequence of str, length n_limits
        What each is, from the top.
    value : array-like of float, shape (n_limits,)
        What stands now, in any unit; NaN draws nothing, and below zero nothing is used.
    limit : array-like of float, shape (n_limits,)
        From where on it is refused, in the same unit; infinite for no limit.
    warn : array-like of float, shape (n_limits,), optional
        From where on it is warned of: a dotted mark; infinite for no warning.
    passes : array-like of bool, shape (n_limits,), optional
        Whether it stands within its limit; by default, what is not above it does.
    texts : sequence of str, length n_limits, optional
        What is written beside each; by default the value and its limit.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: what is beyond its limit, or which limit is nearest. Beyond is told by hatching, too.

    Raises
    ------
    ShapeError
        If the arrays differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    stands = np.asarray(value, dtype=np.float64)
    hard = np.asarray(limit, dtype=np.float64)
    soft = np.full(stands.shape, np.inf) if warn is None else np.asarray(warn, dtype=np.float64)
    within = ~(stands > hard) if passes is None else np.asarray(passes, dtype=np.bool_)
    _check(labels, stands, hard, soft, within, texts)
    width = np.where(np.isfinite(hard), hard, soft)
    used, warned_at = _shares(stands, width), _shares(soft, width)
    used = np.where(within, used, np.maximum(used, 1.0))
    figure = Figure(paint, (9.0, 1.1 + _ROW_INCHES * max(len(labels), 1)))
    with figure.painting():
        ax = figure.subplots()
        _draw_gauges(ax, paint, used, warned_at, within, np.isfinite(hard))
        said = texts if texts is not None else [_told(*pair) for pair in zip(stands, width, strict=True)]
        for row, text in enumerate(said):
            ax.text(_BEYOND + 0.02, row, text, color=paint.muted, va="center", fontsize=8.5)
        ax.set_yticks(range(len(labels)), labels, color=paint.text)
        ax.set_xlim(0.0, _BEYOND)
        ax.set_ylim(len(labels) - 0.4, -0.6)
        ax.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        ax.set_xlabel("Share of the limit that is used")
        ax.set_title(limits_title(labels, used, warned_at, within))
        figure.alt = ax.get_title(loc="left")
    return figure


def limits_title(labels: Sequence[str], used: FloatArray, warned_at: FloatArray, within: BoolArray) -> str:
    """What is beyond its limit, what is warned of, or which limit is nearest."""
    beyond = [labels[row] for row in np.flatnonzero(~within).tolist()]
    if beyond:
        return f"Beyond the limit: {_few(beyond)}"
    warned = [labels[row] for row in np.flatnonzero(used > warned_at).tolist()]
    if warned:
        return f"Warned of, within the limits: {_few(warned)}"
    if not np.isfinite(used).any():
        return "Nothing is limited"
    nearest = int(np.nanargmax(used))
    return f"All within their limits; the nearest is {labels[nearest]}, {used[nearest]:.0%} used"


def _check(
    labels: Sequence[str],
    stands: FloatArray,
    hard: FloatArray,
    soft: FloatArray,
    within: BoolArray,
    texts: Sequence[str] | None,
) -> None:
    shapes = [stands.shape, hard.shape, soft.shape, within.shape]
    n_texts = len(labels) if texts is None else len(texts)
    if any(shape != (len(labels),) for shape in shapes) or n_texts != len(labels):
        found = (len(labels), *shapes, n_texts)
        raise ShapeError("every limit has one label, value, limit, warning and text", found=found)


def _shares(values: FloatArray, width: FloatArray) -> FloatArray:
    """Values as shares of the width of their gauge; NaN where that has none."""
    shares = np.full(values.shape, np.nan)
    known = np.isfinite(width)
    np.divide(values, width, out=shares, where=known & (width > 0))
    nothing_allowed = known & (width == 0)
    shares[nothing_allowed] = np.where(values[nothing_allowed] > 0, np.inf, 0.0)
    return shares


def _draw_gauges(
    ax: "Axes",
    paint: Theme,
    used: FloatArray,
    warned_at: FloatArray,
    within: BoolArray,
    is_hard: BoolArray,
) -> None:
    rows = np.arange(len(used))
    ax.barh(rows, 1.0, height=_HEIGHT, color=paint.grid)
    for row in rows:
        colour = paint.buy if within[row] and not used[row] > warned_at[row] else paint.fourth
        hatch = None
        if not within[row]:
            colour, hatch = paint.sell, "////"
        length = float(np.clip(np.nan_to_num(used[row]), 0.0, _BEYOND))
        ax.barh(row, length, height=_HEIGHT, color=colour, hatch=hatch, edgecolor=paint.background)
        half = _HEIGHT / 2 + 0.1
        if is_hard[row]:
            ax.plot([1.0, 1.0], [row - half, row + half], color=paint.text, linewidth=1.6)
        if warned_at[row] <= _BEYOND:
            at = warned_at[row]
            ax.plot([at, at], [row - half, row + half], color=paint.text, linewidth=1.4, linestyle=":")


def _told(value: float, limit: float) -> str:
    if np.isnan(value):
        return "nothing to measure by"
    return f"{words.number(value, 4)} of {words.number(limit, 4)}" if np.isfinite(limit) else "no limit"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
