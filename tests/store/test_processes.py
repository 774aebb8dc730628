"""Several processes on one store: readers beside a writer, two writers, and a writer that is killed."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omni_lab.errors import DataError
from omni_lab.store import DuckDBStore
from omni_lab.store.durable import writer_lock

N_BARS = 3000
SYMBOLS = ("A", "B", "C")
PRICES = (10.0, 20.0)

# A process that shares nothing with this one but the directory, as another notebook's kernel would.
READER = """
import sys
from omni_lab.store import DuckDBStore
store = DuckDBStore(sys.argv[1])
prices, n_reads = set(), 0
while n_reads < 8 or len(prices) < 2:
    frame = store.read_bars(["A", "B", "C"])
    assert len(frame) == 9000, len(frame)
    assert (frame.groupby("symbol")["close"].nunique() == 1).all(), "a symbol of two versions"
    prices |= set(frame["close"])
    assert store.query("SELECT count(*) AS n FROM bars")["n"][0] == 9000
    n_reads += 1
"""


def ingest_version(store: DuckDBStore, price: float) -> None:
    """Store bars of every symbol whose closes are all this price."""
    ts = pd.date_range("2000-01-01 21:00", periods=N_BARS, freq="D", tz="UTC")
    frames = [pd.DataFrame({"ts": ts, "symbol": s, "close": np.full(N_BARS, price)}) for s in SYMBOLS]
    store.ingest_frame(pd.concat(frames), source="mine", progress=False)


def ingest_forever(store: DuckDBStore, pause_s: float) -> None:
    """Store one version after the other."""
    while True:
        for price in PRICES:
            ingest_version(store, price)
            time.sleep(pause_s)


@contextmanager
def writing(store: DuckDBStore, *, pause_s: float) -> Iterator[None]:
    """A process that ingests all the while, killed in the end."""
    process = multiprocessing.get_context("fork").Process(
        target=ingest_forever, args=(store, pause_s), daemon=True
    )
    process.start()
    try:
        yield
        assert process.is_alive()
    finally:
        process.kill()
        process.join()
        process.close()


@contextmanager
def reading(store: DuckDBStore) -> Iterator["subprocess.Popen[str]"]:
    """A process that reads and checks until it has seen both versions."""
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(store.path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_readers_in_other_processes_see_whole_versions_beside_a_writer(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "lake")
    ingest_version(store, PRICES[0])
    with writing(store, pause_s=0.0), reading(store) as one, reading(store) as two:
        for reader in (one, two):
            _, errors = reader.communicate(timeout=120)
            assert reader.returncode == 0, errors
    assert store.verify().ok


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_writer_killed_at_any_moment_leaves_a_store_that_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDBStore(tmp_path / "lake", lock_timeout_s=5.0)
    ingest_version(store, PRICES[0])
    seen: set[float] = set()
    kills = 0
    deadline = time.monotonic() + 90.0
    # On a busy machine a writer may need longer to get anything done: later kills come later, until both
    # versions were seen.
    while kills < 12 or seen != set(PRICES):
        assert time.monotonic() < deadline, f"after {kills} kills only {seen} was ever seen"
        with writing(store, pause_s=0.0):
            time.sleep(0.03 * kills)
        kills += 1
        report = store.verify()
        assert report.ok, str(report)
        frame = store.read_bars(SYMBOLS)
        assert len(frame) == len(SYMBOLS) * N_BARS
        versions = frame.groupby("symbol")["close"].agg(["min", "max"])
        assert (versions["min"] == versions["max"]).all()
        seen.update(versions["min"])
    monkeypatch.setattr("omni_lab.store.durable.RETIRED_FOR_S", 0.0)
    ingest_version(store, PRICES[0])
    assert set(store.read_bars(SYMBOLS)["close"]) == {PRICES[0]}
    assert store.verify().leftovers == ()


@pytest.mark.parametrize("step", ["durable.publish", "partition.write_manifest"])
def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store = DuckDBStore(tmp_path / "lake")
    ingest_version(store, PRICES[0])
    before = store.fingerprint()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"omni_lab.store.{step}", fail)
        with pytest.raises(DataError, match=r"cannot be written.*No space left.*untouched"):
            ingest_version(store, PRICES[1])
    assert store.fingerprint() == before
    assert store.verify().ok
    ingest_version(store, PRICES[1])
    assert set(store.read_bars(SYMBOLS)["close"]) == {PRICES[1]}


def test_a_second_writer_waits_its_turn_and_then_says_who_holds_the_lock(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "lake", lock_timeout_s=0.1)
    with writer_lock(store.bars_dir, timeout_s=1.0):
        with pytest.raises(DataError, match=f"another process is writing.*found 'process {os.getpid()}'"):
            ingest_version(store, PRICES[0])
        assert store.symbols().empty
    ingest_version(store, PRICES[0])
    assert len(store.read_bars("A")) == N_BARS
