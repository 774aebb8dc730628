"""The figure of coverage says what is missing where."""

import numpy as np
import pytest

from omni_lab.errors import ShapeError
from omni_lab.figures import coverage_figure


def title(missing: object, symbols: tuple[str, ...] = ("A", "B"), theme: str = "light") -> str:
    figure = coverage_figure(symbols, [2001, 2002], missing, theme=theme)  # type: ignore[arg-type]
    return str(figure.axes[0].get_title(loc="left"))


def test_the_title_names_the_worst_year() -> None:
    assert title([[0.0, np.nan], [0.25, 0.01]]) == (
        "1 of 2 instruments lack no sessions; at worst 25.0% in 2001 of B are missing"
    )
    assert title([[0.0, 0.0], [0.0, np.nan]], theme="dark") == "No sessions are missing in 2 instruments"
    assert title(np.full((2, 2), np.nan)) == "No instrument should have sessions"


def test_only_what_is_missing_is_written() -> None:
    figure = coverage_figure(["A", "B"], [2001, 2002], [[0.0, np.nan], [0.25, 0.01]])
    assert [text.get_text() for text in figure.axes[0].texts] == ["25", "1.0"]


def test_the_grid_must_match_its_names() -> None:
    with pytest.raises(ShapeError):
        title([[0.0, 0.0]])
