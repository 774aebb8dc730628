"""A new strategy passes everything at once, and a bad name leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from omni_lab.cli import app
from omni_lab.config import HOME_VARIABLE
from omni_lab.strategies import names

ROOT = Path(__file__).parents[2]
FILES = ["mean_reversion.ipynb", "mean_reversion.py", "test_mean_reversion.py"]


def new_strategy(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["new", "strategy", *map(str, arguments)])


def test_what_is_written_passes_as_it_is(tmp_path: Path) -> None:
    done = new_strategy("mean_reversion", "--into", tmp_path / "mine")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == FILES
    assert done.output.count("wrote ") == 3
    environment = {**os.environ, HOME_VARIABLE: str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(
            command, cwd=tmp_path / "mine", env=environment, capture_output=True, text=True, check=False
        )

    tested = python(
        *(
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
        ),
        *("--nbval-lax", "--nbval-current-env", "."),
    )
    assert tested.returncode == 0, tested.stdout
    assert "8 passed" in tested.stdout  # three tests and five cells of code
    rules = ("--isolated", "--no-cache", "--line-length=110")
    linted = python("ruff", "check", *rules, "--select=E,W,F,B,UP,SIM,RUF", "--ignore=E402", ".")
    assert linted.returncode == 0, linted.stdout
    formatted = python("ruff", "format", "--check", *rules, ".")
    assert formatted.returncode == 0, formatted.stdout


BAD_NAMES = ["", "Mean", "mean reversion", "9lives", "_x", "x__y", "a-b", "../up", "class", "match", "json"]
BAD_NAMES += ["omni_lab", "test_x", "conftest", "é", "x" * 61, *names()]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path, name: str) -> None:
    done = new_strategy("--into", tmp_path / "mine", "--", name)
    assert done.exit_code == 2
    assert "(in NAME)" in done.stderr
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("file", FILES)
def test_what_exists_is_left_as_it_is(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text("mine")
    done = new_strategy("mean_reversion", "--into", tmp_path)
    assert done.exit_code == 2
    assert f"this file exists and is left as it is: found '{file}'" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [file]
    assert (tmp_path / file).read_text() == "mine"


def test_a_directory_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = new_strategy("mean_reversion", "--into", tmp_path / "file" / "below")
    assert done.exit_code == 2
    assert "could not be written" in done.stderr
