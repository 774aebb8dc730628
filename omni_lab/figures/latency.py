"""How long commands took: a histogram for each stage, on a logarithmic scale."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

_PARTS = 24  # bars for each factor of ten
_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_MARKS = (0.5, 0.99)


def latency_figure(
    stages: Mapping[str, tuple[ArrayLike, ArrayLike]], *, theme: str | Theme = "light"
) -> "Figure":
    """Histograms of durations, one below the other.

    Parameters
    ----------
    stages : mapping of str to (array-like, array-like)
        By name: durations in nanoseconds, and how often each was measured. The last one is the title's.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: median and 99th percentile of the last stage.

    Raises
    ------
    ShapeError
        If durations and counts differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    measured = {name: _checked(name, *columns) for name, columns in stages.items()}
    measured = {name: columns for name, columns in measured.items() if columns[1].sum()}
    figure = Figure(paint, (11.0, 1.1 + 0.75 * max(len(measured), 1)))
    with figure.painting():
        axes = figure.subplots(max(len(measured), 1), 1, sharex=True, squeeze=False)[:, 0]
        if not measured:
            panel.empty(axes[0], "Nothing was measured.", paint)
        for ax, (name, (ns, counts)) in zip(axes, measured.items(), strict=False):
            _draw(ax, name, ns, counts, paint)
        if measured:
            _decorate(axes, [ns for ns, _ in measured.values()])
        axes[0].set_title(latency_title(measured))
        figure.alt = axes[0].get_title(loc="left")
    return figure


def duration(ns: float) -> str:
    """Three digits in the unit that fits: ``1.24 µs``."""
    size, unit = next(each for each in _UNITS if ns >= each[0] or each[0] == 1.0)
    return f"{ns / size:.3g} {unit}"


def percentile(ns: FloatArray, counts: FloatArray, part: float) -> float:
    """The shortest duration that at least this part of the measurements does not exceed."""
    order = np.argsort(ns)
    reached = np.cumsum(counts[order])
    return float(ns[order][np.searchsorted(reached, part * reached[-1] * (1.0 - 1e-12))])


def latency_title(measured: Mapping[str, tuple[FloatArray, FloatArray]]) -> str:
    """Median and 99th percentile of the last stage."""
    if not measured:
        return "No latency to show"
    ns, counts = list(measured.values())[-1]
    half, most = (duration(percentile(ns, counts, part)) for part in _MARKS)
    return f"Half of {words.count(counts.sum(), 'command')} took at most {half}, 99% at most {most}"


def _draw(ax: "Axes", name: str, ns: FloatArray, counts: FloatArray, theme: Theme) -> None:
    positive = np.maximum(ns, 1.0)
    first, last = np.floor(np.log10(positive.min())), np.ceil(np.log10(positive.max() + 1.0))
    edges = np.logspace(first, last, int(last - first) * _PARTS + 1)
    heights, _ = np.histogram(positive, edges, weights=counts)
    ax.stairs(heights / heights.max(), edges, fill=True, color=theme.equity, alpha=0.75)
    for part, style in zip(_MARKS, ("-", (0, (1, 1.5))), strict=True):
        ax.axvline(percentile(positive, counts, part), color=theme.text, linewidth=1.0, linestyle=style)
    told = [f"{part:.0%} ≤ {duration(percentile(ns, counts, part))}" for part in _MARKS]
    note = "\n".join([*told, f"all ≤ {duration(float(ns.max()))}"])
    ax.text(1.01, 0.5, note, transform=ax.transAxes, va="center", fontsize=8.5, color=theme.muted)
    ax.set_ylabel(name, rotation=0.0, ha="right", va="center")
    ax.set_yticks(())


def _decorate(axes: "np.ndarray[tuple[int], np.dtype[np.object_]]", durations: list[FloatArray]) -> None:
    from matplotlib import ticker

    low, high = min(float(ns.min()) for ns in durations), max(float(ns.max()) for ns in durations)
    bottom: Axes = axes[-1]
    bottom.set_xscale("log")
    bottom.set_xlim(
        10.0 ** np.floor(np.log10(max(low, 1.0))), 10.0 ** np.ceil(np.log10(max(high, 1.0) + 1.0))
    )
    bottom.xaxis.set_major_formatter(ticker.FuncFormatter(lambda ns, _: duration(ns)))
    bottom.xaxis.set_minor_locator(ticker.NullLocator())
    bottom.set_xlabel("Duration, log scale")


def _checked(name: str, ns: ArrayLike, counts: ArrayLike) -> tuple[FloatArray, FloatArray]:
    durations, often = np.asarray(ns, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if durations.shape != often.shape or durations.ndim != 1:
        raise ShapeError(
            "every duration has a count", found=often.shape, expected=str(durations.shape), where=name
        )
    return durations, often
