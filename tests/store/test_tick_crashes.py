"""Killed writers, full disks, flipped bits, and readers beside a writer: whole batches, or a clear error."""

import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.errors import DataError
from omni_lab.store import DuckDBTickStore, TickReader, durable
from omni_lab.store.durable import writer_lock
from omni_lab.store.ticks import log
from omni_lab.store.ticks.snapshot import Snapshot
from tests.store.tick_rows import DAY, NOON, frame, same, trades

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

N_ROWS = 30
STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.listdir", "os.scandir"}


@pytest.fixture
def store(tmp_path: Path) -> DuckDBTickStore:
    return DuckDBTickStore(tmp_path / "lake", lock_timeout_s=5.0)


@pytest.fixture
def nothing_retires(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaced files go at the next commit, as they would a minute later."""
    monkeypatch.setattr("omni_lab.store.durable.RETIRED_FOR_S", 0.0)


@contextmanager
def forked(work: Callable[[], object]) -> Iterator[int]:
    """A child that does the work and ends; killed at last."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def dies_at(step: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that is killed before its n-th access to the file system; whether it was."""

    def doomed() -> None:
        left = step

        def count(event: str, _: tuple[object, ...] = ()) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        real = os.fsync

        def fsync(fd: Any) -> None:
            count("open")
            real(fd)

        os.fsync = fsync
        sys.addaudithook(count)
        work()

    child = os.fork()
    if not child:
        code = 1
        try:
            doomed()
            code = 0
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def numbered(batch: int) -> dict[str, Any]:
    """A batch that tells its number by its prices, over two days and three symbols."""
    return trades(N_ROWS, seed=batch, span_ns=2 * DAY) | {"price": np.full(N_ROWS, batch)}


def batches_in(reader: TickReader) -> list[int]:
    """The numbers of the batches, each of which must be whole."""
    counts = reader.read("trade", columns=["price"])["price"].value_counts()
    assert (counts == N_ROWS).all(), counts.to_dict()
    return sorted(counts.index.tolist())


@pytest.mark.usefixtures("nothing_retires")
@pytest.mark.parametrize("operation", ["append", "upsert", "replace", "retain", "compact"])
def test_a_writer_killed_at_any_step_has_done_all_or_nothing(store: DuckDBTickStore, operation: str) -> None:
    first, second, third = numbered(1), numbered(2), numbered(3)
    work: dict[str, Callable[[DuckDBTickStore], object]] = {
        "append": lambda store: store.append("trade", third, batch="third"),
        "upsert": lambda store: store.upsert("trade", first | {"qty": np.ones(N_ROWS, dtype=np.int64)}),
        "replace": lambda store: store.replace("trade", first | {"price": third["price"]}, start=NOON),
        "retain": lambda store: store.retain("trade", before=NOON + DAY),
        "compact": lambda store: store.compact("trade"),
    }
    after = DuckDBTickStore(store.path.with_name("after"))
    for each in (store, after):
        each.append("trade", first)
        each.append("trade", second)
    outcomes = [store.read("trade")]
    work[operation](after)
    outcomes.append(after.read("trade"))
    seen = set()
    for step in range(1, 200):
        killed = dies_at(step, lambda: work[operation](DuckDBTickStore(store.path)))
        found = DuckDBTickStore(store.path)
        assert found.verify().ok
        rows = found.read("trade")
        [outcome] = [i for i, expected in enumerate(outcomes) if rows.equals(expected)][:1]
        seen.add(outcome)
        if not killed:
            break
        if outcome == 1 and operation != "compact":
            break  # the change is there, so there is nothing left to do
    assert seen == ({0} if operation == "compact" else {0, 1})
    assert step > 10
    writer = DuckDBTickStore(store.path)
    writer.append("trade", trades(1, seed=9))
    writer.append("trade", trades(1, seed=9))
    assert store.verify().leftovers == ()


def test_a_hundred_kills_lose_nothing_that_was_acknowledged(store: DuckDBTickStore) -> None:
    store.append("trade", numbered(0), batch="0")
    rng = random.Random(7)
    n_batches, kills, deadline = 1, 0, time.monotonic() + 300.0
    # On a busy machine a writer may need longer to get anything done.
    while kills < 100 or n_batches < 20:
        assert time.monotonic() < deadline, f"after {kills} kills {n_batches} batches"
        here, there = os.pipe()

        def append_on(next_batch: int, pipe: int) -> None:
            writer = DuckDBTickStore(store.path, lock_timeout_s=5.0)
            for batch in range(next_batch, next_batch + 20):
                writer.append("trade", numbered(batch), batch=str(batch))
                os.write(pipe, b".")
                if batch % 5 == 0:
                    writer.compact("trade")

        with forked(lambda: append_on(n_batches, there)):  # noqa: B023 - forked at once
            os.close(there)
            time.sleep(rng.uniform(0.0, 0.03 + kills / 2000))
        n_acknowledged = len(os.read(here, 1024))
        os.close(here)
        kills += 1
        found = batches_in(DuckDBTickStore(store.path))
        assert found == list(range(len(found)))
        assert len(found) >= n_batches + n_acknowledged
        n_batches = len(found)
    report = store.verify()
    assert report.ok, str(report)


def test_a_reader_beside_a_writer_sees_whole_batches(store: DuckDBTickStore) -> None:
    store.append("trade", numbered(0))

    def write() -> None:
        writer = DuckDBTickStore(store.path)
        for batch in range(1, 400):
            writer.append("trade", numbered(batch))
            if batch % 7 == 0:
                writer.compact("trade")

    reader = TickReader(store.path)
    seen: list[int] = []
    with forked(write):
        deadline = time.monotonic() + 120.0
        while len(set(seen)) < 12:
            assert time.monotonic() < deadline
            found = batches_in(reader)
            assert found == list(range(len(found)))
            seen.append(len(found))
            counted = reader.query("SELECT price, count(*) AS n FROM trade GROUP BY price")
            assert set(counted["n"]) == {N_ROWS}
    assert seen == sorted(seen)
    assert store.verify().ok


def test_a_reader_does_not_wait_for_a_writer(store: DuckDBTickStore) -> None:
    store.append("trade", numbered(0))
    with writer_lock(store.ticks_dir / "trade", timeout_s=1.0):
        assert batches_in(TickReader(store.path)) == [0]


@pytest.mark.usefixtures("nothing_retires")
def test_a_read_whose_files_go_is_read_again(store: DuckDBTickStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for batch in range(3):
        store.append("trade", numbered(batch))
    reader, real = TickReader(store.path), TickReader.snapshot
    assert batches_in(reader) == [0, 1, 2]
    calls = []

    def slow(self: TickReader, table: str) -> Snapshot:
        snapshot = real(self, table)
        calls.append(snapshot.state.seq)
        if len(calls) == 1:
            monkeypatch.setattr(TickReader, "snapshot", real)
            store.compact("trade")
            store.append("trade", numbered(3))
            monkeypatch.setattr(TickReader, "snapshot", slow)
        return snapshot

    monkeypatch.setattr(TickReader, "snapshot", slow)
    assert batches_in(reader) == [0, 1, 2, 3]
    assert (calls[0], calls[-1]) == (3, 5)


def test_a_second_writer_waits_its_turn_and_then_says_who_holds_the_lock(tmp_path: Path) -> None:
    store = DuckDBTickStore(tmp_path / "lake", lock_timeout_s=0.05)
    with (
        writer_lock(store.ticks_dir / "trade", timeout_s=1.0),
        pytest.raises(DataError, match=f"another process is writing.*'process {os.getpid()}'"),
    ):
        store.append("trade", numbered(0))
    store.append("trade", numbered(0))
    assert batches_in(store) == [0]


def test_a_full_disk_leaves_what_was_there(store: DuckDBTickStore) -> None:
    store.append("trade", numbered(0))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    big = trades(20_000, seed=1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, hard))
    try:
        with pytest.raises(DataError, match=r"the store cannot be written.*untouched"):
            store.append("trade", big, batch="big")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert batches_in(store) == [0]
    assert store.verify().ok
    assert store.append("trade", big, batch="big").n_rows == 20_000
    assert store.verify().leftovers == ()
    same(store.read("trade"), frame(numbered(0), big))


@pytest.mark.parametrize("n_done", [0, 1])
def test_a_disk_that_is_full_at_the_file_or_at_the_commit_leaves_what_was_there(
    store: DuckDBTickStore, monkeypatch: pytest.MonkeyPatch, n_done: int
) -> None:
    store.append("trade", numbered(0))
    batch = trades(N_ROWS, seed=1) | {"price": np.ones(N_ROWS, dtype=np.int64)}
    real, left = durable.publish, [n_done]

    def publish(temporary: Path, final: Path) -> None:
        if not left[0]:
            raise OSError(28, "No space left on device")
        left[0] -= 1
        real(temporary, final)

    with monkeypatch.context() as patch:
        patch.setattr(durable, "publish", publish)
        with pytest.raises(DataError, match=r"cannot be written.*No space left.*untouched"):
            store.append("trade", batch, batch="1")
    assert batches_in(store) == [0]
    assert store.append("trade", batch, batch="1").n_files == 1
    assert batches_in(store) == [0, 1]
    assert store.verify().leftovers == ()


def test_a_checkpoint_that_fails_does_not_undo_the_commit(
    store: DuckDBTickStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "CHECKPOINT_EVERY", 2)

    def full(_: log.State) -> dict[str, Any]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log, "_state_facts", full)
    for batch in range(4):
        store.append("trade", numbered(batch))
    assert batches_in(TickReader(store.path)) == [0, 1, 2, 3]


def data_file(store: DuckDBTickStore) -> Path:
    [entry] = store.snapshot("trade").state.files.values()
    return store.ticks_dir / "trade" / entry.name


def flip_a_bit(path: Path, fraction: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(fraction * (len(content) - 1))] ^= 0x10
    path.write_bytes(content)


def test_a_flipped_bit_anywhere_is_found_and_never_a_wrong_row(store: DuckDBTickStore) -> None:
    store.append("trade", trades(500, seed=1))
    expected, path = store.read("trade"), data_file(store)
    whole, refused = path.read_bytes(), 0
    for fraction in np.linspace(0.0, 1.0, 40):
        flip_a_bit(path, fraction)
        report = store.verify()
        assert [problem.path for problem in report.problems] == [path]
        with pytest.raises(DataError, match=r"the store is damaged.*(changed|cannot be read)"):
            report.require()
        with suppress(DataError):
            refused += 1
            pd.testing.assert_frame_equal(DuckDBTickStore(store.path).read("trade"), expected)
            refused -= 1
        path.write_bytes(whole)
    # A read does not look at the symbols of rows, which the index has too.
    assert refused > 30


def test_a_shortened_or_missing_file_is_refused(store: DuckDBTickStore) -> None:
    store.append("trade", trades(500, seed=1))
    path = data_file(store)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"damaged.*bytes instead of"):
        store.read("trade")
    assert "instead of" in store.verify().problems[0].what
    path.unlink()
    attempts: list[Callable[[], object]] = [
        lambda: TickReader(store.path).read("trade"),
        lambda: store.query("FROM trade"),
    ]
    for attempt in attempts:
        with pytest.raises(DataError, match="a file of the store cannot be read"):
            attempt()
    assert store.verify().problems[0].what == "the file is missing"


@pytest.mark.parametrize("damage", ["flip", "empty", "missing"])
def test_a_damaged_log_is_refused_and_named(store: DuckDBTickStore, damage: str) -> None:
    for batch in range(3):
        store.append("trade", numbered(batch))
    commit = store.ticks_dir / "trade" / log.LOG_DIR / f"{2:012d}.json"
    if damage == "flip":
        flip_a_bit(commit, 0.4)
    elif damage == "empty":
        commit.write_bytes(b"")
    else:
        commit.unlink()
    with pytest.raises(DataError, match="the log of a table is damaged"):
        TickReader(store.path).read("trade")
    with pytest.raises(DataError, match="the log of a table is damaged"):
        DuckDBTickStore(store.path).append("trade", numbered(3))
    [problem] = store.verify().problems
    assert "log" in problem.what


def test_a_long_log_is_kept_short_and_readers_catch_up(
    store: DuckDBTickStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "CHECKPOINT_EVERY", 4)
    store.append("trade", numbered(0), batch="0")
    early = TickReader(store.path)
    assert batches_in(early) == [0]
    for batch in range(1, 22):
        store.append("trade", numbered(batch), batch=str(batch))
    assert len(list((store.ticks_dir / "trade" / log.LOG_DIR).iterdir())) < 12
    for reader in (early, TickReader(store.path)):
        assert batches_in(reader) == list(range(22))
    assert DuckDBTickStore(store.path).append("trade", numbered(0), batch="0").repeated
