"""The stationary bootstrap: what it draws, how long its blocks are, and whether its bands hold."""

import math

import numpy as np
import pytest

from omni_lab.errors import ConfigError
from omni_lab.models.resampling import block_length, sample_batches, stationary_rows
from omni_lab.portfolio import performance
from omni_lab.portfolio.bootstrap import metric_bands
from omni_lab.typing import FloatArray


def autoregressive(n: int, rho: float, seed: int) -> FloatArray:
    noise = np.random.default_rng(seed).standard_normal(n)
    for t in range(1, n):
        noise[t] += rho * noise[t - 1]
    return noise


@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.3, 0.8, 0.97])
@pytest.mark.parametrize("n", [30, 301, 2500])
def test_the_block_length_is_that_of_arch(rho: float, n: int) -> None:
    from arch.bootstrap import optimal_block_length

    x = autoregressive(n, rho, seed=n)
    theirs = float(optimal_block_length(x)["stationary"].iloc[0])
    assert block_length(x) == pytest.approx(max(theirs, 1.0), rel=1e-9)


def test_there_is_a_block_length_where_there_is_nothing_to_go_by() -> None:
    assert block_length([]) == block_length([0.1] * 9) == block_length(np.full(100, 0.01)) == 1.0


def test_rows_go_on_within_a_block_and_around_the_end() -> None:
    rows = stationary_rows(50, 8.0, 4000, np.random.default_rng(0))
    assert rows.shape == (4000, 50)
    assert rows.min() == 0
    assert rows.max() == 49
    goes_on = rows[:, 1:] == (rows[:, :-1] + 1) % 50
    # A new block begins with probability 1/8 and happens to go on in one case of fifty.
    assert goes_on.mean() == pytest.approx(1 - 1 / 8 + 1 / 8 / 50, abs=0.003)
    assert np.bincount(rows.ravel(), minlength=50) == pytest.approx(4000, rel=0.06)


def test_blocks_of_one_row_are_the_ordinary_bootstrap() -> None:
    rows = stationary_rows(40, 1.0, 5000, np.random.default_rng(0))
    assert (rows[:, 1:] == (rows[:, :-1] + 1) % 40).mean() == pytest.approx(1 / 40, abs=0.002)


def test_the_variance_of_a_mean_is_that_of_arch() -> None:
    from arch.bootstrap import StationaryBootstrap

    x = autoregressive(400, 0.6, seed=5)
    theirs = StationaryBootstrap(12, x, seed=1).apply(np.mean, 2000).std()
    ours = np.concatenate([x[rows].mean(axis=1) for rows in sample_batches(400, 12.0, 2000, 1)]).std()
    assert ours == pytest.approx(theirs, rel=0.07)


def test_batches_do_not_change_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(sample_batches(100, 5.0, 30, 3)))
    assert whole.shape == (30, 100)
    monkeypatch.setattr("omni_lab.models.resampling._CELLS", 1000)
    parts = list(sample_batches(100, 5.0, 30, 3))
    assert [len(part) for part in parts] == [10, 10, 10]
    assert np.concatenate(list(sample_batches(100, 5.0, 30, 3))).tolist() == np.concatenate(parts).tolist()


def test_the_estimates_are_the_metrics_of_the_backtest() -> None:
    returns = 0.01 * np.random.default_rng(1).standard_normal(500)
    equity = 100.0 * np.cumprod(1.0 + returns)
    ts = np.arange(500) * 86_400 * 10**9
    metrics = performance.summarize(
        equity, ts, initial_capital=100.0, risk_free_rate=0.02, periods_per_year=252
    )
    bands = metric_bands(returns, 252, risk_free_rate=0.02, n_samples=50)
    assert len(bands) == 7
    for name, band in bands.items():
        assert band.estimate == pytest.approx(metrics[name], rel=1e-9)
        assert band.low < band.high


def test_the_band_of_a_sharpe_ratio_agrees_with_its_standard_error() -> None:
    from omni_lab.portfolio.significance import sharpe_error

    returns = 0.0005 + 0.01 * np.random.default_rng(2).standard_normal(2000)
    band = metric_bands(returns, 252, n_samples=2000, length=1.0)["sharpe_ratio"]
    expected = sharpe_error(band.estimate / math.sqrt(252), 2000) * math.sqrt(252)
    assert band.error == pytest.approx(expected, rel=0.06)
    assert band.high - band.low == pytest.approx(2 * 1.96 * expected, rel=0.08)


def test_nine_bands_of_ten_hold_the_truth() -> None:
    rng = np.random.default_rng(4)
    held = 0
    for trial in range(200):
        returns = 0.001 + 0.01 * rng.standard_normal(250)
        band = metric_bands(returns, 252, confidence=0.9, n_samples=200, length=1.0, seed=trial)
        held += band["sharpe_ratio"].low < 0.1 * math.sqrt(252) < band["sharpe_ratio"].high
    assert 0.84 < held / 200 < 0.95


def test_the_same_seed_gives_the_same_bands() -> None:
    returns = 0.01 * np.random.default_rng(1).standard_normal(300)
    first, again, other = (metric_bands(returns, 252, n_samples=40, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_no_band_without_returns_or_after_ruin() -> None:
    assert metric_bands([], 252) == metric_bands([0.1], 252) == metric_bands([0.1, -1.0, np.nan], 252) == {}


def test_a_metric_that_some_samples_lack_has_no_band() -> None:
    band = metric_bands([0.0] * 40 + [0.01], 252, n_samples=100)["sharpe_ratio"]
    assert band.estimate > 0
    assert math.isnan(band.low)
    assert math.isnan(band.error)


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ConfigError, match="a block has rows"):
        metric_bands([0.1, 0.2], 252, length=0.5)
    with pytest.raises(ConfigError, match="no sample"):
        metric_bands([0.1, 0.2], 252, n_samples=0)
    with pytest.raises(ConfigError, match="not a confidence"):
        metric_bands([0.1, 0.2], 252, confidence=0.4)
