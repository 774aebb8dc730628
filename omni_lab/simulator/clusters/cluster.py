"""A cluster as its users see it: functions are shared, tasks go out a few at a time, results stream back.

Which task goes to which worker is the engine's business. Here is what engines leave open: how many tasks
travel together, and what becomes of those whose worker died.
"""

from __future__ import annotations

import logging
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from omni_lab.errors import TrialError
from omni_lab.simulator.clusters.parcel import Parcel, packed, parcel_of

logger = logging.getLogger(__name__)

_MOST_DEATHS = 3
_MOST_LOSSES = 20
_CHUNK_S = 0.2
_MOST_TOGETHER = 64


class WorkerLost(TrialError):
    """A task whose worker died each time that it was run."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Why there is no answer: how many workers died at the task; none where it was lost without a death."""

    n_deaths: int


class Engine(Protocol):
    """What Dask and Ray have in common, as far as it is needed."""

    n_at_once: int

    def put(self, parcel: Parcel) -> Any:
        """Put a parcel where every worker reads it; a handle of it."""

    def is_there(self, handle: Any) -> bool:
        """Whether a parcel is still where it was put."""

    def submit(self, handle: Any, tasks: Sequence[bytes]) -> Any:
        """Have a worker run tasks with the function behind a handle; a ticket for the answer."""

    def wait(self, tickets: Sequence[Any]) -> list[Any]:
        """Those that have ended, one at least."""

    def answer(self, ticket: Any) -> bytes | Lost:
        """What a ticket that has ended is good for."""

    def cancel(self, tickets: Sequence[Any]) -> None:
        """Run no more of these."""

    def close(self) -> None:
        """End what was started here."""


@dataclass(slots=True)
class Shared:
    """A function that has been put on the cluster, with what it holds."""

    parcel: Parcel
    handle: Any


@dataclass(slots=True)
class _Item:
    index: int
    sent: bytes
    n_deaths: int = 0


class Cluster:
    """Runs functions on the items of a sequence.

    Attributes
    ----------
    n_at_once : int
        How many tasks run at the same time.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def n_at_once(self) -> int:
        """How many tasks run at the same time."""
        return self._engine.n_at_once

    def share(self, function: Callable[[Any], Any]) -> Shared:
        """Put a function on the cluster once, with all it holds, for any number of maps.

        Raises
        ------
        ConfigError
            If it cannot be sent to another process.
        """
        parcel = parcel_of(function)
        return Shared(parcel, self._engine.put(parcel))

    def map(
        self, function: Callable[[Any], Any] | Shared, items: Sequence[Any]
    ) -> Iterator[tuple[int, Any | Exception]]:
        """The place of each item with what the function made of it, or raised, in the order they end.

        Tasks of a few milliseconds travel together. Of those whose worker died each is run again on its own,
        until three workers died; its result is then a :class:`WorkerLost`. To close the iterator cancels the
        others.

        Raises
        ------
        ConfigError
            If the function or an item cannot be sent, or the workers cannot run it.
        TrialError
            If the cluster itself is lost.
        """
        shared = function if isinstance(function, Shared) else self.share(function)
        fresh = deque(_Item(index, packed(item)) for index, item in enumerate(items))
        return _Stream(self._engine, shared, fresh).results()

    def close(self) -> None:
        """End a cluster that was started here, whatever it is at; let go of one that was not."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Stream:
    """One map.

    Items whose worker died are suspects: one of them is out at a time, and alone in its chunk, so that none is
    blamed for another's doing.
    """

    def __init__(self, engine: Engine, shared: Shared, fresh: deque[_Item]) -> None:
        self._engine, self._shared = engine, shared
        self._fresh, self._suspects = fresh, deque[_Item]()
        self._out: dict[Any, list[_Item]] = {}
        self._mean_s: float | None = None
        self._n_losses = 0

    def results(self) -> Iterator[tuple[int, Any]]:
        """Each place with its result."""
        try:
            while self._fresh or self._suspects or self._out:
                self._send()
                for ticket in self._engine.wait(list(self._out)):
                    answer, chunk = self._engine.answer(ticket), self._out.pop(ticket)
                    if isinstance(answer, Lost):
                        yield from self._lost(chunk, answer)
                    else:
                        yield from self._told(chunk, answer)
        finally:
            self._engine.cancel(list(self._out))

    def _send(self) -> None:
        while (self._fresh or self._suspects) and len(self._out) < self._most_out():
            if self._suspects and not any(chunk[0].n_deaths for chunk in self._out.values()):
                chunk = [self._suspects.popleft()]
            elif self._fresh:
                chunk = [self._fresh.popleft() for _ in range(self._n_together())]
            else:
                return
            if not self._engine.is_there(self._shared.handle):
                self._shared.handle = self._engine.put(self._shared.parcel)
            self._out[self._engine.submit(self._shared.handle, [item.sent for item in chunk])] = chunk

    def _most_out(self) -> int:
        """Chunks on their way: a second one for each worker where they are so short that it would wait."""
        short = self._mean_s is not None and self._mean_s < _CHUNK_S
        return self._engine.n_at_once * (2 if short else 1)

    def _n_together(self) -> int:
        if not self._mean_s:
            return 1
        fair = len(self._fresh) // (2 * self._engine.n_at_once)
        return max(1, min(int(_CHUNK_S / self._mean_s), fair, _MOST_TOGETHER))

    def _told(self, chunk: list[_Item], answer: bytes) -> Iterator[tuple[int, Any]]:
        spent_s, answers = pickle.loads(answer)
        self._mean_s, self._n_losses = spent_s / len(chunk), 0
        for item, told in zip(chunk, answers, strict=True):
            yield item.index, pickle.loads(told)

    def _lost(self, chunk: list[_Item], lost: Lost) -> Iterator[tuple[int, Any]]:
        self._n_losses += lost.n_deaths == 0
        if self._n_losses > _MOST_LOSSES:
            raise TrialError(
                "the cluster loses whatever it is given", found=f"{self._n_losses} losses in a row"
            )
        places = ", ".join(str(item.index + 1) for item in chunk)
        logger.warning("a worker was lost at task %s", places)
        for item in chunk:
            was_alone, item.n_deaths = item.n_deaths > 0 or len(chunk) == 1, item.n_deaths + lost.n_deaths
            if was_alone and item.n_deaths >= _MOST_DEATHS:
                yield item.index, _died(item.n_deaths)
            elif item.n_deaths:
                self._suspects.append(item)
            else:
                self._fresh.appendleft(item)


def _died(n_deaths: int) -> WorkerLost:
    return WorkerLost(
        f"the worker died, {n_deaths} times",
        hint="Out of memory, or native code that crashed; run this set alone with executor='serial'.",
    )
