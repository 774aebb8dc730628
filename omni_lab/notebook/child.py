"""What `background` starts: ``python -m omni_lab.notebook.child`` makes one run and says how it was named.

The request comes as one line of JSON on standard input, the answer goes as one line to standard output.
Standard input is also the leash: when it closes, because somebody stopped the run or the kernel is gone, the
run is interrupted as by Ctrl-C.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from omni_lab.errors import OmniError
from omni_lab.pipelines.jobs.request import Request, make_run


def main() -> None:
    """Make the run that standard input asks for."""
    answers = _keep_standard_output()
    order = json.loads(sys.stdin.readline())
    ended = threading.Event()
    try:
        threading.Thread(target=_interrupt_when_let_go, args=(ended,), daemon=True).start()
        answer = {"run_id": _run(order.pop("key"), Request(**order))}
    except OmniError as error:
        answer = {"refused": str(error)}
    except KeyboardInterrupt:
        answer = {"refused": "interrupted before it began"}
    finally:
        ended.set()
    os.write(answers, json.dumps(answer).encode() + b"\n")


def _run(key: str, request: Request) -> str:
    """Id of the run, once it has ended."""
    from omni_lab.pipelines.registry import Origin

    return make_run(request, Origin(trigger="hand", name="notebook", key=key)).run_id


def _keep_standard_output() -> int:
    """A descriptor for the answer; whatever else is printed goes to standard error."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return kept


def _interrupt_when_let_go(ended: threading.Event) -> None:
    # Not through sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(0, 4096):
        pass
    if not ended.is_set():
        # To the main thread by name: it may be waiting in a system call.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


if __name__ == "__main__":
    main()
