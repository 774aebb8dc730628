"""The film on a Panel server. Buttons and a slider around a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.errors import MissingExtraError
from omni_lab.ui.replay.page import Scheme

try:
    import panel as pn
except ImportError as error:
    raise MissingExtraError("panel", extra="dashboard", what="a replay slider in a browser") from error

if TYPE_CHECKING:
    from omni_lab.ui.replay.state import ReplayState
    from omni_lab.ui.replay.stepped import Stepped

_PLAY_MS = 400
# The player's own buttons are white on any page.
_BUTTONS = "button{background:transparent;color:inherit;border:1px solid currentColor;border-radius:3px}"


class ReplayView(pn.viewable.Viewer):
    """Player, choices and the page of the frame they stand at.

    Parameters
    ----------
    state : ReplayState
        What is looked at; change it, and the screen follows.
    theme : {"light", "dark"}
        Colours.
    """

    def __init__(self, state: ReplayState, *, theme: Scheme = "light") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.state = state
        self._said = pn.pane.Str("", width=220, margin=(26, 5, 0, 5))
        watched = [state.param[name] for name in ("sequence", "symbol", "account", "order_id", "queue")]
        page = pn.pane.HTML(pn.bind(lambda *_: state.page(theme), *watched), sizing_mode="stretch_width")
        self._layout = pn.Column(player(state), self._choices(), page, sizing_mode="stretch_width")
        state.param.watch(self._hush, "sequence")

    def __panel__(self) -> Any:
        return self._layout

    def _choices(self) -> pn.FlexBox:
        """What is shown and followed."""
        state = self.state
        plain = {"width": 130, "description": None}
        accounts = {"nobody's": "", **{name: name for name in state.film.edges.accounts}}
        jump = pn.widgets.Button(label="Next event of it", width=130, margin=(24, 5))
        jump.on_click(self._jump)
        return pn.FlexBox(
            pn.widgets.Select.from_param(state.param.symbol, label="Book", **plain),
            pn.widgets.Select.from_param(state.param.account, label="Mark orders", options=accounts, **plain),
            pn.widgets.IntInput.from_param(state.param.order_id, label="Follow order", start=0, **plain),
            jump,
            pn.widgets.Checkbox.from_param(state.param.queue, label="Queues", width=80, margin=(28, 5)),
            self._said,
        )

    def _jump(self, _: object) -> None:
        if not self.state.order_id:
            self._said.object = "Name an order first."
        elif not self.state.next_of_order():
            self._said.object = f"Nothing more of order {self.state.order_id}."

    def _hush(self, _: object) -> None:
        self._said.object = ""


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
