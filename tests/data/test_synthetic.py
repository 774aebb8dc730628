"""The made-up share: the same for everybody, and made up as it says."""

from typing import Any

import numpy as np
import pytest

from omni_lab.data import synthetic_bars
from omni_lab.errors import ConfigError
from omni_lab.typing import FloatArray

LONGEST = 60_000


@pytest.fixture(scope="module")
def returns() -> FloatArray:
    """Daily log returns of eight shares of 240 years each."""
    closes = [synthetic_bars(n_bars=LONGEST, seed=seed).close()[:, 0] for seed in range(8)]
    return np.diff(np.log(np.array(closes)), axis=1)


def test_the_same_seed_gives_the_same_bars_on_every_machine() -> None:
    golden = "ba5b0ca29b6df150913061ce3bacfc39b71774e9b25d6a365047365a58bd14c2"
    assert synthetic_bars().fingerprint == golden
    assert synthetic_bars(seed=np.int64(7)).fingerprint == golden  # type: ignore[arg-type]


def test_seed_and_name_make_a_difference_and_more_bars_only_add() -> None:
    bars = synthetic_bars(n_bars=50)
    assert synthetic_bars(n_bars=50, seed=8).fingerprint != bars.fingerprint
    assert synthetic_bars("OTHER", n_bars=50).symbols == ("OTHER",)


def test_bars_are_whole_and_in_cents() -> None:
    bars = synthetic_bars()
    opens, high, low, close, volume = (
        np.asarray(column) for column in (bars.open(), bars.high(), bars.low(), bars.close(), bars.volume())
    )
    assert (low <= np.minimum(opens, close)).all()
    assert (high >= np.maximum(opens, close)).all()
    assert (np.round(close, 2) == close).all()
    assert (volume > 0).all()
    assert (volume == np.round(volume)).all()
    assert bars.instruments[0].tick_size == 0.01
    assert bars.off_grid == 0


def test_bars_close_on_weekdays_at_nine_in_the_evening() -> None:
    times = synthetic_bars(n_bars=1260).ts.view("datetime64[ns]")
    assert str(times[0]) == "2019-01-02T21:00:00.000000000"
    dates = times.astype("datetime64[D]")
    assert np.is_busday(dates).all()
    assert np.busday_count(dates[0], dates[-1]) == 1259
    assert (times - dates == np.timedelta64(21, "h")).all()


def test_an_overnight_gap_separates_the_open_from_the_close_before() -> None:
    bars = synthetic_bars()
    gap = np.log(np.asarray(bars.open())[1:, 0] / bars.close()[:-1, 0])
    # One of the 26 steps of a day: 18% a year / √(252 · 26), 0.22%.
    assert gap.std() == pytest.approx(0.18 / np.sqrt(252 * 26), rel=0.1)


def test_the_volatility_is_18_percent_a_year(returns: FloatArray) -> None:
    # The two drifts add their own variance, 0.45² / 252 a year.
    expected = np.sqrt(0.18**2 + 0.45**2 / 252)
    assert returns.std() * np.sqrt(252) == pytest.approx(expected, rel=0.005)  # five standard errors


def test_the_drift_is_45_percent_up_or_down_for_sixty_days_on_average(returns: FloatArray) -> None:
    """Days k apart share a regime and its drift: their covariance is drift² · (1 − 2/60)^k."""

    def covariance(lag: int) -> float:
        return float(np.mean(returns[:, :-lag] * returns[:, lag:]))

    error = returns.var() / np.sqrt(returns.size)
    for lag in (1, 10, 30):
        expected = (0.45 / 252) ** 2 * (1 - 2 / 60) ** lag
        assert covariance(lag) == pytest.approx(expected, abs=4 * error)
        assert covariance(lag) > 4 * error
    assert abs(covariance(500)) < 4 * error
    assert returns.mean() == pytest.approx(0.0, abs=4 * 0.45 / 252 * np.sqrt(60 / returns.size))


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_bars": 0},
        {"n_bars": -5},
        {"n_bars": 2.5},
        {"n_bars": "20"},
        {"n_bars": True},
        {"n_bars": LONGEST + 1},
        {"seed": -1},
        {"seed": 1.5},
        {"symbol": ""},
    ],
)
def test_what_cannot_be_made_is_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ConfigError, match=name):
        synthetic_bars(**wrong)


def test_a_single_bar_can_be_made() -> None:
    assert len(synthetic_bars(n_bars=1)) == 1
