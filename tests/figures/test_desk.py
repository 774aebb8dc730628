"""Figures of the desk: years, drift, the frontier and holdings. Titles say what the numbers say."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from omni_lab.errors import ShapeError
from omni_lab.figures import (
    annual_figure,
    distributions_figure,
    drift_figure,
    frontier_figure,
    holdings_figure,
)


def test_years_are_counted_and_the_ends_named() -> None:
    figure = annual_figure([2001, 2002, 2003], [0.1, -0.2, np.nan])
    assert figure.alt == "1 of 2 years gained; best +10.0% in 2001, worst −20.0% in 2002"
    heights = [patch.get_bbox().height for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert heights == pytest.approx([0.1, -0.2])
    assert annual_figure([], []).alt == "No year to show"


def test_drift_names_the_feature_that_moved_most() -> None:
    figure = drift_figure(
        ["rsi", "range", "volume"], [0.3, 0.05, np.nan], watch=0.1, moved=0.25, theme="dark"
    )
    assert figure.alt == "1 of 2 features moved; rsi the most: 0.30"
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["range", "rsi"]


def test_distributions_say_where_the_difference_is() -> None:
    figure = distributions_figure(
        [-np.inf, 0.0, 1.0, np.inf], [0.5, 0.3, 0.2], [0.2, 0.5, 0.3], name="z_score"
    )
    assert figure.alt == "z score: 20.0% of recent values ≤ 0, 50.0% before"


def test_the_frontier_shows_every_asset_and_portfolio() -> None:
    figure = frontier_figure(
        [0.1, 0.2],
        [0.04, 0.08],
        ["A", "B"],
        [0.15, 0.3],
        [0.03, 0.09],
        marked={"Best": (0.12, 0.06)},
        title="t",
    )
    (ax,) = figure.axes
    assert {text.get_text() for text in ax.texts} == {"A", "B"}
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["Efficient frontier", "Best"]


def test_holdings_are_sorted_by_size() -> None:
    figure = holdings_figure(["A", "B", "C"], [0.2, -0.5, 0.0], [0.0, 0.0, 0.1])
    assert figure.alt == "2 of 3 instruments held; B the most, −50.0%"
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["C", "A", "B"]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError):
        annual_figure([2001], [0.1, 0.2])
    with pytest.raises(ShapeError):
        drift_figure(["a"], [0.1, 0.2], watch=0.1, moved=0.25)
    with pytest.raises(ShapeError):
        distributions_figure([0.0, 1.0], [1.0], [0.5, 0.5], name="a")
    with pytest.raises(ShapeError):
        frontier_figure([0.1], [0.1], ["A"], [0.1, 0.2], [0.1], marked={}, title="")
    with pytest.raises(ShapeError):
        holdings_figure(["A"], [0.1, 0.2])
