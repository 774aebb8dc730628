"""Runs that take long: they show progress, and they can be stopped."""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from omni_lab import progress
from omni_lab.data import Bars
from omni_lab.simulator import EventSimulator
from tests.simulator.market import Script, days, flat_bars, hold, random_bars

SIM = EventSimulator({"fill": "next_close"})


def long_bars(n: int) -> Bars:
    ts = days(1)[0] + 10**9 * np.arange(n, dtype=np.int64)
    return Bars.from_closes(ts, np.full(n, 100.0), symbol="LONG")


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Ctrl-C, as the interpreter's own handler takes it, after a while and again.

    One that comes while the interpreter collects garbage is lost in a finaliser; people press twice, and
    here the collector waits.
    """
    gc.collect()
    gc.disable()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()


LOST = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


@LOST
def test_a_long_native_run_can_be_interrupted() -> None:
    bars = long_bars(3_000_000)
    targets = np.tile([1.0, -1.0], bars.n_times // 2)
    with pytest.raises(KeyboardInterrupt), interrupted_after(0.02):
        SIM.run_targets(bars, targets)


@LOST
def test_a_long_run_of_a_strategy_can_be_interrupted() -> None:
    bars = long_bars(3_000_000)
    with pytest.raises(KeyboardInterrupt), interrupted_after(0.02):
        SIM.run_backtest(Script(lambda ctx, bar: ctx.target(bar.index % 2)), bars)


def test_a_short_run_shows_no_progress(capfd: pytest.CaptureFixture[str]) -> None:
    bars = random_bars(500)
    EventSimulator().run_backtest(hold, bars)
    EventSimulator().run_backtest(Script({}), bars)
    EventSimulator().check_lookahead(hold, flat_bars(1, 2, 3))
    assert capfd.readouterr() == ("", "")


def test_a_slow_run_shows_its_progress_on_stderr(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", 0.0)
    bars = random_bars(50)

    def slow(bars: Bars, **_: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.ones(bars.n_times)

    for act, label in (
        (lambda: EventSimulator().run_backtest(slow, bars), "slow: 100%"),
        (lambda: EventSimulator().run_backtest(Script({}), bars), "Script: 100%"),
        (lambda: EventSimulator().sweep(bars, slow, {"x": [1, 2, 3]}, kind="quantity"), "sweep: 100%"),
        (lambda: EventSimulator().check_lookahead(slow, bars), "look-ahead check: 100%"),
    ):
        act()
        out, err = capfd.readouterr()
        assert out == ""
        assert label in err


def test_progress_can_be_turned_off(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", 0.0)
    bars = random_bars(50)
    EventSimulator().run_backtest(hold, bars, progress=False)
    EventSimulator().sweep(bars, hold, [{}], progress=False, kind="quantity")
    EventSimulator().check_lookahead(hold, bars, progress=False)
    assert capfd.readouterr() == ("", "")
