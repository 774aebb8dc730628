"""Small parts: tiles, gauges, cards, dialogs, and how parts lie beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from omni_lab.ui.dashboard.components.live import Live
from omni_lab.ui.panels import pn

Empty = tuple[str, str]
"""What is missing, and the next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One number of `Tiles`.

    Attributes
    ----------
    key, label : str
        Its name in frames, and above the number.
    kind : str
        How it is written: ``number``, ``pnl`` (signed and coloured), ``money``, ``int``, ``qty``,
        ``percent`` (of a fraction), ``time``, ``text``, …
    decimals : int, optional
    """

    key: str
    label: str
    kind: str = "number"
    decimals: int | None = None


class Tiles(Live):
    """Numbers in a row.

    A frame is ``{key: {"value", "note", "tone", "note_tone"}}``; tones are good, bad, warn.
    """

    def __init__(self, *tiles: Tile, **params: Any) -> None:
        super().__init__("tiles", {"tiles": [asdict(each) for each in tiles]}, **params)


class Gauges(Live):
    """Bars of what is used.

    A frame is ``{"gauges": [{"label", "used", "text", "tone"}]}``; used is a fraction, or None.
    """

    def __init__(self, title: str, *, empty: Empty = ("Nothing is limited.", ""), **params: Any) -> None:
        super().__init__("gauges", {"title": title, "empty": list(empty)}, **params)


def empty_card(what: str, next_step: str) -> Live:
    """Nothing to show, and what to do about it."""
    return Live("card", {"empty": [what, next_step]})


def error_card(title: str, text: str, *, hint: str | None = None, id: str | None = None) -> Live:
    """What went wrong; ``id`` is of the request or the run."""
    return Live("card", {"failed": {"title": title, "text": text, "hint": hint, "id": id}})


class Html(Live):
    """HTML that we made ourselves; a frame is ``{"html"}``. Whoever makes it escapes what is in it."""

    def __init__(self, html: str = "", **params: Any) -> None:
        super().__init__("html", {"html": html}, **params)


class Dialog(Live):
    """A window over the page that has the keyboard to itself until it is closed.

    Parameters
    ----------
    title : str
    content : Viewable
    danger : bool
        Whether something is at stake.
    width : int, optional
        Pixels.
    closed : callable, optional
        Called when it was closed, by whomever.
    """

    content = pn.viewable.Child()

    def __init__(
        self,
        title: str,
        content: Any,
        *,
        danger: bool = False,
        width: int | None = None,
        closed: Callable[[], object] | None = None,
        **params: Any,
    ) -> None:
        options = {"title": title, "danger": danger, "width": width}
        params = {"width": 0, "height": 0, "margin": 0, "sizing_mode": "fixed"} | params
        super().__init__("dialog", options, heard=self._heard, content=content, **params)
        self.is_open = False
        self._closed = closed

    def open(self) -> None:
        """Show it."""
        self.is_open = True
        self.show({"open": True})

    def close(self) -> None:
        """Take it away."""
        self.is_open = False
        self.show({"open": False})

    def _heard(self, said: dict[str, Any]) -> None:
        if said.get("closed"):
            self.is_open = False
            self._frame = {"open": False}
            if self._closed is not None:
                self._closed()


def columns(
    *parts: Any, widths: Sequence[int] | None = None, least: int | Sequence[int] = 320, gap: int = 14
) -> Any:
    """Parts side by side where there is room, one below the other where there is not.

    Parameters
    ----------
    *parts : Viewable
    widths : sequence of int, optional
        How the room is shared; equally by default.
    least : int or sequence of int
        Pixels that each part wants at least.
    gap : int
        Pixels between them.
    """
    shares = widths or [1] * len(parts)
    wants = [least] * len(parts) if isinstance(least, int) else least
    rules = [f":host{{display:flex!important;flex-flow:row wrap!important;gap:{gap}px;align-items:stretch}}"]
    for i, (part, share, want) in enumerate(zip(parts, shares, wants, strict=True)):
        part.css_classes = [*part.css_classes, f"column-{i}"]
        part.margin = 0
        rules.append(
            f".column-{i}{{flex:{share} 1 0px!important;min-width:min(100%,{want}px)!important;"
            "width:auto!important;height:auto!important;align-self:stretch!important}"
        )
    sheet = "".join(rules)
    return pn.Row(*parts, stylesheets=[sheet], sizing_mode="stretch_width", margin=(0, 0, gap, 0))


def rows(*parts: Any, gap: int = 14) -> Any:
    """Parts one below the other."""
    for part in parts:
        part.margin = (0, 0, gap, 0)
    return pn.Column(*parts, sizing_mode="stretch_width", margin=0)
