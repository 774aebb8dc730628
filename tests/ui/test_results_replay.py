"""``results.replay()``: the slider of a run without knowing the room it comes from."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab import screens
from omni_lab.errors import ConfigError, DataError, MissingExtraError
from omni_lab.simulator import BacktestResults, TickResults
from omni_lab.ui.runs.replay import RunReplay
from tests.simulator.test_run_journal import bars_run
from tests.ui.browser import CHROMIUM, WHY_NOT, chromium
from tests.ui.test_runs import traded

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bars() -> BacktestResults:
    return bars_run()


@pytest.fixture(scope="module")
def ticks() -> TickResults:
    return traded()


def test_every_room_that_is_written_down_puts_up_what_it_promises() -> None:
    for name, room in screens.ROOMS.items():
        import_module(room)
        assert screens.screen(name).__module__ == room


def test_a_screen_that_nobody_puts_up_is_refused() -> None:
    with pytest.raises(ConfigError, match="no room has such a screen"):
        screens.screen("cinema")


def test_a_screen_of_somebody_else_takes_the_place(
    bars: BacktestResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "_hung", {})
    asked: list[object] = []
    screens.hang("replay")(lambda results, **options: asked.append((results, options)))
    bars.replay(event=3)
    assert asked == [(bars, {"event": 3, "ts": None, "theme": "light"})]


def test_a_run_loads_no_screen_before_somebody_looks() -> None:
    code = """
import sys
from tests.simulator.market import flat_bars, run
results = run({}, flat_bars(1.0, 2.0))
print(*sorted(name for name in sys.modules if name.startswith("omni_lab.ui")), "then", end=" ")
print(repr(results.replay()), *sorted({"matplotlib", "panel", "pandas", "ipywidgets"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    before, after = done.stdout.split("then")
    assert before.split() == []
    assert after.strip().endswith("on X: step 1 of 1>")


def test_it_opens_at_any_event_and_at_the_last_by_default(bars: BacktestResults, ticks: TickResults) -> None:
    assert bars.replay().event == bars.replay(event=39).event == 39
    assert bars.replay(event=7).event == 7
    n_events = len(ticks.messages) + len(ticks.ts)
    assert ticks.replay().event == n_events - 1
    for event in (0, n_events // 2):
        shown = ticks.replay(event=event)
        assert isinstance(shown, RunReplay)
        assert f"Event {event} of 0 to {n_events - 1:,}" in shown.state.page().replace("\xa0", " ")


def test_a_time_opens_the_last_event_at_or_before_it(bars: BacktestResults, ticks: TickResults) -> None:
    for step in (0, 11, 39):
        ts = int(bars.ts[step])
        forms = (ts, np.datetime64(ts, "ns"), str(np.datetime64(ts, "ns")))
        assert [bars.replay(ts=form).event for form in forms] == [step] * 3
        assert bars.replay(ts=ts + 1).event == step
    times = np.sort(np.concatenate([ticks.messages["ts"], ticks.ts]))
    for ts in (times[0], times[100], times[100] + 1, times[-1] + 10**12):
        assert ticks.replay(ts=int(ts)).event == int((times <= ts).sum()) - 1
    # Without a date, a time of day counts from midnight at the venue.
    assert ticks.replay(ts="00:00:05").event == int((times <= 5_000_000_000).sum()) - 1


def test_what_cannot_be_opened_is_refused(bars: BacktestResults, ticks: TickResults) -> None:
    for event in (-1, 40):
        with pytest.raises(DataError, match="no such moment"):
            bars.replay(event=event)
    with pytest.raises(DataError, match="the run began later"):
        bars.replay(ts="1999-01-01")
    with pytest.raises(DataError, match="the run began later"):
        ticks.replay(ts=0)
    with pytest.raises(DataError, match="this is no time"):
        bars.replay(ts="noon")
    with pytest.raises(ConfigError, match="not at both"):
        bars.replay(event=1, ts=2)
    shown = bars.replay(event=5)
    with pytest.raises(ConfigError, match="say where to go"):
        shown.go()
    with pytest.raises(DataError, match="no such moment"):
        shown.go(40)
    assert shown.event == 5


def test_widget_and_panel_go_together(bars: BacktestResults) -> None:
    import panel as pn

    shown = bars.replay(event=2)
    assert isinstance(shown, RunReplay)
    assert shown.widget() is shown.widget()
    view: Any = pn.panel(shown)
    player = view.select(pn.widgets.Player)[0]
    player.value = 9
    assert shown.event == 9
    assert "Step 9 of 0 to 39" in shown._repr_mimebundle_()["text/html"]
    shown.go(ts=int(bars.ts[4]))
    assert player.value == 4
    assert "Step 4 of 0 to 39" in view.select(pn.pane.HTML)[0].object


def test_without_panel_the_error_names_the_extra(
    bars: BacktestResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = bars.replay()
    for module in ("omni_lab.ui.panels", "omni_lab.ui.replay.dashboard", "omni_lab.ui.runs.dashboard"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "panel", None)
    with pytest.raises(MissingExtraError, match=r"omni-lab\[dashboard\]"):
        shown.servable()


def test_without_widgets_the_error_names_the_extra(
    bars: BacktestResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = bars.replay()
    assert isinstance(shown, RunReplay)
    for module in ("omni_lab.ui.jupyter", "omni_lab.ui.replay.widget", "omni_lab.ui.runs.widget"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(MissingExtraError, match=r"omni-lab\[lab\]"):
        shown._repr_mimebundle_()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """``panel serve`` of a script of three lines, as a person would write it."""
    script = tmp_path / "run.py"
    script.write_text(
        "import panel as pn\n"
        "from tests.ui.test_runs import traded\n"
        "pn.extension()\n"
        "traded().replay(ts='00:00:05').servable(title='A run')\n"
    )
    command = [sys.executable, "-m", "panel", "serve", str(script), "--port", "0", "--address", "127.0.0.1"]
    server = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        for line in server.stderr:
            if "running at" in line or "/run" in line:
                yield line[line.index("http") :].strip()
                break
        else:
            pytest.fail("the server did not start")
    finally:
        server.terminate()
        server.communicate(timeout=30)


@pytest.mark.skipif(CHROMIUM is None or shutil.which("chromium") is None, reason=WHY_NOT)
def test_it_is_served(served: str, ticks: TickResults, tmp_path: Path) -> None:
    with chromium(tmp_path / "profile") as page:
        page.open(served)
        text = "(() => { const all = []; const walk = n => { if (n.shadowRoot) walk(n.shadowRoot); "
        text += "for (const c of n.childNodes) { if (c.nodeType === 3) all.push(c.data); else walk(c); } }; "
        text += "walk(document); return all.join(' '); })()"
        times = np.sort(np.concatenate([ticks.messages["ts"], ticks.ts]))
        event = int((times <= 5_000_000_000).sum()) - 1
        page.wait(f"{text}.includes('Event {event} of 0 to')")
        assert "as we had heard of it" in page.value(text)
        assert page.value("document.title") == "A run"
        (tmp_path / "run.png").write_bytes(page.picture())
        assert {host.split(":")[0] for host in page.hosts} == {"127.0.0.1"}
