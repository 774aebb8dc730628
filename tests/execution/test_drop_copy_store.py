"""A reconciliation in a database: killed at any moment it goes on, and two processes are one."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.drop_copy import Fills, Reconciler, Result, Rule, Rules, Store
from omni_lab.execution.drop_copy.synthetic import inject_breaks, synthetic_fills

ROOT = Path(__file__).parents[2]
KILLS = 34
N_BATCHES = 16
N_FILLS = 1_200
_NUMBERS = count()


def batches(side: int) -> list[Fills]:
    injected = inject_breaks(synthetic_fills(N_FILLS, seed=5, symbols=12), seed=5)
    fills = injected.external if side else injected.internal
    return [fills.take(rows) for rows in np.array_split(np.arange(len(fills)), N_BATCHES)]


def feed(store: Store, side: int, told: Any = None) -> None:
    """Send every batch of a side, those too that may have been taken already; decide one break by hand."""
    for number, fills in enumerate(batches(side)):
        (store.on_external if side else store.on_internal)(fills, batch=str(number))
        if told:
            told(number)


# Starts processes by forking, because a fresh interpreter takes longer to import than to be killed.
FORKER = """
import os, sys, traceback
from omni_lab.execution.drop_copy import Store
from tests.execution.test_drop_copy_store import batches, feed
batches(0)
for line in sys.stdin:
    target, side = line.split()
    pid = os.fork()
    if not pid:
        try:
            feed(Store(target), int(side), lambda number: print(number, flush=True))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    print("pid", pid, flush=True)
    os.waitpid(pid, 0)
    print("done", flush=True)
"""


class Forker:
    """Processes that feed a store, one after another; use it in a ``with``."""

    def __init__(self) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )

    def __enter__(self) -> Forker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait(60)

    def start(self, target: str, side: int) -> int:
        """Let a process feed a side; its id."""
        assert self.process.stdin is not None
        print(target, side, file=self.process.stdin, flush=True)
        self.said: list[int] = []
        return int(self.line(until="pid").split()[1])

    def line(self, until: str) -> str:
        """The line that begins with a word; those before it are batches that were taken."""
        assert self.process.stdout is not None
        while not (line := self.process.stdout.readline()).startswith(until):
            assert line, "the forker has ended"
            self.said.append(int(line))
        return line

    def finish(self) -> list[int]:
        """Wait for the end of the process; the batches that it told of."""
        self.line(until="done")
        return self.said


def expected() -> Result:
    reconciler = Reconciler()
    for side in (0, 1):
        for fills in batches(side):
            (reconciler.on_external if side else reconciler.on_internal)(fills)
    return reconciler.result()


def same(found: Result, wanted: Result) -> None:
    assert found.breaks == wanted.breaks
    assert found.verdicts == wanted.verdicts
    assert found.n_fills == wanted.n_fills
    assert found.matches().equals(wanted.matches())
    assert found.gaps() == wanted.gaps()


def trail_is_whole(store: Store) -> None:
    """Lines are numbered without a gap, nothing is opened or resolved twice, the last line is what stands."""
    lines = store.audit()
    assert [entry.n for entry in lines] == list(range(1, len(lines) + 1))
    state: dict[str, str] = {}
    for entry in lines:
        assert entry.before == state.get(entry.break_id, "") or entry.before.startswith("waiting")
        assert entry.before != entry.after
        state[entry.break_id] = entry.after
    result = store.result()
    standing = {b.id for b, v in zip(result.breaks, result.verdicts, strict=True) if not v.waits_by_rule}
    assert {each for each, after in state.items() if after} == standing


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "registry.db")


@pytest.fixture
def target(database_of_either_kind: str) -> str:
    """An empty database of either kind."""
    return database_of_either_kind


def test_what_is_kept_is_what_was_worked_out(target: str) -> None:
    with Store(target) as store:
        feed(store, 0)
        feed(store, 1)
        same(store.result(), expected())
        store.check()
        trail_is_whole(store)
    with Store(target) as again:
        same(again.result(), expected())
        assert again.batches("internal") == [str(number) for number in range(N_BATCHES)]
        # Sent again, nothing is taken again.
        n_lines = len(again.audit())
        assert not again.on_internal(batches(0)[3], batch="3")
        again.check()
        assert len(again.audit()) == n_lines


def test_a_decision_is_kept_and_not_made_twice(target: str) -> None:
    with Store(target) as store:
        feed(store, 0)
        feed(store, 1)
        found = next(
            b
            for b, v in zip(store.result().breaks, store.result().verdicts, strict=True)
            if v.status == "open"
        )
        store.resolve(found.id, "accept_external", who="Ann", reason="the venue's tape")
        with pytest.raises(DataError, match="Ann has decided so already"):
            store.resolve(found.id, "accept_external", who="Bob", reason="me too")
        store.check()
    with Store(target) as again:
        with pytest.raises(DataError, match="Ann has decided so already"):
            again.resolve(found.id, "accept_external", who="Bob", reason="me too")
        result = again.result()
        verdict = dict(zip([each.id for each in result.breaks], result.verdicts, strict=True))[found.id]
        assert (verdict.who, verdict.action) == ("Ann", "accept_external")
        decided = [entry for entry in again.audit() if entry.who]
        assert [(entry.break_id, entry.reason) for entry in decided] == [(found.id, "the venue's tape")]
        trail_is_whole(again)


def test_time_is_kept(database: str) -> None:
    with Store(database) as store:
        store.on_internal(batches(0)[0], batch="0")
        later = store.result().clock + 3_600 * 10**9
        store.advance(later)
        assert store.result().clock == later
        assert {v.status for v in store.result().verdicts} <= {"open", "resolved"}
    with Store(database) as again:
        assert again.result().clock == later
        again.check()


def test_both_sides_at_once_leave_no_breaks_that_mend(database: str) -> None:
    injected = inject_breaks(synthetic_fills(N_FILLS, seed=5, symbols=12), seed=5)
    with Store(database) as store:
        assert store.on_both(injected.internal, injected.external, batch="day")
        same(store.result(), expected())
        assert {entry.event for entry in store.audit()} <= {"opened", "resolved"}
        store.check()


def test_a_process_killed_at_any_moment_goes_on(database: str) -> None:
    chance = random.Random(11)
    told: Counter[int] = Counter()
    Store(database).close()
    with Forker() as forker:
        for kills in range(KILLS):
            side = kills % 2
            pid = forker.start(database, side)
            # Killed while it opens, while it writes, or between two batches.
            time.sleep(chance.uniform(0.0, 0.4))
            # Or it had done all it was told, and is gone.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            told[side] = max([told[side], *(number + 1 for number in forker.finish())])
            if kills % 8 == 7:
                with Store(database) as store:
                    store.check()
                    trail_is_whole(store)
    with Store(database) as store:
        for side, kind in ((0, "internal"), (1, "external")):
            # What was told to be taken was taken, once.
            taken = store.batches(kind)
            assert len(taken) == len(set(taken))
            assert set(map(str, range(told[side]))) <= set(taken)
        feed(store, 0)
        feed(store, 1)
        same(store.result(), expected())
        store.check()
        trail_is_whole(store)


def test_two_processes_are_one(target: str) -> None:
    with Forker() as one, Forker() as other:
        one.start(target, 0)
        other.start(target, 1)
        assert one.finish() == other.finish() == list(range(N_BATCHES))
    with Store(target) as store:
        same(store.result(), expected())
        store.check()
        trail_is_whole(store)


def test_two_that_are_open_see_each_other(target: str) -> None:
    with Store(target) as one, Store(target) as other:
        one.on_internal(batches(0)[0], batch="0")
        other.on_external(batches(1)[0], batch="0")
        assert one.result().n_fills == other.result().n_fills == (len(batches(0)[0]), len(batches(1)[0]))
        assert one.result().breaks == other.result().breaks


def test_reconciliations_of_one_database_are_apart(database: str) -> None:
    with Store(database, "monday") as monday, Store(database, "tuesday") as tuesday:
        monday.on_internal(batches(0)[0], batch="0")
        assert tuesday.result().n_fills == (0, 0)
        assert tuesday.on_internal(batches(0)[1], batch="0")
        assert monday.result().n_fills == (len(batches(0)[0]), 0)
        monday.check()


def test_rules_stay_those_it_began_with(database: str) -> None:
    rules = Rules(rules=(Rule(name="all", breaks=("fee",), action="accept_external"),))
    with Store(database, rules=rules):
        pass
    with Store(database) as again:
        assert again.rules == rules
    with pytest.raises(ConfigError, match="begun with other rules"):
        Store(database, rules=Rules())


def test_rows_that_were_tampered_with_are_found(database: str) -> None:
    import sqlite3

    with Store(database) as store:
        feed(store, 0)
        store.check()
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE drop_copy_breaks SET status = 'resolved' WHERE status = 'open'")
        with pytest.raises(DataError, match="drop_copy_breaks are not those"):
            store.check()


def test_what_fails_is_not_half_written(database: str) -> None:
    import sqlite3

    with Store(database) as store:
        store.on_internal(batches(0)[0], batch="0")
        before = store.result()
        with sqlite3.connect(database) as connection:
            connection.execute(
                "CREATE TRIGGER full BEFORE INSERT ON drop_copy_audit "
                "BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
            )
        with pytest.raises(DataError, match="disk is full"):
            store.on_internal(batches(0)[1], batch="1")
        assert store.batches("internal") == ["0"]
        same(store.result(), before)
        with sqlite3.connect(database) as connection:
            connection.execute("DROP TRIGGER full")
        assert store.on_internal(batches(0)[1], batch="1")
        store.check()


@pytest.mark.parametrize(
    "url", ["nosuchdb://x", "postgresql+nosuchdriver://x/y", "sqlite:////nowhere/at/all.db"]
)
def test_a_database_that_cannot_be_opened_is_named(url: str) -> None:
    with pytest.raises(ConfigError, match="database"):
        Store(url)
