"""The film of a run on a Panel server."""

from __future__ import annotations

from typing import Any

from omni_lab.ui.replay.dashboard import PageView
from omni_lab.ui.replay.page import Scheme
from omni_lab.ui.runs.state import RunState


class RunView(PageView):
    """Player, choices and the page of the moment they stand at.

    Parameters
    ----------
    state : RunState
        What is looked at; change it, and the screen follows.
    theme : {"light", "dark"}
        Colours.
    """

    def __init__(self, state: RunState, *, theme: Scheme = "light") -> None:
        super().__init__(state, ("sequence", "symbol"), theme=theme)

    def _choices(self) -> list[Any]:
        """Whose prices are shown, and the way to the next message."""
        return [self._select("symbol", "Prices"), self._button("Next message", self._jump)]

    def _jump(self) -> None:
        if not self.state.next_message():
            self._say("Nothing more of any order.")
