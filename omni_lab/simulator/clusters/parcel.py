"""What travels to a worker and back, and what the worker does with it; the same for every engine.

A function goes once, with all it holds, and each worker opens it once. Tasks go in small chunks. Answers come
back as bytes that open here whatever they are.
"""

from __future__ import annotations

import pickle
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import cloudpickle
import numpy as np

from omni_lab.errors import ConfigError, TrialError
from omni_lab.typing import AnyArray

_MOST_KEPT = 4


@dataclass(frozen=True, slots=True)
class Parcel:
    """An object on its way: its pickle, and its columns beside it, which an engine need not copy."""

    key: str
    body: bytes
    columns: tuple[AnyArray, ...]


def parcel_of(thing: Any) -> Parcel:
    """A thing made ready to travel; what was defined in a notebook goes by value.

    Raises
    ------
    ConfigError
        If it holds something that cannot leave this process.
    """
    buffers: list[pickle.PickleBuffer] = []
    body = packed(thing, buffer_callback=buffers.append)
    return Parcel(uuid.uuid4().hex, body, tuple(np.frombuffer(each.raw(), np.uint8) for each in buffers))


def packed(thing: Any, **options: Any) -> bytes:
    """A thing as bytes.

    Raises
    ------
    ConfigError
        As :func:`parcel_of`.
    """
    try:
        return cast(bytes, cloudpickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL, **options))
    except Exception as error:
        raise ConfigError(
            f"this cannot be sent to another process: {error}",
            hint="Use executor='threads', or keep files, locks and connections out of it.",
        ) from error


def run_chunk(parcel: Parcel, tasks: Sequence[bytes]) -> bytes:
    """In a worker: the seconds that a chunk of tasks took, and the answer to each, as bytes."""
    begun = time.perf_counter()
    answers = [_answer(parcel, task) for task in tasks]
    return pickle.dumps((time.perf_counter() - begun, answers), protocol=pickle.HIGHEST_PROTOCOL)


def sendable(error: BaseException) -> Exception:
    """An error with its trace as a note; told in words if it cannot leave this process as it is."""
    note = "in a worker process:\n" + "".join(traceback.format_exception(error))
    if isinstance(error, Exception):
        error.add_note(note)
        try:
            pickle.loads(pickle.dumps(error, protocol=pickle.HIGHEST_PROTOCOL))
            return error
        except Exception:  # noqa: BLE001 - whatever pickling somebody's exception class raises
            pass
    told = TrialError(f"the strategy raised {type(error).__name__}: {error}")
    told.add_note(note)
    return told


_kept: dict[str, Callable[[Any], Any]] = {}
"""In a worker: functions that were opened, the last few by the keys of their parcels."""


def _answer(parcel: Parcel, task: bytes) -> bytes:
    try:
        return packed(_opened(parcel)(pickle.loads(task)))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's code, whose error is told
        return pickle.dumps(sendable(error), protocol=pickle.HIGHEST_PROTOCOL)


def _opened(parcel: Parcel) -> Callable[[Any], Any]:
    if parcel.key not in _kept:
        while len(_kept) >= _MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[parcel.key] = pickle.loads(parcel.body, buffers=parcel.columns)
    return _kept[parcel.key]
