"""Searches: seeded, of fixed prefix, and honest about how many sets there are."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy import stats

from omni_lab.errors import ConfigError, MissingExtraError, SchemaError
from omni_lab.simulator import Between, EventSimulator, GridSearch, OptunaSearch, RandomSearch, SweepResults
from omni_lab.simulator.research.search import Search
from tests.simulator.market import random_bars
from tests.simulator.research.strategies import GRID, crossover


def drawn(search: Search) -> list[dict[str, Any]]:
    return next(search.proposals())


SPACE = {
    "a": Between(1, 6),
    "b": Between(0.1, 10.0, log=True),
    "c": ["x", "y"],
    "d": stats.norm(5, 1),
    "e": 3,
}


def test_a_random_search_is_its_seed() -> None:
    first = drawn(RandomSearch(SPACE, 30, seed=1))
    assert drawn(RandomSearch(SPACE, 30, seed=1)) == first
    assert drawn(RandomSearch(SPACE, 30, seed=2)) != first


def test_a_longer_search_begins_as_a_shorter_one_and_parameters_do_not_disturb_each_other() -> None:
    sets = drawn(RandomSearch(SPACE, 30))
    assert drawn(RandomSearch(SPACE, 12)) == sets[:12]
    without = {name: values for name, values in SPACE.items() if name != "a"}
    assert [{k: v for k, v in each.items() if k != "a"} for each in sets] == drawn(RandomSearch(without, 30))


def test_draws_follow_their_distributions() -> None:
    sets = drawn(RandomSearch(SPACE, 1500))
    whole = np.array([each["a"] for each in sets])
    assert np.bincount(whole, minlength=7)[1:].tolist() == pytest.approx([250] * 6, abs=50)
    orders = np.log([each["b"] for each in sets])
    assert stats.kstest(orders, stats.uniform(np.log(0.1), np.log(100)).cdf).pvalue > 0.01
    assert stats.kstest([each["d"] for each in sets], stats.norm(5, 1).cdf).pvalue > 0.01
    assert {each["c"] for each in sets} == {"x", "y"}
    assert all(type(each["a"]) is int and type(each["d"]) is float and each["e"] == 3 for each in sets)


def test_no_set_is_drawn_twice_and_a_small_space_is_exhausted() -> None:
    sets = drawn(RandomSearch({"a": Between(1, 3), "b": [True, False]}, 100))
    assert sorted((each["a"], each["b"]) for each in sets) == [
        (a, b) for a in (1, 2, 3) for b in (False, True)
    ]


def test_a_grid_is_a_search_too() -> None:
    assert drawn(GridSearch({"a": [1, 2], "b": "x"})) == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    assert GridSearch(GRID).n_trials == 12


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Between(3, 3), "larger one"),
        (lambda: Between(0.0, 1.0, log=True), "above zero"),
        (lambda: RandomSearch({}, 3), "mapping"),
        (lambda: RandomSearch({"a": []}, 3), "nothing to choose"),
        (lambda: RandomSearch({"a": [1]}, 0), "above zero"),
    ],
)
def test_what_cannot_be_searched_is_refused(make: Callable[[], object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        make()


def test_a_random_search_of_a_strategy_counts_its_trials() -> None:
    space = {"fast": Between(2, 9), "slow": Between(10, 60)}
    swept = EventSimulator().sweep(random_bars(200), crossover, RandomSearch(space, 15, seed=3), workers=1)
    assert swept.n_trials == 15
    assert all(2 <= each["fast"] <= 9 and 10 <= each["slow"] <= 60 for each in swept.parameters)


# --- Optuna ---------------------------------------------------------------------------------------


def best_x(search: OptunaSearch, objective: Callable[[Mapping[str, Any]], float]) -> tuple[float, list[Any]]:
    """Drive a search by hand on a function whose maximum is known."""
    proposals = search.proposals()
    asked: list[Mapping[str, Any]] = []
    sets = next(proposals)
    while True:
        asked += sets
        try:
            sets = proposals.send([{"sharpe_ratio": objective(each)} for each in sets])
        except StopIteration:
            return max(asked, key=objective)["x"], [each["x"] for each in asked]


def test_optuna_finds_the_top_of_a_parabola_and_is_its_seed() -> None:
    pytest.importorskip("optuna")
    space = {"x": Between(-10.0, 10.0), "kind": ["a", "b"]}

    def objective(each: Mapping[str, Any]) -> float:
        return float(-((each["x"] - 3.0) ** 2) - (each["kind"] == "b") if each["x"] > -9 else np.nan)

    top, asked = best_x(OptunaSearch(space, 60, seed=1), objective)
    assert top == pytest.approx(3.0, abs=0.6)
    assert np.median(np.abs(np.array(asked[40:]) - 3.0)) < np.median(np.abs(np.array(asked[:10]) - 3.0))
    assert best_x(OptunaSearch(space, 60, seed=1), objective)[1] == asked
    assert best_x(OptunaSearch(space, 60, seed=2), objective)[1] != asked


def test_optunas_trials_do_not_depend_on_the_workers() -> None:
    pytest.importorskip("optuna")
    search = OptunaSearch({"fast": Between(2, 9), "slow": Between(10, 60), "z": 1}, 20, batch=5)

    def signals(bars: Any, fast: int, slow: int, z: int) -> Any:
        return crossover(bars, fast, slow)

    swept: list[SweepResults] = [
        EventSimulator().sweep(random_bars(200), signals, search, workers=n, executor="threads")
        for n in (1, 3)
    ]
    assert swept[0].n_trials == 20
    assert swept[0].sha256 == swept[1].sha256


def test_optuna_refuses_what_it_cannot_draw_from_or_reach() -> None:
    pytest.importorskip("optuna")
    with pytest.raises(ConfigError, match="cannot draw"):
        OptunaSearch({"d": stats.norm(0, 1)}, 3)
    with pytest.raises(ConfigError, match="sampler"):
        OptunaSearch({"d": [1]}, 3, sampler="tpee")
    search = OptunaSearch({"fast": [2, 3], "slow": [10]}, 2, metric="sharp")
    with pytest.raises(ConfigError, match="no such metric"):
        EventSimulator().sweep(random_bars(50), crossover, search, workers=1)


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"omni-lab\[optuna\]"):
        OptunaSearch({"a": [1, 2]}, 3)


# --- around the best ------------------------------------------------------------------------------


def plane(values: Callable[[int, int], float]) -> SweepResults:
    sets = [{"fast": f, "slow": s} for f in (5, 10, 20, 40) for s in (50, 100, 200, 400)]
    return SweepResults(sets, {"sharpe_ratio": np.array([values(e["fast"], e["slow"]) for e in sets])})


def test_a_plateau_and_a_needle_are_told_apart() -> None:
    smooth = plane(lambda f, s: 1.0 - abs(f - 10) / 40 - abs(s - 200) / 400).neighbourhood()
    needle = plane(lambda f, s: 1.0 if (f, s) == (10, 200) else (f * 7 + s * 3) % 11 / 100).neighbourhood()
    assert smooth.parameters == needle.parameters == {"fast": 10, "slow": 200}
    assert smooth.n_neighbours == needle.n_neighbours == 8
    assert smooth.rank > 0.6 > needle.rank
    assert needle.median < 0.1 < smooth.worst
    assert "8 neighbours" in str(smooth)


def test_the_neighbours_of_a_corner_by_hand() -> None:
    found = plane(lambda f, s: f + s / 1000).neighbourhood()
    # Best is (40, 400); beside it lie (40, 200), (20, 400) and (20, 200).
    assert found.n_neighbours == 3
    assert found.median == pytest.approx(20.4)
    assert found.worst == pytest.approx(20.2)
    # Of sixteen, ranked from 0 to 15: 14, 11 and 10.
    assert found.rank == pytest.approx((14 + 11 + 10) / 3 / 15)
    assert plane(lambda f, s: f + s).neighbourhood(at={"fast": 5, "slow": 50}).n_neighbours == 3
    with pytest.raises(ConfigError, match="not tried"):
        plane(lambda f, s: f + s).neighbourhood(at={"fast": 6})


def test_other_kinds_of_parameters_must_be_the_same_and_random_sets_take_the_nearest() -> None:
    sets = [{"x": x, "kind": kind} for kind in "ab" for x in (1, 2, 3)]
    swept = SweepResults(sets, {"sharpe_ratio": np.array([1.0, 5.0, 2.0, 9.0, 9.0, 9.0])})
    assert swept.neighbourhood(at={"x": 2, "kind": "a"}).median == 1.5
    rng = np.random.default_rng(0)
    scattered = [{"x": float(x), "y": float(y)} for x, y in rng.random((50, 2))]
    value = np.array([-((e["x"] - 0.5) ** 2) - (e["y"] - 0.5) ** 2 for e in scattered])
    found = SweepResults(scattered, {"sharpe_ratio": value}).neighbourhood()
    assert 1 <= found.n_neighbours <= 8
    assert found.rank > 0.7


def test_cells_of_a_heatmap_aggregate_or_fix_what_is_not_shown() -> None:
    from omni_lab.simulator.research.cells import cells_of

    sets = [{"x": x, "y": y, "z": z} for x in (2, 1) for y in (10, 20) for z in (0, 1)]
    values = np.array([1.0, 3.0, 5.0, 7.0, 9.0, np.nan, np.nan, np.nan])
    cells = cells_of(sets, values, "x", "y", fixed={}, aggregate="mean")
    assert (cells.x, cells.y) == ([1, 2], [10, 20])
    assert cells.values.tolist()[0] == [9.0, 2.0]
    assert cells.values[1, 1] == 6.0
    assert np.isnan(cells.values[1, 0])
    assert cells.note == "mean of the sets in each cell"
    fixed = cells_of(sets, values, "x", "y", fixed={"z": 1}, aggregate="median")
    assert fixed.values[0, 1] == 3.0
    assert fixed.note == "z = 1"
    swept = SweepResults(sets, {"sharpe_ratio": values})
    assert "y 10" in swept.heatmap("x", "y").alt
    with pytest.raises(SchemaError, match="no such parameter"):
        swept.heatmap("x", "w")
    with pytest.raises(ConfigError, match="aggregate"):
        swept.heatmap("x", "y", aggregate="mode")
    with pytest.raises(ConfigError, match="no parameter set"):
        swept.heatmap("x", "y", fixed={"z": 5})
