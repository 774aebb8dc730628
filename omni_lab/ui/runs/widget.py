"""The film of a run in JupyterLab; where no kernel runs, its page alone."""

from __future__ import annotations

from typing import Any

from omni_lab.ui.replay.widget import PageBox, button
from omni_lab.ui.runs.state import RunState


class RunBox(PageBox):
    """Slider, buttons and the page of the moment they stand at.

    Parameters
    ----------
    state : RunState
        What is looked at; change it, and the screen follows.
    """

    def __init__(self, state: RunState) -> None:
        super().__init__(state, state.film.noun, ("sequence", "symbol"))

    def _choices(self) -> list[Any]:
        """Whose prices are shown, and the way to the next message."""
        jump = button("", "Next message about an order", self._jump)
        jump.description, jump.layout.width = "Next message", "140px"
        return [self._dropdown("symbol", self.state.param["symbol"].objects, "Prices"), jump]

    def _jump(self) -> None:
        found = self.state.next_message()
        self._said.value = "" if found else "Nothing more of any order."
