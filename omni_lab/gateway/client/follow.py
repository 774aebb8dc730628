"""`Follower`: where a client is in a stream, over as many connections as it takes."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any
from urllib.parse import quote, urlencode

from omni_lab.errors import CodecError, ConfigError
from omni_lab.messaging.bus import Message, merge_patch

TOPICS = {"market": "market_data/", "jobs": "backtest/"}
PLAIN = ("orders", "account", "system", "alerts")


class GapError(Exception):
    """A change is missing: what came before is asked for again."""


class Follower:
    """Where a client is in a stream. It does no I/O.

    Parameters
    ----------
    topic : str
        ``"orders"``, ``"account"``, ``"system"``, ``"alerts"``, ``"market.SYMBOL"``, ``"jobs.ID"``.
    after, epoch : int, str, optional
        Where it goes on.

    Attributes
    ----------
    state : dict
        Folded from what was told.
    sequence : int or None
        Number of the last change.
    epoch : str or None
        The life of the stream that the number belongs to.
    problem : dict or None
        The last error that was told; the server closes after those that matter.
    """

    def __init__(self, topic: str, *, after: int | None = None, epoch: str | None = None) -> None:
        self.topic = topic
        self.state: dict[str, Any] = {}
        self.sequence, self.epoch = after, epoch
        self.problem: dict[str, Any] | None = None
        kind, dot, name = topic.partition(".")
        if topic not in PLAIN and not (kind in TOPICS and dot and name):
            raise ConfigError("no stream has this topic", found=topic, expected=(*PLAIN, "market.SYMBOL"))
        self._path = topic if topic in PLAIN else TOPICS[kind] + quote(name, safe="/")

    def address(self) -> str:
        """Path and query of the socket that goes on from here."""
        asked = {"after": self.sequence, "epoch": self.epoch}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return f"/ws/{self._path}" + (f"?{query}" if query else "")

    def take(self, text: str | bytes) -> Message | None:
        """A message of the server; None if it is no news: a heartbeat, an error, a change that is known.

        Raises
        ------
        GapError
            If a change before it is missing.
        CodecError
            If it is no message.
        """
        told = json.loads(text)
        match told.get("type"):
            case "heartbeat":
                return None
            case "snapshot":
                # The caller keeps the message, and the state goes on.
                self.state = deepcopy(told["state"])
                patch, events = told["state"], []
            case "delta":
                if self.sequence is None or told["epoch"] != self.epoch:
                    raise GapError
                if told["sequence"] <= self.sequence:
                    return None
                if told["sequence"] > self.sequence + 1:
                    raise GapError
                patch, events = told["patch"], told["events"]
                merge_patch(self.state, patch)
            case "error":
                self.problem = told
                return None
            case other:
                raise CodecError("the gateway says what nobody understands", found=other, where=self.topic)
        self.sequence, self.epoch = told["sequence"], told["epoch"]
        return Message(self.topic, told["epoch"], told["type"], told["sequence"], told["ts"], patch, events)
