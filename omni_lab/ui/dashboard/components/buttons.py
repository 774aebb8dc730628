"""`Buttons`: a row of things to do, each with the reason why it cannot be done now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from omni_lab.ui.dashboard.components.live import Live


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One of `Buttons`.

    Attributes
    ----------
    name, label : str
    press : callable
        Called when it is pressed.
    main, danger : bool
        How it is painted.
    trades : bool
        Whether it is off while the connection is lost.
    """

    name: str
    label: str
    press: Callable[[], object]
    main: bool = False
    danger: bool = False
    trades: bool = False


class Buttons(Live):
    """A row of buttons.

    Parameters
    ----------
    title : str
        What they are about, for those who do not see them.
    *buttons : Button
    """

    def __init__(self, title: str, *buttons: Button, **params: Any) -> None:
        names = ("name", "label", "main", "danger", "trades")
        told = [{name: getattr(each, name) for name in names} for each in buttons]
        super().__init__("buttons", {"title": title, "buttons": told}, heard=self._heard, **params)
        self._press = {each.name: each.press for each in buttons}
        self.off: Mapping[str, str] = {}
        self.dress()

    def dress(
        self,
        off: Mapping[str, str | None] | None = None,
        *,
        said: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Say why buttons are off, by name, what stands beside them, and how they are called now."""
        self.off = {name: why for name, why in (off or {}).items() if why}
        frame = {"off": dict(self.off), "said": said, "labels": dict(labels or {})}
        if frame != self._frame:
            self.show(frame)

    def _heard(self, said: dict[str, Any]) -> None:
        name = str(said.get("press"))
        if name in self._press and name not in self.off:
            self._press[name]()
