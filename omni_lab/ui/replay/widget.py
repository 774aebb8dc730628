"""The film in JupyterLab. Buttons and a slider around a page; where no kernel runs, the page alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from omni_lab.ui.jupyter import widgets
from omni_lab.ui.replay.state import ReplayState

if TYPE_CHECKING:
    from omni_lab.ui.replay.stepped import Stepped

_PLAY_MS = 400


class PageBox(widgets.VBox):  # type: ignore[misc]
    """Slider, buttons, choices, and the page of the place they stand at.

    Parameters
    ----------
    state : Stepped
        What is looked at; change it, and the screen follows.
    noun : str
        What a place is called.
    watched : sequence of str
        What the page depends on, of the state.
    """

    def __init__(self, state: Stepped, noun: str, watched: Sequence[str]) -> None:
        self.state: Any = state
        self._noun = noun
        self._html = widgets.HTML(state.page())
        self._said = widgets.Label("", layout={"min_width": "140px"})
        chosen = widgets.HBox([*self._choices(), self._said], layout={"flex_flow": "row wrap"})
        super().__init__([steps(state, noun), chosen, self._html])
        state.param.watch(self._show, list(watched))

    def _choices(self) -> list[widgets.Widget]:
        """What stands between the slider and the page."""
        return []

    def _show(self, *_: object) -> None:
        self._said.value = ""
        self._html.value = self.state.page()

    def _dropdown(self, name: str, options: Any, label: str) -> widgets.Dropdown:
        return self._tied(
            name, widgets.Dropdown(options=options, description=label, layout={"width": "200px"})
        )

    def _tied(self, name: str, control: widgets.Widget) -> widgets.Widget:
        """A control that goes with what it is named after in the state."""
        control.value = getattr(self.state, name)
        control.observe(lambda change: setattr(self.state, name, change["new"]), "value")
        self.state.param.watch(lambda event: setattr(control, "value", event.new), name)
        return control

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        # A page that is read without a kernel shows this instead of a widget.
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/html"] = self.state.page()
            data["text/plain"] = f"<Replay: {self._noun.lower()} {self.state.sequence} of {self.state.last}>"
        return bundle


class ReplayBox(PageBox):
    """Slider, buttons and the page of the frame they stand at.

    Parameters
    ----------
    state : ReplayState
        What is looked at; change it, and the screen follows.
    """

    def __init__(self, state: ReplayState) -> None:
        super().__init__(state, "Frame", ("sequence", "symbol", "account", "order_id", "queue"))

    def _choices(self) -> list[widgets.Widget]:
        """What is shown and followed."""
        state = self.state
        accounts = [("nobody's", ""), *((name, name) for name in state.film.edges.accounts)]
        order_id = widgets.BoundedIntText(
            0, min=0, max=2**53, description="Follow order", layout={"width": "200px"}
        )
        queue = widgets.Checkbox(state.queue, description="Queues", indent=False, layout={"width": "80px"})
        jump = button("", "Next event of the order that is followed", self._jump)
        jump.description, jump.layout.width = "Next event of it", "140px"
        return [
            self._dropdown("symbol", state.param["symbol"].objects, "Book"),
            self._dropdown("account", accounts, "Mark"),
            self._tied("order_id", order_id),
            self._tied("queue", queue),
            jump,
        ]

    def _jump(self) -> None:
        if not self.state.order_id:
            self._said.value = "Name an order first."
        else:
            found = self.state.next_of_order()
            self._said.value = "" if found else f"Nothing more of order {self.state.order_id}."


def steps(state: Stepped, noun: str = "Frame") -> widgets.HBox:
    """First, previous, next, last, play, and the slider; all of it is reached by keyboard.

    Parameters
    ----------
    state : Stepped
        What they move.
    noun : str
        What one step is called.
    """
    bounds = {"min": state.first, "max": state.last}
    slider = widgets.IntSlider(
        state.sequence, **bounds, description=noun, layout={"flex": "1 1 220px", "width": "auto"}
    )
    play = widgets.Play(value=state.sequence, **bounds, interval=_PLAY_MS, description="Play")
    for each in (slider, play):
        each.observe(lambda change: state.go(change["new"]), "value")
        state.param.watch(lambda event, each=each: setattr(each, "value", event.new), "sequence")
    buttons = [
        button("fast-backward", f"First {noun.lower()}", lambda: state.go(state.first)),
        button("step-backward", f"Previous {noun.lower()}", lambda: state.go(state.sequence - 1)),
        button("step-forward", f"Next {noun.lower()}", lambda: state.go(state.sequence + 1)),
        button("fast-forward", f"Last {noun.lower()}", lambda: state.go(state.last)),
    ]
    return widgets.HBox([*buttons, play, slider], layout={"flex_flow": "row wrap"})


def button(icon: str, says: str, act: Any) -> widgets.Button:
    """A small button with an icon; what it does is its tooltip."""
    made = widgets.Button(icon=icon, tooltip=says, layout={"width": "38px"})
    made.on_click(lambda _: act())
    return made
