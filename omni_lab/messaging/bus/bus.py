"""`Bus`: the streams of a process, by topic."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from omni_lab.errors import ConfigError
from omni_lab.messaging.bus.stream import Stream


class Bus:
    """The streams of a process, by topic.

    Examples
    --------
    >>> bus = Bus()
    >>> orders = bus.open("orders", epoch="1")
    >>> reader = orders.follow()
    >>> reader.take()[0].kind
    'snapshot'
    >>> _ = orders.publish({"7": {"state": "NEW"}}, ts=1)
    >>> [(each.sequence, each.patch) for each in reader.take()]
    [(1, {'7': {'state': 'NEW'}})]
    """

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}
        self._lock = threading.Lock()

    def open(
        self,
        topic: str,
        *,
        epoch: str,
        keep: int = 4096,
        state: Mapping[str, Any] | None = None,
        sequence: int = 0,
    ) -> Stream:
        """A new stream; arguments as of `Stream`.

        Raises
        ------
        ConfigError
            If there is one of that topic.
        """
        with self._lock:
            if topic in self._streams:
                raise ConfigError("there is a stream of this topic already", found=topic)
            made = Stream(topic, epoch=epoch, keep=keep, state=state, sequence=sequence)
            self._streams[topic] = made
            return made

    def close(self, topic: str) -> None:
        """Forget a stream; who follows it hears nothing more."""
        with self._lock:
            self._streams.pop(topic, None)

    def stream(self, topic: str) -> Stream:
        """The stream of a topic.

        Raises
        ------
        ConfigError
            If there is none.
        """
        found = self.find(topic)
        if found is None:
            raise ConfigError("no stream has this topic", found=topic, expected=self.topics)
        return found

    def find(self, topic: str) -> Stream | None:
        """The stream of a topic; None if there is none."""
        return self._streams.get(topic)

    @property
    def topics(self) -> list[str]:
        """Of all streams, sorted."""
        with self._lock:
            return sorted(self._streams)
