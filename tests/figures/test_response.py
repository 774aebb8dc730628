"""The figure of a response: means, errors and titles that can be checked by hand, and bad input."""

import numpy as np
import pytest

from omni_lab.errors import ShapeError
from omni_lab.figures import markout_figure, response_figure


def test_the_title_tells_what_is_left_of_the_largest_mean_move() -> None:
    figure = response_figure([0, 1, 2], {"a": [[4, 6, 2], [4, 2, 0]], "b": [[-1, -2, -2.0]]})
    assert figure.alt == "Left of the move at the end: 25 % with a, 100 % with b"
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(np.asarray(line.get_ydata()), [4, 4, 1])


def test_the_band_is_two_standard_errors_wide_and_runs_without_a_price_do_not_count() -> None:
    figure = response_figure([0, 1], {"a": np.array([[1, 2], [3, np.nan], [5, 4]])})
    np.testing.assert_allclose(np.asarray(figure.axes[0].lines[0].get_ydata()), [3, 3])
    # Deviations 2 and √2: 2 · 2/√3 and 2 · √2/√2 around 3.
    vertices = figure.axes[0].collections[0].get_paths()[0].vertices
    assert vertices is not None
    highest = [np.asarray(vertices)[np.asarray(vertices)[:, 0] == x, 1].max() for x in (0, 1)]
    np.testing.assert_allclose(highest, [3 + 4 / np.sqrt(3), 5])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_drawn_of_nothing(theme: str) -> None:
    assert response_figure([], {}, theme=theme).alt == "Nothing moved"


def test_runs_of_another_length_are_refused() -> None:
    with pytest.raises(ShapeError, match="row for each run"):
        response_figure([0, 1], {"a": [1.0, 2.0]})


def test_markouts_say_what_a_fill_was_worth_at_the_last_time() -> None:
    moves = {"as a maker": [[2.0, 1.0], [4.0, -3.0]], "as a taker": [[-1.0, np.nan], [-1.0, np.nan]]}
    figure = markout_figure([1, 60], moves, unit="basis points")
    assert figure.alt == "60 seconds after a fill it was worth, in basis points: −1.00 as a maker"
    np.testing.assert_allclose(np.asarray(figure.axes[0].lines[0].get_ydata()), [3, -1])


def test_without_fills_there_are_no_markouts() -> None:
    assert markout_figure([1, 60], {}).alt == "No fill to look back on"
    with pytest.raises(ShapeError, match="column for each time"):
        markout_figure([1, 60], {"as a maker": [[1.0]]})
