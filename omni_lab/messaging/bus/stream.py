"""`Stream`: a state, the changes of it in their order, and the places of those who follow."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from omni_lab.errors import ConfigError

Json = Any
"""What JSON can say: mappings with text as keys, sequences, text, finite numbers, truth values and None."""

Kind = Literal["snapshot", "delta"]
_MOST_OWN = 65_536


@dataclass(slots=True, eq=False)
class Message:
    """One message of a stream; nobody changes it.

    Attributes
    ----------
    topic, epoch : str
        The stream, and the life of it that the numbers belong to.
    kind : {"snapshot", "delta"}
        The whole state, or what changed since the message before.
    sequence : int
        Number of the change; of a snapshot, of the last change in it. Changes are numbered from 1 without a
        gap.
    ts : int
        When, nanoseconds UTC.
    patch : mapping
        A JSON merge patch (RFC 7396) on the state: what is named changes, None removes. Of a snapshot, the
        state.
    events : sequence
        What happened and leaves no trace in the state, such as trades.
    encoded : bytes or None
        For whoever sends it: the bytes that all readers of it get. Made once.
    """

    topic: str
    epoch: str
    kind: Kind
    sequence: int
    ts: int
    patch: Mapping[str, Json]
    events: Sequence[Json] = ()
    encoded: bytes | None = field(default=None, repr=False)


class Stream:
    """Numbered changes of one state.

    Parameters
    ----------
    topic : str
        Its name.
    epoch : str
        The life of it: numbers of one epoch are never used again for something else.
    keep : int
        How many of the newest changes are remembered.
    state : mapping, optional
        What it begins with.
    sequence : int
        Number of the last change in it: a stream that is made anew from a record goes on counting.
    """

    def __init__(
        self,
        topic: str,
        *,
        epoch: str,
        keep: int = 4096,
        state: Mapping[str, Json] | None = None,
        sequence: int = 0,
    ) -> None:
        if keep < 1:
            raise ConfigError("a stream remembers at least one change", found=keep, where=topic)
        self.topic, self.epoch = topic, epoch
        self._state: dict[str, Json] = deepcopy(dict(state or {}))
        # Mappings of the state that no snapshot shares: others are copied before they change.
        self._own: set[int] = set()
        self._kept: deque[Message] = deque(maxlen=keep)
        self._sequence = sequence
        self._ts = 0
        self._changed = threading.Condition()
        self._listeners: set[Callable[[], object]] = set()
        self._snapshot: Message | None = None

    @property
    def sequence(self) -> int:
        """Number of the last change."""
        return self._sequence

    def publish(
        self, patch: Mapping[str, Json] | None = None, events: Sequence[Json] = (), *, ts: int | None = None
    ) -> Message:
        """Change the state, and tell everyone; any thread may, and none waits for a reader.

        Parameters
        ----------
        patch : mapping, optional
            JSON merge patch on the state. It is kept: do not change it afterwards.
        events : sequence, optional
            What happened.
        ts : int, optional
            When, nanoseconds UTC; now by default.
        """
        with self._changed:
            if len(self._own) > _MOST_OWN:
                self._own.clear()
            self._sequence += 1
            self._ts = time.time_ns() if ts is None else ts
            told = Message(self.topic, self.epoch, "delta", self._sequence, self._ts, patch or {}, events)
            self._state = self._merge(self._state, told.patch)
            self._kept.append(told)
            self._snapshot = None
            self._changed.notify_all()
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()
        return told

    def snapshot(self) -> Message:
        """The state as it is now; the same message for all who ask before the next change."""
        with self._changed:
            if self._snapshot is None:
                self._own.clear()
                self._snapshot = Message(
                    self.topic, self.epoch, "snapshot", self._sequence, self._ts, self._state
                )
            return self._snapshot

    def _merge(self, state: dict[str, Json], patch: Mapping[str, Json]) -> dict[str, Json]:
        """As `merge_patch`, but in a copy of what a snapshot shares: taking one costs nothing."""
        if id(state) not in self._own:
            state = dict(state)
            self._own.add(id(state))
        for name, value in patch.items():
            if value is None:
                state.pop(name, None)
            elif isinstance(value, Mapping):
                before = state.get(name)
                state[name] = self._merge(before if isinstance(before, dict) else {}, value)
            else:
                state[name] = value
        return state

    def after(self, sequence: int, *, most: int | None = None) -> list[Message] | None:
        """Changes after a number, oldest first; None if some of them are no longer remembered, or never were.

        Parameters
        ----------
        sequence : int
            The last change that is known.
        most : int, optional
            At most so many.
        """
        with self._changed:
            n_behind = self._sequence - sequence
            if not 0 <= n_behind <= len(self._kept):
                return None
            first = len(self._kept) - n_behind
            last = len(self._kept) if most is None else min(first + most, len(self._kept))
            # A deque is slow in the middle: readers who keep up take from its end.
            if first == len(self._kept):
                return []
            newest = [self._kept[place] for place in range(-1, first - len(self._kept) - 1, -1)]
            newest.reverse()
            return newest[: last - first]

    def follow(
        self, *, after: int | None = None, epoch: str | None = None, most_behind: int | None = None
    ) -> Subscription:
        """A place in the stream.

        Parameters
        ----------
        after : int, optional
            The last change that the reader knows: he gets what came since. Without it he begins with a
            snapshot.
        epoch : str, optional
            The life of the stream that ``after`` was counted in: of another one it means nothing.
        most_behind : int, optional
            Who is further behind is given a snapshot instead of all the changes.
        """
        resumes = after is not None and epoch in (None, self.epoch) and after <= self._sequence
        return Subscription(self, after if resumes else None, most_behind)

    def listen(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call somebody after every change, in the thread that published; returns what ends it.

        A listener returns at once and raises nothing.
        """
        with self._changed:
            self._listeners.add(listener)

        def end() -> None:
            with self._changed:
                self._listeners.discard(listener)

        return end

    def wait(self, sequence: int, timeout: float | None = None) -> bool:
        """Wait in this thread until there is a change after a number; whether there is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._sequence > sequence, timeout)


class Subscription:
    """A reader's place in a stream. It holds no messages; give it up by forgetting it.

    Parameters
    ----------
    stream : Stream
    sequence : int or None
        The last change that the reader knows; None for none.
    most_behind : int, optional
        As in `Stream.follow`.

    Attributes
    ----------
    n_skipped : int
        Changes that the reader was not told one by one, because he was behind.
    """

    def __init__(self, stream: Stream, sequence: int | None, most_behind: int | None) -> None:
        self.stream = stream
        self.n_skipped = 0
        self._sequence = sequence
        self._most_behind = most_behind

    @property
    def sequence(self) -> int | None:
        """The last change that was taken; None before the first message."""
        return self._sequence

    def take(self, most: int = 256) -> list[Message]:
        """What there is to know now: changes since the last time, a snapshot, or nothing.

        Parameters
        ----------
        most : int
            At most so many messages.
        """
        known, stream = self._sequence, self.stream
        if known is not None:
            behind = stream.sequence - known
            if self._most_behind is None or behind <= self._most_behind:
                found = stream.after(known, most=most)
                if found is not None:
                    self._sequence = found[-1].sequence if found else known
                    return found
        told = stream.snapshot()
        if known is not None:
            self.n_skipped += max(told.sequence - known, 0)
        self._sequence = told.sequence
        return [told]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in this thread until there is something to take; whether there is."""
        return self._sequence is None or self.stream.wait(self._sequence, timeout)


def merge_patch(state: dict[str, Json], patch: Mapping[str, Json]) -> dict[str, Json]:
    """Apply a JSON merge patch (RFC 7396) in place.

    Parameters
    ----------
    state : dict
        What is changed, and returned.
    patch : mapping
        A mapping is merged into the one of its name, None removes, anything else replaces.
    """
    for name, value in patch.items():
        if value is None:
            state.pop(name, None)
        elif isinstance(value, Mapping):
            before = state.get(name)
            state[name] = merge_patch(before if isinstance(before, dict) else {}, value)
        else:
            state[name] = value
    return state


def difference(before: Mapping[str, Json], after: Mapping[str, Json]) -> dict[str, Json]:
    """The JSON merge patch (RFC 7396) that makes one state of another; empty where they are the same.

    States hold no None: a patch could not say it.
    """
    patch: dict[str, Json] = {name: None for name in before if name not in after}
    for name, value in after.items():
        known = before.get(name)
        if isinstance(value, Mapping) and isinstance(known, Mapping):
            inner = difference(known, value)
            if inner:
                patch[name] = inner
        elif name not in before or known != value:
            patch[name] = value
    return patch


def fold(messages: Iterable[Message]) -> dict[str, Json]:
    """The state that a reader has after these messages: a snapshot begins anew, a change is merged."""
    state: dict[str, Json] = {}
    for message in messages:
        state = (
            deepcopy(dict(message.patch)) if message.kind == "snapshot" else merge_patch(state, message.patch)
        )
    return state
