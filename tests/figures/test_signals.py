"""Figures of features say which of them tell more than chance, and how long they last."""

import numpy as np
import pytest

from omni_lab.errors import ShapeError
from omni_lab.figures import memory_figure, prediction_figure


def title(figure: object) -> str:
    return str(figure.axes[0].get_title(loc="left"))  # type: ignore[attr-defined]


def test_features_are_drawn_the_strongest_on_top() -> None:
    figure = prediction_figure(["a_b", "c", "d"], [-0.3, 0.05, np.nan], [0.05, 0.05, 0.05], theme="dark")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["c", "a b"]
    assert title(figure) == "1 of 2 features tells more of the next move than chance,\na b the most: −0.30"


def test_features_that_do_not_vary_say_nothing() -> None:
    assert title(prediction_figure(["a"], [np.nan], [0.1])).startswith("No feature varies")


def test_memory_ends_where_chance_begins() -> None:
    lines = {"long_one": [0.9, 0.5, 0.2, 0.01], "short": [0.5, 0.01, 0.5, 0.5]}
    assert title(memory_figure([1, 2, 3, 4], lines, 0.05)) == "Long one remembers itself longest: 3 intervals"
    whole = {"a": [0.9, 0.8]}
    assert title(memory_figure([1, 2], whole, 0.05)) == "A remembers itself longest: at least 2 intervals"
    assert title(memory_figure([1, 2], {"a": [0.0, 0.8]}, 0.05)) == "No feature remembers its last interval"


def test_names_and_numbers_must_fit() -> None:
    with pytest.raises(ShapeError):
        prediction_figure(["a"], [0.1, 0.2], [0.1, 0.1])
    with pytest.raises(ShapeError):
        memory_figure([1, 2], {"a": [0.1]}, 0.1)
    with pytest.raises(ShapeError):
        memory_figure([1], {str(n): [0.1] for n in range(7)}, 0.1)
