"""A sweep that is killed goes on where it was: no finished trial is run again, none lost, no byte differs."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.data import Bars
from omni_lab.errors import ConfigError, JournalError
from omni_lab.simulator import EventSimulator, SimulationConfig, WalkForward
from omni_lab.simulator.research.identity import canonical, code_fingerprint
from omni_lab.simulator.research.trial_journal import TrialJournal, journal_path
from omni_lab.typing import FloatArray
from tests.simulator.market import random_bars
from tests.simulator.research.strategies import GRID, Above, crossover, named, noted, slow_and_noted

ROOT = Path(__file__).parents[3]
SIM = EventSimulator()
BARS = random_bars(120, seed=2)
CALLS: list[tuple[int, int]] = []


def counted(bars: Bars, fast: int, slow: int) -> FloatArray:
    CALLS.append((fast, slow))
    return crossover(bars, fast, slow)


def calls(**options: Any) -> int:
    """How many trials a sweep runs."""
    CALLS.clear()
    options = {"strategy": counted, "grid": GRID, "sim": SIM, "bars": BARS, **options}
    sim, bars, strategy, grid = (options.pop(name) for name in ("sim", "bars", "strategy", "grid"))
    sim.sweep(bars, strategy, grid, workers=1, **options)
    return len(CALLS)


def test_what_is_in_the_journal_is_not_run_again_and_comes_out_the_same(tmp_path: Path) -> None:
    journal = tmp_path / "deep" / "journal.jsonl"
    part = {"fast": [3, 4], "slow": [10, 20]}
    assert calls(grid=part, journal=journal) == 4
    assert calls(journal=journal) == 8
    assert calls(journal=journal) == 0
    again = SIM.sweep(BARS, counted, GRID, workers=1, journal=journal)
    assert again.sha256 == SIM.sweep(BARS, counted, GRID, workers=1).sha256


def test_returns_are_kept_too_and_a_trial_without_them_is_run_for_them(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    assert calls(journal=journal, keep_returns=False) == 12
    assert calls(journal=journal, keep_returns=True) == 12
    assert calls(journal=journal, keep_returns=True) == 0
    assert calls(journal=journal, keep_returns=False) == 0
    again = SIM.sweep(BARS, counted, GRID, workers=1, journal=journal, keep_returns=True)
    assert again.sha256 == SIM.sweep(BARS, counted, GRID, workers=1, keep_returns=True).sha256


def test_nothing_that_is_not_a_number_is_lost(tmp_path: Path) -> None:
    flat = {"fast": 3, "slow": 10, "size": [0.0, 1.0]}

    def sized(bars: Bars, fast: int, slow: int, size: float) -> FloatArray:
        return crossover(bars, fast, slow) * size

    journal = tmp_path / "journal.jsonl"
    first = SIM.sweep(BARS, sized, flat, workers=1, journal=journal)
    assert np.isnan(first.metrics["sharpe_ratio"][0])
    assert SIM.sweep(BARS, sized, flat, workers=1, journal=journal).sha256 == first.sha256


@pytest.mark.parametrize(
    "other",
    [
        {"bars": random_bars(120, seed=3)},
        {"bars": BARS.slice(0, 119)},
        {"sim": EventSimulator(SimulationConfig(slippage_bps=1))},
        {"kind": "quantity"},
        {"strategy": lambda bars, fast, slow: 1.0 * counted(bars, fast, slow)},
        {"grid": {"fast": [6], "slow": [11, 12, 13]}},
    ],
    ids=["data", "length", "settings", "kind", "code", "parameters"],
)
def test_another_question_has_another_key(tmp_path: Path, other: dict[str, Any]) -> None:
    journal = tmp_path / "journal.jsonl"
    assert calls(journal=journal) == 12
    assert calls(journal=journal, **other) == (3 if "grid" in other else 12)


def test_failed_trials_are_run_again_and_the_others_are_not(tmp_path: Path) -> None:
    def failing(bars: Bars, fast: int) -> FloatArray:
        CALLS.append((fast, 0))
        if fast == 3:
            raise ValueError("no")
        return crossover(bars, fast, 9)

    options = {"grid": {"fast": [2, 3, 4]}, "strategy": failing, "errors": "record"}
    assert calls(journal=tmp_path / "journal.jsonl", **options) == 3
    assert calls(journal=tmp_path / "journal.jsonl", **options) == 1


def test_a_walk_forward_goes_on_too(tmp_path: Path) -> None:
    split, journal = WalkForward(train=60, test=20), tmp_path / "journal.jsonl"
    CALLS.clear()  # a global that a function uses is part of what it is known by
    first = SIM.walk_forward(BARS, counted, GRID, split, workers=1, journal=journal)
    CALLS.clear()
    again = SIM.walk_forward(BARS, counted, GRID, split, workers=1, journal=journal)
    # Three folds are judged anew; none of the 36 trials is.
    assert len(CALLS) == 3
    assert again.equity.tobytes() == first.equity.tobytes()
    assert again.in_sample == first.in_sample


# --- the file -------------------------------------------------------------------------------------


def written(path: Path) -> bytes:
    SIM.sweep(BARS, crossover, {"fast": [3, 4], "slow": 10}, workers=1, journal=path)
    return path.read_bytes()


def test_a_torn_last_line_is_cut_wherever_it_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path)
    begin = whole[:-1].rfind(b"\n") + 1
    for length in [*range(begin + 1, len(whole), 7), len(whole) - 1]:
        path.write_bytes(whole[:length])
        journal = TrialJournal(path)
        assert len(journal) == 1
        journal.close()
        assert path.read_bytes() == whole[:begin]
    assert written(path) == whole


@pytest.mark.parametrize("length", [0, 1, 20])
def test_a_torn_first_line_is_begun_again(tmp_path: Path, length: int) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path)
    path.write_bytes(whole[:length])
    assert written(path) == whole


def test_damage_before_the_last_line_is_told_and_left(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path)
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 3
    path.write_bytes(lines[0] + lines[1].replace(b"a", b"b", 1) + lines[2])
    before = path.read_bytes()
    with pytest.raises(JournalError, match="line 2"):
        written(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"time,price\n1,2\n", b"no line end", b'{"a": 1}\n'])
def test_a_file_that_is_something_else_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(content)
    with pytest.raises(JournalError, match="no journal"):
        written(path)
    assert path.read_bytes() == content


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    held = TrialJournal(tmp_path / "journal.jsonl")
    with pytest.raises(JournalError, match="another search"):
        written(tmp_path / "journal.jsonl")
    held.close()
    written(tmp_path / "journal.jsonl")


def test_lines_can_be_read_by_anybody(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    entry = json.loads(written(path).splitlines()[1].split(b" ", 1)[1])
    assert entry["parameters"] == "fast=3, slow=10"
    swept = SIM.sweep(BARS, crossover, {"fast": 3, "slow": 10}, workers=1)
    assert float.fromhex(entry["metrics"]["final_equity"]) == swept.metrics["final_equity"][0]


def test_a_bare_name_is_a_file_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert journal_path("sma") == tmp_path / "sweeps" / "sma.jsonl"
    assert journal_path("sma.jsonl") == Path("sma.jsonl")
    assert journal_path(Path("sma")) == Path("sma")
    assert calls(journal="sma") == 12
    assert (tmp_path / "sweeps" / "sma.jsonl").exists()


# --- identity -------------------------------------------------------------------------------------


def made(body: str, **names: Any) -> Callable[..., Any]:
    """A function of its own module, made from source."""
    space: dict[str, Any] = {"__name__": "study", "np": np, **names}
    exec(body, space)
    function: Callable[..., Any] = space["f"]
    return function


def test_code_is_known_by_what_it_does() -> None:
    plain = code_fingerprint(made("def f(bars, n):\n    return n + 1"))
    # Longer than what is printed of it.
    using, frame = "def f(bars, n):\n    return A", pd.DataFrame({"a": np.arange(1000.0)})
    assert code_fingerprint(made("def f(bars, n):\n    # why\n\n    return n + 1")) == plain
    others: dict[str, Callable[..., Any]] = {
        "constant": made("def f(bars, n):\n    return n + 2"),
        "default": made("def f(bars, n=3):\n    return n + 1"),
        "called": made("def g(n):\n    return n + 1\ndef f(bars, n):\n    return g(n)"),
        "called, changed": made("def g(n):\n    return n + 2\ndef f(bars, n):\n    return g(n)"),
        "global": made("K = 1\ndef f(bars, n):\n    return n + K"),
        "global, changed": made("K = 2\ndef f(bars, n):\n    return n + K"),
        "inner": made("def f(bars, n):\n    return (lambda: n + 1)()"),
        "inner, changed": made("def f(bars, n):\n    return (lambda: n + 2)()"),
        "partial": functools.partial(made("def f(bars, n):\n    return n + 1"), n=1),
        "partial, changed": functools.partial(made("def f(bars, n):\n    return n + 1"), n=2),
        "array": made("def f(bars, n):\n    return n + A", A=np.arange(3)),
        "array, changed": made("def f(bars, n):\n    return n + A", A=np.arange(1, 4)),
        "frame": made(using, A=frame),
        "frame, changed": made(using, A=frame.replace(500.0, 501.0)),
        "frame, renamed": made(using, A=frame.rename(columns={"a": "b"})),
        "frame, of other days": made(using, A=frame.set_axis(frame.index + 1)),
        "words": made(using, A=frame["a"].astype(str)),
        "bars": made(using, A=BARS),
        "bars, changed": made(using, A=BARS.slice(0, 9)),
        "settings": made(using, A=SimulationConfig()),
        "settings, changed": made(using, A=SimulationConfig(slippage_bps=1)),
        "cached": made(
            "@cache\ndef g(n):\n    return n\ndef f(bars, n):\n    return g(n)", cache=functools.cache
        ),
        "cached, changed": made(
            "@cache\ndef g(n):\n    return 1\ndef f(bars, n):\n    return g(n)", cache=functools.cache
        ),
        "class": made("class f:\n    def on_bar(self, ctx, bar):\n        return 1"),
        "class, changed": made("class f:\n    def on_bar(self, ctx, bar):\n        return 2"),
    }
    prints = {name: code_fingerprint(each) for name, each in others.items()}
    assert len({plain, *prints.values()}) == len(others) + 1
    assert code_fingerprint(Above) != code_fingerprint(crossover)


def test_a_function_that_calls_itself_has_a_fingerprint() -> None:
    assert code_fingerprint(made("def f(bars, n):\n    return f(bars, n - 1) if n else 0"))


def test_code_has_the_same_fingerprint_in_every_process() -> None:
    code = (
        "from tests.simulator.research.strategies import *\n"
        "from omni_lab.simulator.research.identity import code_fingerprint as of\n"
        "print(of(crossover), of(Above), of(named))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.split() == [code_fingerprint(each) for each in (crossover, Above, named)]


def test_parameters_have_one_text_and_must_have_one() -> None:
    assert (
        canonical({"b": np.float64(0.1), "a": np.int64(3)}) == canonical({"a": 3, "b": 0.1}) == "a=3, b=0.1"
    )
    assert canonical({"a": np.arange(2)}) != canonical({"a": np.arange(2.0)})
    with pytest.raises(ConfigError, match="told apart"):
        canonical({"a": object()})


# --- killed ---------------------------------------------------------------------------------------

# One interpreter, from which every attempt is forked, so that twenty-four attempts cost no start.
KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from omni_lab.simulator import EventSimulator
from tests.simulator.market import random_bars
from tests.simulator.research.strategies import slow_and_noted

journal, log, n_kills = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
sim, bars, rng = EventSimulator(), random_bars(500, seed=2), random.Random(5)
grid = {"n": list(range(400)), "log": log}

def run(workers):
    return sim.sweep(bars, slow_and_noted, grid, workers=workers, executor="threads", journal=journal)

def n_done():  # a kill may leave a part of a line
    return max(journal.read_bytes().count(b"\\n") - 1, 0) if journal.exists() else 0

for attempt in range(n_kills):
    wanted = n_done() + rng.randrange(12)
    child = os.fork()
    if child == 0:
        run(1 + attempt % 3)
        os._exit(0)
    while n_done() < wanted:
        time.sleep(0.001)
    time.sleep(rng.uniform(0.0, 0.005))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.write(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), f"-{n_done()}\\n".encode())
print(run(2).sha256)
"""


def test_a_sweep_killed_at_24_random_moments_repeats_nothing_and_loses_nothing(tmp_path: Path) -> None:
    journal, log = tmp_path / "journal.jsonl", tmp_path / "log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", KILLED, str(journal), str(log), "24"]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    # The log holds the trials that began, and after each kill how many lay in the journal.
    begun: list[list[int]] = [[]]
    kept: list[int] = []
    for line in log.read_text().splitlines():
        if line.startswith("-"):
            kept.append(-int(line))
            begun.append([])
        else:
            begun[-1].append(int(line))
    assert len(kept) == 24
    assert 0 < kept[5] < kept[12] < kept[-1] < 400
    entries = [json.loads(line.split(b" ", 1)[1]) for line in journal.read_bytes().splitlines()[1:]]
    numbers = [int(entry["parameters"].split("n=")[1].split(",")[0]) for entry in entries]
    assert sorted(numbers) == list(range(400))
    for attempt, n_kept in enumerate(kept):
        later = [number for part in begun[attempt + 1 :] for number in part]
        assert not set(numbers[:n_kept]) & set(later)
    clean = {"n": list(range(400)), "log": str(log)}
    plain = SIM.sweep(random_bars(500, seed=2), slow_and_noted, clean, workers=8, executor="threads")
    assert finished.stdout.strip() == plain.sha256


ORPHANED = """
import sys
from omni_lab.simulator import EventSimulator
from tests.simulator.market import random_bars
from tests.simulator.research.strategies import slow_and_noted

grid = {"n": list(range(100)), "log": sys.argv[2], "pause_s": 0.02}
options = {"workers": 2, "executor": "processes", "journal": sys.argv[1]}
EventSimulator().sweep(random_bars(120, seed=2), slow_and_noted, grid, **options)
"""


def test_workers_end_with_their_parent_and_the_sweep_goes_on(tmp_path: Path) -> None:
    journal, log = tmp_path / "journal.jsonl", tmp_path / "log"
    command = [sys.executable, "-c", ORPHANED, str(journal), str(log)]
    parent = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    while len(noted(log)) < 10:
        assert parent.poll() is None
        time.sleep(0.02)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    time.sleep(0.2)
    before = noted(log)
    time.sleep(0.3)
    assert noted(log) == before
    n_done = len(journal.read_bytes().splitlines()) - 1
    assert 0 < n_done <= len(before) < 60
    grid = {"n": list(range(100)), "log": str(log), "pause_s": 0.02}
    SIM.sweep(BARS, slow_and_noted, grid, workers=8, executor="threads", journal=journal)
    assert len(noted(log)) == len(before) + 100 - n_done
