"""The film of a run in JupyterLab; where no kernel runs, its page alone."""

from __future__ import annotations

from typing import Any

from omni_lab.errors import MissingExtraError
from omni_lab.ui.replay.widget import button, steps, with_page
from omni_lab.ui.runs.state import RunState

try:
    import ipywidgets as widgets
except ImportError as error:
    raise MissingExtraError("ipywidgets", extra="lab", what="a slider over a run in a notebook") from error


class RunBox(widgets.VBox):  # type: ignore[misc]
    """Slider, buttons and the page of the moment they stand at.

    Parameters
    ----------
    state : RunState
        What is looked at; change it, and the screen follows.
    """

    def __init__(self, state: RunState) -> None:
        self.state = state
        self._html = widgets.HTML(state.page())
        self._said = widgets.Label("", layout={"min_width": "140px"})
        super().__init__([steps(state, state.film.noun), self._choices(), self._html])
        state.param.watch(self._show, ["sequence", "symbol"])

    def _choices(self) -> widgets.HBox:
        """Whose prices are shown, and the way to the next message."""
        state = self.state
        options = state.param["symbol"].objects
        symbol = widgets.Dropdown(options=options, description="Prices", layout={"width": "200px"})
        symbol.value = state.symbol
        symbol.observe(lambda change: setattr(state, "symbol", change["new"]), "value")
        state.param.watch(lambda event: setattr(symbol, "value", event.new), "symbol")
        jump = button("", "Next message about an order", self._jump)
        jump.description, jump.layout.width = "Next message", "140px"
        return widgets.HBox([symbol, jump, self._said], layout={"flex_flow": "row wrap"})

    def _jump(self) -> None:
        found = self.state.next_message()
        self._said.value = "" if found else "Nothing more of any order."

    def _show(self, *_: object) -> None:
        self._said.value = ""
        self._html.value = self.state.page()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        said = f"<Run: {self.state.film.noun.lower()} {self.state.sequence} of 0 to {self.state.last}>"
        return with_page(super()._repr_mimebundle_(**kwargs), self.state.page(), said)
