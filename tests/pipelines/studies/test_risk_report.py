"""A portfolio comes from weights or from what a run left, and the report says what its numbers do."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omni_lab.errors import ConfigError, DataError, ModelError
from omni_lab.pipelines import run_pipeline
from omni_lab.pipelines.form import form_of
from omni_lab.pipelines.studies import risk_report as study
from omni_lab.pipelines.studies.holdings import Portfolio, last_weights, numbers_by_symbol, portfolio_of
from omni_lab.store import DuckDBStore
from tests.pipelines.conftest import WriteNotebook

LEAVING = """
import pandas as pd
days = pd.date_range("2020-01-01", periods=4, tz="UTC")
pd.DataFrame({"ts": days, "equity": [100.0, 110.0, 99.0, 99.0]}).to_parquet(f"{run_dir}/equity.parquet")
"""


def portfolio(n: int = 600, seed: int = 1) -> Portfolio:
    """Two shares that fall together now and then."""
    rng = np.random.default_rng(seed)
    common = 0.01 * rng.standard_t(4, n)
    returns = np.column_stack([common + 0.01 * rng.standard_normal(n) for _ in range(2)])
    ts = np.datetime64("2018-01-01", "ns").astype(np.int64) + np.arange(n) * 86_400 * 10**9
    return Portfolio(names=("A", "B"), weights=np.array([0.75, 0.25]), ts=ts, returns=returns, origin="test")


def test_the_newest_weights_are_taken_from_wide_and_from_long_tables() -> None:
    wide = pd.DataFrame(
        {"ts": [1, 2], "A": [0.5, 0.25], "B": [0.5, 0.0], "C": [0.0, -0.5], "cash": [0.0, 1.25]}
    )
    assert last_weights(wide) == {"A": 0.25, "C": -0.5}
    assert last_weights(wide.set_index("ts")) == {"A": 0.25, "C": -0.5}
    long = pd.DataFrame({"ts": [2, 1, 2], "symbol": ["B", "A", "A"], "weight": [0.5, 0.1, 0.25]})
    assert last_weights(long) == {"B": 0.5, "A": 0.25}


def test_an_account_that_holds_nothing_has_no_weights() -> None:
    for frame in (pd.DataFrame({"A": [0.0]}), pd.DataFrame({"A": []}), pd.DataFrame({"A": [np.nan]})):
        with pytest.raises(DataError, match="nothing is held"):
            last_weights(frame)


@pytest.mark.parametrize("given", [{}, {"A": 0.0}, {"A": "half"}, {"A": True}, {"A": np.inf}, {"A": np.nan}])
def test_weights_that_are_none_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="mapped to numbers"):
        numbers_by_symbol(given)


def test_what_a_run_left_is_found_through_its_record(write_notebook: WriteNotebook) -> None:
    write_notebook("leaves", LEAVING)
    write_notebook("empty", "print(1)")
    store = DuckDBStore()
    left = run_pipeline("leaves", progress=False)
    book = portfolio_of(store, weights={}, run=left.run_id)
    np.testing.assert_allclose(book.profits, [0.1, -0.1, 0.0])
    assert book.names == ("equity",)
    assert left.run_id in book.origin
    later = portfolio_of(store, weights={}, run=left.run_id, start="2020-01-02")
    np.testing.assert_allclose(later.profits, [-0.1, 0.0])
    assert book.fingerprint != later.fingerprint
    with pytest.raises(DataError, match="neither weights nor equity"):
        portfolio_of(store, weights={}, run=run_pipeline("empty", progress=False).run_id)
    with pytest.raises(ConfigError, match="no run"):
        portfolio_of(store, weights={}, run="nobody")
    (left.folder.path / "weights.parquet").write_text("no parquet")
    with pytest.raises(DataError, match=r"weights\.parquet"):
        portfolio_of(store, weights={}, run=left.run_id)


def test_positions_without_days_in_common_are_refused(project: Path) -> None:
    with pytest.raises(DataError):
        portfolio_of(DuckDBStore(), weights={"AAPL": 1.0}, start="2050-01-01")


def test_a_method_that_refuses_is_left_out_and_said_so() -> None:
    profits = portfolio(seed=1).profits.copy()
    profits[5] = -3.0  # so much kurtosis that the expansion has no quantiles
    risks, refusals = study.measured(profits, ["historical", "cornish_fisher"], confidence=0.99)
    assert list(risks) == ["historical"]
    assert "Cornish-Fisher was left out" in refusals[0]
    with pytest.raises(ModelError):
        study.measured(profits, ["cornish_fisher"], confidence=0.99)


def test_each_answer_rests_on_the_days_before_it_alone() -> None:
    profits = portfolio().profits
    changed = np.concatenate([profits[:400], 10.0 * profits[400:]])
    one, other = (
        study.judged(each, ["historical"], window=200, refit_every=50, confidence=0.95)["historical"][0]
        for each in (profits, changed)
    )
    np.testing.assert_array_equal(one.var[:401], other.var[:401])
    assert not np.array_equal(one.var[401:], other.var[401:])
    with pytest.raises(DataError, match="too few steps"):
        study.judged(profits[:200], ["historical"], window=200, refit_every=50, confidence=0.95)


def test_fears_about_what_is_not_held_are_left_out() -> None:
    book = portfolio()
    fears = {"A −30%": {"A": -0.3}, "elsewhere": {"Z": -0.5}}
    scenarios = study.stressed(book, fears)
    assert "A −30%" in scenarios.names
    assert "elsewhere" not in scenarios.names
    assert scenarios.returns[scenarios.names.index("A −30%"), 0] == pytest.approx(-0.3)
    for wrong in ({"A −30%": -0.3}, {"A −30%": {"A": "much"}}):
        with pytest.raises(ConfigError):
            study.stressed(book, wrong)


def test_sentences_and_numbers_say_the_same() -> None:
    from omni_lab.risk import historical_components

    book = portfolio()
    risks, _ = study.measured(book.profits, ["historical", "normal"], confidence=0.99)
    tests = study.judged(book.profits, ["normal"], window=300, refit_every=50, confidence=0.99)
    components = historical_components(book.weights, book.returns, confidence=0.99)
    scenarios = study.stressed(book, {"A −30%": {"A": -0.3}})
    found = study.metrics(risks, tests, scenarios, book)
    said = " ".join(study.conclusions(risks, tests, components, book, scenarios, None))
    assert f"{100 * max(found['es_historical'], found['es_normal']):.2f}%" in said
    assert "A is 75% of the positions" in said
    assert found["gross"] == 1.0
    kept = tests["normal"][1].conditional_coverage.p_value > 0.05
    assert ("kept the promise" in said) == kept
    assert ("broke the promise" in said) == (not kept)
    assert f"The worst of the scenarios is A −30% with −{100 * -found['scenario_A −30%']:.1f}%" in said
    frame = study.measure_frame(risks, tests)
    assert frame["method"].tolist() == ["historical", "normal"]
    assert np.isnan(frame["n_exceedances"][0])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"methods": []}, "at least one"),
        ({"tested": ["normal", "normal"]}, "none twice"),
        ({"window": 2500}, "smaller than test_days"),
        ({"weights": {}}, "weights are empty"),
        ({"confidence": 0.5}, "at least 0.9"),
        ({"methods": ["magic"]}, "historical"),
    ],
)
def test_the_form_refuses(values: dict[str, object], said: str) -> None:
    described = form_of("risk_report")
    assert described is not None
    with pytest.raises(ConfigError, match=said):
        described.check(values)
