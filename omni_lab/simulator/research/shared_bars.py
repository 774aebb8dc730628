"""Bars that several processes read from the same pages of memory.

The columns lie one behind the other in a file without a name, which the operating system drops with the last
process that holds it, however that process ends. A worker maps it and makes its own engine panel from it
once; nothing of the bars is sent with a trial.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from dataclasses import dataclass

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.domain import Instrument
from omni_lab.typing import FloatArray

_COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read the file: which columns it holds, after the times, and of what shape."""

    n_times: int
    columns: tuple[str, ...]
    instruments: tuple[Instrument, ...]


class SharedBars:
    """Bars written where other processes can map them.

    Attributes
    ----------
    descriptor : int
        Of the open file; a child that is to read it must inherit it.
    layout : Layout
        What a child must know to read it.
    """

    def __init__(self, bars: Bars) -> None:
        self.descriptor = _nameless()
        given = {name: getattr(bars, name)() for name in _COLUMNS}
        columns = {name: values for name, values in given.items() if values is not None}
        self.layout = Layout(bars.n_times, tuple(columns), bars.instruments)
        with os.fdopen(os.dup(self.descriptor), "wb") as file:
            file.write(bars.ts.tobytes())
            for values in columns.values():
                file.write(np.ascontiguousarray(values).tobytes())

    def close(self) -> None:
        """Let go of the file."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def read_shared(descriptor: int, layout: Layout) -> Bars:
    """The bars behind a descriptor, from pages shared with whoever wrote them."""
    pages = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    ts = np.frombuffer(pages, dtype="datetime64[ns]", count=layout.n_times)
    shape = (layout.n_times, len(layout.instruments))
    size, offset = 8 * shape[0] * shape[1], ts.nbytes
    cells: dict[str, FloatArray] = {}
    for name in layout.columns:
        flat = np.frombuffer(pages, dtype=np.float64, count=shape[0] * shape[1], offset=offset)
        cells[name] = flat.reshape(shape)
        offset += size
    return Bars.from_arrays(
        ts,
        cells.get("open"),
        cells.get("high"),
        cells.get("low"),
        cells["close"],
        cells.get("volume"),
        symbols=[each.symbol for each in layout.instruments],
        instruments=layout.instruments,
    )


def _nameless() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("omni-bars")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
