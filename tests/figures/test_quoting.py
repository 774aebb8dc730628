"""Figures of quoting: what their titles say of numbers that can be checked by hand, and bad input."""

import io

import numpy as np
import pytest
from PIL import Image

from omni_lab.errors import ShapeError
from omni_lab.figures import intensity_figure, profits_figure, quoting_figure

HELD = np.arange(-3.0, 4.0)
RULE = (1.5 + 0.05 * HELD, 1.5 - 0.05 * HELD)


def test_quotes_are_drawn_on_their_sides_of_the_middle() -> None:
    figure = quoting_figure(HELD, {"rule": RULE})
    assert figure.alt == "Quotes lie 1.5 from a centre that moves −0.0500 for each unit held"
    bid, ask = figure.axes[0].lines[:2]
    np.testing.assert_allclose(np.asarray(bid.get_ydata()), -1.5 - 0.05 * HELD)
    np.testing.assert_allclose(np.asarray(ask.get_ydata()), 1.5 - 0.05 * HELD)


def test_a_side_that_is_not_quoted_leaves_a_gap() -> None:
    bid = np.where(HELD == 3.0, np.inf, RULE[0])
    figure = quoting_figure(HELD, {"exact": (bid, RULE[1]), "closed": RULE})
    assert np.isnan(np.asarray(figure.axes[0].lines[0].get_ydata())[-1])
    legend = figure.axes[0].get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["exact, bid", "exact, ask", "closed, bid", "closed, ask"]


def test_profits_are_told_with_their_deviation() -> None:
    figure = profits_figure({"a": [1.0, 3.0], "b": [4.0, 4.0, np.nan]})
    assert figure.alt == "Earned: a 2.0 ± 1.0, b 4.0 ± 0.0"
    assert profits_figure({}).alt == "Nothing was earned"


def test_intensity_tells_the_depth_that_halves_it() -> None:
    fits = {"fit": (2.0, float(np.log(2.0)) / 3.0)}
    figure = intensity_figure([1.0, 2.0, 3.0], [40, 20, 0], 10.0, fits, symbol="ABC")
    assert figure.alt == "ABC: takers come half as often every 3 ticks (A = 2 a second, k = 0.231)"
    points = figure.axes[0].lines[0]
    np.testing.assert_allclose(np.asarray(points.get_ydata()), [4.0, 2.0])
    assert "How often" in intensity_figure([], [], 1.0, {}).alt


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_is_drawn_in_both_themes(theme: str) -> None:
    for figure in (
        quoting_figure(HELD, {"rule": RULE}, theme=theme),
        profits_figure({"a": [1.0, 2.0, 3.0]}, theme=theme),
        intensity_figure([1.0, 2.0], [9, 4], 10.0, {"fit": (1.0, 0.5)}, theme=theme),
        quoting_figure([], {}, theme=theme),
    ):
        picture = Image.open(io.BytesIO(figure._repr_png_())).convert("RGB")
        assert len(picture.getcolors(1 << 24) or ()) > 4


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ShapeError, match="bid and an ask"):
        quoting_figure(HELD, {"rule": (RULE[0][:2], RULE[1])})
    with pytest.raises(ShapeError, match="level has a count"):
        intensity_figure([1.0], [1, 2], 1.0, {})
