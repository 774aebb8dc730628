"""What a journal says of a system that was: its orders and fills, its place in the market, its switches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omni_lab.domain import CommandKind, EventKind
from omni_lab.execution.codec import ACCOUNT, INSTRUMENT, KillSwitch
from omni_lab.execution.edges import Edges
from omni_lab.execution.events import EventLog
from omni_lab.execution.replay import Replay
from omni_lab.system.ledger import Ledger
from omni_lab.system.records import Kept
from omni_lab.typing import AnyArray

_CHUNK = 1 << 16
_OF_THE_MARKET = (int(CommandKind.CANCEL), int(CommandKind.REPLACE))
_BORN = (int(EventKind.ACCEPTED), int(EventKind.REJECTED))


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What a journal holds, as far as its state does not say it.

    Attributes
    ----------
    n_frames : int
        How many frames were read.
    n_street_commands : int
        How many commands of the market acted, in the frames that were read.
    own : list of EventLog
        Events of the account's orders, in order.
    switches : dict of str to str
        Kill switches that are on, by scope: who and why.
    """

    n_frames: int
    n_street_commands: int
    own: list[EventLog]
    switches: dict[str, str]


def read_past(
    path: Path,
    ledger: Ledger,
    edges: Edges,
    street: int,
    *,
    kept: Kept | None = None,
    snapshot: int | None = None,
) -> Past:
    """Read a journal, and note in the ledger what was the account's.

    Parameters
    ----------
    path : Path
    ledger : Ledger
    edges : Edges
    street : int
        Number of the market's account.
    kept : Kept, optional
        What is kept of it besides: with a snapshot that is no later, only the frames after that are read.
    snapshot : int, optional
        Frame of the newest snapshot.
    """
    replay = Replay(path)
    owners = np.full(1 << 10, -1, dtype=np.int32)
    own: list[EventLog] = []
    switches: dict[str, str] = {}
    n_street, first = 0, replay.first
    if kept is not None and snapshot is not None and snapshot <= kept.sequence:
        first = snapshot
        switches = dict(kept.switches)
        rows = kept.own["seq"] <= snapshot
        own.append(ledger.note({name: column[rows] for name, column in kept.own.items()}))
        if first < replay.last:
            # The frame after the snapshot is the first that can be reached from it.
            replay.seek(first + 1)
            own.append(ledger.note(replay.events().columns))
            command = replay.command
            if isinstance(command, KillSwitch):
                _note_switch(switches, command, edges)
        else:
            replay.seek(replay.last)
    else:
        replay.seek(first)
    while replay.sequence < replay.last:
        commands, events = replay.read(_CHUNK)
        log = ledger.note(events)
        if len(log):
            own.append(log)
        owners = _with_owners(owners, events)
        n_street += _of_the_market(commands, owners, street)
        _note_switches(switches, commands, edges)
    return Past(replay.last - first, n_street, own, switches)


def _with_owners(owners: AnyArray, events: Mapping[str, AnyArray]) -> AnyArray:
    """Accounts of orders by id, with those that were born in these events."""
    born = np.isin(events["kind"], _BORN) & (events["order_id"] > 0)
    ids = events["order_id"][born]
    most = int(ids.max(initial=0))
    if most >= len(owners):
        owners = np.concatenate([owners, np.full(most + 1, -1, dtype=np.int32)])
    owners[ids] = events["account"][born]
    return owners


def _of_the_market(commands: Mapping[str, AnyArray], owners: AnyArray, street: int) -> int:
    kind = commands["kind"]
    new = (kind == CommandKind.NEW) & (commands["account"] == street)
    about = np.isin(kind, _OF_THE_MARKET)
    named = commands["order_id"].astype(np.int64)
    about &= (named > 0) & (named < len(owners))
    about[about] = owners[named[about]] == street
    # The market clears the book of one instrument; what is cleared at a new beginning is of all.
    cleared = (kind == CommandKind.MASS_CANCEL) & (commands["account"] == street)
    cleared &= (commands["instrument"] >= 0) & (commands["instrument"] < 2**32 - 1)
    return int((new | about | cleared | (kind == CommandKind.SET_PHASE)).sum())


def _note_switches(switches: dict[str, str], commands: Mapping[str, AnyArray], edges: Edges) -> None:
    for row in np.flatnonzero(commands["kind"] == CommandKind.KILL_SWITCH).tolist():
        scope, account, instrument = (int(commands[name][row]) for name in ("scope", "account", "instrument"))
        number = account if scope == ACCOUNT else instrument if scope == INSTRUMENT else 0
        who, why = str(commands["who"][row]), str(commands["why"][row])
        _note_switch(switches, KillSwitch(0, scope, int(commands["value"][row]), number, who, why), edges)


def _note_switch(switches: dict[str, str], command: KillSwitch, edges: Edges) -> None:
    name = scope_name(
        account=edges.accounts[command.number] if command.scope == ACCOUNT else None,
        symbol=edges.symbols[command.number] if command.scope == INSTRUMENT else None,
    )
    if command.on:
        switches[name] = said(command.who, command.why)
    else:
        switches.pop(name, None)


def scope_name(*, account: str | None = None, symbol: str | None = None) -> str:
    """What a kill switch is of: ``"account desk"``, ``"instrument AAPL"`` or ``"everything"``."""
    if account is not None:
        return f"account {account}"
    return "everything" if symbol is None else f"instrument {symbol}"


def said(who: str, why: str) -> str:
    """Who did something, and why."""
    return f"{who}: {why}"
