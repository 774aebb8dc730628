"""Single messages of ITCH and OUCH by name and field; batches of them are the business of `omni_lab.data`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from omni_lab import _native
from omni_lab.errors import CodecError

Protocol = Literal["itch", "ouch_client", "ouch_venue"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is on the wire: prices in 1/10,000 of a dollar, times in nanoseconds since midnight.

    A field is read like an attribute: ``message.shares``.

    Attributes
    ----------
    name : str
        Which message, such as ``"enter_order"``; `omni_lab._native.message_layouts` lists them.
    fields : mapping of str to int or str
        Numbers, characters, and text without its padding.
    """

    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(f"the {self.name} message has no field {name!r}") from None


def encode(protocol: Protocol, message: Message) -> bytes:
    """The bytes of a message.

    Raises
    ------
    CodecError
        If there is no such message, a field is missing or unknown, or a value does not fit.
    """
    return _native.encode_message(protocol, message.name, dict(message.fields))


def decode(protocol: Protocol, data: bytes) -> Message | None:
    """The message in these bytes; None if its type is not known.

    Raises
    ------
    CodecError
        If there are too few bytes for the type, or, in ITCH, too many.
    """
    found = _native.decode_message(protocol, data)
    return None if found is None else Message(*found)


def known(protocol: Protocol, data: bytes) -> Message:
    """The message in these bytes, which must be of a known type.

    Raises
    ------
    CodecError
        If it is not, or as `decode`.
    """
    message = decode(protocol, data)
    if message is None:
        raise CodecError("no message has this type", found=chr(data[0]))
    return message
