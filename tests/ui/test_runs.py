"""The film of a run: at every moment what the run knew, held and asked for then, and nothing later."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Events
from omni_lab.errors import DataError, MissingExtraError
from omni_lab.simulator import BacktestResults, TickResults, TickSimulator
from omni_lab.ui import run_film, run_panel, run_replay
from omni_lab.ui.runs.bar_film import BarFilm
from omni_lab.ui.runs.film import Grouped, Standing
from omni_lab.ui.runs.state import RunState
from omni_lab.ui.runs.tick_film import TickFilm
from omni_lab.ui.runs.widget import RunBox
from tests.simulator.market import bars_of, flat_bars, run
from tests.simulator.test_run_journal import bars_run
from tests.ui.test_replay import Reader
from tests.ui.test_widget import click, widgets_of

DELAY = 15_000_000


def random_market(n_events: int, seed: int) -> Events:
    """Levels that come and go around a middle that walks, and trades at the best prices."""
    rng = np.random.default_rng(seed)
    ts, middle, live = 10**9, 1000, [set[int](), set[int]()]
    columns: dict[str, list[int]] = {name: [] for name in ("ts", "kind", "side", "qty", "price")}

    def say(kind: int, side: int, qty: int, price: int) -> None:
        for name, value in zip(columns, (ts, kind, side, qty, price), strict=True):
            columns[name].append(value)

    for _ in range(n_events):
        ts += int(rng.integers(1, 40_000_000))
        middle += int(rng.integers(-1, 2))
        for side, way in ((1, -1), (2, 1)):
            for price in [each for each in live[side - 1] if (each - middle) * way <= 0]:
                live[side - 1].discard(price)
                say(12, side, 0, price)
        side = int(rng.integers(1, 3))
        price = middle + (2 * side - 3) * int(rng.integers(1, 6))
        live[side - 1].add(price)
        say(12, side, int(rng.integers(1, 50)), price)
        if rng.random() < 0.3 and live[side - 1]:
            say(6, side, int(rng.integers(1, 9)), (max, min)[side - 1](live[side - 1]))
    return Events.from_columns(columns)


def traded(seed: int = 1, **more: Any) -> TickResults:
    """A replay with a few dozen orders of all kinds, some canceled, some amended."""
    rng = np.random.default_rng(seed)
    sim = TickSimulator(
        random_market(600, seed),
        {"feed_delay_ns": DELAY, "sample": "100ms", "fees": {"per_fill": 0.25}, **more},
    )
    sent: list[int] = []
    sim.elapse("1200ms")
    while sim.elapse(int(rng.integers(1, 400_000_000))):
        side = "buy" if rng.random() < 0.5 else "sell"
        best = sim.depth.best_bid if side == "buy" else sim.depth.best_ask
        draw = rng.random()
        if draw < 0.2:
            sim.submit(side, 2)
        elif draw < 0.7 and not np.isnan(best):
            sent.append(sim.submit(side, float(rng.integers(1, 6)), limit=best))
        elif sent and draw < 0.85:
            sim.cancel(sent[-1])
        elif sent:
            sim.amend(sent[-1], qty=7.0)
    return sim.results()


@pytest.fixture(scope="module")
def ticks() -> TickResults:
    return traded()


@pytest.fixture(scope="module")
def tick_film(ticks: TickResults) -> TickFilm:
    return TickFilm(ticks)


@pytest.fixture(scope="module")
def bars() -> BacktestResults:
    return bars_run()


# --- what stands ----------------------------------------------------------------------------------


def test_what_stands_is_what_a_look_at_everything_finds() -> None:
    rng = np.random.default_rng(0)
    begins = rng.integers(0, 500, 2000)
    ends = begins + rng.integers(0, 90, 2000)
    standing = Standing(begins, ends)
    for moment in (0, 1, 77, 250, 499, 600):
        expected = np.flatnonzero((begins <= moment) & (ends > moment))
        assert sorted(standing.at(moment)) == expected.tolist()
    assert Standing(begins[:0], ends[:0]).at(3).tolist() == []
    assert Grouped(np.array([2, 0, 2, 3]), 5).of(2).tolist() == [0, 2]
    assert Grouped(np.array([2, 0, 2, 3]), 5).of(4).tolist() == []


# --- ticks ----------------------------------------------------------------------------------------


def test_the_book_is_the_one_that_the_strategy_knew(ticks: TickResults, tick_film: TickFilm) -> None:
    sent = [moment for moment in range(tick_film.n_moments) if " at " in tick_film._headline(moment)]
    orders, messages = ticks.orders, ticks.messages
    seen = 0
    for moment in sent:
        row = int(tick_film._row[moment])
        if messages["kind"][row] != "SENT":
            continue
        levels, order = tick_film.levels(moment, ticks.symbols[0]), int(messages["order_id"][row])
        best = [levels[name][0] if len(levels[name]) else np.nan for name in ("bid_price", "ask_price")]
        np.testing.assert_array_equal(best, [orders["seen_bid"][order], orders["seen_ask"][order]])
        seen += 1
    assert seen == len(orders) > 20


def test_the_account_is_the_one_that_the_engine_sampled(ticks: TickResults, tick_film: TickFilm) -> None:
    check_account(ticks, tick_film)


def test_the_account_knows_dividends_and_multipliers(ticks: TickResults) -> None:
    middle = int(ticks.ts[len(ticks.ts) // 2])
    dividend = {"symbol": ticks.symbols[0], "ex": middle, "amount": 3.5}
    results = traded(actions=[dividend], multiplier=5.0, financing={"margin_rate": 0.5})
    assert "DIVIDEND" in set(results.flows["kind"])
    check_account(results, TickFilm(results))


def check_account(ticks: TickResults, tick_film: TickFilm) -> None:
    samples = np.flatnonzero(tick_film._is_sample)
    assert len(samples) == len(ticks.ts) > 50
    symbol = ticks.symbols[0]
    for row, moment in enumerate(samples.tolist()):
        assert tick_film.cash(moment) == pytest.approx(ticks.cash[row])
        assert tick_film.position(moment, symbol) == ticks.position[row]
        if not np.isnan(tick_film.equity(moment)):
            assert tick_film.equity(moment) == pytest.approx(ticks.equity[row])
    assert len(set(ticks.position.tolist())) > 5


def test_working_orders_are_those_told_by_their_messages(ticks: TickResults, tick_film: TickFilm) -> None:
    messages = ticks.messages
    live: dict[int, float] = {}
    for moment in range(tick_film.n_moments):
        if not tick_film._is_sample[moment]:
            row = int(tick_film._row[moment])
            order, kind, qty = (messages[name][row].item() for name in ("order_id", "kind", "qty"))
            if kind == "SENT":
                live[order] = qty
            elif kind == "REPLACED":
                filled = _filled(ticks, order, row)
                live[order] = qty - filled
            elif kind == "FILL":
                live[order] -= qty
            if kind in ("CANCELED", "EXPIRED", "REJECTED", "DENIED") or live[order] <= 0:
                live.pop(order, None)
        found = {each.order: each.left for each in tick_film.working(moment)}
        assert found == pytest.approx(live), moment
    assert {"CANCELED", "FILL", "REPLACED"} <= set(messages["kind"].tolist())


def _filled(ticks: TickResults, order: int, before: int) -> float:
    messages = ticks.messages
    mine = (messages["order_id"][:before] == order) & (messages["kind"][:before] == "FILL")
    return float(messages["qty"][:before][mine].sum())


def test_own_orders_stand_in_the_book(ticks: TickResults, tick_film: TickFilm) -> None:
    moment = next(
        m for m in range(tick_film.n_moments) if any(each.taken_in for each in tick_film.working(m))
    )
    shown = tick_film.moment(moment, ticks.symbols[0])
    assert "stroke-width:2" in shown.chart  # the outline of what is ours
    assert shown.n_orders == len(shown.orders) > 0
    before = tick_film.moment(moment - 1, ticks.symbols[0])
    assert "stroke-width:2" not in before.chart


def test_a_run_without_orders_is_still_a_film() -> None:
    sim = TickSimulator(random_market(20, 3), {"feed_delay_ns": 0})
    sim.run()
    film = run_film(sim.results())
    assert film.next_message(0) is None
    assert film.moment(0, film.symbols[0]).said == "The account was sampled"


# --- bars -----------------------------------------------------------------------------------------


def test_each_step_shows_its_own_account_and_nothing_later(bars: BacktestResults) -> None:
    film = BarFilm(bars)
    orders, fills = bars.orders, bars.fills
    for step in range(film.n_moments):
        moment = film.moment(step, "S0")
        now = bars.ts[step]
        assert dict(moment.account)["Equity"] == f"{bars.equity[step]:,.2f}"
        working = np.flatnonzero((orders["ts_submitted"] <= now) & (orders["ts_closed"] > now))
        assert sorted(int(row[0]) for row in moment.orders) == working.tolist()[-24:]
        n_now = int((fills["ts"] == now).sum())
        assert f"{n_now} filled" in moment.said or n_now == 0
        shown = ((fills["ts"] <= now) & (fills["symbol"] == "S0")).sum()
        assert moment.chart.count("h12z") == shown
        assert all(np.datetime64(row[1]) <= np.datetime64(int(now), "ns") for row in moment.messages)


def test_a_step_says_what_happened_to_its_orders() -> None:
    acts = {0: lambda ctx, bar: ctx.buy(3), 1: lambda ctx, bar: ctx.sell(1, limit=99.0)}
    results = run(acts, bars_of((10, 11, 9, 10), (10, 11, 9.5, 10.5), (10.6, 11, 10, 10.5)))
    film = run_film(results)
    assert [film.moment(step, "X").said for step in range(3)] == [
        "1 sent",
        "1 filled, 1 sent",
        "1 ended unfilled",
    ]
    assert film.moment(1, "X").messages == (
        ("●", "2024-01-02T00:00:00", "1", "sell", "1", "99.00"),
        ("●", "2024-01-02T00:00:00", "0", "filled open", "3", "10.00"),
        ("", "2024-01-01T00:00:00", "0", "buy", "3", "market"),
    )
    assert film.moment(1, "X").positions == (("X", "3", "10.50", "31.50"),)
    assert [film.next_message(step) for step in (-1, 0, 1, 2)] == [0, 1, 2, None]


def test_closes_alone_are_dots() -> None:
    from omni_lab.data import Bars
    from tests.simulator.market import days

    bars = Bars.from_closes(days(4), np.array([1.0, 2.0, 3.0, 4.0]), symbol="X")
    film = run_film(run({}, bars, fill="next_close"))
    assert film.moment(3, "X").chart.count("<circle") == 4


# --- screens --------------------------------------------------------------------------------------


def test_the_page_holds_everything_in_tables(bars: BacktestResults) -> None:
    state = RunState(run_film(bars), at=20)
    read = Reader(state.page("dark"))
    assert {"Account", "Positions", "Orders", "Last messages, the latest first"} <= set(read.tables)
    assert "Step 20 of 0 to 39" in read.text
    assert 'class="omni-replay dark"' in state.page("dark")
    assert "<script" not in state.page()
    assert state.page() is state.page()


@pytest.fixture
def box() -> RunBox:
    acts = {2: lambda ctx, bar: ctx.buy(3)}
    return run_replay(run(acts, flat_bars(*range(10, 20))), at=0)


def test_buttons_and_slider_walk_through_the_run(box: RunBox) -> None:
    walked = []
    for says in ("Next step", "Next message about an order", "Next message about an order", "Last step"):
        click(box, says)
        walked.append(box.state.sequence)
    assert walked == [1, 2, 3, 9]
    (slider,), (said,) = widgets_of(box, "IntSlider"), widgets_of(box, "Label")
    assert (slider.min, slider.max, slider.value) == (0, 9, 9)  # type: ignore[attr-defined]
    click(box, "Next message about an order")
    assert said.value == "Nothing more of any order."  # type: ignore[attr-defined]
    slider.value = 4  # type: ignore[attr-defined]
    assert "Step 4 of 0 to 9" in next(widgets_of(box, "HTML")).value  # type: ignore[attr-defined]


def test_without_a_kernel_the_page_is_what_is_read(box: RunBox) -> None:
    bundle = box._repr_mimebundle_()
    assert "Step 0 of 0 to 9" in bundle["text/html"]
    assert bundle["text/plain"] == "<Replay: step 0 of 9>"


def test_the_panel_goes_with_the_state(bars: BacktestResults) -> None:
    import panel as pn

    view = run_panel(bars, at=3, theme="dark")
    player = view.__panel__().select(pn.widgets.Player)[0]
    player.value = 4
    assert view.state.sequence == 4
    view.state.go(39)
    assert player.value == 39
    assert "Step 39 of 0 to 39" in view.__panel__().select(pn.pane.HTML)[0].object
    view.__panel__().select(pn.widgets.Button)[0].clicks += 1
    assert view.__panel__().select(pn.pane.Str)[0].object == "Nothing more of any order."


def test_a_moment_that_is_not_there_is_refused(bars: BacktestResults) -> None:
    for moment in (-1, 40):
        with pytest.raises(DataError, match="no such moment"):
            run_replay(bars, at=moment)


def test_rendering_loads_no_matplotlib() -> None:
    code = """
import sys
from omni_lab.ui import run_replay
from tests.simulator.market import flat_bars, run
run_replay(run({}, flat_bars(1.0, 2.0)))
print(*sorted({"matplotlib", "panel", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("missing", "call", "extra"),
    [("ipywidgets", run_replay, "lab"), ("param", run_replay, "lab"), ("panel", run_panel, "dashboard")],
)
def test_a_missing_package_names_its_extra(
    missing: str,
    call: Callable[..., object],
    extra: str,
    bars: BacktestResults,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rooms = ("omni_lab.ui.runs.", "omni_lab.ui.replay.", "omni_lab.ui.jupyter", "omni_lab.ui.pa")
    for module in [name for name in sys.modules if name.startswith(rooms)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=rf"omni-lab\[{extra}\]"):
        call(bars)
