"""`Asks`: a question in a dialog, with fields to fill in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from omni_lab.errors import OmniError
from omni_lab.ui.dashboard.components.drafts import sentence_of
from omni_lab.ui.dashboard.components.live import Live

if TYPE_CHECKING:
    from omni_lab.ui.dashboard.session import Session

Answer = Callable[[dict[str, str]], Awaitable[object]]
NOWHERE: dict[str, Any] = {"width": 0, "height": 0, "margin": 0, "sizing_mode": "fixed"}
"""The place on a page of what lies over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskField:
    """A field of a question.

    Attributes
    ----------
    name, label : str
    value : str
        What it begins with.
    number : bool
        Whether it is written as a number.
    options : sequence of str, optional
        What may be chosen, where it is no text.
    note : str
        Below it.
    """

    name: str
    label: str
    value: str = ""
    number: bool = False
    options: Sequence[str] | None = None
    note: str = ""


class Asks(Live):
    """The questions of a page, one at a time.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, **params: Any) -> None:
        super().__init__("asks", {}, heard=self._heard, **(NOWHERE | params))
        self._session = session
        self._number = 0
        self._answer: Answer | None = None
        self._look: Callable[[dict[str, str]], str] | None = None
        self._shown: dict[str, Any] = {"number": 0, "open": False}

    def ask(
        self,
        title: str,
        text: str,
        answer: Answer,
        *,
        fields: Sequence[AskField] = (),
        go: str = "Yes",
        leave: str = "No",
        danger: bool = False,
        look: Callable[[dict[str, str]], str] | None = None,
    ) -> None:
        """Ask.

        Parameters
        ----------
        title, text : str
        answer : callable
            Awaited with the fields when somebody says yes; an `OmniError` of it is told in the dialog, which
            then stays open.
        fields : sequence of AskField
        go, leave : str
            The two buttons.
        danger : bool
            Whether yes is something to think about.
        look : callable, optional
            What the fields would come to, as a sentence; called in a thread while they are typed.
        """
        self._number += 1
        self._answer, self._look = answer, look
        self._shown = {
            "number": self._number,
            "open": True,
            "title": title,
            "text": text,
            "fields": [asdict(each) for each in fields],
            "go": go,
            "leave": leave,
            "danger": danger,
            "looks": look is not None,
            "why": "",
        }
        self.show(self._shown)
        if look is not None:
            self._session.start(self._looked({each.name: each.value for each in fields}))

    def _heard(self, said: dict[str, Any]) -> None:
        match said:
            case {"answer": {"number": number, "fields": fields}} if number == self._number:
                self._session.start(self._answered(dict(fields)))
            case {"look": {"number": number, "fields": fields}} if number == self._number:
                self._session.start(self._looked(dict(fields)))
            case {"closed": number} if number == self._number:
                self._put(open=False)
            case _:
                pass

    async def _answered(self, fields: dict[str, str]) -> None:
        number = self._number
        assert self._answer is not None
        try:
            await self._answer(fields)
        except OmniError as error:
            if number == self._number:
                self._put(why=sentence_of(error))
            return
        except Exception as error:
            self._put(why=f"Something went wrong: {type(error).__name__}.")
            raise
        if number == self._number:
            self._put(open=False, why="")

    async def _looked(self, fields: dict[str, str]) -> None:
        if self._look is None:
            return
        number, told = self._number, await self._session.background(self._look, fields)
        if number == self._number and self._shown["open"]:
            self._put(why=told)

    def _put(self, **changed: Any) -> None:
        self._shown = self._shown | changed
        self.show(self._shown)
