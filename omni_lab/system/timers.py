"""Timers of a strategy."""

from __future__ import annotations

import heapq
from typing import Any

from omni_lab.data.moments import moment_ns, span_ns
from omni_lab.errors import ConfigError


class Timers:
    """When a strategy wants to be called."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int]] = []
        self._every: dict[int, int | None] = {}

    @property
    def next(self) -> int | None:
        """When the next one is due."""
        return self._due[0][0] if self._due else None

    def set(self, now: int, *, at: Any = None, every: Any = None) -> int:
        """Set one; its id."""
        if at is None and every is None:
            raise ConfigError("a timer needs a time, or a span", expected="at=… or every=…", where="timer")
        span = None if every is None else span_ns(every)
        due = now + (span or 0) if at is None else moment_ns(at, midnight=now // _DAY * _DAY)
        timer_id = len(self._every)
        self._every[timer_id] = span
        heapq.heappush(self._due, (due, timer_id))
        return timer_id

    def cancel(self, timer_id: int) -> bool:
        """Take one back; False when it is not set any more."""
        before = len(self._due)
        self._due = [each for each in self._due if each[1] != timer_id]
        heapq.heapify(self._due)
        return len(self._due) < before

    def take(self, now: int) -> list[tuple[int, int]]:
        """Those that are due, each with when it was to fire; repeated ones are set again."""
        found = []
        while self._due and self._due[0][0] <= now:
            moment, timer_id = heapq.heappop(self._due)
            found.append((timer_id, moment))
            span = self._every[timer_id]
            if span is not None:
                missed = (now - moment) // span
                heapq.heappush(self._due, (moment + (missed + 1) * span, timer_id))
        return found


_DAY = 86_400 * 10**9
