"""`Live`: a part of a page that the browser draws, and that says when it has drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from omni_lab.ui.panels import pn
from omni_lab.ui.params import param


class Live(pn.custom.JSComponent):
    """A part that the browser draws from JSON.

    What it looks like is a function of ``omni.parts`` in ``static/parts``. A frame is everything it shows;
    the newest is sent once the browser has put the one before on the screen, so a slow or hidden browser
    is never behind by more than one.

    Parameters
    ----------
    part : str
        Name in ``omni.parts``.
    options : dict, optional
        What never changes. It travels as text, as frames do: Bokeh would walk through every value of it.
    heard : callable, optional
        Told what the browser says.
    """

    part = param.String()
    options = param.String()

    _esm = "export function render({model, el, view}) { return window.omni.mount(model, el, view); }"

    def __init__(
        self,
        part: str,
        options: dict[str, Any] | None = None,
        *,
        heard: Callable[[dict[str, Any]], Any] | None = None,
        **params: Any,
    ) -> None:
        params.setdefault("sizing_mode", "stretch_width")
        params["css_classes"] = ["live", *params.get("css_classes", [])]
        told = json.dumps(options or {}, allow_nan=False)
        super().__init__(part=part, options=told, **params)  # type: ignore[no-untyped-call]  # param is untyped
        self.heard = heard
        self.n_shown = 0
        self.mounted = False
        self._frame: dict[str, Any] | None = None
        self._sent = 0
        self._told: list[dict[str, Any]] = []
        self._fresh = False

    @property
    def free(self) -> bool:
        """Whether the browser has shown the last frame and waits for the next."""
        return self.mounted and self._sent == self.n_shown

    def show(self, frame: dict[str, Any]) -> None:  # type: ignore[override]  # a part is not served alone
        """Show a frame as soon as the browser is free; a newer one takes its place until then."""
        self._frame, self._fresh = frame, True
        self._send()

    def tell(self, message: dict[str, Any]) -> None:
        """Send something that is no frame; everything that is told arrives, in its order."""
        self._told.append(message)
        self._send()

    def on_mount(self) -> None:
        """Called when the browser has made the part anew; it knows nothing then."""

    def _send(self) -> None:
        if not self.mounted:
            return
        told, self._told = self._told, []
        for message in told:
            self._send_msg(json.dumps({"tell": message}, allow_nan=False))
        if self._fresh and self._sent == self.n_shown:
            self._sent += 1
            self._fresh = False
            self._send_msg(json.dumps({"frame": self._frame, "n": self._sent}, allow_nan=False))

    def _handle_msg(self, data: Any) -> None:
        if "ready" in data:
            self.mounted, self._sent, self.n_shown = True, 0, 0
            self._fresh = self._frame is not None
            self.on_mount()
        elif "shown" in data:
            self.n_shown = int(data["shown"])
        elif "say" in data and self.heard is not None:
            self.heard(data["say"])
        self._send()
