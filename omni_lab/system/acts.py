"""What people do to a system, told to whoever keeps a record of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from dataclasses import asdict, is_dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from omni_lab.errors import ForbiddenError
from omni_lab.system.people import Person

P = ParamSpec("P")
R = TypeVar("R")
Listener = Callable[[Person, str, Mapping[str, Any], str], object]
"""Called with who, the name of the act, what was asked, and how it ended: ok, refused or failed."""


class Told(Protocol):
    """Somebody who tells of acts."""

    @property
    def listeners(self) -> list[Listener]:
        """Who is told."""


S = TypeVar("S", bound=Told)


def act(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """A method with a keyword ``who``: what came of it is told to the listeners, by the thread that calls."""

    @wraps(method)
    def done(system: S, *args: P.args, **kwargs: P.kwargs) -> R:
        outcome = "failed"
        try:
            made = method(system, *args, **kwargs)
            outcome = "ok"
            return made
        except ForbiddenError:
            outcome = "refused"
            raise
        finally:
            asked = {name: value for name, value in kwargs.items() if name != "who" and value is not None}
            facts = {**_named(args), **{name: _plain(value) for name, value in asked.items()}}
            who = kwargs["who"]
            assert isinstance(who, Person)
            for listener in tuple(system.listeners):
                listener(who, method.__name__, facts, outcome)

    return cast(Callable[Concatenate[S, P], R], done)


def _named(args: tuple[object, ...]) -> dict[str, Any]:
    """What was asked without a name: an order's number, or a thing with fields."""
    found: dict[str, Any] = {}
    for each in args:
        plain = _plain(each)
        found.update(plain if isinstance(plain, dict) else {"of": plain})
    return found


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: each for name, each in asdict(value).items() if not _is_nothing(each)}
    return value


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, Sized) and len(value) == 0)
