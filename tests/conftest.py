"""What every test may ask for, and what holds for all: repeatable examples, and no silent skips in CI."""

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadGroupScheduling

from omni_lab.config import HOME_VARIABLE
from tests.databases import database_of_either_kind, postgres

__all__ = ["database_of_either_kind", "postgres"]

DATA_VARIABLE = "OMNI_LAB_TEST_DATA"
NO_SKIP_VARIABLE = "OMNI_LAB_NO_SKIP"
_SHARING = ("tests/gateway/", "tests/ui/dashboard/", "tests/simulator/research/test_clusters")

# Who starts the tests in the background may have them ignore Ctrl-C; what they interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def home_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A data directory of the tests' own: what they run is not counted among somebody's trials."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("home")))
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where pictures of screens are kept; without it they go with the test's other files."""
    parser.addoption("--artefacts", metavar="DIR", help="directory that pictures of screens are written to")


@pytest.fixture(scope="session")
def artefacts(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory for pictures of screens."""
    named = pytestconfig.getoption("--artefacts")
    directory = Path(named).absolute() if named else tmp_path_factory.mktemp("artefacts")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Directory of real market data that is too large, or not ours, to ship."""
    directory = os.environ.get(DATA_VARIABLE)
    if not directory:
        pytest.skip(f"set {DATA_VARIABLE} to the directory of real market data")
    path = Path(directory)
    assert path.is_dir(), f"{DATA_VARIABLE}={directory} is not a directory"
    return path


class Together(LoadGroupScheduling):  # type: ignore[misc]  # xdist has no types
    """Tests of a module that share a server or a browser stay on one worker: each would start one otherwise.

    Pytest 9.2 no longer lets xdist write the group of a mark into the name of a test, so the name must do.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::", maxsplit=1)[0]
        return module if module.startswith(_SHARING) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    """Workers get modules that share something whole, and single tests of all others."""
    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where the machine is meant to have everything."""
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(NO_SKIP_VARIABLE):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{NO_SKIP_VARIABLE} is set, and this was skipped. {reason}"
