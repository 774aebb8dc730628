"""`Session`: what a person has on one screen, and what pages may ask of it."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from omni_lab.errors import OmniError
from omni_lab.messaging.bus import Subscription, merge_patch
from omni_lab.system.people import Action, Person
from omni_lab.ui.dashboard.scope import Scope
from omni_lab.ui.params import param

if TYPE_CHECKING:
    from omni_lab.system.services import Services

P = ParamSpec("P")
T = TypeVar("T")
Kind = Literal["info", "good", "warn", "bad"]

STALE_S = 2.0
"""Age of the feed, in seconds, from which a market is called stale."""
_VERBS = {
    Action.TRADE: "trade",
    Action.RUN: "start runs",
    Action.HALT: "throw a kill switch",
    Action.RESET: "reset a kill switch",
    Action.LIMIT: "change limits",
    Action.ADMINISTER: "test alert channels",
}


class Session(param.Parameterized):
    """What a person has on one screen.

    Parameters
    ----------
    services : Services
    person : Person
    document : bokeh.document.Document

    Attributes
    ----------
    theme : {"dark", "light"}
    zone : str
        Time zone that times are shown in, as the IANA calls it.
    page : str
        Slug of the page that is shown.
    query : dict of str to str
        What the address says besides.
    symbol : str
        What Market and the ticket look at.
    ticket : dict
        What the order ticket is to be filled with: ``symbol``, ``side``, ``price``, ``qty``.
    status : dict
        The state of the stream ``system``, twice a second.
    """

    theme: Any = param.Selector(default="dark", objects=["dark", "light"])
    zone = param.String(default="UTC")
    page = param.String(default="")
    query = param.Dict(default={})
    symbol = param.String(default="")
    ticket = param.Dict(default={})
    status = param.Dict(default={})

    def __init__(self, services: Services, person: Person, document: Any, **params: Any) -> None:
        super().__init__(**params)  # type: ignore[no-untyped-call]  # param is untyped
        self.services, self.person, self.document = services, person, document
        self.scope = Scope(document, self.fail)
        self.tell: Callable[[dict[str, Any]], None] = lambda _: None
        self.open_kill: Callable[[], None] = lambda: None
        self.open_reset: Callable[[], None] = lambda: None
        self.confirm_with: Callable[[dict[str, Any]], Coroutine[Any, Any, bool]] | None = None

    # --- what goes on while the page is shown ---------------------------------------------------------------

    def every(self, seconds: float, look: Callable[[], Any]) -> None:
        """Call something now and every so many seconds while the page is shown."""
        self.scope.every(seconds, look)

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine while the page is shown; what it raises is told."""
        self.scope.start(work)

    def watch(self, look: Callable[[Any], Any], *names: str, of: Any = None) -> None:
        """Call something with the event when a parameter changes, of the session or of another object."""
        self.scope.watch(self if of is None else of, look, *names)

    def at_end(self, end: Callable[[], object]) -> None:
        """Call something when the page is left."""
        self.scope.at_end(end)

    def follow(
        self, topic: str, look: Callable[[dict[str, Any], list[Any]], Any], *, seconds: float = 0.1
    ) -> None:
        """Tell a page what a stream says: its state and the events since the last time, if there is news.

        A stream that does not exist yet is waited for. Events are missed by whoever falls far behind; the
        state never is.
        """
        place: dict[str, Any] = {"at": None, "state": {}}

        def read() -> Any:
            if place["at"] is None:
                found = self.services.bus.find(topic)
                if found is None:
                    return None
                place["at"] = found.follow(most_behind=1024)
            state, events, news = fold(place["at"], place["state"])
            place["state"] = state
            return look(state, events) if news else None

        self.every(seconds, read)

    async def background(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What a call gives that takes a while; it is made in a thread."""
        return await asyncio.to_thread(work, *args, **kwargs)

    # --- what people are told -------------------------------------------------------------------------------

    def say(self, text: str, kind: Kind = "info") -> None:
        """A short message at the edge of the screen."""
        self.tell({"toast": {"text": text, "kind": kind}})

    def fail(self, error: Exception) -> None:
        """Tell of an error: one of ours in its words, another one by its kind."""
        told = (
            str(error) if isinstance(error, OmniError) else f"Something went wrong: {type(error).__name__}."
        )
        self.say(told, "bad")

    async def confirm(self, title: str, text: str, *, yes: str, danger: bool = False) -> bool:
        """Ask, and wait for the answer.

        Parameters
        ----------
        title, text : str
            The question, and what will come of it.
        yes : str
            What the button says that agrees.
        danger : bool
            Whether it cannot be undone.
        """
        assert self.confirm_with is not None
        return await self.confirm_with({"title": title, "text": text, "yes": yes, "danger": danger})

    def save(self, name: str, data: bytes, mime: str = "application/octet-stream") -> None:
        """Give the browser a file to keep."""
        self.tell({"save": {"name": name, "type": mime, "data": base64.b64encode(data).decode()}})

    def go(self, slug: str, **query: str) -> None:
        """Open a page."""
        self.tell({"go": slug, "query": query})

    def put_in_address(self, **query: str | None) -> None:
        """Say in the address what the page shows, so that it can be sent to somebody."""
        self.query = {name: value for name, value in {**self.query, **query}.items() if value}
        self.tell({"query_here": self.query})

    # --- what may be done -----------------------------------------------------------------------------------

    @property
    def stale(self) -> bool:
        """Whether the market is too old to trade on."""
        age = self.feed_age_s
        return self.status.get("state") != "FINISHED" and age is not None and age > STALE_S

    @property
    def feed_age_s(self) -> float | None:
        """Age of the last event of the market, seconds; more where the system is silent, None before one."""
        age = self.status.get("feed_age_s")
        said_ns = self.status.get("wall_ts")
        if age is None or said_ns is None:
            return age
        silent_s = time.time() - said_ns / 1e9
        return float(age + silent_s) if silent_s > STALE_S else age

    def why_not(self, action: Action) -> str | None:
        """Why a person may not do something now, as a sentence; None if he may.

        The role decides for all actions; trading also needs a system that runs, is not halted and whose
        market is fresh. A lost connection is the browser's own to know: it disables what has the class
        ``trades``.
        """
        if not self.person.may(action):
            return f"The role {self.person.role.value} may not {_VERBS.get(action, action.value)}."
        if action is not Action.TRADE or not self.status:
            return None
        state = self.status.get("state")
        # A switch of an instrument stops that one alone; the gate says so of its orders.
        switches = self.status.get("halted") or {}
        if state == "HALTED" or not all(scope.startswith("instrument ") for scope in switches):
            return "Trading is halted. Reset the kill switch first."
        if state != "RUNNING":
            return f"The system is {str(state).lower()}."
        return "The market is stale." if self.stale else None

    @property
    def tz(self) -> ZoneInfo:
        """The time zone of the screen."""
        return ZoneInfo(self.zone)


def fold(place: Subscription, state: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any], bool]:
    """The state after what a subscription has to say, the events in it, and whether there was anything."""
    folded = dict(state)
    events: list[Any] = []
    news = False
    for message in place.take():
        news = True
        if message.kind == "snapshot":
            folded = merge_patch({}, message.patch)
        else:
            merge_patch(folded, message.patch)
            events.extend(message.events)
    return folded, events, news
