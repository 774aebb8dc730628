"""Backtests of VaR and ES: published tables and examples, brute force, and rates of rejection."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from omni_lab.errors import ConfigError, DataError, ModelError, ShapeError
from omni_lab.risk import (
    Transitions,
    acerbi_szekely_test,
    backtest_var,
    basel_traffic_light,
    christoffersen_test,
    conditional_coverage_test,
    kupiec_test,
    transitions,
)
from omni_lab.risk._quantiles import normal_factors, student_factors
from omni_lab.typing import FloatArray

# Kupiec (1995), as in Jorion, "Value at Risk" (2007), table 6-2: numbers of exceedances that are not rejected
# at 95%, in 255, 510 and 1000 days; the bounds themselves are. One cell has an upper bound alone.
NOT_REJECTED = {
    0.01: ((None, 7), (1, 11), (4, 17)),
    0.025: ((2, 12), (6, 21), (15, 36)),
    0.05: ((6, 21), (16, 36), (37, 65)),
    0.075: ((11, 28), (27, 51), (59, 92)),
    0.10: ((16, 36), (38, 65), (81, 120)),
}


@pytest.mark.parametrize("rate", list(NOT_REJECTED))
def test_kupiec_rejects_what_his_table_rejects(rate: float) -> None:
    for n, (low, high) in zip((255, 510, 1000), NOT_REJECTED[rate], strict=True):
        kept = [x for x in range(n + 1) if kupiec_test(n, x, 1.0 - rate).p_value > 0.05]
        assert kept == list(range(kept[0] if low is None else low + 1, high))


def test_kupiec_at_the_edges_by_hand() -> None:
    assert kupiec_test(250, 0, 0.99).statistic == pytest.approx(-2.0 * 250 * math.log(0.99))
    assert kupiec_test(250, 250, 0.99).statistic == pytest.approx(-2.0 * 250 * math.log(0.01))
    assert kupiec_test(200, 2, 0.99).statistic == pytest.approx(0.0, abs=1e-9)


def test_examples_of_jorion() -> None:
    """Chapter 6: question 10 (six exceedances in 252 days at 99%, four of them after another)."""
    assert kupiec_test(252, 6, 0.99).statistic == pytest.approx(3.498, abs=1e-3)
    assert christoffersen_test(Transitions(244, 2, 2, 4)).statistic == pytest.approx(25.837, abs=1e-3)


def test_transitions_are_counted_over_neighbours() -> None:
    hits = np.random.default_rng(0).random(300) < 0.3
    seen = list(pairwise(hits.tolist()))
    counted = [seen.count(pair) for pair in ((False, False), (False, True), (True, False), (True, True))]
    assert list(transitions(hits)) == counted
    assert sum(transitions(hits)) == 299


def test_independence_is_the_ratio_test_of_a_two_by_two_table() -> None:
    table = Transitions(180, 22, 20, 9)
    theirs = stats.chi2_contingency([[180, 22], [20, 9]], correction=False, lambda_="log-likelihood")
    found = christoffersen_test(table)
    assert (found.statistic, found.p_value) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_conditional_coverage_is_the_sum_with_two_degrees() -> None:
    hits = np.zeros(252, dtype=bool)
    hits[[10, 11, 12, 100, 180, 181]] = True
    both = conditional_coverage_test(hits, 0.99)
    parts = kupiec_test(252, 6, 0.99).statistic + christoffersen_test(transitions(hits)).statistic
    assert both.statistic == pytest.approx(parts)
    assert both.p_value == pytest.approx(math.exp(-parts / 2.0))  # chi-squared with two degrees


def test_no_exceedance_tells_nothing_of_bunches() -> None:
    found = christoffersen_test(transitions(np.zeros(100, dtype=bool)))
    assert (found.statistic, found.p_value) == (0.0, 1.0)


def test_right_models_are_rejected_as_often_as_they_should_be() -> None:
    rng = np.random.default_rng(1)
    hits = rng.random((1500, 2000)) < 0.1
    for found in (
        [kupiec_test(2000, int(row.sum()), 0.9).p_value for row in hits],
        [christoffersen_test(transitions(row)).p_value for row in hits],
        [conditional_coverage_test(row, 0.9).p_value for row in hits],
    ):
        assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.02)


def test_the_traffic_light_of_the_committee() -> None:
    """Table 2 of the framework of 1996: cumulative probabilities and plus factors for 250 days at 99%."""
    table = {
        0: (0.0811, 0.0), 1: (0.2858, 0.0), 4: (0.8922, 0.0), 5: (0.9588, 0.4), 6: (0.9863, 0.5),
        7: (0.9960, 0.65), 8: (0.9989, 0.75), 9: (0.9997, 0.85), 10: (0.9999, 1.0), 15: (1.0, 1.0),
    }  # fmt: skip
    for x, (probability, plus) in table.items():
        light = basel_traffic_light(x)
        assert light.probability == pytest.approx(probability, abs=5e-5)
        assert light.plus_factor == plus
        assert light.zone == ("green" if x < 5 else "yellow" if x < 10 else "red")
    assert math.isnan(basel_traffic_light(5, n_obs=500).plus_factor)


# --- expected shortfall ---------------------------------------------------------------------------


def series(n: int, dof: float = math.inf, seed: int = 0) -> tuple[FloatArray, float, float]:
    """Returns whose VaR and ES at 97.5% are exact."""
    var, es = normal_factors(0.975) if math.isinf(dof) else student_factors(0.975, dof)
    rng = np.random.default_rng(seed)
    return rng.standard_normal(n) if math.isinf(dof) else rng.standard_t(dof, n), var, es


def test_the_statistics_by_hand() -> None:
    returns = [1.0, -3.0, 0.5, -4.0] + [0.0] * 36
    var, es = np.full(40, 2.0), np.full(40, 2.5)
    z1 = acerbi_szekely_test(returns, var, es, confidence=0.9, test="Z1")
    z2 = acerbi_szekely_test(returns, var, es, confidence=0.9, test="Z2")
    assert z1.statistic == pytest.approx(1.0 - 3.5 / 2.5)
    assert z2.statistic == pytest.approx(1.0 - 7.0 / 2.5 / 4.0)
    assert z1.n_exceedances == z2.n_exceedances == 2


@pytest.mark.parametrize(
    ("n", "dof", "chance", "published"),
    [
        # Acerbi and Szekely (2014), table 3: critical values at 5% of Z2 in 250 days at 97.5%.
        (250, math.inf, 0.05, -0.70),
        (250, 3.0, 0.05, -0.82),
        # MATLAB's esbacktest, unconditional test at 99% for 1966 days at 97.5%.
        (1966, math.inf, 0.01, -0.34639),
        (1966, 3.0, 0.01, -0.42986),
    ],
)
def test_critical_values_are_the_published_ones(n: int, dof: float, chance: float, published: float) -> None:
    """A series whose statistic is the critical value has that p-value."""
    _, var, es = series(n, dof)
    quiet = np.zeros(n)
    wanted = (1.0 - published) * n * 0.025 * es  # what the losses beyond VaR add up to
    n_hits = int(wanted / es)
    quiet[:n_hits] = -wanted / n_hits
    found = acerbi_szekely_test(
        quiet, np.full(n, var), np.full(n, es), confidence=0.975, dof=dof, n_samples=20_000
    )
    assert found.statistic == pytest.approx(published)
    assert found.p_value == pytest.approx(chance, rel=0.2)


def test_right_models_pass_and_wrong_ones_do_not() -> None:
    passed = []
    for seed in range(40):
        returns, var, es = series(500, seed=seed)
        limits = np.full(500, var), np.full(500, es)
        passed.append(acerbi_szekely_test(returns, *limits, confidence=0.975, n_samples=1000).p_value)
    assert 0.3 < np.mean(passed) < 0.7
    returns, var, es = series(2000)
    limits = np.full(2000, var), np.full(2000, es)
    # A t of the same variance has larger losses beyond VaR, and no more of them.
    heavy = np.random.default_rng(1).standard_t(3, 2000) / math.sqrt(3.0)
    assert acerbi_szekely_test(heavy, *limits, confidence=0.975, test="Z1").p_value < 0.01
    assert acerbi_szekely_test(heavy, *limits, confidence=0.975, test="Z2").p_value > 0.05
    # A wider normal has both.
    assert acerbi_szekely_test(1.2 * returns, *limits, confidence=0.975, test="Z1").p_value < 0.05
    assert acerbi_szekely_test(1.2 * returns, *limits, confidence=0.975, test="Z2").p_value < 0.01


def test_everything_in_one_call_is_what_the_tests_say_apart() -> None:
    returns, var, es = series(600)
    limits, shortfalls = np.full(600, var), np.full(600, es)
    limits[:100] = np.nan
    found = backtest_var(returns, limits, shortfalls, confidence=0.975)
    hits = -returns[100:] > var
    assert found.n_obs == 500
    assert found.n_exceedances == hits.sum()
    assert found.expected == pytest.approx(12.5)
    assert found.kupiec == kupiec_test(500, int(hits.sum()), 0.975)
    assert found.independence == christoffersen_test(transitions(hits))
    assert found.traffic_light == basel_traffic_light(int(hits.sum()), 500, 0.975)
    assert found.shortfall == acerbi_szekely_test(returns, limits, shortfalls, confidence=0.975)
    assert backtest_var(returns, limits, confidence=0.975).shortfall is None


def test_bad_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="more exceedances than steps"):
        kupiec_test(10, 11, 0.99)
    with pytest.raises(ConfigError, match="n_obs"):
        kupiec_test(0, 0, 0.99)
    with pytest.raises(ConfigError, match="confidence"):
        kupiec_test(10, 1, 1.0)
    with pytest.raises(DataError, match="exceeded or it did not"):
        transitions([0.0, 0.5, 1.0])
    with pytest.raises(ShapeError, match="too few steps"):
        transitions([True])
    with pytest.raises(ConfigError, match="no transitions"):
        christoffersen_test(Transitions(0, 0, 0, 0))
    with pytest.raises(ShapeError, match="equally long"):
        backtest_var([0.1, 0.2], [0.1], confidence=0.99)
    with pytest.raises(ShapeError, match="no step has a VaR"):
        backtest_var([0.1, 0.2], [math.nan, math.nan], confidence=0.99)
    with pytest.raises(DataError, match="ES above VaR"):
        acerbi_szekely_test([0.1, 0.2], [0.1, 0.1], [0.2, 0.05], confidence=0.99)
    with pytest.raises(ModelError, match="never exceeded"):
        acerbi_szekely_test([0.1, 0.2], [0.1, 0.1], [0.2, 0.2], confidence=0.99, test="Z1")
    with pytest.raises(ConfigError, match="unknown test"):
        acerbi_szekely_test([0.1, 0.2], [0.1, 0.1], [0.2, 0.2], confidence=0.99, test="Z3")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="dof"):
        acerbi_szekely_test([0.1, 0.2], [0.1, 0.1], [0.2, 0.2], confidence=0.99, dof=1.0)
