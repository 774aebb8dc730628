"""Frames with checksums, as columns: one segment of a journal, written and judged a table at a time.

The layout is that of the native journal (``native/journal``), little-endian: a header of 64 bytes
(``OMNIJRN1``, version, length of the header, first sequence, bytes of the file, CRC32C of the 60 bytes before
it), then frames. A frame is 24 bytes (length of the payload, CRC32C, sequence, kind, six zeros), its payload,
and zeros up to a multiple of eight bytes. The CRC32C is over the 24 bytes and the payload, itself taken as
zero. Sequences count from 1 without gaps.
"""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from omni_lab.errors import JournalError
from omni_lab.typing import AnyArray, IntArray

SEGMENT_HEADER: Final = 64
FRAME_HEADER: Final = 24
_MAGIC: Final = b"OMNIJRN1"
_ALIGN: Final = 8
_POLYNOMIAL: Final = 0x82F63B78  # Castagnoli, the lowest bit first

Bytes = npt.NDArray[np.uint8]

_HEAD = np.dtype(
    [("length", "<u4"), ("crc", "<u4"), ("sequence", "<u8"), ("kind", "<u2"), ("reserved", "V6")]
)


class Flaw(NamedTuple):
    """What is wrong with a frame: its row, what was looked at, what should have been there and what was."""

    row: int
    what: str
    expected: int
    found: int


def crc32c(rows: Bytes) -> npt.NDArray[np.uint32]:
    """CRC32C of each row of bytes; all rows go through the table together.

    Parameters
    ----------
    rows : ndarray of uint8, shape (n, length)

    Returns
    -------
    ndarray of uint32, shape (n,)

    References
    ----------
    RFC 3720, appendix B.4. ``123456789`` gives ``0xE3069283``.
    """
    state = np.full(len(rows), 0xFFFFFFFF, dtype=np.uint32)
    for column in range(rows.shape[1]):
        state = _TABLE[(state ^ rows[:, column]) & 0xFF] ^ (state >> np.uint32(8))
    return ~state


def stored_bytes(length: int) -> int:
    """Bytes that a frame with such a payload takes up."""
    return -(-(FRAME_HEADER + length) // _ALIGN) * _ALIGN


def segment_header(n_bytes: int) -> bytes:
    """What a file of so many bytes begins with."""
    head = struct.pack("<8sIIQQ28x", _MAGIC, 1, SEGMENT_HEADER, 1, n_bytes)
    return head + int(crc32c(np.frombuffer(head, np.uint8)[np.newaxis])[0]).to_bytes(4, "little")


def sealed(payloads: Bytes, kinds: AnyArray | int, first_sequence: int) -> Bytes:
    """Frames of payloads of one length.

    Parameters
    ----------
    payloads : ndarray of uint8, shape (n, length)
    kinds : int or ndarray of int, shape (n,)
    first_sequence : int

    Returns
    -------
    ndarray of uint8, shape (n, stored_bytes(length))
    """
    n_frames, length = payloads.shape
    frames = np.zeros((n_frames, stored_bytes(length)), dtype=np.uint8)
    frames[:, FRAME_HEADER : FRAME_HEADER + length] = payloads
    head = _heads(frames)
    head["length"], head["kind"] = length, kinds
    head["sequence"] = first_sequence + np.arange(n_frames, dtype=np.uint64)
    head["crc"] = crc32c(frames[:, : FRAME_HEADER + length])
    return frames


def kinds_of(frames: Bytes) -> IntArray:
    """Kind of each frame."""
    return np.asarray(_heads(frames)["kind"], dtype=np.int64)


def flaw_in(frames: Bytes, length: int, first_sequence: int) -> Flaw | None:
    """The first thing that is wrong with frames of payloads of this length; None for nothing."""
    head = _heads(frames)
    blank = frames[:, : FRAME_HEADER + length].copy()
    _heads(blank)["crc"] = 0
    sequence = first_sequence + np.arange(len(frames), dtype=np.uint64)
    padding = frames[:, FRAME_HEADER + length :].any(axis=1).astype(np.int64)
    checks: tuple[tuple[str, Any, Any], ...] = (
        ("length of the payload", np.full(len(frames), length), head["length"]),
        ("CRC32C of the frame", crc32c(blank), head["crc"]),
        ("sequence of the frame", sequence, head["sequence"]),
        ("zeros after the payload", np.zeros(len(frames), dtype=np.int64), padding),
    )
    found = None
    for what, expected, there in checks:
        wrong = np.flatnonzero(expected != there)
        if len(wrong) and (found is None or wrong[0] < found.row):
            row = int(wrong[0])
            found = Flaw(row, what, int(expected[row]), int(there[row]))
    return found


def check_segment_header(head: bytes, n_bytes: int, where: str) -> None:
    """Refuse a file that does not begin as one of its length should.

    Raises
    ------
    JournalError
        Saying at which offset.
    """
    if head[: len(_MAGIC)] != _MAGIC:
        raise JournalError(
            "this file is no journal", found=head[:8], expected=_MAGIC, where=f"{where}, offset 0"
        )
    expected = segment_header(n_bytes)
    if head == expected:
        return
    stated = int.from_bytes(head[24:32], "little")
    if head == segment_header(stated):
        end = min(stated, n_bytes)
        raise JournalError(
            "the file is not as long as it says",
            found=f"{n_bytes:,} bytes",
            expected=f"{stated:,}",
            where=f"{where}, offset {end}",
        )
    raise JournalError(
        "the header is damaged", where=f"{where}, offset 0", found=head.hex(), expected=expected.hex()
    )


def _heads(frames: Bytes) -> AnyArray:
    """The header of each frame, as a view."""
    return frames[:, :FRAME_HEADER].view(_HEAD)[:, 0]


def _table() -> npt.NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1).astype(np.uint32)
    return table


_TABLE = _table()
