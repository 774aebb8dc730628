"""The record of a run from its first moment to its last: a folder, a row and a heartbeat.

A run begins with an empty folder, then its row, then ``run.json``; it ends with ``run.json``, its report, and
the row. So a kill at any moment leaves nothing, a row that is settled as lost, or a row whose ``run.json``
says how the run ended. A database that goes away while a run is going costs the run nothing.
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from omni_lab.config import Settings
from omni_lab.errors import OmniError
from omni_lab.pipelines.folder import RunFolder, create_run_folder, read_json, write_json
from omni_lab.pipelines.registry.adopt import adopt_folder
from omni_lab.pipelines.registry.processes import this_process
from omni_lab.pipelines.registry.records import RUNNING, RunRecord, iso, read_run
from omni_lab.pipelines.registry.registry import RunRegistry, TakenId
from omni_lab.pipelines.registry.tables import complete
from omni_lab.store.database import exc

T = TypeVar("T")
logger = logging.getLogger(__name__)

SCHEMA = 2
BEAT_S = 5.0
"""How often a run says that it is going, and looks whether it should stop."""

_PATIENCE_S = 2.0


class RunTimeout(KeyboardInterrupt):
    """The run is interrupted because it took too long: it has failed."""


@dataclass(slots=True)
class Recording:
    """A run that is being made.

    Attributes
    ----------
    registry : RunRegistry
    folder : RunFolder
    facts : dict
        What ``run.json`` says.
    started : datetime
        UTC.
    """

    registry: RunRegistry
    folder: RunFolder
    facts: dict[str, Any]
    started: datetime
    _silent: bool = field(default=False, init=False)

    @classmethod
    def begin(
        cls,
        registry: RunRegistry,
        facts: Mapping[str, Any],
        request: Mapping[str, Any],
        *,
        runs_dir: Path | None = None,
        strategy: str = "",
    ) -> "Recording":
        """Make folder, row and ``run.json`` of a new run of this process.

        Parameters
        ----------
        registry : RunRegistry
        facts : mapping
            ``pipeline`` and what else is known before it starts.
        request : mapping
            What decides the result; its hash ends the run id.
        runs_dir : Path, optional
            Parent of the folder; the project's by default.
        strategy : str, optional
            Stands in the id.

        Raises
        ------
        AlreadyBegun
            If another run has its key; nothing is left then.
        ConfigError
            If the folder cannot be made.
        """
        settings, started = Settings.from_env(), datetime.now(UTC)
        record: dict[str, Any] = {}

        def claim(folder: RunFolder) -> bool:
            first = {
                "schema": SCHEMA,
                "run_id": folder.run_id,
                "status": RUNNING,
                "started": iso(started),
                "home": str(settings.data_dir),
                **this_process(),
                **facts,
            }
            record.update(complete(first))
            try:
                registry.begin({**record, "folder": str(folder.path)})
            except TakenId:
                return False
            return True

        parent = (runs_dir or settings.runs_dir).absolute()
        folder = create_run_folder(
            parent, str(facts["pipeline"]), started, request, strategy=strategy, claim=claim
        )
        write_json(folder.run_file, record)
        return cls(registry, folder, record, started)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat while the body runs, and interrupt it (``KeyboardInterrupt``) when somebody asks for that."""
        over, runner = threading.Event(), threading.current_thread()

        def beat() -> None:
            asked = False
            while not over.wait(BEAT_S):
                self._unless_away(lambda: self.registry.beat(self.folder.run_id))
                wanted = self._unless_away(lambda: self.registry.is_asked_to_stop(self.folder.run_id))
                if wanted and not asked and not over.is_set():
                    asked = True
                    interrupt(runner)

        thread = threading.Thread(target=beat, name=f"heartbeat of {self.folder.run_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(_PATIENCE_S)

    def close(
        self,
        status: str,
        error: Mapping[str, Any] | None = None,
        *,
        facts: Mapping[str, Any] | None = None,
        report: Callable[[RunRecord], object] | None = None,
    ) -> RunRecord:
        """Write how the run ended, then its report, then its row.

        Parameters
        ----------
        status : {"succeeded", "failed", "interrupted"}
        error : mapping, optional
            ``type``, ``message`` and ``cell``.
        facts : mapping, optional
            What is known only now.
        report : callable, optional
            Makes the report; a report that fails does not take the record with it.

        Returns
        -------
        RunRecord
            As the registry has it; as the folder has it if the database has gone away.
        """
        finished = datetime.now(UTC)
        self.facts.update(
            facts or {},
            status=status,
            error=None if error is None else dict(error),
            finished=iso(finished),
            duration_s=round((finished - self.started).total_seconds(), 3),
        )
        write_json(self.folder.run_file, self.facts)
        try:
            if report is not None:
                report(read_run(self.folder.path))
        finally:
            self._unless_away(self._end_row)
            self._unless_away(self._list)
        found = self._unless_away(lambda: self.registry.find(self.folder.run_id))
        return found or read_run(self.folder.path)

    def _list(self) -> None:
        """Put it on the page of all runs."""
        from omni_lab.pipelines.index import write_index

        write_index(self.folder.path.parent)

    def _end_row(self) -> None:
        run_id, facts = self.folder.run_id, read_json(self.folder.run_file)
        if self.registry.finish(run_id, facts["status"], facts=facts):
            return
        if adopt_folder(self.registry, self.folder.path):
            return  # the database is another one, or was emptied
        # Somebody took it for lost, and nothing leaves a final status; the folder says so, too.
        row = self.registry.find(run_id)
        logger.warning(
            "the run %s ended as %s after it was taken for %s", run_id, facts["status"], row.status
        )
        write_json(self.folder.run_file, {**facts, "status": row.status, "error": row.content.get("error")})

    def _unless_away(self, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except (exc.SQLAlchemyError, OmniError, OSError) as error:
            # Said once: the row is settled from the folder when the database is back.
            logger.log(
                logging.DEBUG if self._silent else logging.WARNING, "the registry does not answer: %s", error
            )
            self._silent = True
            return None


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Let a scheduler's SIGTERM end a run as Ctrl-C does, with its record written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def told(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, told)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the body, which writes a record, is done; then they are forgotten."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def interrupt(thread: threading.Thread) -> None:
    """Raise ``KeyboardInterrupt`` in a thread: at once in the main one, elsewhere with its next bytecode."""
    if thread is threading.main_thread():
        # SIGTERM is answered by `terminate_as_interrupt`, and SIGINT may be ignored in the background.
        is_answered = signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        with suppress(ProcessLookupError):
            signal.pthread_kill(thread.ident or 0, signal.SIGTERM if is_answered else signal.SIGINT)
        return
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(KeyboardInterrupt)
    )
