"""Client order ids: what people call an order, as the number that stands in commands and events."""

from __future__ import annotations

from omni_lab.errors import DataError

TEXTS_BEGIN = 2**127
"""A client order id below is a number, one from here on a text."""
MAX_LENGTH = 16


def number_of(client_order_id: int | str | None) -> int:
    """The number that stands for a client order id, 0 for none.

    Parameters
    ----------
    client_order_id : int or str or None
        A number below 2**127, or a text of 1 to 16 ASCII characters: its bytes are the number, the last one
        lowest, plus 2**127.

    Raises
    ------
    DataError
        If it is neither.
    """
    if client_order_id is None:
        return 0
    if isinstance(client_order_id, str):
        if (
            client_order_id.isascii()
            and client_order_id.isprintable()
            and 1 <= len(client_order_id) <= MAX_LENGTH
        ):
            return int.from_bytes(client_order_id.encode(), "big") + TEXTS_BEGIN
    elif 0 <= client_order_id < TEXTS_BEGIN:
        return int(client_order_id)
    raise DataError(
        "a client order id cannot be used",
        found=client_order_id,
        expected="a number from 1 to 2**127 - 1, or 1 to 16 printable ASCII characters",
    )


def name_of(number: int) -> int | str | None:
    """What people call a client order id: a number, a text, or None for 0."""
    if number < TEXTS_BEGIN:
        return number or None
    text = number - TEXTS_BEGIN
    return text.to_bytes((text.bit_length() + 7) // 8, "big").decode("ascii", "backslashreplace")
