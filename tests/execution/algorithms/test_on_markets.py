"""Algorithms on markets: a captured hour, made-up events, bars, and the order-management system."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars, LobsterDay
from omni_lab.errors import ConfigError, DataError
from omni_lab.execution import OMSConfig, ReferenceOMS
from omni_lab.execution.algorithms import (
    ExecutionDesk,
    PaperVenue,
    ParentOrder,
    recipe,
    restore_desk,
    save_desk,
)
from omni_lab.execution.tca import Tape, measure
from omni_lab.models import AlmgrenChriss
from omni_lab.simulator import EventSimulator, MarketFeed
from omni_lab.strategies import ExecutionStrategy, create
from tests.simulator.ticks.markets import busy

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = "lob/lobster/AAPL_2012-06-21_34200000_37800000_message_50.csv.gz"
ALGORITHMS: dict[str, dict[str, Any]] = {
    "twap": {"name": "twap", "slices": 60},
    "randomised twap": {"name": "twap", "slices": 60, "jitter": 0.8, "vary": 0.5},
    "vwap": {"name": "vwap", "curve": [3.0, 2.0, 1.0], "slices": 60},
    "pov": {"name": "pov", "rate": 0.05, "cap": 0.1},
    "is": {"name": "is", "risk_aversion": 1e-5, "sigma": 0.02, "temporary": 1e-4, "steps": 60},
    "adaptive": {"name": "adaptive", "base": {"name": "twap", "slices": 60}, "urgency": 0.5},
    "iceberg": {"name": "twap", "slices": 60, "tactic": "iceberg"},
    "sniper": {"name": "twap", "slices": 60, "tactic": "sniper"},
}


@pytest.fixture(scope="module")
def hour(test_data: Path) -> MarketFeed:
    """An hour of Apple."""
    return MarketFeed(LobsterDay(test_data / HOUR).events())


def run(market: Any, qty: float, algorithm: dict[str, Any], **settings: Any) -> ExecutionDesk:
    duration = "" if algorithm["name"] == "pov" else settings.pop("duration", "30min")
    config = {"qty": qty, "algorithm": algorithm, "duration": duration, "begin": "30s", **settings}
    strategy = ExecutionStrategy(config)
    EventSimulator(count_trials=False).run_ticks(strategy, market, progress=False)
    return strategy.desk


def windows(desk: ExecutionDesk, trade_ts: np.ndarray, trade_qty: np.ndarray) -> np.ndarray:
    """Rows of filled and traded units by minute since the start of the first parent."""
    start = int(desk.parents()["start"][0])
    fills = desk.fills()
    last = int(fills["ts"].max() - start) // MINUTE + 1
    own = np.bincount((fills["ts"] - start) // MINUTE, weights=fills["qty"], minlength=last)
    inside = (trade_ts >= start) & (trade_ts < start + last * MINUTE)
    tape = np.bincount((trade_ts[inside] - start) // MINUTE, weights=trade_qty[inside], minlength=last)
    return np.stack([own[:last], tape[:last]])


@pytest.mark.parametrize("side", [1.0, -1.0], ids=["buy", "sell"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_on_a_captured_hour_nothing_is_left_and_the_schedule_is_kept(
    hour: MarketFeed, name: str, side: float
) -> None:
    desk = run(hour, side * 6_000.0, ALGORITHMS[name])
    parent = {key: column[0] for key, column in desk.parents().items()}
    assert (parent["state"], parent["filled_qty"]) == ("FILLED", 6_000.0)
    looks = desk.schedule(0)
    assert (np.diff(looks["due"]) >= 0.0).all()
    # Behind by no more than the tolerance of the tactic, three slices, and what was on its way.
    slices = np.diff(looks["due"], prepend=0.0).max()
    tolerance = {"adaptive": 0.1, "sniper": 0.2}.get(name, 0.05)
    assert (looks["due"] - looks["filled"]).max() <= tolerance * 6_000.0 + 3.0 * slices
    assert (looks["filled"] + looks["open"] <= looks["due"] + 1e-9).all()
    if parent["end"]:
        assert parent["ended"] <= parent["end"] + 2 * SECOND


@pytest.mark.parametrize(("rate", "cap"), [(0.02, 0.02), (0.05, 0.1), (0.2, 0.25)])
@pytest.mark.parametrize("tactic", ["cross", "join", "sniper", "iceberg"])
def test_pov_keeps_to_its_cap_in_every_window(hour: MarketFeed, rate: float, cap: float, tactic: str) -> None:
    desk = run(hour, 8_000.0, {"name": "pov", "rate": rate, "cap": cap, "tactic": tactic})
    trades = hour.events.books().table_columns("trades", next(iter(hour.events.symbols.values())))
    own, tape = windows(desk, trades["ts"] + 200_000, trades["qty"])
    assert own.sum() > 0
    assert (own <= cap * tape + 1e-9).all()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_on_made_up_events_nothing_is_left(name: str) -> None:
    market = MarketFeed(busy(40_000, seed=4))
    desk = run(market, -300.0, ALGORITHMS[name], duration="20s", begin="1s", every="100ms", finish="500ms")
    assert desk.parents()["filled_qty"][0] == 300.0
    again = run(market, -300.0, ALGORITHMS[name], duration="20s", begin="1s", every="100ms", finish="500ms")
    assert all(
        np.array_equal(a, b) for a, b in zip(desk.fills().values(), again.fills().values(), strict=True)
    )


def test_a_strategy_by_name_works_a_parent_off() -> None:
    strategy = create("execution", {"qty": 50, "duration": "5s", "every": "100ms", "finish": "1s"})
    EventSimulator(count_trials=False).run_ticks(strategy, MarketFeed(busy(20_000, seed=2)), progress=False)
    assert strategy.desk.parents()["state"][0] == "FILLED"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["twap", "vwap", "pov", "adaptive"])
def test_the_same_strategy_works_a_parent_off_on_bars(name: str) -> None:
    """Daily bars of half a year: what is due is sent at each close and meets the next open."""
    draw = np.random.default_rng(3)
    close = 100.0 + np.cumsum(draw.normal(0, 0.5, 200)).round(2)
    ts = np.arange(200) * 86_400 * SECOND
    bars = Bars.from_arrays(
        ts, open=close, high=close + 1, low=close - 1, close=close, volume=np.full(200, 10_000.0)
    )
    config = {"qty": 5_000, "algorithm": ALGORITHMS[name], "duration": "" if name == "pov" else "120d"}
    strategy = ExecutionStrategy(config | {"finish": "5d", "every": "1d"})
    settings = {"initial_capital": 1e7}
    results = EventSimulator(settings, count_trials=False).run_backtest(strategy, bars)
    desk = strategy.desk
    assert (desk.parents()["state"][0], desk.parents()["filled_qty"][0]) == ("FILLED", 5_000.0)
    assert results.positions[-1, 0] == 5_000.0
    assert len(desk.children()["qty"]) >= 10


def test_costs_of_a_captured_hour_are_those_of_its_cash(hour: MarketFeed) -> None:
    strategy = ExecutionStrategy({"qty": 6_000, "algorithm": ALGORITHMS["vwap"], "duration": "30min"})
    results = EventSimulator(count_trials=False).run_ticks(strategy, hour, progress=False)
    desk, tape = strategy.desk, Tape.from_events(hour.events, delay_ns=200_000)
    symbol = desk.jobs[0].parent.order.symbol
    costs = measure(desk.parents(), desk.children(), desk.fills(), {symbol: tape}).parents
    spent = 1_000_000.0 - results.cash[-1]
    assert costs["shortfall"][0] == pytest.approx(spent - 6_000.0 * costs["arrival"][0], abs=1e-6)
    assert abs(costs["vs_vwap"][0]) < 20.0


# --- the order-management system ---


class Crowd:
    """Others at an order-management system: they quote around a middle that walks, and trade."""

    def __init__(self, oms: Any, seed: int) -> None:
        self.oms, self.draw, self.mid = oms, np.random.default_rng(seed), 10_000

    def act(self, ts: int) -> None:
        self.mid += int(self.draw.integers(-1, 2))
        self.oms.mass_cancel(account="crowd", ts=ts)
        for level in range(1, 4):
            for side, price in (("buy", self.mid - level), ("sell", self.mid + level)):
                self.oms.submit("XYZ", side, 20 * level, price / 100, account="crowd", ts=ts)
        if self.draw.random() < 0.7:
            side, qty = str(self.draw.choice(["buy", "sell"])), float(self.draw.integers(1, 30))
            self.oms.submit("XYZ", side, qty, account="crowd", ts=ts)


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("system", ["reference", "native"])
def test_the_same_desk_trades_at_the_order_management_system(name: str, system: str) -> None:
    from omni_lab.execution import OMS

    config = OMSConfig(instruments=["XYZ"], accounts=["us", "crowd"])
    oms = ReferenceOMS(config) if system == "reference" else OMS(config)
    crowd, venue, desk = Crowd(oms, 7), PaperVenue(oms, account="us"), ExecutionDesk()
    order = ParentOrder(symbol="XYZ", side="buy", qty=400.0, start=SECOND, end=121 * SECOND)
    desk.add(venue, order, ALGORITHMS[name] | ({"must_finish": True} if name == "pov" else {}))
    for second in range(1, 140):
        crowd.act(second * SECOND)
        venue.hear(desk, oms.events())
        venue.advance(second * SECOND)
        if second == 30:
            desk.pause(venue, 0)
        if second == 40:
            venue.hear(desk, oms.events())
            desk.resume(0)
        desk.look(venue)
        venue.hear(desk, oms.events())
    (position,) = [each for each in oms.positions() if each.account == "us"]
    assert desk.parents()["state"][0] == "FILLED"
    assert position.qty == 400.0
    bought = desk.fills()
    assert position.average_price == pytest.approx(bought["qty"] @ bought["price"] / 400.0)


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("crash_at", [2, 35, 70, 100, 119])
def test_a_desk_goes_on_after_a_crash(name: str, crash_at: int, tmp_path: Path) -> None:
    """Saved some seconds before the crash: what was sent after that is found in the system's journal."""
    from omni_lab.execution import OMS

    config = OMSConfig(instruments=["XYZ"], accounts=["us", "crowd"], journal=tmp_path / "journal")
    oms = OMS(config)
    crowd, venue, desk = Crowd(oms, 5), PaperVenue(oms, account="us"), ExecutionDesk()
    for side in ("buy", "sell"):
        order = ParentOrder(symbol="XYZ", side=side, qty=250.0, start=SECOND, end=121 * SECOND)
        desk.add(venue, order, ALGORITHMS[name] | ({"must_finish": True} if name == "pov" else {}))
    text = save_desk(desk)
    for second in range(1, 180):
        if second == crash_at:
            oms.close()
            del oms, venue, desk
            oms = OMS.recover(tmp_path / "journal")
            venue = PaperVenue(oms, account="us")
            venue.advance(second * SECOND)
            desk = restore_desk(text, venue)
            crowd.oms = oms
        crowd.act(second * SECOND)
        venue.hear(desk, oms.events())
        venue.advance(second * SECOND)
        desk.look(venue)
        venue.hear(desk, oms.events())
        if second % 7 == 0 and second < crash_at:
            text = save_desk(desk)
        for job in desk.jobs:
            assert job.parent.rest >= 0
            assert job.parent.filled + job.parent.open + job.parent.rest == 250
    table = desk.parents()
    assert list(table["state"]) == ["FILLED", "FILLED"]
    assert list(table["filled_qty"]) == [250.0, 250.0]
    (position,) = [each for each in oms.positions() if each.account == "us"]
    bought = sum(job.parent.filled for job in desk.jobs if job.parent.is_buy)
    assert (position.qty, bought) == (0.0, 250)


def test_what_cannot_be_written_down_or_read_back_is_refused() -> None:
    oms = ReferenceOMS(OMSConfig(instruments=["XYZ"]))
    venue, desk = PaperVenue(oms), ExecutionDesk()
    order = ParentOrder(symbol="XYZ", side="buy", qty=10.0, end=SECOND)
    desk.add(venue, order, recipe("twap"))
    with pytest.raises(ConfigError, match="cannot be written down"):
        save_desk(desk)
    for text in ("", "[]", "{}"):
        with pytest.raises(DataError, match="no saved desk"):
            restore_desk(text, venue)
    with pytest.raises(DataError, match="another version"):
        restore_desk('{"version": 9}', venue)
    with pytest.raises(ConfigError, match="1 to 6 ASCII"):
        PaperVenue(oms, name="far too long")


# --- the model that the schedule assumes ---


def test_the_shortfall_schedule_costs_less_than_even_slices_on_its_own_model() -> None:
    """Mean cost by Monte Carlo where volume varies, and cost plus risk where it does not."""
    rng = np.random.default_rng(11)
    qty, steps = 1e6, 10
    model = AlmgrenChriss(sigma=0.95, permanent=2.5e-8, temporary=2.5e-6, half_spread=0.0625, step=0.5)
    volume = np.array([4.0, 2.0, 1.0, 1.0, 0.5, 0.5, 1.0, 1.5, 3.0, 5.0])
    even = np.full(steps, qty / steps)
    moves = rng.normal(0.0, 0.95 * np.sqrt(0.5), (20_000, steps))

    def costs(trades: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Money lost in each path: the price walks, trades push it for good and for a moment."""
        before = np.concatenate(([0.0], np.cumsum(trades)[:-1]))
        drift = np.cumsum(moves, axis=1) - moves
        temporary = 2.5e-6 / (shares / shares.sum() * steps) * trades / 0.5
        lost = (2.5e-8 * before + temporary + 0.0625) - drift
        return np.asarray((lost * trades).sum(axis=1))

    best = model.optimal_trades_by_volume(qty, volume, 0.0)
    difference = costs(even, volume) - costs(best, volume)
    assert difference.mean() > 5 * difference.std() / np.sqrt(len(difference))
    averse, flat = model.optimal_trades(qty, steps, 2e-6), np.ones(steps)
    ours, theirs = costs(averse, flat), costs(even, flat)
    assert ours.mean() + 2e-6 * ours.var() < theirs.mean() + 2e-6 * theirs.var()
    assert ours.mean() == pytest.approx(model.expected_cost(averse), abs=4 * ours.std() / np.sqrt(20_000))
    assert ours.std() == pytest.approx(np.sqrt(model.variance(averse)), rel=0.03)
