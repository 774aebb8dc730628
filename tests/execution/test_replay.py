"""A journal shown at any of its frames."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omni_lab.domain import CommandKind
from omni_lab.errors import ConfigError, DataError, JournalError
from omni_lab.execution import OMS, ReferenceOMS, Replay
from omni_lab.execution.codec import New
from omni_lab.execution.export import export_journal, replay_to
from tests.execution.flows import commands
from tests.execution.script import config

N_COMMANDS = 600


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of a few hundred commands, with snapshots."""
    path: Path = tmp_path_factory.mktemp("journal")
    with OMS(config(journal=path, durability="none", snapshot_every=250)) as oms:
        for kind, payload in commands(12, N_COMMANDS, "balanced"):
            oms.execute(kind, payload)
    return path


def test_every_frame_has_the_events_that_it_had(journal: Path) -> None:
    plain = ReferenceOMS(config())
    replay = Replay(journal)
    assert len(replay) == N_COMMANDS + 1
    frames = iter(replay)
    assert next(frames).text.startswith("The journal begins")
    for frame, (kind, payload) in zip(frames, commands(12, N_COMMANDS, "balanced"), strict=True):
        plain.execute(kind, payload)
        assert list(frame.events) == list(plain.events())
        assert (frame.sequence, frame.clock) == (plain.sequence, plain.clock)


def test_any_frame_can_be_shown_and_says_what_it_is(journal: Path) -> None:
    replay = Replay(journal)
    frame = next(frame for frame in replay if isinstance(frame.command, New) and len(frame.events) > 1)
    replay.seek(1)
    again = replay.at(frame.sequence)
    assert (again.command, again.text, list(again.events)) == (frame.command, frame.text, list(frame.events))
    assert replay.sequence == frame.sequence
    assert repr(again).startswith(f"Frame {frame.sequence:,}: {frame.text}\nEventLog of")
    assert f"shown after {frame.sequence}" in repr(replay)


def test_views_are_those_of_the_moment(journal: Path) -> None:
    plain = ReferenceOMS(config())
    for kind, payload in islice(commands(12, N_COMMANDS, "balanced"), 300):
        plain.execute(kind, payload)
    replay = Replay(journal)
    replay.seek(replay.last)
    replay.seek(301)
    assert replay.state() == plain.state()
    assert replay.positions() == plain.positions()
    for symbol in ("X", "Y", "Z"):
        assert repr(replay.book(symbol)) == repr(plain.book(symbol))
    live = replay.orders()["order_id"]
    assert live.tolist() == plain.orders()["order_id"].tolist()
    assert replay.order(int(live[0])) == plain.order(int(live[0]))
    assert np.array_equal(replay.registers()["value"], plain.registers()["value"])


def test_there_is_nothing_before_the_beginning_and_after_the_end(journal: Path) -> None:
    replay = Replay(journal)
    for sequence in (-1, 0, N_COMMANDS + 2):
        with pytest.raises(JournalError, match=f"1 to {N_COMMANDS + 1}"):
            replay.seek(sequence)
    replay.seek(replay.last)
    assert not replay.step()
    assert replay.advance(5) == 0
    with pytest.raises(DataError, match="no such order"):
        replay.order(10**6)


def test_a_journal_in_use_is_shown_as_it_was_when_it_was_opened(tmp_path: Path) -> None:
    with OMS(config(journal=tmp_path)) as oms:
        oms.submit("X", "BUY", 5, 10)
        oms.commit()
        replay = Replay(tmp_path)
        oms.submit("X", "BUY", 5, 11)
        oms.commit()
        replay.seek(replay.last)
        assert replay.book("X").best_bid == 10
        assert Replay(tmp_path).last == 3


def test_a_state_is_a_journal_of_one_frame() -> None:
    oms = OMS(config())
    oms.submit("X", "BUY", 5, 10)
    for source in (oms.state(), oms.snapshot()):
        replay = Replay(source)
        assert (len(replay), replay.first, replay.sequence, replay.command) == (1, 2, 2, None)
        assert replay.book("X").best_bid == 10
        assert replay.state_hash == oms.state_hash
        assert [len(frame.events) for frame in replay] == [0]
        with pytest.raises(JournalError):
            replay.seek(1)


def test_a_journal_is_carried_out_up_to_a_frame(journal: Path) -> None:
    assert replay_to(journal, 77, progress=False).sequence == 77
    assert replay_to(journal, progress=False).state_hash == OMS.recover(journal).state_hash
    with pytest.raises(JournalError, match="no such frame"):
        replay_to(journal, 10**6)


@pytest.mark.parametrize("what", ["events", "commands"])
def test_all_formats_hold_the_same(journal: Path, tmp_path: Path, what: str) -> None:
    read: dict[str, Callable[[Path], pd.DataFrame]] = {
        "csv": pd.read_csv,
        "parquet": pd.read_parquet,
        "jsonl": lambda path: pd.read_json(path, lines=True),
    }
    replay = Replay(journal)
    commands_, events = replay.read(10**6)
    expected = pd.DataFrame(events if what == "events" else commands_)
    texts = [name for name in ("who", "why") if name in expected]
    assert len(texts) == (2 if what == "commands" else 0)
    for file_format, reader in read.items():
        path = tmp_path / f"out.{file_format}"
        assert export_journal(journal, path, what=what, progress=False) == len(expected)
        frame = reader(path)
        assert list(frame) == list(expected)
        for name in texts:
            assert frame[name].astype(object).fillna("").tolist() == expected[name].tolist()
        numbers = frame.drop(columns=texts).astype(float)
        pd.testing.assert_frame_equal(numbers, expected.drop(columns=texts).astype(float))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.csv", "out.jsonl", "out.parquet"]


@pytest.mark.parametrize("file_format", ["csv", "parquet", "jsonl"])
def test_an_export_says_who_and_why(tmp_path: Path, file_format: str) -> None:
    with OMS(config(journal=tmp_path / "journal", durability="none")) as oms:
        oms.kill("b", who="ann", why='a "price", odd', ts=5)
        oms.reset("b", who="bob", why="so it was")
    path = tmp_path / f"out.{file_format}"
    export_journal(tmp_path / "journal", path, what="commands", progress=False)
    read: dict[str, Callable[[Path], pd.DataFrame]] = {
        "csv": pd.read_csv,
        "parquet": pd.read_parquet,
        "jsonl": lambda path: pd.read_json(path, lines=True),
    }
    frame = read[file_format](path)
    columns = ["kind", "scope", "account", "value", "who", "why"]
    assert frame[columns].to_numpy().tolist() == [
        [9, 1, 1, 1, "ann", 'a "price", odd'],
        [9, 1, 1, 0, "bob", "so it was"],
    ]


def test_what_was_there_stays_where_a_file_cannot_be_written_whole(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise JournalError("in the middle")

    monkeypatch.setattr(Replay, "read", fail)
    with pytest.raises(JournalError, match="in the middle"):
        export_journal(journal, path, progress=False)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("out.csv", "old")]
    with pytest.raises(ConfigError, match="csv"):
        export_journal(journal, tmp_path / "out.xls")
    with pytest.raises(ConfigError, match="commands"):
        export_journal(journal, path, what="everything")


def test_kinds_of_commands_are_those_of_the_frames(journal: Path) -> None:
    read, _ = Replay(journal).read(10**6)
    sent = [kind for kind, _ in commands(12, N_COMMANDS, "balanced")]
    assert read["kind"].tolist() == sent
    assert set(sent) <= {kind.value for kind in CommandKind}
