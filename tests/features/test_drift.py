"""Drift against sums done by hand, against SciPy, and against laws that any measure of drift obeys."""

import math

import numpy as np
import pytest
from scipy import stats

from omni_lab.errors import ConfigError, DataError
from omni_lab.features.drift import drift

RNG = np.random.default_rng(5)


def test_the_index_is_the_sum_over_the_bins() -> None:
    # Two bins with the median as their edge: half of the reference on each side, a quarter of the recent.
    found = drift(np.arange(10.0), np.array([0.0, 1.0, *range(5, 11)]), n_bins=2)
    assert found.edges.tolist() == [-np.inf, 4.5, np.inf]
    assert found.reference.tolist() == [0.5, 0.5]
    assert found.recent.tolist() == [0.25, 0.75]
    assert found.psi == pytest.approx(0.25 * math.log(1.5) - 0.25 * math.log(0.5))
    assert found.verdict == "moved"


def test_an_empty_bin_counts_as_half_a_value() -> None:
    found = drift(np.arange(8.0), np.full(8, 100.0), n_bins=2)
    p, q = np.array([0.5, 0.5]), np.array([0.5 / 8, 1.0])
    assert found.psi == pytest.approx(float(np.sum((q - p) * np.log(q / p))))


def test_the_same_sample_has_not_moved() -> None:
    values = RNG.normal(size=500)
    found = drift(values, values)
    assert (found.psi, found.ks, found.shift, found.verdict) == (0.0, 0.0, 0.0, "stable")


def test_distance_and_probability_are_scipys() -> None:
    old, new = RNG.normal(size=300), RNG.normal(0.4, 1.0, size=120)
    found = drift(np.append(old, [np.nan, np.inf]), new)
    expected = stats.ks_2samp(old, new)
    assert (found.ks, found.p_value) == (expected.statistic, expected.pvalue)
    assert found.n_reference == 300
    assert found.shift == pytest.approx((np.median(new) - np.median(old)) / old.std(ddof=1))


def test_units_do_not_matter() -> None:
    old, new = RNG.normal(size=400), RNG.normal(0.3, 1.3, size=200)
    one, other = drift(old, new), drift(3.0 + 7.0 * old, 3.0 + 7.0 * new)
    assert (one.psi, one.ks) == pytest.approx((other.psi, other.ks), rel=1e-12)


def test_the_index_of_a_shifted_normal_comes_to_its_closed_form() -> None:
    """Between two normals of unit variance it tends to the symmetric divergence, the squared shift."""
    old, new = RNG.normal(size=400_000), RNG.normal(0.5, 1.0, size=400_000)
    assert drift(old, new, n_bins=400).psi == pytest.approx(0.25, rel=0.05)


def test_a_constant_that_changes_has_moved_and_has_no_scale() -> None:
    found = drift(np.ones(20), np.full(20, 2.0))
    assert found.verdict == "moved"
    assert math.isnan(found.shift)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(DataError, match="recent"):
        drift(np.arange(20.0), np.full(20, np.nan))
    with pytest.raises(ConfigError, match="n_bins"):
        drift(np.arange(20.0), np.arange(20.0), n_bins=1)
