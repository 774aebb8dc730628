"""The film on a Panel server. Buttons and a slider around a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from omni_lab.ui.panels import pn
from omni_lab.ui.replay.page import Scheme

if TYPE_CHECKING:
    from omni_lab.ui.replay.state import ReplayState
    from omni_lab.ui.replay.stepped import Stepped

_PLAY_MS = 400
_PLAIN: dict[str, Any] = {"width": 130, "description": None}
# The player's own buttons are white on any page.
_BUTTONS = "button{background:transparent;color:inherit;border:1px solid currentColor;border-radius:3px}"


class PageView(pn.viewable.Viewer):
    """Player, choices, and the page of the place they stand at.

    Parameters
    ----------
    state : Stepped
        What is looked at; change it, and the screen follows.
    watched : sequence of str
        What the page depends on, of the state.
    theme : {"light", "dark"}
        Colours.
    """

    def __init__(self, state: Stepped, watched: Sequence[str], *, theme: Scheme = "light") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.state: Any = state
        self._said = pn.pane.Str("", width=220, margin=(26, 5, 0, 5))
        depends = [state.param[name] for name in watched]
        page = pn.pane.HTML(pn.bind(lambda *_: state.page(theme), *depends), sizing_mode="stretch_width")
        choices = pn.FlexBox(*self._choices(), self._said)
        self._layout = pn.Column(player(state), choices, page, sizing_mode="stretch_width")
        state.param.watch(lambda _: self._say(""), "sequence")

    def __panel__(self) -> Any:
        return self._layout

    def _choices(self) -> list[Any]:
        """What stands between the player and the page."""
        return []

    def _say(self, words: str) -> None:
        self._said.object = words

    def _select(self, name: str, label: str, **more: Any) -> Any:
        parameter = self.state.param[name]
        return pn.widgets.Select.from_param(parameter, label=label, **_PLAIN, **more)

    @staticmethod
    def _button(label: str, act: Callable[[], None]) -> Any:
        made = pn.widgets.Button(label=label, width=130, margin=(24, 5))
        made.on_click(lambda _: act())
        return made


class ReplayView(PageView):
    """Player, choices and the page of the frame they stand at.

    Parameters
    ----------
    state : ReplayState
        What is looked at; change it, and the screen follows.
    theme : {"light", "dark"}
        Colours.
    """

    def __init__(self, state: ReplayState, *, theme: Scheme = "light") -> None:
        super().__init__(state, ("sequence", "symbol", "account", "order_id", "queue"), theme=theme)

    def _choices(self) -> list[Any]:
        """What is shown and followed."""
        state = self.state
        accounts = {"nobody's": "", **{name: name for name in state.film.edges.accounts}}
        return [
            self._select("symbol", "Book"),
            self._select("account", "Mark orders", options=accounts),
            pn.widgets.IntInput.from_param(state.param.order_id, label="Follow order", start=0, **_PLAIN),
            self._button("Next event of it", self._jump),
            pn.widgets.Checkbox.from_param(state.param.queue, label="Queues", width=80, margin=(28, 5)),
        ]

    def _jump(self) -> None:
        if not self.state.order_id:
            self._say("Name an order first.")
        elif not self.state.next_of_order():
            self._say(f"Nothing more of order {self.state.order_id}.")


def player(state: Stepped) -> pn.widgets.Player:
    """A slider over first, previous, pause, play, next and last; all of it is reached by keyboard."""
    shown = pn.widgets.Player(
        value=state.sequence,
        start=state.first,
        end=state.last,
        interval=_PLAY_MS,
        loop_policy="once",
        show_loop_controls=False,
        visible_buttons=["first", "previous", "pause", "play", "next", "last"],
        stylesheets=[_BUTTONS],
        width=None,
        sizing_mode="stretch_width",
        max_width=640,
    )
    shown.param.watch(lambda event: state.go(event.new), "value")
    state.param.watch(lambda event: shown.param.update(value=event.new), "sequence")
    return shown
