"""Tests of cointegration: against statsmodels, published tables, and series made to be what they are."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from statsmodels.tsa.coint_tables import c_sjt
from statsmodels.tsa.stattools import adfuller, coint
from statsmodels.tsa.vector_ar.vecm import coint_johansen

from omni_lab.errors import ConfigError, ModelError, ShapeError
from omni_lab.models.baskets import select_baskets
from omni_lab.models.cointegration import (
    adf_p_value,
    corrected,
    engle_granger,
    half_life,
    johansen,
    trace_p_value,
)
from omni_lab.typing import FloatArray


def family(n_times: int = 400, *, seed: int = 0) -> FloatArray:
    """Six walks: the second follows the first times two, the last is the sum of the third and the fourth."""
    rng = np.random.default_rng(seed)
    walks = np.cumsum(rng.standard_normal((n_times, 6)), axis=0)
    noise = 0.5 * rng.standard_normal((n_times, 2))
    walks[:, 1] = 3.0 + 2.0 * walks[:, 0] + noise[:, 0]
    walks[:, 5] = walks[:, 2] + walks[:, 3] + noise[:, 1]
    return walks


@pytest.mark.parametrize("lags", [0, 1, 3])
@pytest.mark.parametrize("columns", [(0, 1), (2, 4), (2, 3, 5), (0, 2, 3)])
def test_engle_granger_is_the_best_of_statsmodels_directions(columns: tuple[int, ...], lags: int) -> None:
    values = family()[:, list(columns)]
    theirs = [
        coint(values[:, leg], np.delete(values, leg, axis=1), maxlag=lags, autolag=None)[:2]
        for leg in range(len(columns))
    ]
    statistic, p_value = min(theirs)
    ours = engle_granger(values, lags=lags)
    assert ours.statistic == pytest.approx(statistic, rel=1e-8)
    assert ours.p_value == pytest.approx(min(1.0, len(columns) * p_value), rel=1e-6)


def test_both_tests_find_the_combination() -> None:
    for test in (engle_granger, johansen):
        pair, three = test(family()[:, [0, 1]]), test(family()[:, [2, 3, 5]])
        assert pair.vector == pytest.approx([1.0, -0.5], rel=0.02)
        assert pair.intercept == pytest.approx(-1.5, abs=0.1)
        assert three.vector == pytest.approx([1.0, 1.0, -1.0], rel=0.05)
        assert max(pair.p_value, three.p_value) < 1e-4
        assert test(family()[:, [0, 4]]).p_value > 0.05
        assert pair.spread(family()[:, [0, 1]]).mean() == pytest.approx(0.0, abs=1e-9)
        assert pair.scale == pytest.approx(pair.spread(family()[:, [0, 1]]).std(ddof=1))


def test_the_trace_is_that_of_statsmodels() -> None:
    values = family()[:, [2, 3, 5]]
    assert johansen(values, lags=2).statistic == pytest.approx(coint_johansen(values, 0, 2).lr1[0])


@pytest.mark.parametrize("n_legs", range(1, 13))
def test_trace_p_values_agree_with_the_published_critical_values(n_legs: int) -> None:
    """MacKinnon, Haug and Michelis (1999), as statsmodels has them, at 10, 5 and 1 per cent."""
    ours = [trace_p_value(critical, n_legs) for critical in c_sjt(n_legs, 0)]
    assert ours == pytest.approx([0.10, 0.05, 0.01], rel=0.13)
    assert trace_p_value(0.0, n_legs) == 1.0


@pytest.mark.parametrize("test", [engle_granger, johansen])
def test_independent_walks_pass_as_often_as_the_level_says(test: Any) -> None:
    rng = np.random.default_rng(5)
    walks = np.cumsum(0.5 + rng.standard_normal((300, 200, 2)), axis=1)
    rate = np.mean([test(walk).p_value <= 0.1 for walk in walks])
    # Two directions, each at half the level, are correlated: fewer than the level, never far more.
    assert 0.02 < rate < 0.15


def test_adf_is_that_of_statsmodels() -> None:
    series = family()[:, 1] - 2.0 * family()[:, 0]
    for values in (series, family()[:, 4]):
        theirs = adfuller(values, maxlag=2, autolag=None, result_object=True).pvalue
        assert adf_p_value(values, lags=2) == pytest.approx(theirs, rel=1e-12)
    assert adf_p_value(np.ones(50)) == 1.0


def test_half_life_of_a_decay_is_its_own() -> None:
    # No noise, no mean: s halves in five steps, in both directions from zero.
    decay = 0.5 ** (np.arange(200) / 5.0)
    assert half_life(np.concatenate([decay, -decay])) == pytest.approx(5.0, rel=0.1)
    rng = np.random.default_rng(0)
    series = np.zeros(50_000)
    for t, shock in enumerate(rng.standard_normal(49_999)):
        series[t + 1] = 0.9 * series[t] + shock
    assert half_life(series) == pytest.approx(math.log(2) / -math.log(0.9), rel=0.05)
    assert half_life(np.arange(50.0) ** 2) == math.inf
    assert half_life(np.ones(50)) == math.inf
    assert half_life(np.tile([1.0, -1.0], 25)) == 0.0


def test_corrections_are_those_of_the_textbook() -> None:
    p = [0.01, 0.04, 0.03, 0.005]
    assert corrected(p, "none").tolist() == p
    assert corrected(p, "bonferroni") == pytest.approx([0.04, 0.16, 0.12, 0.02])
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, made monotone.
    assert corrected(p, "holm") == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert corrected(p, "benjamini_hochberg") == pytest.approx([0.02, 0.04, 0.04, 0.02])
    harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
    expected = [0.02 * harmonic, 0.04 * harmonic, 0.04 * harmonic, 0.02 * harmonic]
    assert corrected(p, "benjamini_yekutieli") == pytest.approx(expected)
    assert len(corrected([], "holm")) == 0
    with pytest.raises(ConfigError, match="Did you mean 'holm'"):
        corrected(p, "hom")  # type: ignore[arg-type]


def test_what_cannot_be_tested_is_refused() -> None:
    values = family()
    with pytest.raises(ShapeError, match="two series or more"):
        engle_granger(values[:, :1])
    with pytest.raises(ShapeError, match=r"n_times >= 16"):
        johansen(values[:15, :2])
    with pytest.raises(ModelError, match="a price is missing"):
        engle_granger(np.where(np.arange(400)[:, None] == 7, np.nan, values))
    for test in (engle_granger, johansen):
        with pytest.raises(ModelError, match="told apart"):
            test(np.column_stack([values[:, 0], values[:, 0]]))


# ---- Selection ---------------------------------------------------------------------------------


def test_the_true_pair_is_found_among_all_and_all_are_counted() -> None:
    found = select_baskets(family(), half_lives=(0.0, 50.0))
    assert [basket.columns for basket in found.baskets] == [(0, 1)]
    assert found.n_tested == 15
    assert found.baskets[0].adjusted_p_value == pytest.approx(min(1.0, 15 * found.baskets[0].fit.p_value))


def test_a_basket_of_three_is_found_by_johansen() -> None:
    found = select_baskets(
        family(), size=3, test="johansen", half_lives=(0.0, 50.0), most=1, significance=0.01
    )
    assert found.n_tested == len(list(itertools.combinations(range(6), 3)))
    assert found.n_significant > 1  # every three that hold the pair pass as well
    only = select_baskets(family(), candidates=[(2, 3, 5), (2, 3, 4)], test="johansen", half_lives=(0.0, 9.0))
    assert [basket.columns for basket in only.baskets] == [(2, 3, 5)]
    assert only.n_tested == 2


def test_the_correction_costs_what_it_should() -> None:
    walks = np.cumsum(np.random.default_rng(8).standard_normal((300, 16)), axis=0)
    loose, strict = (select_baskets(walks, correction=c).n_significant for c in ("none", "holm"))
    assert loose > 0
    assert strict == 0


def test_bounds_and_gaps_and_sharing_are_minded() -> None:
    values = np.column_stack([family(), 3.0 * family()[:, 0] + np.random.default_rng(1).standard_normal(400)])
    loose = select_baskets(values, half_lives=(0.0, 50.0), disjoint=False)
    assert len(loose.baskets) == 3  # columns 0, 1 and 6 follow one another
    assert len(select_baskets(values, half_lives=(0.0, 50.0)).baskets) == 1
    assert len(select_baskets(values, half_lives=(0.0, 50.0), disjoint=False, most=2).baskets) == 2
    assert select_baskets(values, half_lives=(20.0, 50.0)).baskets == ()
    values[100, 0] = np.nan
    values[:, 2] = 5.0
    holed = select_baskets(values, half_lives=(0.0, 50.0))
    assert holed.n_tested == 10
    assert [basket.columns for basket in holed.baskets] == [(1, 6)]
    with pytest.raises(ConfigError, match="unknown test"):
        select_baskets(values, test="eyes")  # type: ignore[arg-type]
