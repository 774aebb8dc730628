"""Runs get directories of their own, and files appear whole or not at all."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines.folder import create_run_folder, read_json, write_json, write_text

NOON = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


def test_the_id_sorts_by_time_and_tells_requests_apart(tmp_path: Path) -> None:
    first = create_run_folder(tmp_path, "backtest", NOON, {"a": 1})
    other = create_run_folder(tmp_path, "backtest", NOON, {"a": 2})
    later = create_run_folder(tmp_path, "backtest", NOON.replace(hour=13), {"a": 1})
    assert re.fullmatch(r"20260501-120000-backtest-[0-9a-f]{8}", first.run_id)
    assert first.run_id[-8:] == later.run_id[-8:] != other.run_id[-8:]
    assert max(first.run_id, other.run_id) < later.run_id


def test_equal_requests_at_the_same_moment_never_share_a_directory(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        folders = list(pool.map(lambda _: create_run_folder(tmp_path, "backtest", NOON, {}), range(64)))
    assert len({folder.path for folder in folders}) == 64


def test_a_notebook_of_any_name_gives_a_plain_directory(tmp_path: Path) -> None:
    folder = create_run_folder(tmp_path, "my notebook/../x", NOON, {})
    assert folder.path.parent == tmp_path
    assert folder.run_id.startswith("20260501-120000-my-notebook-..-x-")


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="OMNI_LAB_HOME"):
        create_run_folder(tmp_path / "file" / "runs", "backtest", NOON, {})


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_json(path, {"status": "running"})
    with pytest.raises(TypeError):
        write_text(path, b"no text")  # type: ignore[arg-type]  # it fails when the file is open
    assert read_json(path) == {"status": "running"}
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_surrogate_pair_does_not_cost_a_record(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"message": "half \ud800 é"})
    assert read_json(tmp_path / "x.json") == {"message": "half \ud800 é"}


def test_json_keeps_the_order_it_was_given(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": 1, "a": (2, None)})
    assert (tmp_path / "x.json").read_text() == '{\n "b": 1,\n "a": [\n  2,\n  null\n ]\n}\n'


@pytest.mark.parametrize("text", ["[1]", "{", ""])
def test_what_is_not_an_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011  (either of two messages)
        read_json(tmp_path / "x.json")
