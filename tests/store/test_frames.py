"""The checksum of frames against published values, and their bytes against the native reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omni_lab.execution.journal import verify_journal
from omni_lab.store.frames import (
    FRAME_HEADER,
    crc32c,
    flaw_in,
    kinds_of,
    sealed,
    segment_header,
    stored_bytes,
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"123456789", 0xE3069283),
        # RFC 3720, appendix B.4.
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_the_checksum_is_the_published_one(content: bytes, expected: int) -> None:
    rows = np.frombuffer(content * 3, np.uint8).reshape(3, -1)
    assert crc32c(rows).tolist() == [expected] * 3


@pytest.mark.parametrize("length", [1, 8, 13])
def test_the_native_journal_reads_the_frames(tmp_path: Path, length: int) -> None:
    payloads = np.random.default_rng(length).integers(0, 256, (5, length)).astype(np.uint8)
    frames = sealed(payloads, np.array([0, 3, 1, 1, 2]), 1)
    segment = tmp_path / "00000000000000000001.seg"
    segment.write_bytes(segment_header(64 + frames.size) + frames.tobytes())
    report = verify_journal(tmp_path, progress=False)
    assert (report.n_frames, report.last_sequence, report.lost) == (5, 5, None)
    assert kinds_of(frames).tolist() == [0, 3, 1, 1, 2]


def test_any_flipped_bit_is_found_in_its_frame() -> None:
    frames = sealed(np.arange(39, dtype=np.uint8).reshape(3, 13), 1, 7)
    assert flaw_in(frames, 13, 7) is None
    for bit in range(stored_bytes(13) * 8):
        damaged = frames.copy()
        damaged[1, bit // 8] ^= 1 << (bit % 8)
        flaw = flaw_in(damaged, 13, 7)
        assert flaw is not None
        assert flaw.row == 1


def test_a_good_frame_in_the_wrong_place_is_found() -> None:
    frames = sealed(np.zeros((3, 8), dtype=np.uint8), 1, 1)
    flaw = flaw_in(frames[[0, 2, 1]], 8, 1)
    assert flaw is not None
    assert (flaw.row, flaw.what, flaw.expected, flaw.found) == (1, "sequence of the frame", 2, 3)
    assert stored_bytes(8) == FRAME_HEADER + 8
