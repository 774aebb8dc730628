"""Where a dealer quotes around the middle, by what is held, and what came of quoting so."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

_DASHES = ("-", (0, (4, 2)), (0, (1, 1.5)))
_BINS = 60


def quoting_figure(
    inventory: ArrayLike,
    depths: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    unit: str = "price units",
    theme: str | Theme = "light",
) -> "Figure":
    """Bid and ask of one or several rules, over the inventory.

    Parameters
    ----------
    inventory : array-like of float, shape (n,)
        Units held, rising.
    depths : mapping of str to two array-likes of float, shape (n,)
        By the name of a rule: distances of bid and ask from the middle; infinite where it does not quote. The
        first is drawn solid, the next dashed, then dotted.
    unit : str
        Of the depths.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: where the first rule quotes when it holds least, and how far a unit held moves its quotes.

    Raises
    ------
    ShapeError
        If the columns differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint, held = find_theme(theme), np.asarray(inventory, dtype=np.float64)
    rules = {name: _both_sides(held, pair, name) for name, pair in depths.items()}
    figure = Figure(paint, (8.4, 5.2))
    with figure.painting():
        ax = figure.subplots()
        if not rules or not len(held):
            panel.empty(ax, "No rule, or no inventory.", paint)
        else:
            for (name, (bid, ask)), dashes in zip(rules.items(), _DASHES * len(rules), strict=False):
                for side, price, colour in (("bid", -bid, paint.buy), ("ask", ask, paint.sell)):
                    label = f"{name}, {side}" if len(rules) > 1 else side
                    seen = np.where(np.isfinite(price), price, np.nan)
                    ax.plot(held, seen, color=colour, linestyle=dashes, label=label)
            ax.axhline(0.0, color=paint.muted, linewidth=0.8, zorder=0)
            ax.set_xlabel("Inventory, units")
            ax.set_ylabel(f"Quote less middle, {unit}")
            ax.grid(visible=True, axis="y")
            panel.number_axis(ax)
            panel.number_axis(ax, x=True)
            ax.legend(loc="upper right", ncols=max(1, len(rules)))
        ax.set_title(quoting_title(held, next(iter(rules.values()), None)))
        figure.alt = ax.get_title(loc="left")
    return figure


def quoting_title(held: FloatArray, pair: tuple[FloatArray, FloatArray] | None) -> str:
    """Half of the spread at the smallest position, and the slope of the quotes there."""
    if pair is None or len(held) < 3:
        return "Too few positions to tell a rule"
    at = int(np.argmin(np.abs(held)))
    at = min(max(at, 1), len(held) - 2)
    centre = (pair[1] - pair[0]) / 2.0
    slope = (centre[at + 1] - centre[at - 1]) / (held[at + 1] - held[at - 1])
    half = (pair[1][at] + pair[0][at]) / 2.0
    return (
        f"Quotes lie {half:.3g} from a centre that moves {words.number(slope, _decimals(slope))}"
        " for each unit held"
    )


def profits_figure(
    profits: Mapping[str, ArrayLike], *, unit: str = "money", theme: str | Theme = "light"
) -> "Figure":
    """Histograms of what one or several rules earned, on one axis.

    Parameters
    ----------
    profits : mapping of str to array-like of float
        By the name of a rule: the profit of each path.
    unit : str
        Of the profits.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: mean and standard deviation of each.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in profits.items()}
    columns = {name: column[np.isfinite(column)] for name, column in columns.items()}
    columns = {name: column for name, column in columns.items() if len(column)}
    figure = Figure(paint, (8.4, 4.2))
    with figure.painting():
        ax = figure.subplots()
        if not columns:
            panel.empty(ax, "No profit to show.", paint)
        else:
            whole = np.concatenate(list(columns.values()))
            bins = np.linspace(whole.min(), whole.max() + 1e-12, _BINS + 1)
            hues = (paint.equity, paint.drawdown, paint.third, paint.fourth)
            for (name, column), hue in zip(columns.items(), hues * len(columns), strict=False):
                part = np.histogram(column, bins)[0] / len(column)
                ax.stairs(part, bins, fill=True, color=hue, alpha=0.35, linewidth=0.0)
                ax.stairs(part, bins, color=hue, linewidth=1.3, label=name)
            ax.set_xlabel(f"Profit, {unit}")
            ax.set_ylabel("Part of paths")
            ax.grid(visible=True, axis="y")
            panel.percent_axis(ax)
            panel.number_axis(ax, x=True)
            ax.legend(loc="upper left")
        ax.set_title(profits_title(columns))
        figure.alt = ax.get_title(loc="left")
    return figure


def profits_title(columns: Mapping[str, FloatArray]) -> str:
    """``Earned: inventory 65.0 ± 6.6, symmetric 68.2 ± 13.5``."""
    said = [
        f"{name} {words.number(float(of.mean()), 1)} ± {words.number(float(of.std()), 1)}"
        for name, of in columns.items()
    ]
    return f"Earned: {', '.join(said)}" if said else "Nothing was earned"


def _both_sides(
    held: FloatArray, pair: tuple[ArrayLike, ArrayLike], name: str
) -> tuple[FloatArray, FloatArray]:
    bid, ask = (np.asarray(depth, dtype=np.float64) for depth in pair)
    if bid.shape != held.shape or ask.shape != held.shape:
        raise ShapeError(
            "each inventory has a bid and an ask",
            found=(bid.shape, ask.shape),
            expected=str(held.shape),
            where=f"depths: {name}",
        )
    return bid, ask


def _decimals(value: float) -> int:
    """As many as leave three digits of a value below 1."""
    size = abs(value)
    return 2 if not 0.0 < size < 1.0 else int(np.ceil(-np.log10(size))) + 2
