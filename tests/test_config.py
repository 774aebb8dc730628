"""The data directory is where a person would look for it."""

from pathlib import Path

import pytest

from omni_lab.config import HOME_VARIABLE, REAL_DATA_VARIABLE, REGISTRY_VARIABLE, Settings, real_data_dir

ROOT = Path(__file__).parents[1]


def test_inside_the_project_data_lies_beside_the_package() -> None:
    for cwd in (ROOT, ROOT / "notebooks" / "pipelines"):
        assert Settings.from_env({}, cwd=cwd).data_dir == ROOT / "data"


def test_outside_any_project_data_lies_in_the_working_directory(tmp_path: Path) -> None:
    settings = Settings.from_env({}, cwd=tmp_path)
    assert settings.lake_dir == tmp_path / "data" / "lake"
    assert settings.runs_dir == tmp_path / "data" / "runs"
    assert list(tmp_path.iterdir()) == []


def test_the_variable_wins_and_may_be_relative(tmp_path: Path) -> None:
    assert Settings.from_env({HOME_VARIABLE: "/srv/omni"}, cwd=ROOT).data_dir == Path("/srv/omni")
    assert Settings.from_env({HOME_VARIABLE: "here"}, cwd=tmp_path).data_dir == tmp_path / "here"
    assert Settings.from_env({HOME_VARIABLE: ""}, cwd=tmp_path).data_dir == tmp_path / "data"


def test_the_process_is_read_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert Settings.from_env() == Settings(data_dir=tmp_path)


def test_real_data_is_where_the_variable_says() -> None:
    assert real_data_dir({REAL_DATA_VARIABLE: "/srv/ticks"}) == Path("/srv/ticks")
    assert real_data_dir({}) is real_data_dir({REAL_DATA_VARIABLE: ""}) is None


def test_the_registry_is_beside_the_data_or_where_the_variable_says(tmp_path: Path) -> None:
    assert Settings.from_env({}, cwd=tmp_path).registry == str(tmp_path / "data" / "registry.sqlite")
    assert Settings.from_env({HOME_VARIABLE: "/srv/omni"}).registry == "/srv/omni/registry.sqlite"
    for named, expected in (
        ("runs.sqlite", str(tmp_path / "runs.sqlite")),
        ("/srv/runs.sqlite", "/srv/runs.sqlite"),
        ("postgresql+psycopg://me@db/omni", "postgresql+psycopg://me@db/omni"),
    ):
        assert Settings.from_env({REGISTRY_VARIABLE: named}, cwd=tmp_path).registry == expected
