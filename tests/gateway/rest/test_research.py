"""What is shown is what is stored: bars, coverage, features, runs, schedules, jobs; and weights add up."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.features import indicators
from tests.gateway.rest.conftest import House
from tests.gateway.rest.serving import Gateway
from tests.gateway.rest.test_trading import API, get, post

FIELDS = ["open", "high", "low", "close", "volume"]


def paged(gateway: Gateway, path: str, **query: Any) -> list[Any]:
    """All items of a list, page by page."""
    found, cursor = [], None
    while True:
        answer = get(gateway, path, **query, **({} if cursor is None else {"cursor": cursor}))
        found += answer["items"]
        cursor = answer["next"]
        if cursor is None:
            return found


def test_bars_are_those_that_were_stored(gateway: Gateway, house: House) -> None:
    stored = house.bars[house.bars["symbol"] == "BBB"].reset_index(drop=True)
    shown = pd.DataFrame(paged(gateway, "/data/bars", symbol="BBB", limit=70))
    assert (pd.to_datetime(shown["ts"]) == stored["ts"]).all()
    assert (shown["ts_ns"].to_numpy() == stored["ts"].astype("int64").to_numpy()).all()
    np.testing.assert_array_equal(shown[FIELDS].to_numpy(), stored[FIELDS].to_numpy())
    assert shown["adj_close"].isna().all()
    day = get(gateway, "/data/bars", symbol="BBB", start="2020-03-02", end="2020-03-02")
    assert [bar["ts"][:10] for bar in day["items"]] == ["2020-03-02"]


def test_datasets_and_coverage_count_what_is_there(gateway: Gateway, house: House) -> None:
    [made] = paged(gateway, "/data/datasets")
    assert (made["name"], made["n_symbols"], made["n_rows"]) == ("bars.made", 2, len(house.bars))
    assert get(gateway, "/data/datasets/bars.made")["symbols"] == ["AAA", "BBB"]
    assert [each["symbol"] for each in paged(gateway, "/data/symbols", limit=1)] == ["AAA", "BBB"]
    whole, lacking = (get(gateway, "/data/coverage", symbol=symbol) for symbol in ("AAA", "BBB"))
    assert lacking["n_missing"] - whole["n_missing"] == 3
    assert lacking["n_bars"] == 297
    assert gateway.client.get(f"{API}/data/datasets/bars.none").status_code == 404
    assert gateway.client.get(f"{API}/data/bars", params={"symbol": "CCC"}).status_code == 404


@pytest.mark.parametrize("name", ["sma", "rsi", "atr", "vwap", "highest"])
def test_features_are_those_of_the_bars(gateway: Gateway, house: House, name: str) -> None:
    told = {each["name"]: each for each in get(gateway, "/features")["items"]}[name]
    found = post(gateway, "/features/compute", 200, feature=name, symbol="AAA", window=15)
    bars = house.bars[house.bars["symbol"] == "AAA"]
    columns = [bars[column].to_numpy() for column in told["inputs"]]
    expected = getattr(indicators, name)(*columns, window=15)
    np.testing.assert_allclose(np.array(found["values"], dtype=float), expected, rtol=1e-12)
    assert found["ts"] == bars["ts"].astype("int64").tolist()


def test_weights_are_within_their_limits_and_the_orders_lead_to_them(gateway: Gateway, house: House) -> None:
    close = house.bars.pivot_table(index="ts", columns="symbol", values="close").dropna()
    asked: dict[str, Any] = {"symbols": ["AAA", "BBB"], "max_weight": 0.7, "equity": 1_000_000.0}
    found = post(gateway, "/portfolio/optimise", 200, method="minimum_variance", **asked)
    weights = np.array(list(found["weights"].values()))
    assert weights.sum() == pytest.approx(1.0)
    assert weights.max() <= 0.7 + 1e-9
    prices = {name: close[name].tolist() for name in close}
    given = post(
        gateway,
        "/portfolio/optimise",
        200,
        method="minimum_variance",
        prices=prices,
        **_without(asked, "symbols"),
    )
    assert given["weights"] == pytest.approx(found["weights"])
    # Two assets: the share of least variance by hand, of the covariance that is told by both volatilities.
    parity = post(gateway, "/portfolio/optimise", 200, method="risk_parity", **asked)
    assert list(parity["risk_shares"].values()) == pytest.approx([0.5, 0.5], abs=1e-9)
    risks = [each["volatility"] for each in found["frontier"]]
    assert min(risks) == pytest.approx(found["volatility"], rel=1e-9)
    held = {each.symbol: each.qty for each in gateway.services.system.account().positions}
    for order in found["orders"]:
        sign = 1 if order["side"] == "BUY" else -1
        worth = (held.get(order["symbol"], 0.0) + sign * order["qty"]) * order["price"] / 1_000_000.0
        assert worth == pytest.approx(order["weight_after"], abs=1e-9)
        aimed = found["weights"].get(order["symbol"], 0.0)
        assert 0 <= aimed - worth < order["price"] / 1_000_000.0 + 1e-9
    refused = post(
        gateway, "/portfolio/optimise", 422, method="equal_weight", symbols=["AAA", "BBB"], max_weight=0.4
    )
    assert "sum to 1" in refused["detail"]
    post(gateway, "/portfolio/optimise", 422, method="minimum_variance")


def _without(content: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != name}


def test_runs_are_told_compared_and_shown_without_scripts(gateway: Gateway, house: House) -> None:
    assert [run["run_id"] for run in paged(gateway, "/runs", limit=1)] == house.runs
    details = get(gateway, f"/runs/{house.runs[0]}")
    assert details["metrics"] == {"sharpe_ratio": 0.75, "skew": None}
    assert details["parameters"] == {"symbol": "AAA", "lookback": 20}
    assert {file["path"] for file in details["files"]} >= {"notebook.ipynb", "report.html", "metrics.json"}
    diff = get(gateway, "/runs/diff", a=house.runs[1], b=house.runs[0])
    assert diff["parameters"] == {"lookback": {"a": 10, "b": 20}}
    assert {each["name"]: each["delta"] for each in diff["metrics"]} == {"sharpe_ratio": 0.25, "skew": None}
    assert gateway.client.get(f"{API}/runs/{house.runs[0]}/log").text == "said"
    for page in ("notebook", "report"):
        answer = gateway.client.get(f"{API}/runs/{house.runs[0]}/{page}")
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
    shown = gateway.client.get(f"{API}/runs/{house.runs[0]}/notebook").text
    assert "harmless" in shown
    assert "window.stolen" not in shown
    assert "steal()" not in shown


def test_a_schedule_is_kept_changed_paused_and_removed(gateway: Gateway) -> None:
    wanted: dict[str, Any] = {
        "name": "nightly",
        "runs": "risk_report",
        "cron": "0 2 * * *",
        "assignments": ["horizon=5"],
    }
    made = post(gateway, "/schedules", 201, **wanted)
    assert made["next"].endswith("02:00:00+00:00")
    assert post(gateway, "/schedules", 409, **wanted)["where"] == "body.name"
    path = f"{API}/schedules/nightly"
    changed = gateway.client.patch(path, json={"cron": "30 3 * * *", "tz": "America/New_York"}).json()
    assert (changed["cron"], changed["assignments"]) == ("30 3 * * *", ["horizon=5"])
    assert gateway.client.patch(path, json={"paused": True}).json()["next"] is None
    assert gateway.client.patch(path, json={"paused": False}).json()["next"] is not None
    for wrong in ({}, {"cron": "nonsense x y z w"}, {"tz": "Mars/Phobos"}, {"assignments": ["nothing=1"]}):
        assert gateway.client.patch(path, json=wrong).status_code == 422, wrong
    assert gateway.client.delete(path).status_code == 204
    assert gateway.client.get(path).status_code == 404
    foreign = wanted | {"runs": "../../etc/passwd"}
    assert gateway.client.post(f"{API}/schedules", json=foreign).status_code == 422


def test_a_job_is_queued_once_listed_and_canceled(gateway: Gateway) -> None:
    wanted: dict[str, Any] = {"pipeline": "backtest", "parameters": {"symbol": "SYNTH"}}
    job = post(gateway, "/backtest", 202, key="job-1", **wanted)
    assert post(gateway, "/backtest", 202, key="job-1", **wanted)["id"] == job["id"]
    other = post(gateway, "/backtest", 202, **wanted)
    assert [each["id"] for each in paged(gateway, "/backtest", limit=1)][:2] == [other["id"], job["id"]]
    assert gateway.client.get(f"{API}/backtest/{job['id']}/result").status_code == 409
    assert gateway.client.post(f"{API}/backtest/{job['id']}/cancel").json()["state"] == "CANCELED"
    assert get(gateway, f"/backtest/{job['id']}")["state"] == "CANCELED"
    gateway.client.post(f"{API}/backtest/{other['id']}/cancel")
    told = post(gateway, "/backtest", 422, pipeline="backtest", parameters={"fill": "yesterday"})
    assert "next_open" in (told["detail"] + str(told["expected"]))


def test_a_pipeline_reads_no_file_of_the_machine(gateway: Gateway) -> None:
    path = "/etc/hostname"
    told = post(gateway, "/backtest", 422, pipeline="replay_day", parameters={"path": path})
    assert "data directory" in told["detail"]
    post(gateway, "/backtest", 422, pipeline="../backtest")
