"""Where the machine is meant to have everything, a skipped test is a failed one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DATA_VARIABLE, NO_SKIP_VARIABLE

SKIPPING = """
import pytest
def test_stands(): pass
def test_wants_data(test_data): pass
@pytest.mark.skip(reason="not today")
def test_is_marked(): pass
@pytest.mark.xfail(strict=True)
def test_is_known_to_fail(): assert False
"""


@pytest.mark.parametrize(
    ("no_skip", "summary"), [("", "1 passed, 2 skipped, 1 xfailed"), ("1", "1 passed, 1 xfailed, 2 errors")]
)
def test_skips_fail_when_everything_should_be_there(tmp_path: Path, no_skip: str, summary: str) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    environment = {
        **os.environ,
        NO_SKIP_VARIABLE: no_skip,
        DATA_VARIABLE: "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", tmp_path],
        check=False,
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert summary in ran.stdout
    assert (ran.returncode != 0) == bool(no_skip)
    if no_skip:
        assert f"set {DATA_VARIABLE} to the directory" in ran.stdout
