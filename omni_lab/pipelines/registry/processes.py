"""Which process runs a run, and whether it is still there.

A process is told by its host, its id and when it started: ids are given again, and a process that died but
was not yet waited for still has one.
"""

import os
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_STATE, _START = 0, 19  # of /proc/PID/stat, counted after the name in brackets


def this_process() -> dict[str, Any]:
    """``host``, ``pid`` and ``process`` of this process, as a run's record states them."""
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "process": _token(pid) or ""}


def is_gone(record: Mapping[str, Any]) -> bool | None:
    """Whether the process of a record is no longer there; None where that cannot be told from here.

    Parameters
    ----------
    record : mapping
        With ``host``, ``pid`` and ``process``, as of :func:`this_process`.
    """
    pid, token = record.get("pid"), str(record.get("process") or "")
    if record.get("host") != socket.gethostname() or not isinstance(pid, int) or pid <= 0:
        return None
    if token and not token.startswith(_place()):
        return None  # another container, or before the machine was started again
    if token and _place():
        return _token(pid) != token
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _token(pid: int) -> str | None:
    """Where and when a process started; None if it is not there, empty where this system does not say."""
    if not _place():
        return ""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    # A zombie runs nothing.
    return None if facts[_STATE] in "ZX" else f"{_place()}{facts[_START]}"


@cache
def _place() -> str:
    """Which start of the machine and which space of process ids; empty where there is no ``/proc``."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot[:8]}/{os.readlink('/proc/self/ns/pid').strip('pid:[]')}/"
    except OSError:
        return ""
