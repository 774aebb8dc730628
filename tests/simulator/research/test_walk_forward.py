"""Walks forward and cross-validation: nothing sees its future, and numbers are those of plain backtests."""

import itertools
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.errors import ConfigError, ShapeError
from omni_lab.portfolio.performance import returns_from_equity, sharpe_ratio
from omni_lab.simulator import (
    Between,
    CombinatorialPurged,
    EventSimulator,
    RandomSearch,
    SimulationConfig,
    WalkForward,
)
from omni_lab.simulator.research.cross_validation import cross_validate
from omni_lab.simulator.research.judging import judge
from omni_lab.typing import FloatArray
from tests.simulator.market import days, random_bars
from tests.simulator.research.strategies import GRID, Above, crossover

SPLIT = WalkForward(train=120, test=40)
COSTS = SimulationConfig(commission_rate=0.0005, slippage_bps=2)


def test_each_fold_chooses_what_a_sweep_of_its_training_steps_alone_would() -> None:
    sim, bars = EventSimulator(COSTS), random_bars(300, seed=4)
    walk = sim.walk_forward(bars, crossover, GRID, SPLIT, workers=1)
    assert len(walk.folds) == 4
    for each in walk.folds:
        part = bars.slice(each.fold.train_first, each.fold.train_stop)
        best = sim.sweep(part, crossover, GRID, workers=1).best()
        assert {name: best[name] for name in each.parameters} == each.parameters
        assert each.in_sample == pytest.approx(best["sharpe_ratio"], rel=1e-12)
    assert walk.n_trials == 12
    assert walk.in_sample == pytest.approx(np.mean([each.in_sample for each in walk.folds]))
    assert walk.degradation == pytest.approx(walk.in_sample - walk.out_of_sample)


def test_one_parameter_set_out_of_sample_is_the_plain_backtest_with_costs() -> None:
    sim, bars = EventSimulator(COSTS), random_bars(300, seed=5)
    walk = sim.walk_forward(bars, crossover, {"fast": 5, "slow": 20}, SPLIT, workers=1)
    # The account begins one step before the first test; until then the plain one has only other costs.
    targets = crossover(bars, 5, 20)
    targets[:119] = 0.0
    plain = sim.run_targets(bars, targets, kind="weight")
    assert walk.equity.tolist() == pytest.approx(plain.equity[120:280].tolist(), rel=1e-12)
    assert walk.ts.tolist() == bars.ts[120:280].tolist()
    assert walk.out_of_sample == pytest.approx(
        sharpe_ratio(returns_from_equity(plain.equity[120:280], 100_000.0), 365.25), rel=1e-9
    )
    assert sum(np.log1p(each.out_return) for each in walk.folds) == pytest.approx(
        np.log(walk.equity[-1] / 100_000.0)
    )


def test_no_call_is_given_a_step_after_its_test() -> None:
    bars, seen = random_bars(300, seed=6), set()

    def watching(given: Bars, fast: int) -> FloatArray:
        seen.add(
            (int(np.searchsorted(bars.ts, given.ts[0])), int(np.searchsorted(bars.ts, given.ts[-1])) + 1)
        )
        return crossover(given, fast, 30)

    split = WalkForward(train=100, test=50, embargo=5)
    EventSimulator().walk_forward(bars, watching, {"fast": [3, 5]}, split, workers=1)
    trained = {(f.train_first, f.train_stop) for f in split.folds(300)}
    tested = {(f.train_first, f.test_stop) for f in split.folds(300)}
    assert seen == trained | tested


def test_decisions_that_stand_are_carried_into_the_test_and_gaps_are_flat() -> None:
    def once(bars: Bars, at: int) -> FloatArray:
        targets = np.full(bars.n_times, np.nan)
        targets[at] = 1.0
        return targets

    bars = random_bars(200, seed=8)
    split = WalkForward(train=50, test=20, step=40)
    walk = EventSimulator().walk_forward(bars, once, {"at": [3]}, split, workers=1, metric="total_return")
    opens, close = np.asarray(bars.open())[:, 0], bars.close()[:, 0]
    for each in walk.folds:
        held = (close[each.fold.test_stop - 1] / opens[each.fold.test_first]) - 1.0
        assert each.out_return == pytest.approx(held, abs=2e-3)  # whole shares
    assert walk.folds[1].fold.test_first == 90


def test_instruments_that_come_later_and_gaps_are_traded_by_name() -> None:
    bars = random_bars(300, 3, seed=9, missing=0.2)
    close = bars.close()
    close[:150, 2] = np.nan
    names = ("open", "high", "low")
    opens, high, low = (np.where(np.isnan(close), np.nan, getattr(bars, name)()) for name in names)
    late = Bars.from_arrays(days(300), opens, high, low, close, symbols=bars.symbols)

    def equal(given: Bars, size: float) -> FloatArray:
        return np.full((given.n_times, given.n_symbols), size / given.n_symbols)

    split = WalkForward(train=60, test=60)
    walk = EventSimulator().walk_forward(late, equal, {"size": [0.5, 0.9]}, split, workers=1)
    assert len(walk.returns) == 240
    assert np.isfinite(walk.returns).all()


def test_a_class_of_strategies_comes_to_its_test_with_the_position_it_holds() -> None:
    sim, bars = EventSimulator(), random_bars(260, seed=10)
    walk = sim.walk_forward(bars, Above, {"window": [5, 20], "shares": 50.0}, SPLIT, workers=1)
    for each in walk.folds:
        fold = each.fold
        plain = sim.run_backtest(Above(**each.parameters), bars.slice(fold.train_first, fold.test_stop))
        assert each.out_return == pytest.approx(
            plain.equity[-1] / plain.equity[fold.test_first - fold.train_first - 1] - 1.0
        )


def test_a_walk_shows_itself() -> None:
    walk = EventSimulator().walk_forward(random_bars(300), crossover, GRID, SPLIT, workers=1)
    frame = walk.to_pandas()
    assert frame[["train_first", "train_stop", "test_first", "test_stop"]].iloc[1].tolist() == [
        40,
        160,
        160,
        200,
    ]
    assert "4 folds of 12 trials" in repr(walk)
    assert "of 4 tests above zero" in walk.plot().alt
    assert walk.plot(theme="dark").axes
    assert 1 <= walk.n_distinct <= 4


def test_a_walk_may_choose_among_random_sets_but_not_learn_between_folds() -> None:
    class Learning:
        n_trials = 1

        def proposals(self) -> Any:
            yield [{"fast": 3, "slow": 10}]

    sim, bars = EventSimulator(), random_bars(300)
    search = RandomSearch({"fast": Between(2, 9), "slow": Between(10, 60)}, 5)
    assert sim.walk_forward(bars, crossover, search, SPLIT, workers=1).n_trials == 5
    with pytest.raises(ConfigError, match="as it learns"):
        sim.walk_forward(bars, crossover, Learning(), SPLIT, workers=1)


def test_what_cannot_be_stitched_or_judged_is_refused() -> None:
    sim, bars = EventSimulator(), random_bars(300)
    with pytest.raises(ConfigError, match="overlap"):
        sim.walk_forward(bars, crossover, GRID, WalkForward(train=10, test=5, step=2))
    with pytest.raises(ConfigError, match="do not tell"):
        sim.walk_forward(bars, crossover, GRID, SPLIT, metric="n_trades")
    with pytest.raises(ConfigError, match="a sweep needs"):
        sim.walk_forward(bars, Above(5), GRID, SPLIT)  # type: ignore[arg-type]


# --- cross-validation -----------------------------------------------------------------------------


def noise(n_times: int, n_trials: int, seed: int = 0) -> FloatArray:
    returns: FloatArray = 0.01 * np.random.default_rng(seed).standard_normal((n_times, n_trials))
    return returns


def validate(returns: FloatArray, split: CombinatorialPurged, **options: Any) -> Any:
    sets = [{"number": number} for number in range(returns.shape[1])]
    return cross_validate(sets, returns, days(len(returns)), split, per_year=252.0, **options)


def test_paths_are_what_a_plain_loop_over_groups_stitches() -> None:
    returns = noise(103, 7)
    split = CombinatorialPurged(n_groups=5, n_test_groups=2, horizon=2, embargo=3)
    found = validate(returns, split)
    groups = np.array_split(np.arange(103), 5)
    taken = dict.fromkeys(range(5), 0)
    paths = np.full((103, 4), np.nan)
    for number, tested in enumerate(itertools.combinations(range(5), 2)):
        banned = set()
        blocks = [(g, g) for g in tested] if tested[1] - tested[0] > 1 else [tested]
        for low, high in blocks:
            first, last = int(groups[low][0]), int(groups[high][-1])
            banned |= set(range(first - 2, last + 2 + 3 + 1))
        train = [i for i in range(103) if i not in banned]
        sharpes = [sharpe_ratio(returns[train, j], 252.0) for j in range(7)]
        best = int(np.argmax(sharpes))
        assert found.splits[number].parameters == {"number": best}
        assert found.splits[number].n_train == len(train)
        assert found.splits[number].in_sample == pytest.approx(max(sharpes))
        for group in tested:
            paths[groups[group], taken[group]] = returns[groups[group], best]
            taken[group] += 1
    assert set(taken.values()) == {4}
    assert found.returns.tolist() == paths.tolist()
    assert found.path_metrics.tolist() == pytest.approx([sharpe_ratio(paths[:, p], 252.0) for p in range(4)])


def test_without_a_choice_every_path_is_the_strategy_itself() -> None:
    returns = noise(90, 1)
    found = validate(returns, CombinatorialPurged(n_groups=6))
    assert found.returns.tolist() == np.repeat(returns, 5, axis=1).tolist()
    assert len(set(found.path_metrics.tolist())) == 1


def test_choosing_among_noise_promises_much_and_keeps_nothing() -> None:
    found = [validate(noise(600, 60, seed), CombinatorialPurged(n_groups=8)) for seed in range(6)]
    assert np.mean([each.in_sample for each in found]) > 1.0
    assert abs(np.mean([each.path_metrics.mean() for each in found])) < 0.5
    assert all(each.degradation > 0.5 for each in found)
    assert 0.0 <= found[0].share_of_losses <= 1.0


def test_the_simulators_cross_validation_is_that_of_its_sweep() -> None:
    sim, bars = EventSimulator(COSTS), random_bars(200, seed=3)
    split = CombinatorialPurged(n_groups=4, embargo=5)
    found = sim.cross_validate(bars, crossover, GRID, split, workers=1, metric="total_return")
    swept = sim.sweep(bars, crossover, GRID, workers=1, keep_returns=True)
    assert swept.returns is not None
    again = cross_validate(
        swept.parameters,
        swept.returns,
        bars.ts,
        split,
        metric="total_return",
        per_year=swept.periods_per_year,
    )
    assert found.returns.tolist() == again.returns.tolist()
    assert found.n_paths == 3
    assert len(found.to_pandas()) == 6
    assert "3 paths" in repr(found)
    assert "over 3 paths" in found.plot().alt
    assert found.plot(theme="dark").axes
    with pytest.raises(ShapeError, match="one column a parameter set"):
        cross_validate(swept.parameters[1:], swept.returns, bars.ts, split, per_year=252.0)


def test_judging_rows_is_what_a_sweep_says_of_all_of_them() -> None:
    bars = random_bars(150, seed=2)
    swept = EventSimulator(COSTS).sweep(bars, crossover, GRID, workers=1, keep_returns=True)
    assert swept.returns is not None
    assert swept.returns.shape == (150, 12)
    for metric in ("sharpe_ratio", "total_return", "max_drawdown"):
        judged = judge(swept.returns, metric, per_year=swept.periods_per_year)
        assert judged.tolist() == pytest.approx(swept.metrics[metric].tolist(), rel=1e-9)
