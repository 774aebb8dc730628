"""The figure of a profit's parts: bars that end where the parts add up, titles, bad input."""

import numpy as np
import pytest

from omni_lab.errors import ShapeError
from omni_lab.figures import attribution_figure

PARTS = {"price move": [30.0, -10.0], "trading": [-5.0, -2.0], "fees": [-1.0, -1.0]}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_bars_add_up_to_the_dots_and_the_title(theme: str) -> None:
    figure = attribution_figure(["AAPL", "MSFT"], PARTS, theme=theme)
    axes = figure.axes[0]
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert np.sum(widths, axis=0).tolist() == np.asarray(axes.lines[0].get_xdata()).tolist() == [24.0, -13.0]
    assert figure.alt == "11.00 made, of which +20.00 price move"
    assert figure._repr_png_()


def test_few_of_many_and_none_are_drawn() -> None:
    many = attribution_figure([f"S{i}" for i in range(30)], {"price move": np.arange(30.0)})
    assert [label.get_text() for label in many.axes[0].get_yticklabels()] == [f"S{i}" for i in range(10, 30)]
    assert attribution_figure([], {"price move": []}).alt == "Nothing was traded"
    with pytest.raises(ShapeError, match="one value for each label"):
        attribution_figure(["A"], {"fees": [1.0, 2.0]})
