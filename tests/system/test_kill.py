"""A process that is killed while it trades: nothing that it said is lost."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omni_lab.errors import StateError
from omni_lab.system import LOCAL, Ticket, TradingSystem
from omni_lab.system.ledger import Ledger
from omni_lab.system.recovery import read_past
from tests.lengths import LONG
from tests.system.systems import halting, paper

ROOT = Path(__file__).parents[2]
KILLS = 50 if LONG else 3
_SAID_BEFORE_THE_KILL = 60


def _killed(home: Path, seed: int, *, halts: bool = False) -> list[dict[str, Any]]:
    """What a trader said before it was killed: in the middle, or as soon as it had thrown its kill switch."""
    said: list[dict[str, Any]] = []
    command = [sys.executable, "-m", "tests.system.trader", str(home), str(seed), *["halts"] * halts]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in _whole_lines(process.stdout):
            said.append(json.loads(line))
            if "halted" in said[-1] or (not halts and len(said) == _SAID_BEFORE_THE_KILL + seed % 17):
                os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return said


def _whole_lines(stream: Any) -> Iterator[str]:
    for line in stream:
        if line.endswith("\n"):
            yield line


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    told: dict[int, tuple[str, int]] = {}
    cum: dict[int, float] = {}
    canceled: set[int] = set()
    epochs = set()
    for seed in range(KILLS):
        for line in _killed(tmp_path, seed):
            if "order" in line:
                cum[line["order"]] = max(cum.get(line["order"], 0.0), line["cum"])
            elif "canceled" in line:
                canceled.add(line["canceled"])
            elif "number" in line:
                told[line["number"]] = line["kind"], line["about"]
        with TradingSystem(paper(tmp_path, n_symbols=1)) as system:
            assert system.status().state == "RUNNING"
        # It has stopped again: what is told of it no longer moves.
        assert len(cum) > 10
        assert all(system.order(order_id).cum_qty >= qty for order_id, qty in cum.items())
        assert all(system.order(order_id).state == "CANCELED" for order_id in canceled)
        held: Counter[str] = Counter()
        fills = system.fills(most=10**6)
        for fill in fills:
            held[fill.symbol] += round(fill.qty if fill.side == "BUY" else -fill.qty)
        positions = {each.symbol: each.qty for each in system.account().positions}
        assert positions == dict(held)
        assert [each.number for each in fills] == list(range(1, len(fills) + 1))
        assert {each.state for each in system.own_orders()} <= {"NEW", "PARTIALLY_FILLED", "REPLACED"}
        # Numbers of the stream mean what they meant, and go on without a gap.
        stream = system.bus.stream("orders")
        epochs.add(stream.epoch)
        changes = stream.after(0)
        assert changes is not None
        again = {
            each.sequence: (event["kind"], event["order_id"]) for each in changes for event in each.events
        }
        assert told.items() <= again.items()
        assert list(again) == list(range(1, len(again) + 1))
        live = {int(order_id) for order_id in stream.snapshot().patch["orders"]}
        assert live == {each.order_id for each in system.own_orders()}
    assert len(epochs) == 1


def test_a_kill_switch_survives_a_kill_of_the_process(tmp_path: Path) -> None:
    """It is thrown in a process whose strategy runs, and which is killed at once."""
    *_, last = said = _killed(tmp_path, 0, halts=True)
    orders = {line["order"] for line in said if "order" in line}
    assert {line["strategy"] for line in said if "order" in line} == {"RUNNING"}
    told = {line["number"]: (line["kind"], line["about"]) for line in said if "number" in line}
    assert told
    assert last == {"halted": {"account desk": "local: odd fills"}}
    with TradingSystem(halting(tmp_path)) as system:
        status = system.status()
        assert (status.state, dict(status.halted)) == ("HALTED", last["halted"])
        assert (status.strategy_state, system.own_orders()) == ("STOPPED", [])
        with pytest.raises(StateError, match="kill switch"):
            system.start_strategy(who=LOCAL)
        (symbol,) = status.symbols
        far = Ticket(symbol=symbol, side="BUY", qty=1, price=1.0)
        assert system.submit(far, who=LOCAL).reason == "KILL_SWITCH"
        system.reset(who=LOCAL, why="explained")
        status = system.status()
        assert (status.state, dict(status.halted), status.strategy_state) == ("RUNNING", {}, "STOPPED")
        assert system.submit(far, who=LOCAL).state == "NEW"
        system.start_strategy(who=LOCAL)
        assert system.status().strategy_state == "RUNNING"
    changes = system.bus.stream("orders").after(0) or ()
    assert [each.sequence for each in changes] == list(range(1, len(changes) + 1))
    again = {each.sequence: (event["kind"], event["order_id"]) for each in changes for event in each.events}
    assert told.items() <= again.items()
    assert orders <= {about for kind, about in again.values() if kind == "CANCELED"}


def test_a_long_journal_is_read_from_its_last_snapshot_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omni_lab.system.running._SNAPSHOT_EVERY", 2_000)
    config = paper(tmp_path, n_symbols=1)
    before: tuple[Any, ...] = ()

    def told() -> tuple[Any, ...]:
        stream = system.bus.stream("orders")
        events = [(each.sequence, each.events) for each in stream.after(0) or ()]
        return events, stream.snapshot().patch, system.fills(most=10**6), dict(system.status().halted)

    for number in range(4):
        with TradingSystem(config) as system:
            system.ready()
            past = system._here().past
            (symbol,) = system.status().symbols
            if number:
                assert past is not None
                assert past.n_frames < system.journal().sequence - 2_000
                assert told() == before
            for qty in (100, 200):
                system.submit(Ticket(symbol=symbol, side="BUY", qty=qty), who=LOCAL)
                system.submit(Ticket(symbol=symbol, side="BUY", qty=qty, price=1.0), who=LOCAL)
            if number == 2:
                system.kill(who=LOCAL, why="odd fills")
        before = told()
    assert before[3] == {"account desk": "local: odd fills"}
    # All that the journal says is what was kept of it and what was read.
    ledger = Ledger(system._here().edges, system._here().desk)
    whole = read_past(tmp_path / "journal", ledger, system._here().edges, 0)
    assert ledger.fills(most=10**6) == before[2]
    assert sum(map(len, whole.own)) == len(before[0])
