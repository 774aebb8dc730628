"""What a person is told while a flow runs: a line for each step that is going, in a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from omni_lab.pipelines.flows.engine import RUNNING, StepState

News = Callable[[str, StepState], None]
"""Called with the name of a step and where it stands now."""


@contextmanager
def reporter(wanted: bool | News) -> Iterator[News]:
    """What to call with each change of a step.

    Parameters
    ----------
    wanted : bool or callable
        A callable is used as it is; True shows running steps where standard error is a terminal.
    """
    if callable(wanted):
        yield wanted
        return
    if not wanted or not sys.stderr.isatty():
        yield lambda name, state: None
        return
    lines = _Lines()
    try:
        yield lines.tell
    finally:
        lines.close()


class _Lines:
    """A line of the terminal for each step that runs."""

    def __init__(self) -> None:
        self._bars: dict[str, tuple[Any, float]] = {}

    def tell(self, name: str, state: StepState) -> None:
        from tqdm.auto import tqdm

        bar, begun = self._bars.pop(name, (None, 0.0))
        if bar is not None:
            bar.close()
        if state.state == RUNNING:
            again = f", attempt {state.attempt}" if state.attempt > 1 else ""
            bar = tqdm(total=0, desc=f"{name}{again}", bar_format="{desc}  {elapsed}", leave=False)
            self._bars[name] = (bar, time.monotonic())
        else:
            took = f"  {time.monotonic() - begun:.1f} s" if bar is not None else ""
            tqdm.write(f"{name}  {state.state}{took}", file=sys.stderr)

    def close(self) -> None:
        for bar, _ in self._bars.values():
            bar.close()
