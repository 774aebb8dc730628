"""The progress bar that every room shows: only when somebody has waited for two seconds."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol

PATIENCE_S = 2.0
_LARGE = 9999


class Report(Protocol):
    """Takes how far the work is, and of how much, if that has changed."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """Say it."""


class Progress:
    """A progress bar that appears only when something takes longer than two seconds.

    Parameters
    ----------
    total : int, optional
        How much there is to do; without it only what is done is counted.
    label : str
        What is being done.
    wanted : bool
        False shows nothing, ever.
    unit : str
        Of what is counted; ``"B"`` is written in KB, MB and so on.
    """

    def __init__(self, total: int | None, label: str, wanted: bool = True, *, unit: str = "steps") -> None:
        self._total = total
        self._unit = unit
        self._label = label
        self._wanted = wanted
        self._started = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Report:
        return self._report

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _report(self, done: int, total: int | None = None) -> None:
        if total is not None:
            self._total = total
        if not self._wanted or (self._bar is None and time.monotonic() - self._started < PATIENCE_S):
            return
        if self._bar is None:
            self._bar = self._shown()
        self._bar.total = self._total
        self._bar.update(done - self._bar.n)

    def _shown(self) -> Any:
        from tqdm.auto import tqdm

        is_bytes = self._unit == "B"
        return tqdm(
            total=self._total,
            desc=self._label,
            unit="B" if is_bytes else f" {self._unit}",
            unit_scale=is_bytes or self._total is None or self._total > _LARGE,
            file=sys.stderr,
        )
