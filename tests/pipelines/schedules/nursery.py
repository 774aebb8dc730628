"""A process that has everything imported and forks schedulers; their runs are forks that leave a row.

Told on its standard input: a line of JSON starts a scheduler and is answered with its process id. What runs
is written down in a log, so that a test knows of each run without asking the registry.
"""

import json
import os
import random
import signal
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from omni_lab.pipelines.registry import Origin, RunRegistry
from omni_lab.pipelines.registry.records import origin_facts
from omni_lab.pipelines.schedules import Claim, Schedule, fire
from omni_lab.pipelines.schedules.daemon import Clock, Scheduler
from omni_lab.pipelines.schedules.tables import moment_of, stamp

LOG = "runs.log"


class ShortRun:
    """Begins a run, takes a moment, ends it; now and then the process is killed before, amid or after."""

    def __init__(self, longest_s: float, deaths: float) -> None:
        self.longest_s, self.deaths = longest_s, deaths

    def __call__(self, schedule: Schedule, origin: Origin, registry: RunRegistry) -> None:
        run = f"{schedule.name}-{os.getpid()}-{time.time_ns()}"
        maybe_die(self.deaths)
        facts = {"run_id": run, "pipeline": schedule.runs, "started": stamp(Clock().now())}
        registry.begin(facts | origin_facts(origin))
        note("begin", origin.key)
        time.sleep(random.uniform(0, self.longest_s))
        maybe_die(self.deaths)
        note("end", origin.key)
        registry.finish(run, "succeeded")
        maybe_die(self.deaths)


def maybe_die(chance: float) -> None:
    """Now and then, be killed."""
    if random.random() < chance:
        os.kill(os.getpid(), signal.SIGKILL)


def note(what: str, key: str | None) -> None:
    """A line of the log; lines of several processes do not mix."""
    line = json.dumps({"what": what, "key": key, "at": time.monotonic_ns()}) + "\n"
    file = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line.encode())
    os.close(file)


def let_go_of_sockets() -> None:
    """Close connections that a fork has from its parent, as those of a program that is started are closed.

    PostgreSQL would not notice that the parent was killed, and keep its transaction, with all locks.
    """
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                os.close(int(name))


def read_log(directory: Path) -> list[dict[str, Any]]:
    """What was written down, in order."""
    path = directory / LOG
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Fork:
    """A forked process as a scheduler's child."""

    def __init__(self, claim: Claim, run: ShortRun) -> None:
        self._code: int | None = None
        self._pid = os.fork()
        if not self._pid:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            let_go_of_sockets()
            try:
                random.seed()
                with RunRegistry() as registry:
                    fire(registry, claim, run=run)
            finally:
                os._exit(0)

    def poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self._pid, number)


def schedule_until_told(order: dict[str, Any]) -> None:
    """A scheduler as a test orders it."""
    random.seed(order["seed"])
    run = ShortRun(order["longest_s"], order["deaths"])
    clock = Clock(moment_of(order["shows"]), moment_of(order["at"]), order["speed"])

    def start(claim: Claim) -> Fork:
        # The moments between a claim and its run are too short to be hit from outside.
        maybe_die(order["deaths"])
        child = Fork(claim, run)
        maybe_die(order["deaths"])
        return child

    with RunRegistry() as registry:
        Scheduler(
            registry,
            workers=order["workers"],
            clock=clock,
            look_every_s=0.3,
            start=start,
        ).run()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what a test kills
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = 1
            try:
                schedule_until_told(json.loads(line))
                code = 0
            finally:
                os._exit(code)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
