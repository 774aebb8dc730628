"""A process that has everything imported and forks servers of jobs; their jobs are forks that leave a run.

Told on its standard input: a line of JSON starts a server and is answered with its process id.
"""

import json
import os
import random
import signal
import sys
import time

from omni_lab.pipelines.jobs import JobQueue
from omni_lab.pipelines.jobs.request import Request
from omni_lab.pipelines.jobs.store import Claim
from omni_lab.pipelines.jobs.worker import carry_out
from omni_lab.pipelines.registry import Origin, RunRegistry
from omni_lab.pipelines.registry.records import origin_facts
from omni_lab.pipelines.schedules.daemon import Clock
from omni_lab.pipelines.schedules.tables import stamp
from tests.pipelines.schedules.nursery import let_go_of_sockets, maybe_die, note


class ShortRun:
    """Begins a run, takes a moment, ends it; now and then the process is killed before, amid or after.

    It is for certain at the first attempt of a job that asks for ``reverse``.
    """

    def __init__(self, longest_s: float, deaths: float) -> None:
        self.longest_s, self.deaths = longest_s, deaths

    def __call__(self, request: Request, origin: Origin, registry: RunRegistry) -> None:
        run = f"{request.subject}-{os.getpid()}-{time.time_ns()}"
        maybe_die(self.deaths)
        facts = {"run_id": run, "pipeline": request.subject, "started": stamp(Clock().now())}
        registry.begin(facts | origin_facts(origin))
        note("begin", origin.key)
        if request.values.get("reverse") and origin.key is not None and origin.key.endswith(":1"):
            maybe_die(1.0)
        status = "succeeded"
        try:
            time.sleep(random.uniform(0, self.longest_s))
        except KeyboardInterrupt:
            status = "interrupted"
        maybe_die(self.deaths)
        note(status, origin.key)
        registry.finish(run, status)
        maybe_die(self.deaths)


def serve(order: dict[str, float]) -> None:
    """A server as a test orders it, until it is killed."""
    random.seed(order["seed"])
    run = ShortRun(order["longest_s"], order["deaths"])

    def start(claim: Claim, target: str) -> int:
        maybe_die(order["deaths"])
        pid = os.fork()
        if not pid:
            try:
                os.setsid()
                let_go_of_sockets()
                signal.signal(signal.SIGINT, signal.default_int_handler)
                random.seed()
                with RunRegistry(target) as registry:
                    carry_out(registry, claim, run=run)
            finally:
                os._exit(0)
        maybe_die(order["deaths"])
        return pid

    # In the main thread: a fork has no other, and nothing that another one held.
    queue = JobQueue(n_workers=int(order["workers"]), start=start)
    try:
        queue._work()
    finally:
        queue.close()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what a test kills
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                serve(json.loads(line))
            finally:
                os._exit(1)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
