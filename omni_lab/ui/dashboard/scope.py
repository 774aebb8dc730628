"""`Scope`: tasks and watches that end together, with a page or with a session."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from omni_lab.ui.panels import set_curdoc

logger = logging.getLogger(__name__)


class Scope:
    """What lives as long as something that is on the screen.

    Parameters
    ----------
    document : bokeh.document.Document
        What its tasks change.
    failed : callable
        Told of an error that ended a task.
    """

    def __init__(self, document: Any, failed: Callable[[Exception], None]) -> None:
        self._document = document
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: list[Callable[[], object]] = []
        self.closed = False

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the event loop of the session; an error of it is told, and ends it alone."""
        if self.closed:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # What is ended before its first step has never been waited for, and says so unless it is closed.
        task.add_done_callback(lambda _: work.close())

    def every(self, seconds: float, look: Callable[[], Any]) -> None:
        """Call something now and then every so many seconds; a coroutine function is waited for."""
        self.start(self._repeat(seconds, look))

    def watch(self, owner: Any, look: Callable[[Any], Any], *names: str) -> None:
        """Call something with the event when a parameter of an object changes."""
        watcher = owner.param.watch(look, list(names))
        self.at_end(lambda: owner.param.unwatch(watcher))

    def at_end(self, end: Callable[[], object]) -> None:
        """Call something when it is over."""
        self._ends.append(end)

    @property
    def n_running(self) -> int:
        """Tasks that have not ended."""
        return len(self._tasks)

    def close(self) -> None:
        """End all of it."""
        self.closed = True
        for task in tuple(self._tasks):
            task.cancel()
        for end in reversed(self._ends):
            with suppress(ValueError, KeyError):
                end()
        self._ends.clear()

    async def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        with set_curdoc(self._document):
            try:
                await work
            except Exception as error:
                logger.exception("a task of a page failed")
                if not self.closed:
                    self._failed(error)

    async def _repeat(self, seconds: float, look: Callable[[], Any]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            found = look()
            if inspect.isawaitable(found):
                await found
            # A look that came late is not made up for.
            due = max(due + seconds, loop.time())
            await asyncio.sleep(due - loop.time())
