"""Figures of a reconciliation say what they show."""

from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ShapeError
from omni_lab.figures import breaks_figure, gaps_figure
from omni_lab.figures.breaks import breaks_title, gaps_title

KINDS = ("price", "quantity", "missing_internal")
AGES = ("< 5min", "5min to 1h", "≥ 1h")


def test_bars_are_as_long_as_the_counts() -> None:
    figure = breaks_figure([[1, 2, 3], [0, 0, 0], [4, 0, 1]], KINDS, AGES)
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["missing internal", "price"]
    bars: list[Any] = list(ax.patches)
    assert max(bar.get_x() + bar.get_width() for bar in bars) == 6
    assert sum(bar.get_width() for bar in bars) == 11
    assert ax.get_title(loc="left") == "11 breaks are open, 4 of them for 1h or longer"


def test_nothing_open_is_said() -> None:
    figure = breaks_figure(np.zeros((3, 3), dtype=int), KINDS, AGES)
    assert figure.axes[0].get_title(loc="left") == "No break is open"
    assert breaks_title(1, 0, "≥ 1h") == "1 break is open"


def test_gaps_are_drawn_the_largest_on_top() -> None:
    figure = gaps_figure(["a", "b", "c"], [1, -30, 0], [1, 0, 0], theme="dark")
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_title(loc="left") == "The sides differ in 2 of 3 places; 1 of them is not resolved"
    assert gaps_title(3, 0, 0) == "Both sides hold the same in 3 places"
    assert "same" in str(gaps_figure(["a"], [0], [0]).axes[0].get_title(loc="left"))


def test_names_and_numbers_must_fit() -> None:
    with pytest.raises(ShapeError):
        breaks_figure([[1]], KINDS, AGES)
    with pytest.raises(ShapeError):
        gaps_figure(["a"], [1, 2], [1])
