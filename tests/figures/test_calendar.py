"""The calendar says what each day has, by mark and number as well as by colour."""

import numpy as np
import pytest

from omni_lab.data import DayState
from omni_lab.errors import ShapeError
from omni_lab.figures import calendar, calendar_figure
from omni_lab.figures._canvas import Figure

DAYS = np.arange("2023-12-28", "2024-01-06", dtype="datetime64[D]")
#        Thu Fri Sat Sun Mon Tue Wed Thu Fri
STATES = [1, 2, 0, 4, 0, 3, 3, 1, 5]
N_BARS = [7, 3, 0, 2, 0, 0, 0, 7, 0]
EXPECTED = [7, 7, 0, 0, 0, 7, 7, 7, 7]


def figure(theme: str = "light", **changed: list[int]) -> Figure:
    columns = {"states": STATES, "n_bars": N_BARS, "n_expected": EXPECTED} | changed
    return calendar_figure(DAYS, **columns, name="AAPL", theme=theme)


def test_states_are_those_of_the_data() -> None:
    assert {name: getattr(calendar, name) for name in DayState.__members__} == {
        name: int(state) for name, state in DayState.__members__.items()
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_title_counts_the_days(theme: str) -> None:
    drawn = figure(theme)
    assert drawn.alt == (
        "AAPL: 2 of 5 sessions complete; 2 missing, the first 2024-01-02; 1 in part; "
        "1 day with bars and no session"
    )
    assert drawn._repr_png_()[:4] == b"\x89PNG"
    whole = figure(theme, states=[1] * 9)
    assert whole.alt == "AAPL: 9 sessions, every one complete"
    assert figure(theme, states=[5] * 9).alt == "AAPL: no session has bars here"
    assert calendar_figure([], [], [], [], theme=theme).alt == "no day to show"


def test_days_lie_where_the_calendar_has_them() -> None:
    drawn = figure()
    one, two = drawn.axes
    assert [ax.get_ylabel() for ax in (one, two)] == ["2023", "2024"]
    # Friday 29 December 2023 is in the last whole week of the year; 3 of 7 bars.
    assert [
        (text.get_text(), int(text.get_position()[0]), int(text.get_position()[1])) for text in one.texts
    ] == [("42", 52, 4)]
    marked = [np.asarray(each.get_offsets()).astype(int).tolist() for each in two.collections]
    assert [[0, 1], [0, 2]] in marked


def test_what_is_nearly_whole_is_not_written_as_whole() -> None:
    nearly = figure(n_bars=[7, 999, 0, 2, 0, 0, 0, 7, 0], n_expected=[7, 1000, 0, 0, 0, 7, 7, 7, 7])
    assert [text.get_text() for text in nearly.axes[0].texts] == ["99"]


def test_every_state_that_occurs_is_in_the_legend() -> None:
    names = [text.get_text() for text in figure().legends[0].get_texts()]
    assert [name.split(",")[0] for name in names] == [
        "closed",
        "complete",
        "part",
        "missing",
        "bars",
        "before or after the data",
    ]
    assert len(figure(states=[1] * 9).legends[0].get_texts()) == 1


def test_what_does_not_match_is_refused() -> None:
    with pytest.raises(ShapeError, match="every day"):
        figure(states=[1])
    days = np.arange("2000-01-01", "2012-01-01", dtype="datetime64[D]")
    with pytest.raises(ShapeError, match="too many years"):
        calendar_figure(days, *np.ones((3, len(days)), dtype=int))
