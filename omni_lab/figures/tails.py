"""Figures of value at risk: what exceeded it, how the tail falls, and whose risk it is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure


class Tail(Protocol):
    """What `omni_lab.risk.ParetoTail` knows about losses over a threshold."""

    @property
    def threshold(self) -> float: ...  # noqa: D102
    @property
    def shape(self) -> float: ...  # noqa: D102
    @property
    def shape_error(self) -> float: ...  # noqa: D102
    def survival(self, losses: ArrayLike) -> FloatArray: ...  # noqa: D102
    def var(self, confidence: float) -> float: ...  # noqa: D102
    def es(self, confidence: float) -> float: ...  # noqa: D102


def exceedances_figure(
    ts: ArrayLike,
    returns: ArrayLike,
    var: ArrayLike,
    *,
    confidence: float,
    name: str = "VaR",
    theme: str | Theme = "light",
) -> "Figure":
    """Returns over time, the loss that VaR allowed, and where it was exceeded.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_obs,)
        Times of the steps.
    returns : array-like of float, shape (n_obs,)
        Fractions; losses are negative.
    var : array-like of float, shape (n_obs,)
        Positive losses, known before each step; NaN leaves a gap.
    confidence : float
        Of the VaR.
    name : str, default "VaR"
        What to call it.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how many exceeded it, and how many were to be expected.

    Raises
    ------
    ShapeError
        If the arrays differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    r, limits = panel.series(returns, ns, "returns"), panel.series(var, ns, "var")
    known = np.isfinite(limits) & np.isfinite(r)
    exceeded = known & (-r > limits)
    figure = Figure(paint, (11.0, 4.4))
    with figure.painting():
        ax = figure.subplots()
        if not known.any():
            panel.empty(ax, "No step has a VaR.", paint)
        else:
            axis = TimeAxis(ns)
            x = axis.x()
            panel.area(ax, axis, np.nan_to_num(r), paint.benchmark, paint.benchmark, 0.8, step=True)
            panel.line(ax, axis, -limits, color=paint.equity, linewidth=1.2, label=f"−{name}")
            label = words.count(int(exceeded.sum()), "exceedance")
            ax.plot(x[exceeded], r[exceeded], "v", color=paint.sell, markersize=5.0, label=label, zorder=3)
            low = float(np.nanmin(np.append(r[known], -limits[known])))
            ax.set_ylim(1.08 * low, 1.08 * max(float(r[known].max()), 0.0) - 0.02 * low)
            panel.percent_axis(ax)
            panel.finish(ax, axis, "Return")
            panel.legend_above(ax)
        n, n_exceeded = int(known.sum()), int(exceeded.sum())
        expected = words.number(n * (1.0 - confidence), 0 if n * (1.0 - confidence) >= 10 else 1)
        level = f"{100 * confidence:.4g}% {name}"
        ax.set_title(f"{n_exceeded:,} of {n:,} losses exceeded the {level}; {expected} expected")
        figure.alt = ax.get_title(loc="left")
    return figure


def tail_figure(
    losses: ArrayLike,
    tail: Tail,
    *,
    confidence: float = 0.99,
    theme: str | Theme = "light",
) -> "Figure":
    """Probability of a larger loss, as it came and as a Pareto tail says, both on logarithmic scales.

    Parameters
    ----------
    losses : array-like of float, shape (n_obs,)
        Positive where something is lost; all of those that the tail was fitted to. NaN is left out.
    tail : ParetoTail
        As `omni_lab.risk.fit_pareto_tail` finds it, with a threshold above 0.
    confidence : float, default 0.99
        Where VaR and ES are marked.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how fast the tail falls, and what VaR and ES are.
    """
    from matplotlib import ticker

    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    values = np.asarray(losses, dtype=np.float64)
    values = np.sort(values[np.isfinite(values)])[::-1]
    shown = values[values > max(0.2 * tail.threshold, 0.0)]
    figure = Figure(paint, (11.0, 4.4))
    with figure.painting():
        ax = figure.subplots()
        if not len(shown):
            panel.empty(ax, "There are no losses.", paint)
        else:
            var, es = tail.var(confidence), tail.es(confidence)
            chance = (np.arange(len(shown)) + 0.5) / len(values)
            far = max(3.0 * float(shown[0]), 1.5 * var)
            ax.plot(shown, chance, "o", color=paint.benchmark, markersize=3.5, label="losses as they came")
            at = np.geomspace(max(tail.threshold, float(shown[-1])), far, 200)
            ax.plot(at, tail.survival(at), color=paint.equity, linewidth=2.0, label="Pareto tail")
            ax.set_xscale("log")
            ax.set_yscale("log")
            ax.set_xlim(float(shown[-1]), far)
            ax.set_ylim(0.1 * chance[0], 1.0)
            ax.axvline(tail.threshold, color=paint.muted, linewidth=1.0, linestyle=(0, (1, 2)))
            marks = ((var, "VaR", paint.sell, "solid"), (es, "ES", paint.fourth, (0, (5, 3))))
            for where, text, colour, style in marks:
                if np.isfinite(where) and where < far:
                    label = f"{text} {words.percent(where)}"
                    ax.axvline(where, color=colour, linewidth=1.4, linestyle=style, label=label)
            ax.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
            ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: words.percent(value)))
            ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: words.percent(value)))
            for each in (ax.xaxis, ax.yaxis):
                each.set_minor_locator(ticker.NullLocator())
            ax.set_xlabel("Loss, log scale")
            ax.set_ylabel("Probability of more, log scale")
            ax.grid(visible=True, axis="y")
            ax.legend(loc="lower left")
            error = f" ± {words.number(tail.shape_error)}" if np.isfinite(tail.shape_error) else ""
            far_out = f"{words.percent(es)}" if np.isfinite(es) else "infinite"
            ax.set_title(
                f"Tail of shape {words.number(tail.shape)}{error}: VaR {words.percent(var)}, "
                f"ES {far_out} at {100 * confidence:.4g}%"
            )
        figure.alt = ax.get_title(loc="left")
    return figure


def components_figure(
    names: Sequence[str],
    components: ArrayLike,
    weights: ArrayLike,
    *,
    measure: str = "VaR",
    theme: str | Theme = "light",
) -> "Figure":
    """Share of the risk beside the share of the money, a pair of bars a position.

    Parameters
    ----------
    names : sequence of str
        Of the positions.
    components : array-like of float, shape (n_assets,)
        That add up to the risk, as `omni_lab.risk.Parts.component`; negative where a position hedges.
    weights : array-like of float, shape (n_assets,)
        Fractions or money; shares are of the sum of their sizes.
    measure : str, default "VaR"
        What the components add up to.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: who has the largest share of the risk. Sorted by it; the largest 20 are shown.

    Raises
    ------
    ShapeError
        If the three differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    risk, money = np.asarray(components, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if risk.shape != (len(names),) or money.shape != risk.shape:
        raise ShapeError(
            "every position has a component and a weight",
            found=f"{risk.shape} and {money.shape}",
            expected=str((len(names),)),
        )
    total, gross = float(risk.sum()), float(np.abs(money).sum())
    known = bool(len(names)) and total != 0.0 and gross > 0.0 and np.isfinite(total + gross)
    order = np.argsort(-risk / total, kind="stable")[:20] if known else np.arange(0)
    figure = Figure(paint, (11.0, 1.2 + 0.34 * max(len(order), 3)))
    with figure.painting():
        ax = figure.subplots()
        if not known:
            panel.empty(ax, "There is no risk to share.", paint)
        else:
            at = np.arange(len(order))
            share, held = risk[order] / total, money[order] / gross
            ax.barh(at - 0.19, share, 0.36, color=paint.sell, label=f"share of {measure}")
            ax.barh(at + 0.19, held, 0.36, color=paint.equity, alpha=0.55, label="share of the money")
            ax.set_yticks(at, [names[i] for i in order])
            ax.invert_yaxis()
            ax.axvline(0.0, color=paint.muted, linewidth=0.8)
            from matplotlib.ticker import FuncFormatter

            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.percent(value, decimals=0)))
            ax.grid(visible=True, axis="x")
            panel.legend_above(ax)
            ax.set_title(
                f"{names[order[0]]} has {words.percent(share[0], decimals=0)} of {measure} "
                f"with {words.percent(held[0], decimals=0)} of the money"
            )
        figure.alt = ax.get_title(loc="left")
    return figure
