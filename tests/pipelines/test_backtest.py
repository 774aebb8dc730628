"""The sentences of the report say what the numbers say; and the whole pipeline, end to end."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.data import Bars
from omni_lab.data.synthetic import synthetic_bars
from omni_lab.domain import Instrument
from omni_lab.errors import ConfigError, SourceError, UnknownSymbolError
from omni_lab.pipelines import run_pipeline
from omni_lab.pipelines.catalog import find_pipeline, list_parameter_files, list_pipelines
from omni_lab.pipelines.prices import caveats, ensure_ingested, load_bars, origin
from omni_lab.pipelines.runner import prepare_run
from omni_lab.pipelines.studies import backtest as study
from omni_lab.pipelines.summary import format_run, format_runs
from omni_lab.simulator import EventSimulator, SimulationConfig
from omni_lab.simulator.cost_sensitivity import scaled
from omni_lab.store import DuckDBStore

ROOT = Path(__file__).parents[2]
COSTLY = SimulationConfig(commission_rate=0.001, slippage_bps=5.0)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own pipelines, with an empty data directory."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


def closes(*prices: float) -> Bars:
    days = np.datetime64("2020-01-01T21", "ns") + np.arange(len(prices)) * np.timedelta64(1, "D")
    return Bars.from_closes(days, np.array(prices), symbol="X")


# --- the parts ------------------------------------------------------------------------------------


def test_bars_are_described_by_what_a_person_would_look_at() -> None:
    days = np.array(["2020-01-01T21", "2020-01-02T21", "2020-01-09T21"], dtype="datetime64[ns]")
    bars = Bars.from_closes(days, np.array([100.0, 90.0, 99.0]), symbol="X")
    assert study.describe_bars(bars) == {
        "bars": "3 of closes only",
        "first": "2020-01-01",
        "last": "2020-01-09",
        "longest gap": "7.0 days, from 2020-01-02",
        "largest fall": "−10.0% on 2020-01-02",
        "largest rise": "+10.0% on 2020-01-09",
        "unchanged closes": "0",
        "bars without volume": "not known",
        "prices off their grid": "0",
    }


def test_holding_buys_once_and_keeps() -> None:
    results = study.buy_and_hold(
        EventSimulator(SimulationConfig(fill="this_close")), closes(100.0, 110.0, 120.0)
    )
    assert results["n_fills"] == 1
    assert results["total_return"] == pytest.approx(0.2)


def test_costs_only_ever_take() -> None:
    bars, rule = synthetic_bars(), study.make_strategy("momentum", {"entry_threshold": 1.0})
    points = study.cost_sensitivity(lambda config: EventSimulator(config).run_backtest(rule, bars), COSTLY)
    assert [point.multiple for point in points] == [0.0, 1.0, 2.0, 5.0]
    assert points[0].costs_paid == 0.0
    returns = [point.total_return for point in points]
    assert returns == sorted(returns, reverse=True)
    assert list(study.cost_table(points).index) == ["0×", "1×", "2×", "5×"]


def test_the_strategy_is_found_by_name() -> None:
    assert study.make_strategy("momentum", {"lookback_period": 5}).parameters["lookback_period"] == 5
    with pytest.raises(ConfigError, match="'momentum'"):
        study.make_strategy("momentun", {})
    with pytest.raises(ConfigError, match="lookback_period"):
        study.make_strategy("momentum", {"lookback": 5})


def point(multiple: float, total_return: float) -> study.CostPoint:
    return study.CostPoint(
        multiple=multiple, total_return=total_return, sharpe_ratio=total_return, costs_paid=100.0 * multiple
    )


@pytest.mark.parametrize(
    ("returns", "verdict"),
    [
        ((0.3, 0.2, 0.1, 0.05), "at 5 times the costs assumed it still makes money"),
        ((0.3, 0.2, 0.1, -0.2), "breaks even at about 3.0 times the costs assumed"),
        ((0.1, -0.1, -0.3, -0.5), "breaks even at about 0.5 times the costs assumed"),
        ((-0.1, -0.2, -0.3, -0.5), "loses even when trading is free"),
    ],
)
def test_the_break_even_is_where_the_return_crosses_zero(returns: tuple[float, ...], verdict: str) -> None:
    (sentence,) = study._costs([point(m, r) for m, r in zip(study.COST_MULTIPLES, returns, strict=True)])
    assert verdict in sentence


def test_without_costs_nothing_is_said_of_them() -> None:
    free = [
        study.CostPoint(multiple=m, total_return=0.1, sharpe_ratio=1.0, costs_paid=0.0) for m in (0.0, 1.0)
    ]
    assert study._costs(free) == []


def test_the_trade_table_shows_the_best_and_the_worst() -> None:
    bars = synthetic_bars()
    results = EventSimulator(COSTLY).run_backtest(
        study.make_strategy("momentum", {"entry_threshold": 1.0}), bars
    )
    assert results["n_trades"] > 4
    table = study.trade_table(results, n_each=2)
    gains = [float(text.replace("−", "-").replace(",", "")) for text in table["gain"]]
    pnl = np.sort(results.trades["pnl"])[::-1]
    assert gains == [round(value) for value in pnl[[0, 1, -2, -1]]]
    assert len(study.trade_table(results, n_each=1000)) == results["n_trades"]


def test_conclusions_agree_with_the_metrics() -> None:
    bars, simulator = synthetic_bars(), EventSimulator(COSTLY)
    results = simulator.run_backtest(study.make_strategy("momentum", {"entry_threshold": 1.0}), bars)
    holding = study.buy_and_hold(simulator, bars)
    text = " ".join(study.conclusions(results, holding))
    better = results["sharpe_ratio"] > holding["sharpe_ratio"]
    assert f"Per unit of risk that is {'better' if better else 'no better'}" in text
    told = abs(results["sharpe_ratio"]) > 2 * study.sharpe_error(results)
    assert ("cannot be told from zero" in text) is not told
    assert f"{results['n_trades']:.0f} trades were closed" in text


def test_conclusions_know_how_many_trials_there_were() -> None:
    bars, simulator = synthetic_bars(), EventSimulator(COSTLY)
    for entry in (0.5, 1.0, 1.5):
        results = simulator.run_backtest(study.make_strategy("momentum", {"entry_threshold": entry}), bars)
    luck = results.significance(n_samples=0)
    assert luck.n_trials >= 3
    text = " ".join(study.conclusions(results, study.buy_and_hold(simulator, bars), luck=luck))
    assert f"The best of {luck.n_trials:.0f} trials without merit" in text
    assert "standard error" not in text


def test_a_strategy_that_never_trades_gets_one_sentence() -> None:
    bars, simulator = synthetic_bars(), EventSimulator(COSTLY)
    results = simulator.run_backtest(study.make_strategy("momentum", {"entry_threshold": 50.0}), bars)
    assert study.conclusions(results, study.buy_and_hold(simulator, bars)) == [
        "The strategy never traded: the run says only that its thresholds were never reached."
    ]
    assert study.headline(results.metrics)["Trades"] == "0"


def test_closes_alone_are_a_caution() -> None:
    results = study.buy_and_hold(
        EventSimulator(SimulationConfig(fill="next_close")), closes(100.0, 110.0, 120.0)
    )
    assert any("Only closes are known" in sentence for sentence in study.cautions(results))


def test_the_standard_error_of_a_sharpe_ratio_is_los() -> None:
    bars, simulator = synthetic_bars(n_bars=504), EventSimulator()
    results = study.buy_and_hold(simulator, bars)
    root = np.sqrt(results["periods_per_year"])
    per_step = results["sharpe_ratio"] / root
    assert study.sharpe_error(results) == pytest.approx(np.sqrt((1 + per_step**2 / 2) / 504) * root)


def test_the_luckiest_of_many_is_the_mean_largest_of_many_normals() -> None:
    drawn = np.random.default_rng(7).standard_normal((20_000, 28)).max(axis=1).mean()
    assert study.luckiest_of(28, 1.0) == pytest.approx(drawn, rel=0.02)
    assert study.luckiest_of(28, 0.2) == pytest.approx(0.2 * study.luckiest_of(28, 1.0))
    with pytest.raises(ConfigError):
        study.luckiest_of(1, 1.0)


# --- prices ---------------------------------------------------------------------------------------


def test_what_the_store_lacks_is_ingested_once(home: Path) -> None:
    store = DuckDBStore()
    report = ensure_ingested(store, "SP500_M", progress=False)
    assert report is not None
    assert report.source == "statsmodels"
    assert ensure_ingested(store, "SP500_M", progress=False) is None
    assert load_bars(store, "SP500_M", start="1980", end="1980").n_times == 12


def test_the_synthetic_instrument_touches_no_store(home: Path) -> None:
    assert load_bars(DuckDBStore(), "SYNTH", seed=3).fingerprint == synthetic_bars(seed=3).fingerprint
    assert not home.exists()


def test_an_unknown_symbol_is_refused_with_the_closest(home: Path) -> None:
    with pytest.raises(UnknownSymbolError, match="'AAPL'"):
        ensure_ingested(DuckDBStore(), "AAPPL")
    with pytest.raises(UnknownSymbolError, match="source 'arch'"):
        ensure_ingested(DuckDBStore(), "AAPL", source="arch")
    with pytest.raises(SourceError, match="'arch'"):
        ensure_ingested(DuckDBStore(), "SPX", source="arhc")
    assert not home.exists()


def test_the_origin_names_the_source() -> None:
    assert origin("SPX").startswith("arch: ")
    assert origin("SYNTH") == "made up, from a seed"
    assert origin("NOPE") == "the store"


def test_prices_come_with_what_is_wrong_with_them() -> None:
    assert "survivors" in caveats("AAPL")[0]
    assert "could not be bought" in caveats("SPX")[0]
    assert "made up" in caveats("SYNTH")[0]
    assert caveats("NOPE") == []


# --- the pipeline ---------------------------------------------------------------------------------


@pytest.mark.parametrize("file", list_parameter_files(find_pipeline("backtest")), ids=lambda file: file.stem)
def test_every_named_parameter_set_fits_its_notebook(file: Path) -> None:
    pipeline = max((name for name in list_pipelines() if file.stem.startswith(name)), key=len)
    request = prepare_run(pipeline, parameter_file=file.stem)
    assert request.settings != {name: each.default for name, each in request.parameters.items()}


def test_an_unknown_name_in_a_file_is_refused_with_file_key_and_valid_names(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("symbol: SPX\nlookback: 5\n")
    with pytest.raises(ConfigError) as caught:
        prepare_run("backtest", parameter_file=str(file))
    assert caught.value.where == "mine.yaml, line 2"
    assert caught.value.found == "lookback"
    assert "'lookback_period'" in str(caught.value)


@pytest.mark.parametrize(
    ("request_", "n_at_least"),
    [
        ({"assignments": ["start=2009-01-01", "stop_loss=0.1"]}, 1),
        ({"parameter_file": "backtest_aapl_closes", "assignments": ["start=2010-01-01"]}, 1),
    ],
    ids=["index", "share of which only closes are known"],
)
def test_the_backtest_runs_on_real_prices(home: Path, request_: dict[str, object], n_at_least: int) -> None:
    run = run_pipeline("backtest", progress=False, **request_)  # type: ignore[arg-type]
    assert run.status == "succeeded", run.problem
    assert run.metrics["n_trades"] is not None
    assert run.metrics["n_trades"] >= n_at_least
    assert run.headline["Trades"] == f"{run.metrics['n_trades']:.0f}"
    assert run.content["data_fingerprint"] == run.artifacts["manifest"]["data"]["fingerprint"]
    assert run.artifacts["lookahead"].startswith("No look-ahead found")
    assert len(run.artifacts["costs"]) == 4
    for figure in run.artifacts["figures"]:
        assert (run.folder.path / figure).stat().st_size > 10_000
    page = run.folder.report_file.read_text()
    assert page.count("data:image/png;base64,") >= 5
    assert all(sentence.split(":")[0] in page for sentence in run.artifacts["conclusions"])
    assert json.loads(run.folder.metrics_file.read_text()) == dict(run.metrics)


def test_the_same_run_has_the_same_events(home: Path) -> None:
    runs = [run_pipeline("backtest", assignments=["symbol=SYNTH"], progress=False) for _ in range(2)]
    first, second = (run.artifacts["manifest"]["events_sha256"] for run in runs)
    assert first == second
    assert runs[0].metrics == runs[1].metrics


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["direction=sideways"], "'direction' is none of its choices.*'sideways'"),
        (["strategy=momentun"], "unknown strategy.*'momentun'"),
        (["strategy_settings={lookback: 3}"], "unknown setting.*'lookback'"),
        (["commission_rate=1.5"], "commission_rate must be"),
        (["fees={minimum: 1}"], "fees and a commission exclude each other"),
        (["commission_rate=0", "fees={tiers: [{taker_rat: 0.1}]}"], "unknown setting.*'taker_rat'"),
        (["commission_rate=0", "fees={minimum: -1}"], "minimum must be a number at least 0"),
        (["impact={model: cubic}"], "model must be one of"),
        (["financing={borrow_rate: free}"], "borrow_rate must be a number"),
        (["limits={max_order_qty: -5}"], "max_order_qty must be"),
        (["actions=[{symbol: SPX, ex: 2020-01-01, amount: 0}]"], "amount must be a number above 0"),
        (["halts=[{symbol: SPX, start: 2020-01-02, end: 2020-01-01}]"], "a halt ends before it starts"),
        (["currencies={base: USD, rates: {USD: X}}"], "the base currency needs no rate"),
        (["fill=yesterday"], "'fill' is none of its choices.*'next_open'"),
    ],
    ids=lambda each: each[-1].partition("=")[0] if isinstance(each, list) else "",
)
def test_what_cannot_be_simulated_is_refused_before_a_kernel_starts(
    home: Path, assignments: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run_pipeline("backtest", assignments=["symbol=SYNTH", *assignments], progress=False)
    assert not (home / "runs").exists()


# --- everything that costs ------------------------------------------------------------------------

FULL = {
    "symbol": "SYNTH",
    "direction": "long_short",
    "entry_threshold": 0.5,
    "lookback_period": 60,
    "commission_rate": 0.0,
    "fees": {"tiers": [{"taker_rate": 0.0005}], "minimum": 2.0},
    "impact": {"model": "square_root", "temporary": 0.5},
    "financing": {"borrow_rate": 0.02, "margin_rate": 0.05, "cash_rate": 0.01},
    "limits": {"max_order_qty": 5_000},
    "halts": [{"symbol": "SYNTH", "start": "2015-01-01", "end": "2015-06-30"}],
}


def make(**settings: Any) -> SimulationConfig:
    return SimulationConfig.from_mapping(settings)


def config_of(multiple: float, **more: Any) -> SimulationConfig:
    return make(
        fees={
            "tiers": [{"taker_rate": 0.0005 * multiple, "maker_per_share": 0.01 * multiple}],
            "minimum": 2.0 * multiple,
            "maximum_rate": 0.01 * multiple,
        },
        slippage_bps=1.0 * multiple,
        impact={"model": "almgren_chriss", "temporary": 0.5 * multiple, "permanent": 0.2 * multiple},
        financing={
            "borrow_rate": 0.02 * multiple,
            "borrow_rates": {"SYNTH": 0.03 * multiple},
            "margin_rate": 0.05 * multiple,
            "cash_rate": 0.01,
        },
        **more,
    )


def test_every_cost_is_multiplied_and_nothing_else() -> None:
    limits = {"max_order_qty": 700}
    for multiple in (0.0, 0.5, 1.0, 3.0):
        assert scaled(config_of(1.0, limits=limits), multiple) == config_of(multiple, limits=limits)
    paid = make(financing={"cash_rate": -0.01})
    assert scaled(paid, 2.0) == make(financing={"cash_rate": -0.02})
    with pytest.raises(ConfigError, match="taker_rate"):
        scaled(make(fees={"tiers": [{"taker_rate": 0.3}]}), 5.0)


def test_the_fee_of_every_order_is_the_multiple_of_what_it_was() -> None:
    """Also where the minimum or the maximum is what counts, and with rebates."""
    fees = {"tiers": [{"taker_rate": 0.001, "taker_per_share": -0.002}], "minimum": 4.0, "maximum": 9.0}
    base = make(fees=fees, max_leverage=None)
    bars = synthetic_bars()
    targets = np.resize(np.array([3.0, -2.0, 40.0, 500.0, -700.0, np.nan]), (bars.n_times, 1))
    charged = [
        EventSimulator(scaled(base, multiple)).run_targets(bars, targets, progress=False).fills["commission"]
        for multiple in (1.0, 2.5)
    ]
    np.testing.assert_allclose(charged[1], 2.5 * charged[0], rtol=1e-12)
    assert {4.0, 9.0} < set(np.round(charged[0], 9).tolist())


def test_what_is_paid_for_holding_counts_as_a_cost() -> None:
    config = make(financing={"borrow_rate": 0.03, "margin_rate": 0.05, "cash_rate": 0.01}, max_leverage=2.0)
    bars = synthetic_bars()
    rule = study.make_strategy("momentum", {"entry_threshold": 0.3, "position_size": 1.8})
    results = EventSimulator(config, count_trials=False).run_backtest(rule, bars)
    flows = results.flows
    assert set(flows["kind"].tolist()) == {"BORROW", "INTEREST"}
    assert results.financing_paid == pytest.approx(-flows["amount"][flows["amount"] < 0].sum())
    points = study.cost_sensitivity(
        lambda other: EventSimulator(other, count_trials=False).run_backtest(rule, bars), config
    )
    assert points[0].costs_paid == 0.0 < results.financing_paid == points[1].costs_paid
    returns = [point.total_return for point in points]
    assert returns == sorted(returns, reverse=True)
    curve = results.cost_sensitivity(
        (0.0, 1.0), rerun=lambda other: EventSimulator(other, count_trials=False).run_backtest(rule, bars)
    )
    assert curve.costs_paid.tolist() == [0.0, results.financing_paid]


def test_financing_in_another_currency_counts_in_the_base() -> None:
    days = np.datetime64("2020-01-01T21", "ns") + np.arange(4) * np.timedelta64(1, "D")
    instruments = [
        Instrument("SAP", tick_size=0.01, currency="EUR"),
        Instrument("EURUSD", tick_size=0.01, currency="USD"),
    ]
    bars = Bars.from_closes(days, np.tile([100.0, 1.25], (4, 1)), instruments=instruments)
    config = make(
        fill="this_close",
        currencies={"base": "USD", "rates": {"EUR": "EURUSD"}},
        financing={"margin_rate": 0.365},
    )
    targets = np.array([[10.0, np.nan]] + [[np.nan, np.nan]] * 3)
    results = EventSimulator(config).run_targets(bars, targets, progress=False)
    # A loan of 1000 euros, then with its interest, at a thousandth a day, over three days.
    owed = [1000.0 * 1.001**day for day in range(3)]
    assert results.financing_paid == pytest.approx(sum(owed) * 0.001 * 1.25)


def test_the_pipeline_takes_every_model(home: Path) -> None:
    run = run_pipeline("backtest", values=FULL, progress=False)
    assert run.status == "succeeded", run.problem
    settings = run.artifacts["manifest"]["settings"]
    assert settings["fees"]["minimum"] == 2.0
    assert settings["impact"]["temporary"] == 0.5
    assert settings["financing"]["borrow_rate"] == 0.02
    assert settings["limits"]["max_order_qty"] == 5_000
    costs = {point["multiple"]: point for point in run.artifacts["costs"]}
    assert costs[0.0]["costs_paid"] == 0.0
    assert 0 < costs[1.0]["costs_paid"] < costs[2.0]["costs_paid"] < costs[5.0]["costs_paid"]
    assert costs[0.0]["total_return"] > costs[1.0]["total_return"] > costs[5.0]["total_return"]
    # Its identity is that of the same backtest by hand.
    known = {name: FULL[name] for name in ("fees", "impact", "financing", "limits", "halts")}
    config = make(commission_rate=0.0, slippage_bps=1.0, seed=7, **known)
    by_hand = EventSimulator(config).run_backtest(
        "momentum", symbol="SYNTH", params={"lookback_period": 60, "entry_threshold": 0.5}
    )
    assert run.artifacts["manifest"]["run_id"] == by_hand.run_id
    # And the strategy's part of it is in the id of the run, and told of it.
    strategy = "-".join(by_hand.run_id.split("-")[:2])
    assert f"-backtest-{strategy}-" in run.run_id
    assert run.content["strategy"] == by_hand.manifest["strategy"]
    told = format_run(run)
    assert f"strategy MomentumStrategy, {by_hand.manifest['strategy']['sha256']}" in told
    assert f"backtest {by_hand.run_id}" in told
    assert strategy in format_runs([run])


def test_another_strategy_runs_with_settings_of_its_own(home: Path) -> None:
    values = {"symbol": "SYNTH", "strategy": "sma_cross", "strategy_settings": {"fast": 5, "slow": 50}}
    run = run_pipeline("backtest", values=values, progress=False)
    assert run.status == "succeeded", run.problem
    assert run.content["strategy"]["parameters"]["fast"] == 5
    assert "-backtest-SmaCrossStrategy-" in run.run_id
