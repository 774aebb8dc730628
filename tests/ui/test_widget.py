"""The two screens: both follow the state, the state follows both, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_lab.errors import MissingExtraError
from omni_lab.execution import OMS
from omni_lab.ui import FrameReplay, replay_panel, replay_widget, small_book
from omni_lab.ui.replay.dashboard import ReplayView
from omni_lab.ui.replay.widget import ReplayBox
from tests.ui.films import film

FRAMES = film().frames


@pytest.fixture
def box() -> ReplayBox:
    return replay_widget(FrameReplay(FRAMES), sequence=9)


@pytest.fixture
def view() -> ReplayView:
    return replay_panel(FrameReplay(FRAMES), sequence=9)


def widgets_of(box: ReplayBox, kind: str) -> Iterator[object]:
    waiting = [box]
    while waiting:
        each = waiting.pop(0)
        waiting += getattr(each, "children", ())
        if type(each).__name__ == kind:
            yield each


def click(box: ReplayBox, says: str) -> None:
    next(button for button in widgets_of(box, "Button") if button.tooltip == says).click()  # type: ignore[attr-defined]


def test_buttons_walk_through_the_journal(box: ReplayBox) -> None:
    walked = []
    for says in ("Next frame", "Previous frame", "First frame", "Previous frame", "Last frame", "Next frame"):
        click(box, says)
        walked.append(box.state.sequence)
    assert walked == [10, 9, 1, 1, 23, 23]
    assert "Frame 23 of 23" in next(widgets_of(box, "HTML")).value  # type: ignore[attr-defined]


def test_slider_and_player_and_state_go_together(box: ReplayBox) -> None:
    (slider,), (play,) = widgets_of(box, "IntSlider"), widgets_of(box, "Play")
    slider.value = 4  # type: ignore[attr-defined]
    assert (box.state.sequence, play.value) == (4, 4)  # type: ignore[attr-defined]
    play.value = 5  # type: ignore[attr-defined]
    assert (box.state.sequence, slider.value) == (5, 5)  # type: ignore[attr-defined]
    box.state.go(7)
    assert (slider.value, play.value) == (7, 7)  # type: ignore[attr-defined]


def test_an_order_is_followed_from_event_to_event(box: ReplayBox) -> None:
    says = "Next event of the order that is followed"
    (said,) = widgets_of(box, "Label")
    click(box, says)
    assert said.value == "Name an order first."  # type: ignore[attr-defined]
    next(widgets_of(box, "BoundedIntText")).value = 3  # type: ignore[attr-defined]
    click(box, says)
    assert (box.state.sequence, said.value) == (14, "")  # type: ignore[attr-defined]
    click(box, says)
    click(box, says)
    assert (box.state.sequence, said.value) == (18, "Nothing more of order 3.")  # type: ignore[attr-defined]


def test_without_a_kernel_the_page_is_what_is_read(box: ReplayBox) -> None:
    bundle = box._repr_mimebundle_()
    assert "BUY 350 ABC at market" in bundle["text/html"]
    assert bundle["text/plain"] == "<Replay: frame 9 of 23>"


def test_the_panel_goes_with_the_state(view: ReplayView) -> None:
    import panel as pn

    player = view.__panel__().select(pn.widgets.Player)[0]
    player.value = 4
    assert view.state.sequence == 4
    view.state.go(23)
    assert player.value == 23
    assert "Frame 23 of 23" in view.__panel__().select(pn.pane.HTML)[0].object
    button = view.__panel__().select(pn.widgets.Button)[0]
    view.state.go(1)
    view.state.order_id = 3
    button.clicks += 1
    assert view.state.sequence == 4


def test_a_journal_is_opened_by_its_path() -> None:
    with tempfile.TemporaryDirectory() as place:
        journal = Path(place) / "journal"
        with small_book(OMS, journal=journal) as oms:
            oms.submit("ABC", "buy", 450)
            expected = oms.state_hash
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            box = replay_widget(journal)
        assert box.state.moment.state_hash == expected
        assert box.state.moment.said == "BUY 450 ABC at market, day, account me"


def test_rendering_loads_no_matplotlib() -> None:
    code = """
import sys
from omni_lab.ui import FrameReplay, replay_widget
from tests.ui.films import film
replay_widget(FrameReplay(film().frames))
print(*sorted({"matplotlib", "panel", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("missing", "call", "extra"),
    [
        ("ipywidgets", replay_widget, "lab"),
        ("panel", replay_panel, "dashboard"),
        ("param", replay_widget, "lab"),
    ],
)
def test_a_missing_package_names_its_extra(
    missing: str, call: object, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = ("omni_lab.ui.replay.", "omni_lab.ui.jupyter", "omni_lab.ui.pa")
    for module in [name for name in sys.modules if name.startswith(rooms)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=rf"omni-lab\[{extra}\]"):
        call(FrameReplay(FRAMES))  # type: ignore[operator]
