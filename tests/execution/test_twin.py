"""The native system against its plain twin: the same commands, events, and states, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.errors import OmniError
from omni_lab.execution import OMS, ReferenceOMS, Replay
from omni_lab.execution.codec import Cancel, New, Replace, decode
from omni_lab.typing import AnyArray
from tests.execution.conftest import AnyOMS
from tests.execution.flows import FAMILY, FLOWS, Frame, commands
from tests.execution.script import config
from tests.lengths import LONG

# With OMNI_LAB_LONG_TESTS more than a million commands together.
SEEDS = range(3)
N_COMMANDS = 30_000 if LONG else 6_000
SETTINGS: dict[str, dict[str, Any]] = {"flat": {}, "family": FAMILY}
CHUNK = 500
CHUNKS_PER_STATE = 10


class Pair:
    """Both systems, and the frames they were given since they began."""

    def __init__(self, native: OMS, plain: ReferenceOMS) -> None:
        self.native = native
        self.plain = plain
        self.frames: dict[int, Frame] = {}

    def run(self, frames: Sequence[Frame]) -> None:
        """Carry out commands on both, and compare what came of them."""
        first = self.native.sequence + 1
        self.frames = dict(enumerate(frames, first))
        answers = [[_answer(oms, frame) for frame in frames] for oms in (self.native, self.plain)]
        came = self.native.events().columns, self.plain.events().columns
        row = _first_difference(*came)
        if row is not None:
            self._fail(int(min(columns["seq"][row] for columns in came if row < len(columns["seq"]))), came)
        for sequence, (one, other) in enumerate(zip(*answers, strict=True), first):
            assert one == other, f"{self._told(sequence)}\n  native answers {one}\n  plain answers  {other}"

    def compare_states(self) -> None:
        """Both states, byte for byte."""
        self._compare_headroom()
        native, plain = self.native.state(), self.plain.state()
        place = next(
            (at for at, pair in enumerate(zip(native, plain, strict=False)) if pair[0] != pair[1]), None
        )
        assert native == plain, f"states of {len(native)} and {len(plain)} bytes differ at byte {place}"

    def _compare_headroom(self) -> None:
        """What both say of how near the limits are: the same rows, and the same numbers but for rounding."""
        same_tables(self.native._headroom(), self.plain._headroom())

    def _fail(self, sequence: int, came: tuple[dict[str, AnyArray], dict[str, AnyArray]]) -> None:
        lines = [f"the first command that they disagree on is {self._told(sequence)}"]
        for name, columns in zip(("native", "plain"), came, strict=True):
            mine = np.flatnonzero(columns["seq"] == sequence)
            lines += [
                f"  {name}: { {key: int(column[row]) for key, column in columns.items()} }" for row in mine
            ]
        raise AssertionError("\n".join(lines))

    def _told(self, sequence: int) -> str:
        return f"frame {sequence}: {decode(*self.frames[sequence])}"


def same_tables(native: Mapping[str, object], plain: Mapping[str, object]) -> None:
    """Assert that two tables of checks say the same."""
    one, other = ({name: np.asarray(table[name]) for name in plain} for table in (native, plain))
    for name, column in other.items():
        if column.dtype.kind == "f":
            np.testing.assert_allclose(one[name], column, rtol=1e-12, err_msg=name)
        else:
            assert one[name].tolist() == column.tolist(), name


@pytest.mark.parametrize("settings", SETTINGS)
def test_they_explain_the_same(settings: str) -> None:
    begun = config(**SETTINGS[settings])
    native, plain = OMS(begun), ReferenceOMS(begun)
    n_explained = 0
    for frame in commands(21, 4_000, "gated"):
        if _is_explained(frame, plain):
            n_explained += 1
            same_tables(native._explain(*frame), plain._explain(*frame))
        for oms in (native, plain):
            oms.execute(*frame)
    assert n_explained > 1_500


def _is_explained(frame: Frame, oms: ReferenceOMS) -> bool:
    """Whether a command is one that the gate would see, about an order that lives."""
    command = decode(*frame)
    if isinstance(command, New):
        return command.account < 3 and command.instrument < 3
    if not isinstance(command, Cancel | Replace):
        return False
    orders = oms.orders()["order_id"]
    return bool(np.isin(np.uint64(command.order_id), orders.astype(np.uint64)))


def _answer(oms: AnyOMS, frame: Frame) -> int | str:
    try:
        return oms.execute(*frame)
    except OmniError as error:
        return type(error).__name__


def _first_difference(one: dict[str, AnyArray], other: dict[str, AnyArray]) -> int | None:
    """The first row that is not the same in both."""
    assert list(one) == list(other)
    assert [column.dtype for column in one.values()] == [column.dtype for column in other.values()]
    n_rows = min(len(one["seq"]), len(other["seq"]))
    differs = np.any([one[name][:n_rows] != other[name][:n_rows] for name in one], axis=0)
    rows = np.flatnonzero(differs)
    if len(rows):
        return int(rows[0])
    return None if len(one["seq"]) == len(other["seq"]) else n_rows


def _chunks(frames: Iterator[Frame]) -> Iterator[list[Frame]]:
    while chunk := list(islice(frames, CHUNK)):
        yield chunk


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("flow", FLOWS)
def test_they_do_the_same(flow: str, settings: str, seed: int) -> None:
    begun = config(**SETTINGS[settings])
    pair = Pair(OMS(begun), ReferenceOMS(begun))
    for number, chunk in enumerate(_chunks(commands(seed, N_COMMANDS, flow)), 1):
        pair.run(chunk)
        if number % CHUNKS_PER_STATE == 0:
            pair.compare_states()
    assert pair.native.state_hash == pair.plain.state_hash


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("flow", FLOWS)
def test_each_goes_on_from_the_state_of_the_other(flow: str, settings: str) -> None:
    frames = commands(99, 5_000, flow)
    before = ReferenceOMS(config(**SETTINGS[settings]))
    for kind, payload in islice(frames, 2_000):
        before.execute(kind, payload)
    before.events()
    pair = Pair(OMS.from_state(before.state()), before)
    for chunk in _chunks(frames):
        pair.run(chunk)
        pair.compare_states()
        pair = Pair(
            OMS.from_state(pair.plain.state()),
            ReferenceOMS.from_state(pair.native.state()),
        )


def test_every_frame_of_a_journal_shows_the_state_of_the_twin(tmp_path: Path) -> None:
    plain = ReferenceOMS(config())
    hashes = [plain.state_hash]
    with OMS(config(journal=tmp_path, durability="none")) as native:
        for kind, payload in commands(5, 400, "stops_and_pegs"):
            native.execute(kind, payload)
            plain.execute(kind, payload)
            hashes.append(plain.state_hash)
    replay = Replay(tmp_path)
    assert (replay.first, replay.last) == (1, 401)
    for sequence in (*range(1, 402), *range(401, 0, -7)):
        replay.seek(sequence)
        assert replay.state_hash == hashes[sequence - 1], sequence


@pytest.mark.parametrize("snapshot_every", [None, 7])
def test_a_recovered_system_has_the_state_of_the_twin_at_every_length(
    tmp_path: Path, snapshot_every: int | None
) -> None:
    plain = ReferenceOMS(config())
    settings = {"journal": tmp_path, "durability": "none", "snapshot_every": snapshot_every}
    native = OMS(config(**settings))
    for kind, payload in commands(6, 60, "balanced"):
        native.execute(kind, payload)
        plain.execute(kind, payload)
        native.close()
        native = OMS.recover(tmp_path, durability="none", snapshot_every=snapshot_every)
        assert native.state() == plain.state()
    native.close()


@pytest.mark.parametrize(
    "frame",
    [
        (0, b""),
        (9, b""),
        (10, b""),
        (70_000, b""),
        (6, bytes(7)),
        (6, bytes(9)),
        (1, bytes(56)),
        (5, bytes(12) + b"\x07" + bytes(3)),
        (5, bytes(8) + b"\x03" + bytes(7)),
        (7, bytes(8) + b"\x05" + bytes(15)),
        (8, bytes(8) + (0x1F00_0000).to_bytes(8, "little") + bytes(8)),
        (8, bytes(8) + (0x28).to_bytes(8, "little") + bytes(8)),
        (9, bytes(8) + b"\x03\x01\0\0\0\0\0\0" + b"\1\0a\1\0b"),
        (9, bytes(8) + b"\0\x01\0\0\x01\0\0\0" + b"\1\0a\1\0b"),
        (9, bytes(8) + b"\x01\x01\0\0\x03\0\0\0" + b"\1\0a\1\0b"),
        (9, bytes(8) + b"\x02\x01\0\0\x03\0\0\0" + b"\1\0a\1\0b"),
        (9, bytes(8) + b"\0\x01\0\0\0\0\0\0" + b"\1\0\xff\1\0b"),
        (9, bytes(8) + b"\0\x01\0\0\0\0\0\0" + b"\0\0\1\0b"),
        (9, bytes(8) + b"\0\x01\0\0\0\0\0\0" + b"\1\0a\1\0bc"),
        (8, bytes(16) + bytes(8)),
    ],
)
def test_what_is_no_command_is_refused_by_both_and_changes_nothing(frame: Frame) -> None:
    pair = Pair(OMS(config()), ReferenceOMS(config()))
    assert _answer(pair.native, frame) == _answer(pair.plain, frame)
    assert isinstance(_answer(pair.native, frame), str)
    pair.compare_states()
