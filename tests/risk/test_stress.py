"""Scenarios: dates of the crises on real prices, missing data, conditional expectations, tables."""

import math

import numpy as np
import pytest

from omni_lab.data.sources import get_source
from omni_lab.errors import ConfigError, DataError, ModelError, ShapeError
from omni_lab.risk import (
    CRISES,
    Crisis,
    factor_scenarios,
    fit_factor_model,
    historical_scenarios,
    propagate_shock,
    shock_scenarios,
)

DAYS = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]").astype("datetime64[ns]")


def test_the_crises_are_falls_from_a_peak_to_a_trough() -> None:
    """On the S&P 500 of skfolio (1990 to 2022) and of arch (1999 to 2018)."""
    for source, symbol, n_covered in (("skfolio", "SP500", 8), ("arch", "SPX", 5)):
        compared = 0
        bars = get_source(source).load([symbol])
        close = bars["close"].to_numpy()
        days = bars["ts"].dt.tz_localize(None).to_numpy().astype("datetime64[D]")
        for crisis in CRISES.values():
            start, end = np.datetime64(crisis.start), np.datetime64(crisis.end)
            if not days[0] <= start < end <= days[-1]:
                continue
            compared += 1
            inside = (days >= start) & (days <= end)
            assert days[inside][np.argmax(close[inside])] == start
            assert days[inside][np.argmin(close[inside])] == end
            year = (days >= start - np.timedelta64(180, "D")) & (days <= start)
            assert close[year].max() == close[days == start][0]
        assert compared == n_covered


def test_history_compounds_the_steps_after_the_start() -> None:
    returns = np.full((60, 2), 0.01)
    returns[:, 1] = -0.02
    windows = {"ten days": Crisis("2020-01-10", "2020-01-20", "")}
    found = historical_scenarios(DAYS, returns, ["a", "b"], windows)
    assert found.returns[0] == pytest.approx([1.01**10 - 1.0, 0.98**10 - 1.0])
    assert found.notes == ("",)
    same = historical_scenarios(DAYS.astype(np.int64) + 75_600_000_000_000, returns, ["a", "b"], windows)
    assert same.returns.tolist() == found.returns.tolist()


def test_a_window_without_data_says_so() -> None:
    returns = np.full((60, 2), 0.01)
    returns[20, 1] = np.nan
    windows = {
        "before": Crisis("1987-08-25", "1987-12-04", ""),
        "part": Crisis("2020-02-19", "2020-03-23", ""),
        "gap": Crisis("2020-01-10", "2020-01-30", ""),
    }
    found = historical_scenarios(DAYS, returns, ["a", "b"], windows)
    assert found.notes == (
        "no data",
        "data only from 2020-01-01 to 2020-02-29",
        "no returns of b on some days",
    )
    assert np.isnan(found.returns).tolist() == [[True, True], [True, True], [False, True]]
    table = found.table([100.0, 0.0])  # nothing of b is held, so its gap does not matter
    assert np.isnan(table["total"]).tolist() == [True, True, False]
    assert math.isnan(found.table([100.0, 50.0])["total"]["gap"])


def test_a_shock_spreads_as_the_conditional_expectation_of_a_normal() -> None:
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(4, 4))
    covariance = mix @ mix.T
    names = ["a", "b", "c", "d"]
    found = propagate_shock({"c": -0.2, "a": 0.1}, covariance, names)
    assert found[[0, 2]].tolist() == [0.1, -0.2]
    # Of a million draws, a regression of the others on the shocked ones says the same.
    draws = rng.multivariate_normal(np.zeros(4), covariance, 1_000_000)
    slopes = np.linalg.lstsq(draws[:, [0, 2]], draws[:, [1, 3]], rcond=None)[0]
    assert found[[1, 3]] == pytest.approx(np.array([0.1, -0.2]) @ slopes, abs=2e-3)
    one = propagate_shock({"a": 0.1}, covariance, names)
    assert one[1] == pytest.approx(0.1 * covariance[0, 1] / covariance[0, 0])  # its beta


def test_tables_hold_profit_by_position() -> None:
    covariance = np.array([[4.0, 2.0], [2.0, 9.0]])
    found = shock_scenarios({"fall": {"x": -0.1}, "rise": {"x": 0.2, "y": 0.0}}, covariance, ["x", "y"])
    assert found.returns == pytest.approx(np.array([[-0.1, -0.05], [0.2, 0.0]]))
    table = found.table([1000.0, -400.0])
    assert list(table.columns) == ["x", "y", "total", "note"]
    assert [table[column]["fall"] for column in ("x", "y", "total")] == pytest.approx([-100.0, 20.0, -80.0])
    assert table.loc["rise", "total"] == pytest.approx(200.0)
    both = found.join(shock_scenarios({"flat": {"y": 0.0}}, covariance, ["x", "y"]))
    assert both.names == ("fall", "rise", "flat")
    assert both.pnl([1.0, 1.0]).shape == (3, 2)
    with pytest.raises(ConfigError, match="twice"):
        found.join(found)
    with pytest.raises(ShapeError, match="other assets"):
        found.join(shock_scenarios({"z": {"y": 0.0}}, covariance, ["y", "x"]))


def test_factors_move_the_assets_through_their_exposures() -> None:
    rng = np.random.default_rng(1)
    f = rng.normal(0.0, 0.01, (500, 2))
    r = f @ np.array([[1.0, 0.5], [0.0, 2.0]]) + rng.normal(0.0, 1e-3, (500, 2))
    model = fit_factor_model(r, f)
    found = factor_scenarios({"crash": {"market": -0.2}}, model, ["market", "rates"], ["a", "b"])
    rates = -0.2 * model.factor_covariance[1, 0] / model.factor_covariance[0, 0]
    assert found.returns[0] == pytest.approx(model.exposures @ [-0.2, rates])
    with pytest.raises(ShapeError, match="has a name"):
        factor_scenarios({"crash": {"market": -0.2}}, model, ["market", "rates"], ["a"])


def test_odd_scenarios_are_refused() -> None:
    covariance = np.array([[1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(ConfigError, match="Did you mean 'market'"):
        propagate_shock({"markt": -0.1}, covariance, ["market", "rates"])
    with pytest.raises(ConfigError, match="nothing is shocked"):
        propagate_shock({}, covariance, ["a", "b"])
    with pytest.raises(ModelError, match="only together"):
        propagate_shock({"a": 0.1, "b": -0.1}, covariance, ["a", "b"])
    with pytest.raises(ModelError, match="never move"):
        propagate_shock({"a": 0.1}, np.diag([0.0, 1.0]), ["a", "b"])
    with pytest.raises(DataError, match="missing"):
        propagate_shock({"a": math.nan}, covariance, ["a", "b"])
    returns = np.zeros((60, 1))
    for window in (Crisis("yesterday", "2020-01-02", ""), Crisis("2020-01-02", "2020-01-02", "")):
        with pytest.raises(ConfigError, match=r"not a date|ends before"):
            historical_scenarios(DAYS, returns, ["a"], {"w": window})
    with pytest.raises(ShapeError, match="a row a step"):
        historical_scenarios(DAYS, returns[1:], ["a"])
    with pytest.raises(DataError, match="must not fall"):
        historical_scenarios(DAYS[::-1], returns, ["a"])
