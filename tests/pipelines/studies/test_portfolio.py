"""Weights, risk and orders of a portfolio add up to what the run held and traded."""

from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.errors import ConfigError, DataError
from omni_lab.pipelines.runner import prepare_run
from omni_lab.pipelines.studies import portfolio as study
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig

KNOBS = {"objective": "risk_parity", "estimation_window": 40, "rebalance": "monthly", "gross_exposure": 1.0}


def made_up(n: int = 300, n_symbols: int = 4) -> Bars:
    rng = np.random.default_rng(11)
    common = 0.005 * rng.standard_normal((n, 1))
    own = rng.standard_normal((n, n_symbols)) * np.linspace(0.005, 0.02, n_symbols)
    dates = np.busday_offset(np.datetime64("2020-01-06"), np.arange(n)).astype("datetime64[ns]")
    close = 50.0 * np.exp(np.cumsum(common + own, axis=0))
    return Bars.from_closes(dates + np.timedelta64(20, "h"), close.round(2), symbols=list("ABCD")[:n_symbols])


def run(bars: Bars, **knobs: object) -> BacktestResults:
    config = SimulationConfig(initial_capital=1e6, fill="next_close", commission_rate=0.0002)
    rule = study.make_rule("allocation", {**KNOBS, **knobs})
    return EventSimulator(config, count_trials=False).run_backtest(rule, bars, progress=False)


@pytest.fixture(scope="module")
def bars() -> Bars:
    return made_up()


@pytest.fixture(scope="module")
def results(bars: Bars) -> BacktestResults:
    return run(bars)


def test_weights_and_cash_are_equity(bars: Bars, results: BacktestResults) -> None:
    weights = study.held_weights(results)
    np.testing.assert_allclose(
        weights * results.equity[:, None], results.positions * bars.close(), rtol=1e-12, atol=1e-6
    )
    first = study.first_invested(results)
    assert not weights[:first].any()
    assert weights[first].all()
    table = study.weights_table(results, weights, first)
    assert len(table) == 4 * (bars.n_times - first)
    last = table.tail(4)
    assert last["symbol"].tolist() == ["A", "B", "C", "D"]
    assert last["weight"].tolist() == weights[-1].tolist()


def test_risk_is_shared_out_in_full_and_evenly_by_risk_parity(bars: Bars, results: BacktestResults) -> None:
    weights = study.held_weights(results)[-1]
    risk = study.shared_risk(bars, weights, window=200, confidence=0.975)
    assert risk.es.component.sum() == pytest.approx(risk.es.total)
    assert np.ptp(risk.es.share) < 0.15
    alone = study.shared_risk(bars, np.array([0.0, 0.0, 1.0, 0.0]), window=200, confidence=0.975)
    assert alone.es.share.tolist() == pytest.approx([0.0, 0.0, 1.0, 0.0])
    close = bars.close()[-201:, 2]
    assert alone.es.total == pytest.approx(2.338 * np.std(close[1:] / close[:-1] - 1), rel=0.02)


def test_risk_of_nothing_is_refused(bars: Bars) -> None:
    with pytest.raises(DataError, match="too few days"):
        study.shared_risk(bars, np.zeros(4), window=200, confidence=0.975)


def test_the_last_orders_are_those_fills_that_led_to_the_last_position(results: BacktestResults) -> None:
    orders = study.last_rebalance(results)
    step = int(np.searchsorted(results.ts, orders["ts"].iloc[0].value))
    change = results.positions[step] - results.positions[step - 1]
    signed = orders["qty"] * orders["side"].map({"buy": 1.0, "sell": -1.0})
    assert dict(zip(orders["symbol"], signed, strict=True)) == {
        symbol: qty for symbol, qty in zip("ABCD", change.tolist(), strict=True) if qty
    }
    assert not np.any(results.positions[step:] != results.positions[step])
    assert orders["notional"].abs().is_monotonic_decreasing


def test_spread_counts_equal_positions() -> None:
    assert study.effective_number(np.array([0.25, 0.25, 0.25, 0.25])) == pytest.approx(4.0)
    assert study.effective_number(np.array([0.5, -0.5])) == pytest.approx(2.0)
    assert study.effective_number(np.zeros(3)) == 0.0


def test_equal_weights_do_not_differ_from_themselves(bars: Bars, results: BacktestResults) -> None:
    equal = run(bars, objective="equal_weight")
    first = study.first_invested(equal)
    assert np.isnan(study.difference_t(equal, equal, first))
    told = study.conclusions(
        equal, equal, study.shared_risk(bars, np.full(4, 0.25), window=99, confidence=0.9), first
    )
    assert "cannot be told from luck" in told[1]
    table: Any = study.compare(results, equal, first)
    assert table.loc["annual_volatility", "rule"] < table.loc["annual_volatility", "equal"]


def test_a_rule_that_never_invests_is_refused(bars: Bars) -> None:
    with pytest.raises(DataError, match="hardly ever invested"):
        study.first_invested(run(bars, estimation_window=290))


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"strategy": "momentum"}, "does not weigh instruments.*allocation"),
        ({"strategy": "alocation"}, "alocation"),
        ({"strategy_settings": {"windw": 3}}, "windw"),
        ({"symbols": ["AAPL"]}, "at least two symbols"),
        ({"symbols": ["AAPL", "AAPL"]}, "each once"),
        ({"objective": "sharpe"}, "none of its choices"),
        ({"confidence": 1.0}, "at least 0.5, below 1"),
    ],
    ids=range(7),
)
def test_a_request_that_cannot_be_is_refused_before_a_kernel_starts(
    values: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        prepare_run("portfolio", values=values)
