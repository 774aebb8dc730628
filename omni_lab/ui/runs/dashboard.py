"""The film of a run on a Panel server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.errors import MissingExtraError
from omni_lab.ui.replay.dashboard import player
from omni_lab.ui.replay.page import Scheme

try:
    import panel as pn
except ImportError as error:
    raise MissingExtraError("panel", extra="dashboard", what="a slider over a run in a browser") from error

if TYPE_CHECKING:
    from omni_lab.ui.runs.state import RunState


class RunView(pn.viewable.Viewer):
    """Player, choices and the page of the moment they stand at.

    Parameters
    ----------
    state : RunState
        What is looked at; change it, and the screen follows.
    theme : {"light", "dark"}
        Colours.
    """

    def __init__(self, state: RunState, *, theme: Scheme = "light") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.state = state
        self._said = pn.pane.Str("", width=220, margin=(26, 5, 0, 5))
        watched = [state.param[name] for name in ("sequence", "symbol")]
        page = pn.pane.HTML(pn.bind(lambda *_: state.page(theme), *watched), sizing_mode="stretch_width")
        symbol = pn.widgets.Select.from_param(state.param.symbol, label="Prices", width=130, description=None)
        jump = pn.widgets.Button(label="Next message", width=130, margin=(24, 5))
        jump.on_click(self._jump)
        choices = pn.FlexBox(symbol, jump, self._said)
        self._layout = pn.Column(player(state), choices, page, sizing_mode="stretch_width")
        state.param.watch(lambda _: self._say(""), "sequence")

    def __panel__(self) -> Any:
        return self._layout

    def _jump(self, _: object) -> None:
        if not self.state.next_message():
            self._say("Nothing more of any order.")

    def _say(self, words: str) -> None:
        self._said.object = words
