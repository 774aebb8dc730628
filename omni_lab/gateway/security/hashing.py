"""A few threads for bcrypt, which lets the interpreter go on meanwhile, and a short queue before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

THREADS: Final = 2
WAITING: Final = 16


class Hashing:
    """Runs what takes a quarter of a second of a processor."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._waiting = 0

    @property
    def busy(self) -> bool:
        """Whether so many wait that another one has to come again."""
        return self._waiting >= WAITING

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns."""
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()
