"""What is in the directory of a journal, read without writing anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from omni_lab.domain import CommandKind
from omni_lab.errors import JournalError
from omni_lab.execution.edges import Edges, name_at
from omni_lab.execution.setup import Setup
from omni_lab.progress import Progress, Report

_DIGITS = 20
_CHUNK = 1 << 15
_CONFIGURATION = "CONFIGURATION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The end of a journal that a crash left unfinished: no frame that was acknowledged is in it.

    Attributes
    ----------
    segment : Path
        File, always the last one.
    offset, n_bytes : int
        Where the tail begins in it, and how long it is.
    last_sequence : int
        Of the last good frame.
    what : str
        What is wrong with the first lost frame.
    """

    segment: Path
    offset: int
    n_bytes: int
    last_sequence: int
    what: str

    def __str__(self) -> str:
        return (
            f"{self.n_bytes:,} bytes at offset {self.offset:,} of {self.segment} are an unfinished tail "
            f"({self.what}): a crash left it, nothing in it was acknowledged, and recovery cuts it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalReport:
    """What was found in the directory of a journal.

    Attributes
    ----------
    path : Path
        The directory.
    n_segments, n_frames : int
        How many files, and how many frames in them, all of them good.
    first_sequence, last_sequence : int
        Of the frames; the last is 0 if there is none.
    snapshot : int, optional
        Sequence of the newest valid snapshot.
    rejected_snapshots : tuple of Path
        Newer ones that are not valid.
    lost : Tail, optional
        The unfinished tail.
    """

    path: Path
    n_segments: int
    n_frames: int
    first_sequence: int
    last_sequence: int
    snapshot: int | None
    rejected_snapshots: tuple[Path, ...]
    lost: Tail | None

    @classmethod
    def of(cls, path: Path, found: Mapping[str, Any]) -> Self:
        """The report that the native module gives as a mapping."""
        lost = found["lost"]
        names = ("n_segments", "n_frames", "first_sequence", "last_sequence", "snapshot")
        return cls(
            path=path,
            rejected_snapshots=tuple(Path(each[0]) for each in found["rejected_snapshots"]),
            lost=None if lost is None else Tail(**{name: lost[name] for name in Tail.__dataclass_fields__}),
            **{name: found[name] for name in names},
        )


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery found and did.

    Attributes
    ----------
    report : JournalReport
        What was found.
    n_replayed : int
        Frames that were carried out again, after the snapshot or after the configuration.
    """

    report: JournalReport
    n_replayed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """A kill switch that somebody threw or reset.

    Attributes
    ----------
    sequence, ts : int
        Frame; time of the command, nanoseconds UTC.
    thrown : bool
        Or reset, perhaps by the first of two.
    switch : str
        ``"everything"``, or the name of an account or an instrument.
    who, why : str
        By whom, and for what reason.
    """

    sequence: int
    ts: int
    thrown: bool
    switch: str
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A journal at a glance.

    Attributes
    ----------
    report : JournalReport
        What was found, every frame read.
    segments, snapshots : tuple of (Path, int, int)
        Files, with the sequence in their names and their bytes.
    frames : tuple of (str, int, int)
        Kind, how many, and bytes of their payloads.
    setup : Setup
        What the system started from.
    switches : tuple of Switched
        Who threw and reset kill switches, and why.
    """

    report: JournalReport
    segments: tuple[tuple[Path, int, int], ...]
    snapshots: tuple[tuple[Path, int, int], ...]
    frames: tuple[tuple[str, int, int], ...]
    setup: Setup
    switches: tuple[Switched, ...]


def journal_at(path: str | Path) -> Path:
    """The directory, if there is a journal in it.

    Raises
    ------
    JournalError
        If there is none.
    """
    path = Path(path)
    if not path.exists():
        raise JournalError("there is no such directory", where=str(path))
    if not path.is_dir():
        raise JournalError("a journal is a directory, and this is a file", where=str(path))
    if not numbered(path, "", ".seg"):
        there = sorted(each.name for each in path.iterdir())
        raise JournalError(
            "no journal is in this directory",
            found=there[:5] or "nothing",
            expected="segments with names such as 00000000000000000001.seg",
            where=str(path),
        )
    return path


class Waiting:
    """Bars of a long read of a journal, one for each of its steps.

    Parameters
    ----------
    wanted : bool
        Whether to show any.
    """

    def __init__(self, wanted: bool = True) -> None:
        self._wanted = wanted
        self._bars = ExitStack()
        self._reports: dict[str, Report] = {}

    def __enter__(self) -> Callable[[str, int, int], None]:
        return self._tell

    def __exit__(self, *_: object) -> None:
        self._bars.close()

    def _tell(self, step: str, done: int, total: int) -> None:
        if step not in self._reports:
            bar = Progress(total, f"{step} the journal", self._wanted, unit="B")
            self._reports[step] = self._bars.enter_context(bar)
        self._reports[step](done, total)


def verify_journal(path: str | Path, *, progress: bool = True) -> JournalReport:
    """Every frame read, and what was found.

    Parameters
    ----------
    path : path
        Directory of the journal.
    progress : bool
        Whether to show a bar if it takes longer than two seconds.

    Raises
    ------
    JournalError
        If there is no journal, or it is damaged in a way that no crash explains.
    """
    from omni_lab import _native

    path = journal_at(path)
    with Waiting(progress) as report:
        return JournalReport.of(path, _native.verify_journal(path, report))


def inspect_journal(path: str | Path) -> Inspection:
    """What a journal holds; every frame is read.

    Raises
    ------
    JournalError
        As `verify_journal`, or if it holds no configuration.
    """
    from omni_lab import _native

    report = verify_journal(path)
    names = {0: _CONFIGURATION} | {kind.value: kind.name for kind in CommandKind}
    frames = _native.count_frames(report.path, report.first_sequence)
    setup = Setup.from_payload(_native.journal_configuration(report.path))
    n_switches = sum(n_frames for kind, n_frames, _ in frames if kind == CommandKind.KILL_SWITCH)
    return Inspection(
        report=report,
        segments=numbered(report.path, "", ".seg"),
        snapshots=numbered(report.path, "snapshot-", ".snap"),
        frames=tuple((names.get(kind, str(kind)), n_frames, n_bytes) for kind, n_frames, n_bytes in frames),
        setup=setup,
        switches=_switches(report.path, Edges(setup)) if n_switches else (),
    )


def _switches(path: Path, edges: Edges) -> tuple[Switched, ...]:
    """The kill switches of the frames that can be carried out again."""
    from omni_lab.execution.codec import ACCOUNT, INSTRUMENT
    from omni_lab.execution.replay import Replay

    replay = Replay(path)
    replay.seek(replay.first)
    found = []
    with Progress(replay.last - replay.first, "read kill switches", True, unit="frames") as report:
        while replay.sequence < replay.last:
            commands, _ = replay.read(_CHUNK)
            report(replay.sequence - replay.first)
            rows = (commands["kind"] == CommandKind.KILL_SWITCH).nonzero()[0]
            for row in rows.tolist():
                facts = {name: column[row] for name, column in commands.items()}
                switch: str | None = "everything"
                if facts["scope"] == ACCOUNT:
                    switch = name_at(edges.accounts, int(facts["account"]))
                elif facts["scope"] == INSTRUMENT:
                    switch = name_at(edges.symbols, int(facts["instrument"]))
                found.append(
                    Switched(
                        sequence=int(facts["seq"]),
                        ts=int(facts["ts"]),
                        thrown=bool(facts["value"]),
                        switch=switch or "",
                        who=str(facts["who"]),
                        why=str(facts["why"]),
                    )
                )
    return tuple(found)


def numbered(path: Path, prefix: str, suffix: str) -> tuple[tuple[Path, int, int], ...]:
    """Files of a journal by the sequence in their names, and their bytes."""
    found = []
    for file in sorted(path.glob(f"{prefix}*{suffix}")):
        digits = file.name.removeprefix(prefix).removesuffix(suffix)
        if len(digits) == _DIGITS and digits.isascii() and digits.isdigit():
            found.append((file, int(digits), file.stat().st_size))
    return tuple(found)
