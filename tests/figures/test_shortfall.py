"""The figures of what an order cost: steps that add up, bands, titles, and bad input."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from omni_lab.errors import ShapeError
from omni_lab.figures.shortfall import peers_figure, waterfall_figure


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_step_begins_where_the_one_before_ended_and_the_last_is_the_sum(theme: str) -> None:
    figure = waterfall_figure({"spread": 3.0, "timing": -5.0, "fees": 0.5}, title="VWAP", theme=theme)
    bars = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert [(bar.get_y(), bar.get_height()) for bar in bars] == [(0, 3), (3, -5), (-2, 0.5), (0, -1.5)]
    assert figure.alt == "VWAP won 1.50 bps, of which −5.00 timing"


def test_a_part_that_is_not_known_is_refused() -> None:
    for parts in ({}, {"spread": np.nan}):
        with pytest.raises(ShapeError, match="parts that are numbers"):
            waterfall_figure(parts)


def test_only_bands_without_zero_are_called_a_difference() -> None:
    labels, apart = ["TWAP", "POV", "IS"], [1.0, -2.0, 0.1]
    figure = peers_figure(labels, apart, [0.5, -3.0, -1.0], [1.5, -1.0, 1.0], base="VWAP")
    assert figure.alt == "Outside the bands of chance, against VWAP: TWAP dearer, POV cheaper"
    none = peers_figure(labels, apart, [-1.0] * 3, [1.0] * 3, base="VWAP", theme="dark")
    assert none.alt == "None can be told from VWAP"
    assert peers_figure([], [], [], [], base="VWAP").alt == "Nothing was compared"
    with pytest.raises(ShapeError, match="value and a band"):
        peers_figure(labels, apart, [0.0], [1.0], base="VWAP")
