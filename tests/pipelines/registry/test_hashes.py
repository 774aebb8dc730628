"""Equal questions have equal hashes wherever they are asked, and any difference shows."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.pipelines.registry.hashes import code_sha256, content_sha256, lake_sha256, lock_sha256
from omni_lab.pipelines.runner import prepare_run
from omni_lab.store import DuckDBStore
from tests.pipelines.conftest import WriteNotebook


def checkout(root: Path) -> Path:
    """A small checkout: a package and the sources of its native module."""
    files = {
        "omni_lab/__init__.py": "",
        "omni_lab/a/b.py": "x = 1\n",
        "omni_lab/a/template.html": "<html>",
        "omni_lab/_native.abi3.so": "built",
        "omni_lab/__pycache__/a.pyc": "cache",
        "native/Cargo.toml": "[workspace]",
        "native/sim/src/lib.rs": "fn main() {}",
        "native/target/debug/out.rs": "generated",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "omni_lab"


def test_the_code_hash_is_over_sources_and_nothing_else(tmp_path: Path) -> None:
    package = checkout(tmp_path / "here")
    before = code_sha256(package)
    assert before == code_sha256(checkout(tmp_path / "there" / "deep"))
    for name in ("_native.abi3.so", "__pycache__/a.pyc", "../native/target/debug/out.rs", "../README.md"):
        (package / name).write_text("changed")
        assert code_sha256(package) == before, name
    for name in (
        "a/b.py",
        "a/template.html",
        "../native/sim/src/lib.rs",
        "../native/sim/Cargo.toml",
        "new.py",
    ):
        (package / name).write_text(f"changed {name}")
        after = code_sha256(package)
        assert after != before, name
        before = after


def test_without_sources_the_native_module_is_told_by_its_bytes(tmp_path: Path) -> None:
    package = checkout(tmp_path)
    shutil.rmtree(tmp_path / "native")
    before = code_sha256(package)
    (package / "_native.abi3.so").write_text("built anew")
    assert code_sha256(package) != before


def test_the_lock_hash_is_over_names_and_versions(tmp_path: Path) -> None:
    def installed(place: str, *infos: str) -> str:
        for info in infos:
            (tmp_path / place / info).mkdir(parents=True)
        return lock_sha256([str(tmp_path / place)])

    one = installed(
        "one", "numpy-2.1.dist-info", "My_Package-1.0.dist-info", "omni_lab-0.1.dist-info", "numpy"
    )
    assert one == installed("two", "my_package-1.0.dist-info", "numpy-2.1.dist-info")
    assert one != installed("three", "my_package-1.0.dist-info", "numpy-2.2.dist-info")
    assert lock_sha256() == lock_sha256()
    vendored = "site-packages/ray/thirdparty_files"
    bare = installed("bare")
    assert installed(vendored, "psutil-7.2.dist-info") == bare, "brought by a package, not installed"
    assert installed("site-packages", "psutil-7.2.dist-info") != bare


def frame(first: float = 100.0) -> pd.DataFrame:
    days = pd.date_range("2020-01-02", periods=5, freq="B", tz="UTC")
    return pd.DataFrame({"close": [first, 101.0, 102.0, 103.0, 104.0]}, index=days)


def test_the_lake_is_told_by_what_it_holds(tmp_path: Path) -> None:
    empty = lake_sha256(tmp_path / "nowhere")
    for place in ("one", "two"):
        DuckDBStore(tmp_path / place).ingest_frame(frame(), symbol="A", source="test")
    one = lake_sha256(tmp_path / "one")
    assert empty != one == lake_sha256(tmp_path / "two")
    DuckDBStore(tmp_path / "two").ingest_frame(frame(99.0), symbol="A", source="test")
    assert lake_sha256(tmp_path / "two") != one
    DuckDBStore(tmp_path / "one").ingest_frame(frame(), symbol="B", source="test")
    assert lake_sha256(tmp_path / "one") != one
    (manifest,) = (tmp_path / "two").rglob("manifest.json")
    manifest.write_text("{")
    assert lake_sha256(tmp_path / "two"), "damage is told when it is read"


def test_a_file_is_told_by_its_content_and_a_folder_by_its_files(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.csv").write_text("1")
    assert content_sha256(tmp_path / "one") == content_sha256(tmp_path / "two")
    assert content_sha256(tmp_path / "one" / "a.csv") == content_sha256(tmp_path / "two" / "a.csv")
    (tmp_path / "two" / "a.csv").rename(tmp_path / "two" / "b.csv")
    assert content_sha256(tmp_path / "one") != content_sha256(tmp_path / "two")
    assert content_sha256(tmp_path / "nowhere") is None


def test_the_fingerprint_changes_with_all_that_decides_and_with_nothing_else(
    write_notebook: WriteNotebook, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook("toy", "x = 1")

    def asked(*assignments: str, upstream: dict[str, str] | None = None) -> str:
        return prepare_run("toy", assignments=assignments).fingerprint(upstream)

    first = asked()
    monkeypatch.setenv(HOME_VARIABLE, str(project / "another home"))
    assert asked() == asked("seed=7") == first, "a default that is said is no other question"
    others = [asked("seed=8"), asked(upstream={"ingest": "a"}), asked(upstream={"ingest": "b"})]
    DuckDBStore().ingest_frame(frame(), symbol="A", source="test")
    others.append(asked())
    write_notebook("toy", "x = 2")
    others.append(asked())
    assert len({first, *others}) == 6
