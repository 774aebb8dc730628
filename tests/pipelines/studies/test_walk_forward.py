"""What is chosen from, and what else was to be had, are what they say."""

import numpy as np
import pytest

from omni_lab.data import Bars, synthetic_bars
from omni_lab.errors import ConfigError
from omni_lab.pipelines.runner import prepare_run
from omni_lab.pipelines.studies import walk_forward as study
from omni_lab.simulator import EventSimulator, SimulationConfig, WalkForward, WalkForwardResults

GRID = {"fast": [5, 10, 40], "slow": [20, 40]}


@pytest.fixture(scope="module")
def bars() -> Bars:
    return synthetic_bars(seed=7)


@pytest.fixture(scope="module")
def simulator() -> EventSimulator:
    return EventSimulator(SimulationConfig(seed=7), count_trials=False)


@pytest.fixture(scope="module")
def walk(bars: Bars, simulator: EventSimulator) -> WalkForwardResults:
    sets = study.parameter_sets("sma_cross", GRID).sets
    return simulator.walk_forward(bars, "sma_cross", sets, WalkForward(train=200, test=100), progress=False)


def test_sets_are_all_combinations_that_the_strategy_takes() -> None:
    found = study.parameter_sets("sma_cross", GRID, {"direction": "long_only"})
    assert [(each["fast"], each["slow"]) for each in found.sets] == [(5, 20), (5, 40), (10, 20), (10, 40)]
    assert found.n_refused == 2
    assert {each["direction"] for each in found.sets} == {"long_only"}


@pytest.mark.parametrize(
    ("strategy", "grid", "complaint"),
    [
        ("sma_cros", GRID, "sma_cros"),
        ("sma_cross", {"fast": 5}, "a list of values"),
        ("sma_cross", {"fast": []}, "a list of values"),
        ("sma_cross", {"fast": [50], "slow": [20, 10]}, "fast must be smaller than slow"),
        ("sma_cross", {"fats": [5, 10]}, "fats"),
        ("sma_cross", {}, "nothing to choose"),
        ("sma_cross", {"fast": list(range(200)), "slow": list(range(200))}, "too large"),
    ],
)
def test_a_grid_that_leaves_no_choice_is_refused(
    strategy: str, grid: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        study.parameter_sets(strategy, grid)


def test_a_run_is_refused_before_a_kernel_starts() -> None:
    with pytest.raises(ConfigError, match="fast must be smaller than slow"):
        prepare_run("walk_forward", values={"grid": {"fast": [50], "slow": [20]}})


def test_alternatives_cover_the_tested_steps(
    bars: Bars, simulator: EventSimulator, walk: WalkForwardResults
) -> None:
    sets = study.parameter_sets("sma_cross", GRID).sets
    other = study.alternatives(simulator, bars, "sma_cross", sets, walk)
    first, stop = walk.folds[0].fold.test_first, walk.folds[-1].fold.test_stop
    close = bars.close()[:, 0]
    assert np.prod(1 + other.holding) == pytest.approx(close[stop - 1] / close[first - 1])
    assert other.returns.shape == (stop - first, len(sets))
    alone = simulator.sweep(bars.slice(0, stop), "sma_cross", [sets[2]], progress=False, keep_returns=True)
    assert alone.returns is not None
    np.testing.assert_array_equal(other.returns[:, 2], alone.returns[first:, 0])
    assert other.ratios[other.best] == other.ratios.max()
    assert 0.0 <= other.deflated <= study.merit(other.returns[:, other.best])


def test_sentences_and_titles_say_what_the_numbers_do(
    bars: Bars, simulator: EventSimulator, walk: WalkForwardResults
) -> None:
    sets = study.parameter_sets("sma_cross", GRID).sets
    other = study.alternatives(simulator, bars, "sma_cross", sets, walk)
    told = " ".join(study.conclusions(walk, other, "sharpe_ratio"))
    assert f"{walk.n_distinct} different sets of 4 were chosen in {len(walk.folds)} folds" in told
    assert ("was lost on the way" in told) == (walk.degradation > 0)
    made, held = np.prod(1 + walk.returns), np.prod(1 + other.holding)
    assert ("more than" in study.growth_title(walk, other)) == (made > held)
    assert study.choice_table(walk)["folds"].sum() == len(walk.folds)
    assert any("2 combinations were left out" in each for each in study.doubts(walk, 2, False))


def test_sets_that_never_trade_leave_nothing_to_choose(bars: Bars, simulator: EventSimulator) -> None:
    sets = study.parameter_sets("momentum", {"entry_threshold": [90.0, 91.0]}, {"lookback_period": 50}).sets
    with pytest.raises(ConfigError, match="No parameter set ever traded"):
        simulator.walk_forward(bars, "momentum", sets, WalkForward(train=200, test=100), progress=False)
    idle = study.Alternatives(holding=np.zeros(9), sets=sets, returns=np.zeros((9, 2)), per_year=252.0)
    assert idle.best == 0
    assert np.isnan(idle.deflated)


def test_returns_that_do_not_vary_have_no_merit() -> None:
    assert np.isnan(study.merit(np.zeros(50)))
