"""Schedules: what is due by when, against closed forms and counts."""

import numpy as np
import pytest
from scipy.optimize import minimize

from omni_lab.errors import ConfigError, DataError, ShapeError
from omni_lab.execution.algorithms import (
    Hastened,
    ImplementationShortfall,
    MarketView,
    Parent,
    ParentOrder,
    Pov,
    Twap,
    VolumeCurve,
    Vwap,
    recipe,
)
from omni_lab.execution.algorithms.curves import DAY_NS, cumulative
from omni_lab.execution.algorithms.schedules import whole_lots
from omni_lab.models import AlmgrenChriss

SECOND = 1_000_000_000


def parent(lots: int, end: int | None = 1_000 * SECOND) -> Parent:
    return Parent(0, ParentOrder(symbol="XYZ", side="buy", qty=lots, end=end), lots, 0)


def due_at(schedule: object, lots: int, times: list[int], market: MarketView | None = None) -> list[int]:
    plan = schedule.begin(parent(lots), market or MarketView(1.0, 0.01))  # type: ignore[attr-defined]
    return [plan.due(ts) for ts in times]


@pytest.mark.parametrize("lots", [1, 7, 20, 999, 10_007])
@pytest.mark.parametrize("vary", [0.0, 0.9])
def test_slices_add_up_and_are_next_to_their_shares(lots: int, vary: float) -> None:
    weights = 1.0 + vary * np.random.default_rng(lots).uniform(-1, 1, 20)
    got = whole_lots(lots, weights)
    assert got.sum() == lots
    assert (np.abs(got - lots * weights / weights.sum()) < 1.0).all()


def test_twap_steps_up_by_a_slice_at_a_time() -> None:
    times = [0, 49, 50, 99, 100, 950, 999, 1_000]
    assert due_at(Twap(slices=20), 1_000, [each * SECOND for each in times]) == [
        50,
        50,
        100,
        100,
        150,
        1_000,
        1_000,
        1_000,
    ]


def test_jitter_delays_each_slice_within_its_span_and_the_seed_decides() -> None:
    times = [k * SECOND for k in range(1_001)]
    plain, late = due_at(Twap(slices=10), 1_000, times), due_at(Twap(slices=10, jitter=1.0), 1_000, times)
    assert all(a >= b >= a - 100 for a, b in zip(plain, late, strict=True))
    assert late != plain
    assert late == due_at(Twap(slices=10, jitter=1.0), 1_000, times)
    assert late != due_at(Twap(slices=10, jitter=1.0, seed=8), 1_000, times)


def test_vwap_follows_the_curve_at_the_middle_of_each_slice() -> None:
    shares = np.array([4.0, 1.0, 1.0, 2.0])
    middles = [(2 * k + 1) * 1_000 * SECOND // 200 for k in range(100)]
    expected = [int(10_000 * cumulative(shares, 0, 1_000 * SECOND, ts)) for ts in middles]
    assert due_at(Vwap(curve=shares), 10_000, middles) == expected
    # A quarter of the time has half of the volume.
    assert abs(due_at(Vwap(curve=shares, slices=1_000), 10_000, [250 * SECOND])[0] - 5_000) <= 20


def test_vwap_runs_ahead_of_its_curve_when_the_market_does() -> None:
    slow, usual, fast = (MarketView(1.0, 0.01) for _ in range(3))
    for market, volume in ((slow, 100), (usual, 250), (fast, 600)):
        market.saw_trade(volume)
    schedule = Vwap(expected_volume=1_000.0, slices=1_000)
    behind, level, ahead = (due_at(schedule, 10_000, [250 * SECOND], each)[0] for each in (slow, usual, fast))
    assert behind < level < ahead
    assert abs(level - 2_500) <= 10


def test_a_volume_curve_is_measured_from_trades_of_any_day() -> None:
    open_ns = 9 * 3_600 * SECOND
    ts = [open_ns, open_ns + DAY_NS + 1, open_ns + 3 * DAY_NS + 300 * SECOND]
    curve = VolumeCurve.measured(ts, [10, 20, 30])
    assert curve.share(open_ns + 300 * SECOND) == pytest.approx(0.5)
    assert curve.share(0) == 0.0
    assert curve.share(DAY_NS - 1) == 1.0
    # From the middle of the first bin to the end of the day there are three quarters left.
    start = open_ns + 150 * SECOND
    assert cumulative(curve, start, start + 450 * SECOND, start + 150 * SECOND) == pytest.approx(1 / 3)


def test_pov_counts_the_tape_and_keeps_windows_apart() -> None:
    market = MarketView(1.0, 0.01)
    mine = parent(1_000, end=None)
    plan = Pov(rate=0.1, cap=0.2, window=60 * SECOND, guard=SECOND).begin(mine, market)
    market.saw_trade(100)
    assert (plan.due(SECOND), plan.room(SECOND)) == (10, 20)
    mine.filled = 10
    assert (plan.due(61 * SECOND), plan.room(61 * SECOND)) == (10, 10)
    market.saw_trade(50)
    assert (plan.due(62 * SECOND), plan.room(62 * SECOND)) == (15, 20)
    assert [plan.is_closing(s * SECOND) for s in (58, 59, 60, 118, 119)] == [False, True, False, False, True]


def test_pov_waits_for_the_least_child() -> None:
    market = MarketView(1.0, 0.01)
    plan = Pov(rate=0.1, min_size=5).begin(parent(12), market)
    due = []
    for _ in range(15):
        market.saw_trade(10)
        due.append(plan.due(0))
    assert due == [0, 0, 0, 0, 5, 5, 5, 5, 5, 10, 10, 12, 12, 12, 12]


@pytest.mark.parametrize("aversion", [0.0, 1e-6, 2e-6])
def test_the_shortfall_schedule_is_the_closed_form(aversion: float) -> None:
    steps, lots = 50, 1_000_000
    schedule = ImplementationShortfall(
        risk_aversion=aversion, sigma=0.95, temporary=2.5e-6, permanent=2.5e-8, steps=steps
    )
    middles = [(2 * k + 1) * 1_000 * SECOND // (2 * steps) for k in range(steps)]
    model = AlmgrenChriss(sigma=0.95, permanent=2.5e-8, temporary=2.5e-6, step=1_000 / steps)
    trades = model.optimal_trades(lots, steps, aversion)
    expected = np.cumsum(trades) - trades / 2
    assert np.abs(np.array(due_at(schedule, lots, middles)) - expected).max() <= 1.0


def test_the_example_of_almgren_and_chriss() -> None:
    model = AlmgrenChriss(sigma=0.95, permanent=2.5e-7, temporary=2.5e-6, half_spread=0.0625, step=1.0)
    cost, deviation = model.frontier(1e6, 5, [0.0, 1e-6])
    assert cost[0] == pytest.approx(662_500.0)
    assert cost[1] == pytest.approx(911_227, abs=1)
    assert deviation[1] == pytest.approx(603_431, abs=1)
    assert model.urgency(1e-6) == pytest.approx(0.607, abs=1e-3)


def test_trades_by_volume_are_the_best_there_are() -> None:
    model = AlmgrenChriss(sigma=0.95, permanent=2.5e-7, temporary=2.5e-6, half_spread=0.0625, step=1.0)
    for aversion in (0.0, 1e-6):
        even = model.optimal_trades_by_volume(1e6, np.ones(5), aversion)
        assert even == pytest.approx(model.optimal_trades(1e6, 5, aversion), rel=1e-9)
    volume, aversion = np.array([1.0, 3.0, 0.5, 3.0, 1.0]), 1e-6

    def cost(millions: np.ndarray) -> float:
        trades = millions * 1e6
        left = trades.sum() - np.cumsum(trades)
        each = 2.5e-6 / (volume / volume.sum() * 5) - 1.25e-7
        return float((each * trades**2).sum() + aversion * 0.95**2 * (left[:-1] ** 2).sum()) / 1e6

    ours = model.optimal_trades_by_volume(1e6, volume, aversion)
    whole = {"type": "eq", "fun": lambda n: n.sum() - 1.0}
    theirs = minimize(cost, np.full(5, 0.2), constraints=whole, tol=1e-12)
    assert ours.sum() == pytest.approx(1e6)
    assert cost(ours / 1e6) <= theirs.fun + 1e-9
    assert ours / 1e6 == pytest.approx(theirs.x, abs=2e-3)
    closed = model.optimal_trades_by_volume(1e6, [1.0, 0.0, 1.0], aversion)
    assert closed[1] == 0.0
    assert closed.sum() == pytest.approx(1e6)


def test_urgency_moves_a_schedule_forward() -> None:
    times = [k * 100 * SECOND for k in range(11)]
    plain = due_at(Hastened(base=Twap(slices=1_000), urgency=0.0), 1_000, times)
    hasty = due_at(Hastened(base=Twap(slices=1_000), urgency=1.0), 1_000, times)
    assert all(abs(a - 100 * k) <= 1 for k, a in enumerate(plain))
    assert all(abs(b - 1_000 * (1 - (1 - k / 10) ** 2)) <= 1.5 for k, b in enumerate(hasty))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Twap(slices=0), ConfigError, "1 to 1,000,000 slices"),
        (lambda: Twap(jitter=2.0), ConfigError, "jitter must be from 0 to 1"),
        (lambda: Vwap(curve=[-1.0, 2.0]), ConfigError, "not all of them 0"),
        (lambda: Vwap(expected_volume=0.0), ConfigError, "positive quantity"),
        (lambda: Pov(rate=0.3, cap=0.2), ConfigError, "rate <= cap"),
        (lambda: Pov(guard=60 * SECOND), ConfigError, "below the window"),
        (
            lambda: ImplementationShortfall(risk_aversion=-1.0, sigma=1.0, temporary=1.0),
            ConfigError,
            "aversion",
        ),
        (lambda: Hastened(base=Twap(), urgency=2.0), ConfigError, "from 0 to 1"),
        (lambda: VolumeCurve([0, 1], [1.0, 2.0]), ShapeError, "one edge more"),
        (lambda: VolumeCurve([1, 0], [1.0]), ConfigError, "ascend"),
        (lambda: VolumeCurve.measured([], []), DataError, "no volume"),
        (lambda: recipe("twop"), ConfigError, "unknown execution algorithm"),
        (lambda: recipe({"name": "twap", "slizes": 3}), ConfigError, "unknown setting.*slizes"),
        (lambda: recipe({"name": "twap", "tactic": "jump"}), ConfigError, "unknown tactic"),
        (lambda: recipe({"name": "is"}), ConfigError, "risk_aversion"),
        (lambda: ParentOrder(symbol="X", side="hold", qty=-1.0), ConfigError, "side must be.*qty must be"),  # type: ignore[arg-type]
    ],
    ids=lambda value: None if callable(value) else str(value)[:20],
)
def test_settings_that_cannot_be_used_are_refused(make: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()  # type: ignore[operator]


def test_a_schedule_in_time_needs_an_end() -> None:
    with pytest.raises(ConfigError, match="an end after the start"):
        Twap().begin(parent(10, end=None), MarketView(1.0, 0.01))
