"""``omni journal``: what a journal holds, whether it is whole, what it leads to."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from omni_lab import _native
from omni_lab.cli import app
from omni_lab.execution import OMS, Limits, PositionLimits
from tests.execution.flows import FAMILY, FLOWS, commands
from tests.execution.script import config


def omni(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["journal", *map(str, arguments)])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of three small segments and a snapshot."""
    path: Path = tmp_path_factory.mktemp("journal")
    limits = {"b": Limits(max_order_qty=500, order_rate=10**9)}
    payload = config(limits=limits).payload()
    oms = _native.Oms(payload, journal=path, durability="none", segment_bytes=8_000, snapshot_every=200)
    for kind, command in commands(2, 220, replace(FLOWS["balanced"], kills=0.0)):
        oms.execute(kind, command)
    oms.close()
    return path


@pytest.fixture
def journal(whole: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_inspect_shows_what_is_there(journal: Path) -> None:
    done = omni("inspect", journal)
    assert done.exit_code == 0
    n_segments = len(list(journal.glob("*.seg")))
    assert n_segments > 1
    assert f"221 frames in {n_segments} segments" in done.output
    assert "newest snapshot: frame 201" in done.output
    assert "00000000000000000001.seg" in done.output
    assert "CONFIGURATION" in done.output
    assert "NEW" in done.output
    assert "order_rate 1,000,000,000" in done.output
    assert "nobody threw or reset a kill switch" in done.output


def test_inspect_shows_the_family_and_who_threw_kill_switches(tmp_path: Path) -> None:
    limits = PositionLimits(max_position=50)
    settings = FAMILY | {"position_limits": {("c", "X"): limits}, "journal": tmp_path}
    with OMS(config(**settings)) as oms:
        oms.kill("b", who="ann", why="a price that cannot be", ts=5)
        oms.reset("b", who="ann", why="it was a slip", ts=6)
        oms.reset("b", who="bob", why="so it was")
        oms.kill(instrument="Y", who="bob", why="news")
        oms.kill(who="eve", why="fire")
    output = omni("inspect", tmp_path).output
    assert ["2", "5", "thrown", "b", "ann", "a price that cannot be"] in cells(output)
    assert ["3", "6", "reset", "b", "ann", "it was a slip"] in cells(output)
    assert ["5", "6", "thrown", "Y", "bob", "news"] in cells(output)
    assert ["6", "6", "thrown", "everything", "eve", "fire"] in cells(output)
    assert ["b", "a", "100,000.00", "max_drawdown 9,000, max_leverage 400,000", "none"] in cells(output)
    assert ["c", "X", "max_position 50"] in cells(output)


def cells(output: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in output.splitlines()]


def test_a_configuration_is_found_in_a_snapshot_where_the_first_frame_is_gone(journal: Path) -> None:
    last = sorted(journal.glob("*.seg"))[-1]
    first = int(last.name.removesuffix(".seg"))
    if first > 202:
        last = sorted(journal.glob("*.seg"))[-2]
        first = int(last.name.removesuffix(".seg"))
    for segment in journal.glob("*.seg"):
        if segment < last:
            segment.unlink()
    done = omni("inspect", journal)
    assert done.exit_code == 0, done.output
    assert f"frames {first:,} to 221" in done.output
    assert "order_rate 1,000,000,000" in done.output
    assert omni("replay", journal).exit_code == 0


def test_verify_reads_every_frame_and_writes_nothing(journal: Path) -> None:
    before = contents(journal)
    done = omni("verify", journal)
    assert (done.exit_code, contents(journal)) == (0, before)
    assert "221 frames" in done.output


def test_an_unfinished_tail_is_told_and_is_no_damage(journal: Path) -> None:
    last = sorted(journal.glob("*.seg"))[-1]
    last.write_bytes(last.read_bytes()[:-10])
    before = contents(journal)
    done = omni("verify", journal)
    assert (done.exit_code, contents(journal)) == (0, before)
    told = done.output.replace("\n", "")
    assert "unfinished tail" in told
    assert last.name in told
    assert "offset" in told


def test_damage_is_named_and_ends_in_1(journal: Path) -> None:
    first = min(journal.glob("*.seg"))
    damaged = bytearray(first.read_bytes())
    damaged[600] ^= 1
    first.write_bytes(damaged)
    before = contents(journal)
    done = omni("verify", journal)
    assert (done.exit_code, contents(journal)) == (1, before)
    assert "damaged" in done.stderr
    assert f"{first.name} at offset" in done.stderr


@pytest.mark.parametrize("command", ["inspect", "verify", "replay", "export"])
@pytest.mark.parametrize("name", ["absent", "empty", "file", "foreign", "snapshot"])
def test_a_directory_without_journal_is_bad_input(tmp_path: Path, command: str, name: str) -> None:
    if name == "file":
        (tmp_path / name).write_text("")
    elif name != "absent":
        (tmp_path / name).mkdir()
    if name in ("foreign", "snapshot"):
        file = "notes.txt" if name == "foreign" else "snapshot-00000000000000000201.snap"
        (tmp_path / name / file).write_text("")
    output = ("-o", tmp_path / "out.csv") if command == "export" else ()
    done = omni(command, tmp_path / name, *output)
    assert done.exit_code == 2
    assert str(tmp_path / name) in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_a_damaged_journal_is_not_shown_and_not_exported(journal: Path, tmp_path: Path) -> None:
    first = min(journal.glob("*.seg"))
    damaged = bytearray(first.read_bytes())
    damaged[600] ^= 1
    first.write_bytes(damaged)
    before = contents(journal)
    for command in ("inspect", "replay", "export"):
        output = ("-o", tmp_path / "out.csv") if command == "export" else ()
        done = omni(command, journal, *output)
        assert (done.exit_code, contents(journal)) == (2, before)
        assert f"{first.name} at offset" in done.stderr
    assert sorted(tmp_path.iterdir()) == [journal]


@pytest.mark.parametrize("content", [b"", b"notes" * 1_000], ids=["nothing", "notes"])
def test_a_segment_without_configuration_is_bad_input(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal").mkdir()
    segment = tmp_path / "journal" / "00000000000000000001.seg"
    segment.write_bytes(content)
    for command in ("inspect", "replay", "export"):
        output = ("-o", tmp_path / "out.csv") if command == "export" else ()
        done = omni(command, tmp_path / "journal", *output)
        assert done.exit_code == 2
        assert "no configuration" in done.stderr
    assert segment.read_bytes() == content
    assert not (tmp_path / "out.csv").exists()


BAD_OPTIONS = {
    "replay --to 0": "expected 1 to 221",
    "replay --to -1": "expected 1 to 221",
    f"replay --to {10**30}": "expected 1 to 221",
    "replay --to soon": "--to",
    "export": "--output",
    "export -o out": "unknown format",
    "export -o out.xls": "unknown format",
    "export -o out.csv --format xls": "unknown format",
    "export -o out.csv --what trades": "'events', 'commands'",
    "export -o absent/out.csv": "absent/out.csv",
    "export -o directory.csv": "directory.csv",
    "export -o file/out.csv": "file/out.csv",
    "repair": "repair",
}


@pytest.mark.parametrize("words", BAD_OPTIONS)
def test_an_option_that_cannot_be_is_named(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("directory.csv").mkdir()
    Path("file").write_text("")
    command, *options = words.split()
    done = omni(command, whole, *options)
    assert done.exit_code == 2
    assert BAD_OPTIONS[words] in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory.csv", "file"]


@pytest.mark.parametrize("command", ["inspect", "verify", "replay", "export"])
def test_a_command_without_directory_says_so(command: str) -> None:
    done = omni(command)
    assert done.exit_code == 2
    assert "DIR" in done.stderr


def test_replay_shows_the_state_after_a_frame(journal: Path) -> None:
    done = omni("replay", journal, "--to", 150, "--no-progress")
    assert done.exit_code == 0
    oms = OMS(config(limits={"b": Limits(max_order_qty=500, order_rate=10**9)}))
    for kind, command in commands(2, 149, "balanced"):
        oms.execute(kind, command)
    assert "after frame 150" in done.output
    assert f"state hash {oms.state_hash}" in done.output
    for position in oms.positions():
        assert f"{position.qty:,g}" in done.output
    assert omni("replay", journal, "--to", 999).exit_code == 2


def test_export_writes_a_file_and_says_how_much_is_in_it(journal: Path, tmp_path: Path) -> None:
    out = tmp_path / "commands.csv"
    done = omni("export", journal, "-o", out, "--what", "commands")
    assert (done.exit_code, done.output) == (0, f"{out}: 220 commands\n")
    assert len(out.read_text().splitlines()) == 221
    assert omni("export", journal, "-o", out, "--format", "xls").exit_code == 2


def test_an_empty_system_is_replayed_and_exported(tmp_path: Path) -> None:
    OMS(config(journal=tmp_path / "journal")).close()
    done = omni("replay", tmp_path / "journal")
    assert "no positions" in done.output
    assert "no open orders" in done.output
    assert omni("export", tmp_path / "journal", "-o", tmp_path / "out.parquet").exit_code == 0
