"""Damage on disk: found by verify, refused by reads, mended by ingesting again."""

import json
import os
from pathlib import Path

import pytest

from omni_lab.errors import DataError
from omni_lab.store import DuckDBStore

SOURCE = "arch"


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    store = DuckDBStore(tmp_path / "lake")
    store.ingest(SOURCE, ["SPX", "VIX"], progress=False)
    return store


def partition(store: DuckDBStore, symbol: str = "SPX") -> Path:
    return store.bars_dir / f"source={SOURCE}" / f"symbol={symbol}"


def parquet(store: DuckDBStore, symbol: str = "SPX") -> Path:
    """The file that the manifest names."""
    facts = json.loads((partition(store, symbol) / "manifest.json").read_text())
    return partition(store, symbol) / str(facts["file"])


def flip_a_bit(path: Path, fraction: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(fraction * (len(content) - 1))] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_a_flipped_bit_is_found_refused_and_mended(store: DuckDBStore, fraction: float) -> None:
    expected = store.read_bars("SPX")["close"].tolist()
    flip_a_bit(parquet(store), fraction)
    report = store.verify()
    assert [problem.path for problem in report.problems] == [parquet(store)]
    with pytest.raises(DataError, match="bytes have changed"):
        report.require()
    with pytest.raises(DataError, match=r"damaged.*Ingest arch:SPX again"):
        DuckDBStore(store.path).read_bars("SPX")
    assert store.ingest(SOURCE, progress=False).changes == {"repaired": 1, "unchanged": 1, "added": 2}
    assert store.verify().ok
    assert store.read_bars("SPX")["close"].tolist() == expected


def test_a_shortened_file_is_found(store: DuckDBStore) -> None:
    path = parquet(store)
    path.write_bytes(path.read_bytes()[:-10])
    [problem] = store.verify().problems
    assert "instead of" in problem.what


def test_a_missing_file_is_found_refused_and_mended(store: DuckDBStore) -> None:
    parquet(store).unlink()
    [problem] = store.verify().problems
    assert problem.what == "the file is missing"
    with pytest.raises(DataError, match="a file of the store cannot be read"):
        store.read_bars("SPX")
    with pytest.raises(DataError, match="a file of the store cannot be read"):
        store.query("SELECT count(*) FROM bars")
    assert len(store.read_bars("VIX")) == 1259
    assert store.ingest(SOURCE, ["SPX"], progress=False).changes == {"repaired": 1}
    assert store.verify().ok


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"schema": 1}'])
def test_a_damaged_manifest_is_found_refused_and_mended(store: DuckDBStore, content: str) -> None:
    manifest = partition(store) / "manifest.json"
    manifest.write_text(content)
    assert [problem.path for problem in store.verify().problems] == [manifest]
    with pytest.raises(DataError, match=r"manifest of a partition is damaged.*Ingest the symbol again"):
        store.read_bars("SPX")
    assert store.ingest(SOURCE, ["SPX"], progress=False).changes == {"repaired": 1}
    assert store.verify().ok
    assert len(store.read_bars("SPX")) == 5031


def test_a_manifest_of_a_newer_version_is_left_alone(store: DuckDBStore) -> None:
    manifest = partition(store) / "manifest.json"
    facts = json.loads(manifest.read_text()) | {"schema": 99}
    manifest.write_text(json.dumps(facts))
    for attempt in (lambda: store.read_bars("SPX"), lambda: store.ingest(SOURCE, ["SPX"], progress=False)):
        with pytest.raises(DataError, match="newer version"):
            attempt()
    assert json.loads(manifest.read_text())["schema"] == 99


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"n_rows": 5}, "5,031 bars instead of 5"),
        ({"last_ns": 0}, "not at the stated time"),
        ({"content_sha256": "0" * 64}, "values are not those that were stored"),
        ({"symbol": "NDX"}, "the manifest is that of arch:NDX"),
    ],
)
def test_a_manifest_that_lies_is_found(store: DuckDBStore, change: dict[str, object], what: str) -> None:
    manifest = partition(store) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    [problem] = store.verify().problems
    assert what in problem.what


def test_leftovers_of_a_killed_writer_are_ignored_reported_and_removed(store: DuckDBStore) -> None:
    before = store.fingerprint()
    (partition(store) / ".tmp-123.parquet").write_bytes(b"half a file")
    (partition(store) / "bars-000000000000-000000000000.parquet").write_bytes(b"named by no manifest")
    orphan = store.bars_dir / f"source={SOURCE}" / "symbol=NEW"
    orphan.mkdir()
    (orphan / ".tmp-123.parquet").write_bytes(b"half a file")
    report = store.verify()
    assert report.ok
    assert len(report.leftovers) == 3
    assert store.symbols()["symbol"].tolist() == ["SPX", "VIX"]
    assert store.fingerprint() == before
    os.utime(partition(store) / "bars-000000000000-000000000000.parquet", (0, 0))
    store.ingest(SOURCE, ["SPX"], progress=False)
    assert [path.parent for path in store.verify().leftovers] == [orphan]


def test_a_replaced_file_stays_a_while_for_its_readers(store: DuckDBStore) -> None:
    replaced = parquet(store)
    frame = store.read_bars("SPX")
    os.utime(replaced, (0, 0))
    store.ingest_frame(frame.head(10), source=SOURCE, progress=False)
    assert replaced.exists()
    assert store.verify().leftovers == (replaced,)
    os.utime(replaced, (0, 0))
    store.ingest_frame(frame.head(10), source=SOURCE, progress=False)
    assert not replaced.exists()
