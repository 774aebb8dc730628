"""Figures of luck, costs, bands, capacity and overfitting: their titles say what the numbers say."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ShapeError
from omni_lab.figures import (
    bands_figure,
    capacity_figure,
    cost_figure,
    limits_figure,
    luck_figure,
    overfitting_figure,
)

COSTS = np.array([0.0, 1.0, 2.0, 4.0])
SIZES = np.logspace(3, 8, 30)
BANDS = {
    "sharpe_ratio": (0.5, -0.2, 1.1),
    "total_return": (0.4, 0.1, 0.9),
    "calmar_ratio": (1.0, np.nan, np.nan),
}

DRAWINGS: dict[str, Callable[[str], object]] = {
    "No better than the median in 25% of splits": lambda theme: overfitting_figure(
        [-1.0, 0.2, 2.0, 3.0], [1, 2, 3, 4], [-1, 0.5, 1, 2], periods_per_year=252, theme=theme
    ),
    "No better than the median in 50% of splits": lambda theme: overfitting_figure(
        [0.0, 1.0], [1.0, 1.0], [1.0, 1.0], theme=theme
    ),
    "The best of 3 trials has a Sharpe ratio of 1.50; luck alone would bring 1.60": lambda theme: luck_figure(
        [0.1, np.nan, -0.2, 1.5], expected_max=1.6, theme=theme
    ),
    "The best of 2 trials has a Sharpe ratio of 1.50; more than luck alone would bring, 0.80": lambda theme: (
        luck_figure([0.1, 1.5], expected_max=0.8, theme=theme)
    ),
    "It breaks even at 3.0 bps of what it trades, 3.0 times the assumed": lambda theme: cost_figure(
        COSTS, 1 - COSTS / 3, 1 - COSTS / 3, assumed=1.0, break_even=3.0, theme=theme
    ),
    "All within their limits; the nearest is desk: leverage, 75% used": lambda theme: limits_figure(
        ["desk: leverage", "desk: loss"], [1.5, -3.0], [2.0, 10.0], [1.6, np.inf], theme=theme
    ),
    "Warned of, within the limits: leverage": lambda theme: limits_figure(
        ["leverage", "loss"], [1.7, np.nan], [2.0, 1.0], [1.6, 1.0], theme=theme
    ),
    "Warned of, within the limits: soft alone": lambda theme: limits_figure(
        ["soft alone"], [11.0], [np.inf], [10.0], theme=theme
    ),
    "Beyond the limit: a, b, c and 2 more": lambda theme: limits_figure(
        list("abcdef"), [3, 1, 0, 9, 9, 1], [2, 0, 1, 1, 1, 1], passes=[0, 0, 0, 0, 0, 1], theme=theme
    ),
    "Nothing is limited": lambda theme: limits_figure(["a"], [1.0], [np.inf], theme=theme),
    "It loses even when trading is free": lambda theme: cost_figure(
        COSTS, -COSTS, -COSTS, break_even=-2.0, theme=theme
    ),
    "A Sharpe ratio of 0.50 could have been −0.20 to 1.10 and zero is among them": lambda theme: bands_figure(
        BANDS, theme=theme
    ),
    "Half of the Sharpe ratio is gone at 2.5M": lambda theme: capacity_figure(
        SIZES, 2 - np.sqrt(SIZES / 1e7), halved=2.5e6, participation=1e6, theme=theme
    ),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("title", list(DRAWINGS))
def test_the_title_is_the_finding(title: str, theme: str) -> None:
    figure = DRAWINGS[title](theme)
    assert getattr(figure, "alt", "") == title
    if theme == "dark":  # a picture takes longer than everything else
        assert getattr(figure, "_repr_png_")()[:4] == b"\x89PNG"  # noqa: B009 - any figure


def test_nothing_to_show_is_said_and_not_a_failure() -> None:
    nothing = (
        overfitting_figure([], [], []),
        luck_figure([np.nan]),
        cost_figure([], [], []),
        bands_figure({}),
        capacity_figure(SIZES, np.full(30, np.nan)),
    )
    for figure in nothing:
        assert figure._repr_png_()


def test_columns_that_do_not_match_are_refused() -> None:
    with pytest.raises(ShapeError, match="a rank and two ratios"):
        overfitting_figure([0.0, 1.0], [1.0], [1.0])
    with pytest.raises(ShapeError, match="two outcomes"):
        cost_figure([1.0], [1.0, 2.0], [1.0])
    wrong: tuple[dict[str, Any], ...] = (
        {"value": [1.0, 2.0]},
        {"warn": [1.0, 2.0]},
        {"passes": [True, False]},
        {"texts": []},
    )
    for given in wrong:
        with pytest.raises(ShapeError, match="every limit has one"):
            limits_figure(["a"], **({"value": [1.0], "limit": [1.0]} | given))
    with pytest.raises(ShapeError, match="every size has a ratio"):
        capacity_figure([1.0, 2.0], [1.0])
