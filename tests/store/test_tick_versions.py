"""Tables of older and newer versions: the one is read and raised, the other refused."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.errors import DataError, SchemaError
from omni_lab.store import Column, DuckDBTickStore, TickReader
from omni_lab.store.ticks import log, schema
from tests.store.tick_rows import NOON, frame, same, trades


@pytest.fixture
def store(tmp_path: Path) -> DuckDBTickStore:
    return DuckDBTickStore(tmp_path / "lake")


def of_version(monkeypatch: pytest.MonkeyPatch, version: int, *more: Column) -> None:
    """Have trades of another version from now on."""
    newest = schema.schema_of("trade")
    columns = (*newest.of_version(version), *more)
    table = replace(newest, version=version, columns=columns)
    monkeypatch.setitem(schema._SCHEMAS, "trade", table)


@pytest.fixture
def old(store: DuckDBTickStore) -> dict[str, Any]:
    """Trades stored by version 1, which had no column `kind`."""
    batch = trades(200, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        of_version(patch, 1)
        store.append("trade", batch)
        assert "kind" not in store.read("trade")
    return batch


def test_an_older_table_reads_as_one_of_today(store: DuckDBTickStore, old: dict[str, Any]) -> None:
    reader = TickReader(store.path)
    found = reader.read("trade")
    same(found, frame(old))
    assert set(found["kind"]) == {6}
    assert found["kind"].dtype == np.uint8
    assert reader.query("SELECT DISTINCT kind FROM trade")["kind"].tolist() == [6]
    assert reader.latest("trade")["kind"].tolist() == [6, 6, 6]
    assert reader.read_columns("trade", "A", NOON, NOON, columns=["kind"])["kind"].dtype == np.uint8
    # Reading changes nothing.
    assert store.tables()["version"].tolist() == [1]


def test_the_first_write_raises_the_version_and_compacting_the_files(
    store: DuckDBTickStore, old: dict[str, Any]
) -> None:
    store = DuckDBTickStore(store.path)
    new = trades(50, seed=2) | {"kind": np.full(50, 7, dtype=np.uint8)}
    store.append("trade", new)
    assert store.tables()["version"].tolist() == [2]
    same(store.read("trade"), frame(old | {"kind": np.full(200, 6)}, new))
    found = store.query("SELECT kind, count(*) AS n FROM trade GROUP BY kind ORDER BY kind")
    assert found["n"].tolist() == [200, 50]
    before = store.read("trade")
    store.compact("trade")
    assert {entry.version for entry in store.snapshot("trade").state.files.values()} == {2}
    assert store.read("trade").equals(before)
    store.upsert("trade", {name: values[:1] for name, values in old.items()} | {"kind": [5]}, key="match_id")
    assert 5 in set(store.read("trade")["kind"])


def test_a_migration_that_is_cut_off_has_not_happened(
    store: DuckDBTickStore, old: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDBTickStore(store.path)
    with monkeypatch.context() as patch:
        patch.setattr(log, "_write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(DataError, match="cannot be written"):
            store.append("trade", trades(50, seed=2))
    assert store.tables()["version"].tolist() == [1]
    same(TickReader(store.path).read("trade"), frame(old))


def test_a_table_of_a_newer_version_is_refused_and_left_alone(
    store: DuckDBTickStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        of_version(patch, 3, Column("venue", "text", default="", since=3))
        store.append("trade", trades(10, seed=1))
    later = DuckDBTickStore(store.path)
    for attempt in (
        lambda: later.read("trade"),
        lambda: later.append("trade", trades(10, seed=2)),
        lambda: later.query("FROM trade"),
    ):
        with pytest.raises(DataError, match=r"newer version of OmniLab.*version 3.*Update OmniLab"):
            attempt()
    assert not later.verify().ok
    with monkeypatch.context() as patch:
        of_version(patch, 3, Column("venue", "text", default="", since=3))
        assert len(store.read("trade")) == 10


def test_a_log_of_a_newer_layout_is_refused(store: DuckDBTickStore) -> None:
    store.append("trade", trades(10, seed=1))
    commit = store.ticks_dir / "trade" / log.LOG_DIR / f"{1:012d}.json"
    facts = json.loads(commit.read_text().splitlines()[0]) | {"layout": log.LAYOUT + 1}
    body = json.dumps(facts)
    commit.write_text(f"{body}\n{hashlib.sha256(body.encode()).hexdigest()}\n")
    with pytest.raises(DataError, match=r"newer version of OmniLab.*layout 2"):
        TickReader(store.path).read("trade")


def test_a_later_column_needs_a_default() -> None:
    with pytest.raises(SchemaError, match="a later column needs a default"):
        Column("venue", "text", since=2)
    with pytest.raises(SchemaError, match=r"cannot have this type.*'date'"):
        Column("day", "date")
