"""Days of years as a calendar, weekdays down and weeks across: what each of them has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.returns import ink_on
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import AnyArray, ArrayLike, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

CLOSED, COMPLETE, PART, MISSING, EXTRA, OUTSIDE = range(6)
"""States of a day, as `omni_lab.data.DayState` has them."""

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOST_YEARS = 10
_WEEKS = 54


class _Look(NamedTuple):
    label: str
    colour: str
    mark: str


def calendar_figure(
    dates: ArrayLike,
    states: ArrayLike,
    n_bars: ArrayLike,
    n_expected: ArrayLike,
    *,
    name: str = "",
    theme: str | Theme = "light",
) -> "Figure":
    """What each day has, a strip of weeks for each year.

    Parameters
    ----------
    dates : array-like of datetime64[D], shape (n_days,)
        Days, increasing, of ten years at most.
    states : array-like of int, shape (n_days,)
        CLOSED (0), COMPLETE (1), PART (2), MISSING (3), EXTRA (4: bars, and no session) or OUTSIDE (5: before
        the first bar or after the last) of each.
    n_bars, n_expected : array-like of int, shape (n_days,)
        Bars that there are and should be.
    name : str
        Of the instrument.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how many sessions are complete, and what is wrong with the others. Every state has a colour
        and a mark; in a day that is not whole stands how many per cent of its bars there are.

    Raises
    ------
    ShapeError
        If the columns differ in length, or there are more than ten years.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    days = np.asarray(dates, dtype="datetime64[D]")
    state, there, wanted = (np.asarray(each, dtype=np.int64) for each in (states, n_bars, n_expected))
    if not (days.shape == state.shape == there.shape == wanted.shape) or days.ndim != 1:
        raise ShapeError(
            "every day has a state and two counts",
            found=[each.shape for each in (state, there, wanted)],
            expected=str(days.shape),
        )
    years = np.unique(days.astype("datetime64[Y]"))
    if len(years) > _MOST_YEARS:
        raise ShapeError("there are too many years", found=len(years), expected=f"{_MOST_YEARS} or fewer")
    n_strips = max(len(years), 1)
    figure = Figure(paint, (11.0, 1.0 + 1.62 * n_strips))
    with figure.painting():
        strips = figure.subplots(n_strips, 1, squeeze=False)[:, 0]
        if not len(years):
            panel.empty(strips[0], "No day to show.", paint)
        for ax, year in zip(strips, years, strict=False):
            chosen = days.astype("datetime64[Y]") == year
            _draw(ax, days[chosen], state[chosen], there[chosen], wanted[chosen], paint)
        _legend(figure, state, paint)
        figure.suptitle(
            calendar_title(days, state, name), x=0.008, ha="left", fontsize=11.5, fontweight="bold", wrap=True
        )
        figure.alt = calendar_title(days, state, name)
    return figure


def calendar_title(days: AnyArray, state: IntArray, name: str) -> str:
    """How many sessions are complete, and what is wrong with the others."""
    of = f"{name}: " if name else ""
    n = {each: int((state == each).sum()) for each in (COMPLETE, PART, MISSING, EXTRA)}
    n_sessions = n[COMPLETE] + n[PART] + n[MISSING]
    if not n_sessions and not n[EXTRA]:
        return f"{of}no session has bars here" if len(days) else f"{of}no day to show"
    if not n_sessions:
        told = ["no sessions"]
    elif n[COMPLETE] == n_sessions:
        told = [f"{words.count(n_sessions, 'session')}, every one complete"]
    else:
        told = [f"{n[COMPLETE]} of {words.count(n_sessions, 'session')} complete"]
    if n[MISSING]:
        told.append(f"{n[MISSING]} missing, the first {days[state == MISSING][0]}")
    if n[PART]:
        told.append(f"{n[PART]} in part")
    if n[EXTRA]:
        told.append(f"{words.count(n[EXTRA], 'day')} with bars and no session")
    return of + "; ".join(told)


def _looks(theme: Theme) -> Sequence[_Look]:
    light = theme.name == "light"
    return (
        _Look("closed", theme.grid, "."),
        _Look("complete", "#cfe3f1" if light else "#12466b", ""),
        _Look("part, % of its bars", "#f4c79f" if light else "#7a4310", "50"),
        _Look("missing", theme.sell, "x"),
        _Look("bars, no session", theme.fourth, "+"),
        _Look("before or after the data", theme.background, "_"),
    )


def _draw(
    ax: "Axes", days: AnyArray, state: IntArray, n_bars: IntArray, n_expected: IntArray, theme: Theme
) -> None:
    from matplotlib.colors import to_rgba

    looks = _looks(theme)
    first = days[0].astype("datetime64[Y]").astype("datetime64[D]")
    monday = (int(first.astype(np.int64)) + 3) % 7  # 1 January 1970 was a Thursday
    place = (days - first).astype(np.int64) + monday
    x, y = place // 7, place % 7
    cells = np.zeros((7, _WEEKS, 4))
    cells[y, x] = np.array([to_rgba(look.colour) for look in looks])[state]
    ax.pcolormesh(
        np.arange(_WEEKS + 1), np.arange(8), cells, edgecolors=theme.background, linewidth=1.4, zorder=1
    )
    for kind, look in enumerate(looks):
        at = state == kind
        if look.mark and kind != PART and at.any():
            ax.scatter(x[at] + 0.5, y[at] + 0.5, **_mark(look, theme), zorder=3)
    ink = _ink(looks[PART])
    for column, row, share in zip(*_shares(x, y, state, n_bars, n_expected), strict=True):
        ax.text(column + 0.5, row + 0.52, f"{share}", ha="center", va="center", fontsize=6.0, color=ink)
    _months(ax, days, place, theme)
    ax.set_xlim(-0.1, _WEEKS)
    ax.set_ylim(7.0, 0.0)
    ax.set_yticks(np.arange(7) + 0.5, [name if row % 2 == 0 else "" for row, name in enumerate(_WEEKDAYS)])
    ax.tick_params(length=0.0, labelsize=8.0)
    ax.spines["bottom"].set_visible(False)
    ax.set_ylabel(str(first)[:4], fontweight="bold", color=theme.text)


def _shares(
    x: IntArray, y: IntArray, state: IntArray, n_bars: IntArray, n_expected: IntArray
) -> tuple[list[int], list[int], list[int]]:
    at = state == PART
    # A day that lacks one bar of many is not whole: it is never written as 100.
    share = np.clip(100 * n_bars[at] // np.maximum(n_expected[at], 1), 1, 99)
    return x[at].tolist(), y[at].tolist(), share.tolist()


def _months(ax: "Axes", days: AnyArray, place: IntArray, theme: Theme) -> None:
    """Names of months, and a line where one ends."""
    months = days.astype("datetime64[M]").astype(np.int64) % 12
    begins = np.flatnonzero(np.diff(months, prepend=-1))
    ax.set_xticks(place[begins] // 7 + 1.2, [_MONTHS[months[each]] for each in begins])
    ax.xaxis.tick_top()
    for each in begins[1:]:
        column, row = place[each] // 7, place[each] % 7
        corner = ([column + 1] * 2 + [column] * 2, [0, row, row, 7]) if row else ([column] * 2, [0, 7])
        ax.plot(*corner, color=theme.muted, linewidth=0.9, zorder=2, solid_capstyle="butt")


def _legend(figure: "Figure", state: IntArray, theme: Theme) -> None:
    from matplotlib.legend_handler import HandlerTuple
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    found = [(kind, look) for kind, look in enumerate(_looks(theme)) if (state == kind).any()]
    handles: list[Any] = []  # pairs, which the handler of tuples draws one on the other
    for kind, look in found:
        box = Patch(facecolor=look.colour, edgecolor=theme.muted, linewidth=0.6)
        marker = f"${look.mark}$" if kind == PART else look.mark
        line = Line2D([], [], linestyle="", marker=marker or "None", markersize=6.0 if kind != PART else 8.0)
        line.set_color(_ink(look) if kind != CLOSED else theme.muted)
        line.set_markeredgewidth(1.3 if kind in (MISSING, EXTRA) else 0.4)
        handles.append((box, line))
    if handles:
        figure.legend(
            handles,
            [look.label for _, look in found],
            loc="outside lower left",
            ncols=6,
            handler_map={tuple: HandlerTuple(ndivide=1, pad=0.0)},
            handlelength=1.4,
            handleheight=1.3,
            columnspacing=1.6,
        )


def _mark(look: _Look, theme: Theme) -> dict[str, Any]:
    if look.mark == "x" or look.mark == "+":
        return {"marker": look.mark, "s": 30.0, "linewidths": 1.6, "color": _ink(look)}
    return {"marker": look.mark, "s": 10.0, "linewidths": 0.8, "color": theme.muted}


def _ink(look: _Look) -> str:
    from matplotlib.colors import to_rgb

    return ink_on(np.array(to_rgb(look.colour)))
