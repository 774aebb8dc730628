"""What goes over the wire, byte for byte."""

import json
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from omni_lab.errors import CodecError
from omni_lab.gateway.sockets.wire import error, frame_of, heartbeat, text_of
from omni_lab.messaging.bus import Message, Stream


@pytest.mark.parametrize("size", [0, 10, 125, 126, 65_000, 66_000])
def test_a_frame_is_what_a_client_reads(size: int) -> None:
    message = Message("t", "1", "delta", 1, 2, {"x": "é" * size})
    protocol = ClientProtocol(parse_uri("ws://here/"), state=State.OPEN, max_size=None)
    protocol.receive_data(frame_of(message))
    (frame,) = protocol.events_received()
    assert isinstance(frame, Frame)
    assert bytes(frame.data).decode() == text_of(message)
    assert json.loads(text_of(message))["patch"] == {"x": "é" * size}
    assert frame_of(message) is frame_of(message)


def test_a_snapshot_is_encoded_once_until_the_next_change() -> None:
    stream = Stream("t", epoch="1", state={"a": 1})
    assert frame_of(stream.snapshot()) is frame_of(stream.snapshot())
    stream.publish({"a": None})
    assert json.loads(text_of(stream.snapshot()))["state"] == {}


def test_what_python_has_more_of_becomes_json() -> None:
    class Colour(StrEnum):
        RED = "red"

    odd: dict[str, Any] = {
        "nan": float("nan"), "inf": -np.inf, "int": np.int64(2**62), "float": np.float64(0.1),
        "array": np.array([1.5, np.nan]), "map": MappingProxyType({"a": (1, 2)}), "set": {3},
        "enum": Colour.RED,
    }  # fmt: skip
    told = json.loads(text_of(Message("t", "1", "delta", 1, 2, odd, (MappingProxyType({"k": 1}),))))
    assert told["patch"] == {
        "nan": None, "inf": None, "int": 2**62, "float": 0.1, "array": [1.5, None], "map": {"a": [1, 2]},
        "set": [3], "enum": "red",
    }  # fmt: skip
    assert told["events"] == [{"k": 1}]
    with pytest.raises(CodecError, match="not JSON"):
        frame_of(Message("t", "1", "delta", 1, 2, {"x": b"bytes"}))


def test_small_messages() -> None:
    assert json.loads(heartbeat(7)) | {"ts": 0} == {"type": "heartbeat", "sequence": 7, "ts": 0}
    assert json.loads(error(404, 'no "x"')) == {"type": "error", "status": 404, "detail": 'no "x"'}
