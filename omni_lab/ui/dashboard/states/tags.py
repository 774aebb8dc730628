"""The tags of a run, about to be changed."""

from __future__ import annotations

from omni_lab.ui.dashboard.states.fields import Field
from omni_lab.ui.params import param


class TagsForm(param.Parameterized):
    """Tags as one field, words with spaces between.

    Parameters
    ----------
    text : str
        Those that it has.
    """

    version = param.Integer(default=0)

    def __init__(self, text: str = "") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.text = text

    def say(self, name: str, value: str | None) -> None:
        """Say what they are."""
        if name == "tags":
            self.text = value or ""

    def fields(self) -> list[Field]:
        """The one field."""
        wrong = self.problem()
        return [
            Field(name="tags", label="tags", text=self.text, help="words with spaces between", wrong=wrong)
        ]

    def problem(self) -> str:
        """What is wrong with them; empty when nothing is."""
        bad = [each for each in self.text.split() if each == "last" or not each.isprintable() or "," in each]
        return f"{bad[0]} cannot be a tag" if bad else ""
