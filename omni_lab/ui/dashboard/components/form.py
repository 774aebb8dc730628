"""`Form`: fields with what is wrong beside each of them, drawn from a state that knows no screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from omni_lab.ui.dashboard.components.live import Live
from omni_lab.ui.dashboard.states.fields import Asking


class Form(Live):
    """Fields, a button, and what keeps it from being pressed.

    Parameters
    ----------
    title : str
    asking : Asking
        What is asked; `take` puts another one in its place.
    go : str
        What the button says.
    send : callable
        Called when it is pressed and nothing is wrong.
    choice : (str, sequence of str, callable), optional
        A list above the fields: its label, what can be chosen, and who is told.
    note : str
        Beneath the title.
    height : int, optional
        Pixels from which fields scroll.
    """

    def __init__(
        self,
        title: str,
        asking: Asking,
        *,
        go: str,
        send: Callable[[], Any],
        choice: tuple[str, Sequence[str], Callable[[str], Any]] | None = None,
        note: str = "",
        height: int | None = None,
        **params: Any,
    ) -> None:
        options = {"title": title, "go": go, "note": note, "height": height}
        super().__init__("form", options, heard=self._heard, **params)
        self._asking, self._send_it, self._choice = asking, send, choice
        self._chosen = choice[1][0] if choice and choice[1] else ""
        self._why_not: str | None = None
        self._busy = self._said = ""
        self.update()

    @property
    def asking(self) -> Asking:
        """What is asked now."""
        return self._asking

    def take(self, asking: Asking, *, choices: Sequence[str] | None = None) -> None:
        """Ask something else."""
        self._asking = asking
        if choices is not None and self._choice is not None:
            self._choice = (self._choice[0], choices, self._choice[2])
            self._chosen = choices[0] if choices else ""
        self._said = ""
        self.update()

    def allow(self, why_not: str | None, *, busy: str = "") -> None:
        """Whether it may be sent.

        Parameters
        ----------
        why_not : str or None
            Why not, as a sentence.
        busy : str
            What the button says instead while something goes on.
        """
        if (why_not, busy) != (self._why_not, self._busy):
            self._why_not, self._busy = why_not, busy
            self.update()

    def complain(self, text: str) -> None:
        """Say what came of sending it, until something is changed."""
        self._said = text
        self.update()

    def update(self) -> None:
        """Show the state as it is."""
        self.show(
            {
                "fields": [asdict(each) for each in self._asking.fields()],
                "problem": self._said or self._asking.problem(),
                "why_not": self._why_not,
                "busy": self._busy,
                "choice": [self._choice[0], list(self._choice[1]), self._chosen] if self._choice else None,
            }
        )

    def _heard(self, said: dict[str, Any]) -> None:
        match said:
            case {"name": str(name), "value": str() | None as value}:
                self._said = ""
                self._asking.say(name, value)
            case {"choose": str(chosen)} if self._choice is not None and chosen in self._choice[1]:
                self._chosen = chosen
                self._choice[2](chosen)
            case {"go": True}:
                if not (self._why_not or self._busy or self._asking.problem()):
                    self._send_it()
            case _:
                return
        self.update()
