"""Figures of risk: titles that say what the numbers say, both themes, nothing to show, what is refused."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from omni_lab.errors import ShapeError
from omni_lab.figures import (
    components_figure,
    exceedances_figure,
    regimes_figure,
    stress_figure,
    tail_figure,
)
from omni_lab.figures._canvas import Figure
from omni_lab.risk import ParetoTail

DAY = 86_400_000_000_000
TS = np.datetime64("2015-01-01", "ns").astype(np.int64) + np.arange(300) * DAY
RETURNS = 0.01 * np.sin(np.arange(300) * 0.7)
VAR = np.where(np.arange(300) < 100, np.nan, 0.0099)
LOSSES = np.random.default_rng(0).standard_t(4, 2000) * 0.01
PNL = np.array([[-100.0, 20.0], [50.0, math.nan], [1e6, -2.5e6]])


def tail(shape: float) -> ParetoTail:
    return ParetoTail(
        threshold=0.02,
        shape=shape,
        scale=0.008,
        shape_error=0.1,
        scale_error=0.001,
        n_excesses=100,
        n_obs=1000,
    )


DRAWINGS: dict[str, Callable[[str], Figure]] = {
    "10 of 200 losses exceeded the 97.5% VaR; 5.0 expected": lambda theme: exceedances_figure(
        TS, RETURNS, VAR, confidence=0.975, theme=theme
    ),
    "Tail of shape 0.20 ± 0.10: VaR 4.3%, ES 5.9% at 99%": lambda theme: tail_figure(
        LOSSES, tail(0.2), theme=theme
    ),
    "Tail of shape 1.20 ± 0.10: VaR 11.9%, ES infinite at 99%": lambda theme: tail_figure(
        LOSSES, tail(1.2), theme=theme
    ),
    "b has 80% of ES with 33% of the money": lambda theme: components_figure(
        ["a", "b", "c"], [2.0, 12.0, 1.0], [1.0, 1.0, 1.0], measure="ES", theme=theme
    ),
    "Worst is crash: −1.5M": lambda theme: stress_figure(
        ["day", "gap", "crash"], ["x", "y"], PNL, theme=theme
    ),
    "No scenario loses": lambda theme: stress_figure(["up"], ["x", "y"], [[1.0, 0.0]], theme=theme),
    "The wild regime was likely in 50% of the time": lambda theme: regimes_figure(
        TS, 100.0 + np.arange(300), np.where(np.arange(300) < 100, np.nan, np.arange(300) >= 200), theme=theme
    ),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("title", list(DRAWINGS))
def test_the_title_is_the_finding(title: str, theme: str) -> None:
    figure = DRAWINGS[title](theme)
    assert figure.alt == title
    assert figure._repr_png_()[:4] == b"\x89PNG"


def test_exceedances_are_marked_where_they_are() -> None:
    figure = exceedances_figure(TS, RETURNS, VAR, confidence=0.975)
    marked = next(line for line in figure.axes[0].lines if line.get_marker() == "v")
    exceeded = (np.arange(300) >= 100) & (-RETURNS > 0.0099)
    assert np.asarray(marked.get_xdata()).tolist() == (TS[exceeded] / DAY).tolist()


def test_a_stress_table_says_what_it_holds_and_what_it_does_not() -> None:
    figure = stress_figure(["day", "gap", "crash"], ["x", "y"], PNL)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["−100", "20", "−80", "50", "–", "–", "1M", "−2.5M", "−1.5M"]
    many = stress_figure(["s"], [f"p{i}" for i in range(30)], [np.arange(30.0)])
    labels = [label.get_text() for label in many.axes[0].get_xticklabels()]
    assert labels == [*(f"p{i}" for i in range(19, 30)), "19 others", "total"]
    assert [text.get_text() for text in many.axes[0].texts][-2:] == ["171", "435"]


def test_components_come_in_order_of_risk() -> None:
    figure = components_figure(["a", "b", "c"], [1.0, 5.0, -2.0], [1.0, 1.0, -2.0])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["b", "a", "c"]
    widths = [patch.get_width() for patch in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert widths == pytest.approx([1.25, 0.25, -0.5, 0.25, 0.25, -0.5])


def test_nothing_to_show_is_said_and_not_a_failure() -> None:
    nothing = np.full(300, np.nan)
    for figure in (
        exceedances_figure(TS, RETURNS, nothing, confidence=0.99),
        tail_figure([], tail(0.2)),
        components_figure([], [], []),
        components_figure(["a"], [0.0], [1.0]),
        stress_figure(["s"], ["x"], [[math.nan]]),
        stress_figure([], [], np.empty((0, 0))),
        regimes_figure(TS, RETURNS, nothing),
    ):
        assert figure._repr_png_()


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ShapeError):
        exceedances_figure(TS, RETURNS[1:], VAR, confidence=0.99)
    with pytest.raises(ShapeError):
        components_figure(["a"], [1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ShapeError):
        stress_figure(["s"], ["x"], [[1.0, 2.0]])
    with pytest.raises(ShapeError):
        regimes_figure(TS, RETURNS, VAR[1:])
