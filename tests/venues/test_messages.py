"""Single messages: what was encoded is decoded, and what cannot be is an error that says why."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab import _native
from omni_lab.errors import CodecError, ConfigError
from omni_lab.venues import Message, decode, encode
from omni_lab.venues.messages import Protocol, known
from tests.venues.desk import ORDER

PROTOCOLS: list[Protocol] = ["itch", "ouch_client", "ouch_venue"]
LAYOUTS = [(protocol, *layout) for protocol in PROTOCOLS for layout in _native.message_layouts(protocol)]


def test_an_order_has_its_fields_where_the_specification_has_them() -> None:
    data = encode("ouch_client", Message("enter_order", {**ORDER, "firm": "FIRM", "customer_type": "R"}))
    expected = b"OT1            B\0\0\0dX       \0\1\x86\xa0\0\1\x86\x9eFIRMYPN\0\0\0\0NR"
    assert data == expected
    order = known("ouch_client", data)
    assert (order.order_token, order.shares, order.price, order.firm) == ("T1", 100, 100_000, "FIRM")


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout[0]}-{layout[2]}")
@given(data=st.data())
def test_every_message_comes_back(layout: Any, data: st.DataObject) -> None:
    protocol, kind, name, length, fields = layout
    raw = kind.encode() + bytes(
        data.draw(st.lists(st.integers(0x21, 0x7E), min_size=length - 1, max_size=length - 1))
    )
    message = known(protocol, raw)
    assert message.name == name
    assert encode(protocol, message) == raw
    assert [field for field, offset, _ in fields if offset < length] == list(message.fields)


def test_a_later_revision_may_append_to_ouch_and_not_to_itch() -> None:
    cancel = encode("ouch_client", Message("cancel_order", {"order_token": "T", "shares": 5}))
    assert known("ouch_client", cancel + b"later").fields == {"order_token": "T", "shares": 5}
    aiq = b"D" + bytes(36)
    assert "aiq_strategy" not in known("ouch_venue", aiq).fields
    longer = known("ouch_venue", aiq + b"O")
    assert longer.aiq_strategy == "O"
    assert encode("ouch_venue", longer) == aiq + b"O"
    with pytest.raises(CodecError, match="12 bytes of system_event"):
        decode("itch", b"S" + bytes(12))


@pytest.mark.parametrize(
    ("name", "change", "found", "said"),
    [
        ("enter", {}, None, "no message has this name.*enter_order"),
        ("enter_order", {"shares": 2**32}, 2**32, "a whole number of 4 bytes"),
        ("enter_order", {"shares": -1}, -1, "a whole number of 4 bytes"),
        ("enter_order", {"stock": "TOOLONGNAME"}, "TOOLONGNAME", "at most 8 ASCII characters"),
        ("enter_order", {"stock": "é"}, "é", "at most 8 ASCII"),
        ("enter_order", {"display": "YY"}, "YY", "one ASCII character"),
        ("enter_order", {"display": 7}, 7, "one ASCII character"),
        ("enter_order", {"colour": 7}, "colour", "has no such field"),
    ],
)
def test_what_cannot_be_encoded_is_named(name: str, change: dict[str, Any], found: object, said: str) -> None:
    with pytest.raises(CodecError, match=said) as error:
        encode("ouch_client", Message(name, {**ORDER, **change}))
    assert found is None or error.value.found == found


def test_what_cannot_be_decoded_is_named() -> None:
    with pytest.raises(CodecError, match="'no byte'"):
        decode("itch", b"")
    with pytest.raises(CodecError, match=re.escape("'48 bytes', expected at least 49 bytes of enter_order")):
        decode("ouch_client", b"O" + bytes(47))
    with pytest.raises(CodecError, match="lacks a field"):
        encode("ouch_client", Message("cancel_order", {"order_token": "T"}))
    with pytest.raises(CodecError, match="this type: found '!'"):
        known("itch", b"!")
    with pytest.raises(ConfigError, match="unknown protocol"):
        decode("fix", b"8=")  # type: ignore[arg-type]
    assert decode("itch", b"!") is None
    with pytest.raises(AttributeError, match="has no field 'colour'"):
        _ = Message("enter_order", ORDER).colour
