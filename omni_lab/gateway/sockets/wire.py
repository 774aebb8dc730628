"""Messages of the server as text, and as the WebSocket frame around it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from typing import Any

import orjson
from websockets.frames import Frame, Opcode

from omni_lab.errors import CodecError
from omni_lab.messaging.bus import Message


def frame_of(message: Message) -> bytes:
    """A message of a stream as it goes out: a frame that is made once, and is the same for all.

    Raises
    ------
    CodecError
        If there is something in it that JSON cannot say.
    """
    if message.encoded is None:
        body: dict[str, Any] = {
            "type": message.kind,
            "topic": message.topic,
            "epoch": message.epoch,
            "sequence": message.sequence,
            "ts": message.ts,
        }
        if message.kind == "snapshot":
            body["state"] = message.patch
        else:
            body["patch"], body["events"] = message.patch, message.events
        try:
            text = orjson.dumps(body, _plain, orjson.OPT_SERIALIZE_NUMPY)
        except orjson.JSONEncodeError as error:
            raise CodecError(f"a message is not JSON: {error}", where=f"stream {message.topic}") from error
        # What a server sends has no mask (RFC 6455, section 5.1): nothing in it is one client's own.
        message.encoded = Frame(Opcode.TEXT, text).serialize(mask=False)
    return message.encoded


def text_of(message: Message) -> str:
    """The text in that frame."""
    frame = frame_of(message)
    n_head = {126: 4, 127: 10}.get(frame[1], 2)
    return frame[n_head:].decode()


def heartbeat(sequence: int) -> str:
    """All is well, and this is the last change."""
    return f'{{"type":"heartbeat","sequence":{sequence},"ts":{time.time_ns()}}}'


def error(status: int, detail: str) -> str:
    """Something is wrong; ``status`` as of REST."""
    return orjson.dumps({"type": "error", "status": status, "detail": detail}).decode()


def _plain(value: object) -> object:
    """What orjson does not know: mappings and sequences that are no dicts and lists."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (Sequence, Set)) and not isinstance(value, (bytes, bytearray)):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
