"""The ledger of trials: each counted once, by many at a time, and never in anybody's way."""

import functools
import math
import os
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.errors import DataError
from omni_lab.store import Trial, TrialLedger
from omni_lab.store import trials as room
from omni_lab.store.trials import canonical

ROOT = Path(__file__).parents[2]


def trial(n: int = 0, **changed: Any) -> Trial:
    told: dict[str, Any] = {
        "data": "d1",
        "family": "Rule",
        "parameters": canonical({"n": n}),
        "settings": "s",
        "source": "run",
        "sharpe": 0.01 * n,
        "n_obs": 250,
        "skew": -0.5,
        "kurtosis": 4.0,
    }
    return Trial(**{**told, **changed})


@pytest.fixture
def ledger(tmp_path: Path) -> TrialLedger:
    return TrialLedger(tmp_path / "deep" / "trials.sqlite")


def test_what_is_recorded_is_summed_up(ledger: TrialLedger) -> None:
    ledger.record(trial(n) for n in (1, 2, 6))
    ledger.record([trial(9, family="Other"), trial(8, data="d2"), trial(7, sharpe=math.nan)])
    found = ledger.summary("d1", "Rule")
    assert (found.n_trials, found.n_idle) == (3, 1)
    assert found.sharpe_mean == pytest.approx(0.03)
    assert found.sharpe_variance == pytest.approx(np.var([0.01, 0.02, 0.06], ddof=1))
    assert (found.sharpe_best, found.best_parameters) == (0.06, '{"n":6}')
    assert ledger.summary("d1").n_trials == 4
    assert ledger.summary("d1", "Other").sharpe_variance != ledger.summary("d1", "Other").sharpe_variance


def test_the_same_trial_counts_once_whoever_ran_it(ledger: TrialLedger) -> None:
    ledger.record([trial(1), trial(1)])
    ledger.record([trial(1, source="sweep", time_ns=5)])
    assert ledger.summary("d1", "Rule").n_trials == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"data": "d2"},
        {"family": "R"},
        {"parameters": "{}"},
        {"settings": "t"},
        {"sharpe": 0.02},
        {"n_obs": 9},
    ],
)
def test_whatever_else_changes_makes_another_trial(ledger: TrialLedger, changed: dict[str, Any]) -> None:
    ledger.record([trial(1), trial(1, **changed)])
    assert len(ledger.trials()) == 2


def test_an_empty_ledger_is_no_file(ledger: TrialLedger) -> None:
    ledger.record([])
    found = ledger.summary("d1", "Rule")
    assert found.n_trials == found.n_idle == 0
    assert math.isnan(found.sharpe_mean)
    assert ledger.trials().empty
    assert ledger.families().empty
    assert not ledger.path.parent.exists()


def test_frames_tell_the_trials_and_their_families(ledger: TrialLedger) -> None:
    ledger.record([trial(1, time_ns=10**18), trial(2, sharpe=math.nan, time_ns=2 * 10**18)])
    ledger.record([trial(3, family="Other", time_ns=10**18 + 1)])
    frame = ledger.trials("d1", "Rule")
    assert frame["parameters"].tolist() == ['{"n":1}', '{"n":2}']
    assert str(frame["ts"][0]) == "2001-09-09 01:46:40+00:00"
    assert frame["sharpe"].isna().tolist() == [False, True]
    families = ledger.families()
    assert families["family"].tolist() == ["Rule", "Other"]
    assert families["n_trials"].tolist() == [2, 1]
    assert families["sharpe_best"].tolist() == [0.01, 0.03]


def test_its_place_is_the_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert TrialLedger().path == tmp_path / "trials.sqlite"


def test_parameters_have_one_form() -> None:
    assert canonical({"b": 1, "a": (1, 2.5, None)}) == '{"a":[1,2.5,null],"b":1}'
    assert canonical({"n": np.int64(3), "x": np.float64(0.5)}) == '{"n":3,"x":0.5}'
    assert canonical({1: {"deep": [True, "é"]}}) == '{"1":{"deep":[true,"é"]}}'
    rows = [canonical({"w": np.array(values)}) for values in ([1.0, 2.0], [1.0, 2.0], [1.0, 3.0])]
    assert rows[0] == rows[1] != rows[2]
    assert " at 0x" not in canonical({"f": lambda: 0, "g": functools.partial(int)})


def test_many_processes_count_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trials.sqlite"
    code = (
        "import sys; from omni_lab.store import Trial, TrialLedger\n"
        "def trial(n):\n"
        "    told = dict(data='d1', family='Rule', parameters=str(n), settings='s', source='run')\n"
        "    return Trial(**told, sharpe=0.01 * n, n_obs=250)\n"
        "ledger, first = TrialLedger(sys.argv[1]), int(sys.argv[2])\n"
        "for n in range(60): ledger.record([trial(first + n), trial(n)])"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(path)]
    running = [subprocess.Popen([*command, str(1000 * k)], cwd=ROOT) for k in range(1, 4)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert TrialLedger(path).summary("d1", "Rule").n_trials == 4 * 60


def test_a_fork_counts_on_its_own_connection(ledger: TrialLedger) -> None:
    ledger.record([trial(1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of the test runner
        child = os.fork()
    if not child:
        ledger.record([trial(2)])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    ledger.record([trial(3)])
    assert ledger.summary("d1", "Rule").n_trials == 3


def test_a_damaged_file_warns_once_and_stops_nothing(ledger: TrialLedger) -> None:
    ledger.path.parent.mkdir()
    ledger.path.write_bytes(b"this is not a database" * 100)
    with pytest.warns(RuntimeWarning, match=r"not being counted: .*trials\.sqlite.*not a database"):
        ledger.record([trial(1)])
    ledger.record([trial(2)])
    with pytest.raises(DataError, match=r"cannot be read.*move it away"):
        ledger.summary("d1", "Rule")
    # Once it is moved away, what waited is counted, too.
    ledger.path.rename(ledger.path.with_suffix(".damaged"))
    ledger.record([trial(3)])
    assert ledger.summary("d1", "Rule").n_trials == 3


def test_a_locked_file_warns_and_what_waited_is_counted_later(
    ledger: TrialLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_WAIT_S", 0.05)
    ledger.record([trial(1)])
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.warns(RuntimeWarning, match="locked"):
        ledger.record([trial(2)])
    monkeypatch.setattr(room, "_WAIT_S", 60.0)
    ledger.record([trial(3)])  # at once: it does not wait again
    assert ledger.summary("d1", "Rule").n_trials == 1
    other.execute("ROLLBACK")
    other.close()
    room._last_try()
    assert ledger.summary("d1", "Rule").n_trials == 3


def test_a_ledger_of_a_newer_version_is_left_alone(ledger: TrialLedger) -> None:
    ledger.record([trial(1)])
    other = sqlite3.connect(ledger.path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    room._close(ledger.path)
    with pytest.warns(RuntimeWarning, match="newer version"):
        ledger.record([trial(2)])
    room._pending.clear()


def test_a_directory_that_cannot_be_made_warns(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.warns(RuntimeWarning, match="not being counted"):
        TrialLedger(tmp_path / "file" / "trials.sqlite").record([trial(1)])
    room._pending.clear()


def test_a_ledger_that_was_moved_away_is_begun_anew(ledger: TrialLedger) -> None:
    ledger.record([trial(1)])
    for path in ledger.path.parent.iterdir():
        path.rename(path.with_name(f"old-{path.name}"))
    ledger.record([trial(2)])
    assert ledger.summary("d1", "Rule").n_trials == 1


def test_counting_a_run_costs_no_more_than_a_few_commands_of_sql(ledger: TrialLedger) -> None:
    ledger.record([trial(0)])
    statements: list[str] = []
    room._connections[ledger.path][0].set_trace_callback(statements.append)
    ledger.record(trial(n) for n in range(1, 500))
    assert len([each for each in statements if not each.startswith("INSERT")]) == 3
