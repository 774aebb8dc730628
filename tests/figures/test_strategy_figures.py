"""Figures of research draw what they are given, in both themes, and refuse what does not fit."""

from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ShapeError
from omni_lab.figures import growth_figure, spread_figure, weights_figure
from omni_lab.figures.theme import DARK, LIGHT

DAYS = np.datetime64("2020-01-01", "ns") + np.arange(300) * np.timedelta64(1, "D")
RISING = np.linspace(50.0, 100.0, 300)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_growth_starts_at_one_and_names_what_has_a_name(theme: Any) -> None:
    curves = {f"rule {n}": RISING * (n + 1) for n in range(5)}
    figure = growth_figure(DAYS, curves, others=[RISING, RISING], title="It doubled", split=200, theme=theme)
    (ax,) = figure.axes
    drawn = [line for line in ax.lines if len(line.get_xdata()) > 2]  # type: ignore[arg-type]
    assert len(drawn) == 7
    for line in drawn:
        assert np.asarray(line.get_ydata())[[0, -1]] == pytest.approx([1.0, 2.0])
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [f"rule {n}" for n in range(5)]
    assert figure.alt == ax.get_title(loc="left") == "It doubled"
    assert figure._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(ShapeError, match="one value for each time"):
        growth_figure(DAYS, {"short": RISING[1:]}, title="")


def test_weights_stand_upon_one_another_and_small_ones_together() -> None:
    weights = np.tile(np.arange(12.0, 0.0, -1.0) / 78.0, (300, 1))
    figure = weights_figure(DAYS, weights, list("ABCDEFGHIJKL"), title="All of it", theme="dark")
    (ax,) = figure.axes
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][::-1] == [*"ABCDEFGHI", "3 others"]
    outlines = [np.asarray(area.get_paths()[0].vertices) for area in ax.collections]
    tops = [outline[:, 1].max() for outline in outlines]
    assert tops[-1] == pytest.approx(100.0)
    assert tops[0] == pytest.approx(100 * 12 / 78)
    with pytest.raises(ShapeError, match="a row a step and a column a name"):
        weights_figure(DAYS, weights, ["A"], title="")


def test_a_spread_is_shown_with_its_lines_and_when_it_was_held() -> None:
    score = 3.0 * np.sin(np.arange(300) / 20.0)
    position = np.where(score > 2, -1, np.where(score < -2, 1, 0))
    figure = spread_figure(
        DAYS, score, position, entry=2.0, exit=0.5, stop=4.0, title="It came back", split=60
    )
    (ax,) = figure.axes
    levels = sorted({float(np.asarray(line.get_ydata())[0]) for line in ax.lines[1:-1]})
    assert levels == [-2.0, -0.5, 0.5, 2.0]  # the stop lies outside what is shown
    assert len(ax.collections) == 2
    with pytest.raises(ShapeError, match="position"):
        spread_figure(DAYS, score, position[1:], entry=2.0, exit=0.5, stop=4.0, title="")


def test_too_many_names_cannot_be_told_apart() -> None:
    with pytest.raises(ShapeError, match="found 6, expected 1 to 5"):
        growth_figure(DAYS, {str(n): RISING for n in range(6)}, title="")
