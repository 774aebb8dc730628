"""A run can be made again, and what is said of it is true."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines import RunRegistry, run_pipeline
from omni_lab.pipelines.reproduce import format_reproduction, reproduce
from tests.pipelines.conftest import WriteNotebook

ROOT = Path(__file__).parents[2]

ANSWER = """
# NBVAL_CHECK_OUTPUT
import math
import numpy as np
from omni_lab.pipelines import RunContext
run = RunContext(run_dir)
draws = np.random.default_rng(seed).normal(size=lookback)
run.record(metrics={"mean": float(draws.mean()), "odd": math.nan}, data_fingerprint="f00d")
run.save("draws.txt", "\\n".join(map(str, draws)))
print(f"{draws.std():.12f}")
"""


def test_the_same_question_has_the_same_answer_bit_for_bit(write_notebook: WriteNotebook) -> None:
    write_notebook("toy", ANSWER)
    first = run_pipeline("toy", assignments=["seed=5", "lookback=9"], progress=False)
    found = reproduce(first.run_id, progress=False)
    assert found.bit_equal
    assert found.causes == ()
    assert found.again.run_id != first.run_id
    assert found.again.content["parameters"] == first.content["parameters"]
    assert found.again.fingerprint == first.fingerprint
    assert format_reproduction(found) == f"{first.run_id} again as {found.again.run_id}: bit-equal."


def test_another_notebook_is_named_with_everything_that_came_out_otherwise(
    write_notebook: WriteNotebook,
) -> None:
    write_notebook("toy", ANSWER)
    first = run_pipeline("toy", assignments=["lookback=9"], progress=False)
    write_notebook("toy", ANSWER.replace(".normal(size=lookback)", ".normal(size=lookback) + 1e-15"))
    found = reproduce("last", progress=False)
    whats = [each.what for each in found.differences]
    assert [each for each in whats if each != "file artifacts.json"] == ["metric mean", "file draws.txt"]
    assert found.causes == ("the notebook",)
    assert "not the same" in format_reproduction(found)
    assert repr(first.metrics["mean"]) in format_reproduction(found)


def test_a_pipeline_that_is_not_repeatable_is_told_so(write_notebook: WriteNotebook) -> None:
    write_notebook("toy", ANSWER.replace("default_rng(seed)", "default_rng()"))
    run_pipeline("toy", progress=False)
    found = reproduce("last", progress=False)
    assert {"metric mean", "file draws.txt", "checked cell 3"} <= {each.what for each in found.differences}
    assert "the pipeline is not repeatable" in format_reproduction(found)


def test_a_run_that_failed_fails_again_and_one_that_now_succeeds_is_a_difference(
    write_notebook: WriteNotebook, project: Path
) -> None:
    gate = project / "gate"
    write_notebook("toy", f"import pathlib\nassert pathlib.Path({str(gate)!r}).exists(), 'shut'")
    first = run_pipeline("toy", progress=False)
    assert reproduce(first.run_id, progress=False).bit_equal
    gate.touch()
    found = reproduce(first.run_id, progress=False)
    assert [each.what for each in found.differences] == ["status"]
    assert "succeeded" in format_reproduction(found)


def test_parameters_that_came_or_went_are_named(write_notebook: WriteNotebook) -> None:
    path = write_notebook("toy", "x = 1")
    run_pipeline("toy", progress=False)
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.source = cell.source.replace("lookback", "window")
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    found = reproduce("last", progress=False)
    assert found.causes == (
        "the notebook has no parameter 'lookback' any more",
        "the notebook has a new parameter 'window'",
        "the notebook",
    )


def test_a_notebook_of_no_pipeline_is_found_where_it_was(
    write_notebook: WriteNotebook, project: Path
) -> None:
    moved = write_notebook("toy", ANSWER).rename(project / "mine.ipynb")
    first = run_pipeline(str(moved), progress=False)
    assert reproduce(first.run_id, progress=False).bit_equal


def test_only_a_missing_notebook_or_an_unknown_run_refuses(write_notebook: WriteNotebook) -> None:
    path = write_notebook("toy", "x = 1")
    first = run_pipeline("toy", progress=False)
    path.unlink()
    with pytest.raises(ConfigError, match="toy"):
        reproduce(first.run_id, progress=False)
    with pytest.raises(ConfigError):
        reproduce("nobody", progress=False)
    with RunRegistry() as registry:
        assert len(registry.list()) == 1


def checkout(directory: Path) -> Path:
    """A fresh clone of what is committed here, with the module that was built from it."""
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(directory)], check=True)
    for built in (ROOT / "omni_lab").glob("_native*.so"):
        shutil.copy2(built, directory / "omni_lab")
    return directory


def omni(clone: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(clone), "OMNI_LAB_HOME": str(home)}
    command = [sys.executable, "-m", "omni_lab.cli", *words]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)


def test_a_clean_checkout_of_the_same_version_gives_the_same_bits_and_another_says_why_not(
    tmp_path: Path,
) -> None:
    pytest.importorskip("skfolio", reason="pip install 'omni-lab[samples]'")
    if not (ROOT / ".git").exists():
        pytest.skip("needs a checkout made by git")
    home = tmp_path / "home"
    made = omni(checkout(tmp_path / "then"), home, "run", "backtest", "--no-progress")
    assert made.returncode == 0, made.stderr
    shutil.rmtree(tmp_path / "then")
    later = checkout(tmp_path / "later")
    again = omni(later, home, "runs", "reproduce", "last", "--no-progress")
    assert (again.returncode, "bit-equal" in again.stdout) == (0, True), again.stdout + again.stderr
    assert "not as they were" not in again.stdout
    # A root that is off by a hair, in the code.
    source = later / "omni_lab" / "portfolio" / "performance.py"
    text = source.read_text()
    right = "return math.sqrt(check.per_year(periods_per_year))"
    assert right in text
    source.write_text(text.replace(right, f"{right} * (1 + 1e-12)"))
    other = omni(later, home, "runs", "reproduce", "last", "--no-progress")
    assert other.returncode == 1, other.stdout + other.stderr
    assert "metric sharpe_ratio" in other.stdout
    assert "  the code\n" in other.stdout + "\n"
    assert json.loads(next(iter(home.glob("runs/*/run.json"))).read_text())["status"] == "succeeded"
