"""The film in JupyterLab. Buttons and a slider around a page; where no kernel runs, the page alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.errors import MissingExtraError
from omni_lab.ui.replay.state import ReplayState

try:
    import ipywidgets as widgets
except ImportError as error:
    raise MissingExtraError("ipywidgets", extra="lab", what="a replay slider in a notebook") from error

if TYPE_CHECKING:
    from omni_lab.ui.replay.stepped import Stepped

_PLAY_MS = 400


class ReplayBox(widgets.VBox):  # type: ignore[misc]
    """Slider, buttons and the page of the frame they stand at.

    Parameters
    ----------
    state : ReplayState
        What is looked at; change it, and the screen follows.
    """

    def __init__(self, state: ReplayState) -> None:
        self.state = state
        self._html = widgets.HTML(state.page())
        self._said = widgets.Label("", layout={"min_width": "140px"})
        super().__init__([steps(state), self._choices(), self._html])
        state.param.watch(self._show, ["sequence", "symbol", "account", "order_id", "queue"])

    def _choices(self) -> widgets.HBox:
        """What is shown and followed."""
        state = self.state
        short = {"layout": {"width": "200px"}}
        controls = {
            "symbol": widgets.Dropdown(options=state.param["symbol"].objects, description="Book", **short),
            "account": widgets.Dropdown(
                options=[("nobody's", ""), *((name, name) for name in state.film.edges.accounts)],
                description="Mark",
                **short,
            ),
            "order_id": widgets.BoundedIntText(0, min=0, max=2**53, description="Follow order", **short),
            "queue": widgets.Checkbox(
                state.queue, description="Queues", indent=False, layout={"width": "80px"}
            ),
        }
        for name, control in controls.items():
            control.value = getattr(state, name)
            control.observe(lambda change, name=name: setattr(state, name, change["new"]), "value")
            state.param.watch(lambda event, each=control: setattr(each, "value", event.new), name)
        jump = button("", "Next event of the order that is followed", self._jump)
        jump.description, jump.layout.width = "Next event of it", "140px"
        shown = [*controls.values(), jump, self._said]
        return widgets.HBox(shown, layout={"flex_flow": "row wrap"})

    def _jump(self) -> None:
        if not self.state.order_id:
            self._said.value = "Name an order first."
        else:
            found = self.state.next_of_order()
            self._said.value = "" if found else f"Nothing more of order {self.state.order_id}."

    def _show(self, *_: object) -> None:
        self._said.value = ""
        self._html.value = self.state.page()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        said = f"<Replay: frame {self.state.sequence} of {self.state.last}>"
        return with_page(super()._repr_mimebundle_(**kwargs), self.state.page(), said)


def with_page(bundle: Any, html: str, said: str) -> Any:
    """What a widget shows, with a page beside it for who reads without a kernel."""
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    if data is not None:
        data["text/html"], data["text/plain"] = html, said
    return bundle


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
