"""`Field`: what a form shows of one thing that is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

FieldKind = Literal["text", "choice", "switch", "long"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that is asked.

    Attributes
    ----------
    name, label : str
        For us, and for people.
    text : str
        Its value as somebody would type it; ``"true"`` or ``"false"`` of a switch.
    help : str
        What it does, a few words.
    accepts : str
        Range and unit, a few words.
    kind : {"text", "choice", "switch", "long"}
        A line, a list to choose from, on or off, or several lines.
    choices : tuple of str
        All there are of a choice; proposals for a text.
    optional : bool
        Whether it may be nothing.
    is_set : bool
        Whether it is something.
    wrong : str
        What is wrong with what was said last; empty when nothing is.
    group : str
        Heading under which it is folded away; empty for what stands open.
    """

    name: str
    label: str
    text: str
    help: str = ""
    accepts: str = ""
    kind: FieldKind = "text"
    choices: tuple[str, ...] = ()
    optional: bool = False
    is_set: bool = True
    wrong: str = ""
    group: str = ""


class Asking(Protocol):
    """What a form shows and fills."""

    version: int
    """Counts up with every change that is not said by `say`'s caller: a parameter of ``param``."""

    def fields(self) -> Sequence[Field]:
        """All that is asked, in order."""

    def say(self, name: str, value: str | None) -> None:
        """Say what a field is: text as it was typed, or None for nothing."""

    def problem(self) -> str:
        """What is wrong between the fields, or with any of them; empty when it can be sent."""
