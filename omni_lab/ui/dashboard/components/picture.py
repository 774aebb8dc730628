"""`Picture`: a figure of `omni_lab.figures` on a page."""

from __future__ import annotations

import asyncio
import io
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from omni_lab.errors import OmniError
from omni_lab.ui.dashboard.components.live import Live

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure
    from omni_lab.ui.dashboard.session import Session

P = ParamSpec("P")
T = TypeVar("T")

_KEPT = 64
# Figures are drawn one after the other anyway; those that wait take no thread from what else is to be done.
_painter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="figures")
_drawn: OrderedDict[Hashable, tuple[str, str]] = OrderedDict()


class Picture(Live):
    """A figure as SVG in the theme of the session, drawn in a thread; PNG to keep.

    Parameters
    ----------
    title : str
        Above it.
    session : Session
    height : int
        Pixels of the skeleton before it is there.
    """

    def __init__(self, title: str, session: Session, *, height: int = 320, **params: Any) -> None:
        super().__init__("picture", {"title": title, "height": height}, heard=self._heard, **params)
        self.title = title
        self._session = session
        self._make: Callable[[str], Figure] | None = None
        self._name: Hashable = None
        self._asked = 0
        self._busy = False
        session.watch(lambda _: self._again(), "theme")

    def draw(self, make: Callable[[str], Figure], name: Hashable = None) -> None:
        """Draw a figure.

        Parameters
        ----------
        make : callable
            The figure in a theme; called in a thread, again when the theme changes.
        name : hashable, optional
            What the figure shows: one of the same name is not drawn twice, whoever asks.
        """
        self._make, self._name = make, name
        self._again()

    def empty(self, what: str, next_step: str = "") -> None:
        """Say that there is nothing to draw."""
        self._make = None
        self._asked += 1
        self.show({"empty": [what, next_step]})

    def wait(self) -> None:
        """Say that it is on its way."""
        self.show({})

    def _again(self) -> None:
        if self._make is not None:
            self._asked += 1
            if not self._busy:
                self._busy = True
                self._session.start(self._draw())

    async def _draw(self) -> None:
        """Draw what was asked for last, until nothing newer was: what came between is never drawn.

        What is drawn is shown even if the same is asked for anew already: what changes fast is seen, too.
        """
        try:
            drawn = -1
            while drawn != self._asked and self._make is not None:
                drawn, name, theme = self._asked, self._name, self._session.theme
                try:
                    svg, alt = await in_painter(_svg, self._make, name, theme)
                    frame: dict[str, Any] = {"svg": svg, "alt": alt}
                except OmniError as error:
                    frame = {"failed": {"title": "This could not be drawn", "text": str(error)}}
                if self._wants(name, theme):
                    self.show(frame)
        finally:
            self._busy = False

    def _wants(self, name: Hashable, theme: str) -> bool:
        return self._make is not None and (name, theme) == (self._name, self._session.theme)

    def _heard(self, said: dict[str, Any]) -> None:
        if said.get("save") == "png" and self._make is not None:
            self._session.start(self._save(self._make, self._session.theme))

    async def _save(self, make: Callable[[str], Figure], theme: str) -> None:
        png = await in_painter(_png, make, theme)
        self._session.save(f"{self.title.lower().replace(' ', '-')}.png", png, "image/png")


async def in_painter(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call gives that is made in the thread of figures."""
    return await asyncio.get_running_loop().run_in_executor(_painter, lambda: work(*args, **kwargs))


def _svg(make: Callable[[str], Figure], name: Hashable, theme: str) -> tuple[str, str]:
    known = (name, theme)
    if name is not None and known in _drawn:
        _drawn.move_to_end(known)
        return _drawn[known]
    figure = make(theme)
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    drawn = _standalone(text[text.index("<svg") :]), figure.alt
    if name is not None:
        _drawn[known] = drawn
        while len(_drawn) > _KEPT:
            _drawn.popitem(last=False)
    return drawn


def _standalone(svg: str) -> str:
    """Without a fixed size, so that it fills its place."""
    return re.sub(
        r'^<svg([^>]*?) width="[^"]*"', r"<svg\1", re.sub(r'^<svg([^>]*?) height="[^"]*"', r"<svg\1", svg)
    )


def _png(make: Callable[[str], Figure], theme: str) -> bytes:
    return make(theme)._repr_png_()
