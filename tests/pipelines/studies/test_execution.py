"""Orders fit into their day, records of both sides agree, and sentences say what the numbers do."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.drop_copy import Fills, reconcile
from omni_lab.execution.tca import compare
from omni_lab.pipelines.form import form_of
from omni_lab.pipelines.markets import MarketDay, open_market
from omni_lab.pipelines.studies import execution as study
from omni_lab.pipelines.studies.execution_orders import (
    drawn_orders,
    largest_order,
    measured_impact,
    order_at,
    settings_on,
)
from omni_lab.simulator import ConstantLatency, FeeSchedule, TickConfig

CONFIG = TickConfig(
    latency=ConstantLatency(entry_ns=10**6, response_ns=10**6),
    fees=FeeSchedule.flat(maker_per_share=-0.002, taker_per_share=0.003),
)


@pytest.fixture(scope="module")
def day() -> MarketDay:
    return open_market(messages=40_000, symbols=2, seed=3)


@pytest.fixture(scope="module")
def worked(day: MarketDay) -> dict[str, study.Worked]:
    order = order_at(day, side="sell", qty=300, begin_min=60, minutes=20)
    settings = settings_on(day, ["vwap", "pov"], settings={"pov": {"rate": 0.3, "cap": 0.5}})
    return {name: study.work_off(day, each, [order], CONFIG) for name, each in settings.items()}


def test_drawn_orders_follow_one_another_within_the_day(day: MarketDay) -> None:
    order = order_at(day, side="buy", qty=100, begin_min=30, minutes=15)
    orders = drawn_orders(day, order, 8, seed=1)
    starts, ends = ([getattr(each, name) for each in orders] for name in ("start", "end"))
    assert all(end < start for end, start in zip(ends, starts[1:], strict=False))
    assert day.tape.trade_ts[0] <= starts[0]
    assert ends[-1] <= day.tape.trade_ts[-1]
    assert {end - start for start, end in zip(starts, ends, strict=True)} == {15 * 60 * 10**9}
    assert starts == [each.start for each in drawn_orders(day, order, 8, seed=1)]
    assert starts != [each.start for each in drawn_orders(day, order, 8, seed=2)]


def test_orders_that_do_not_fit_into_the_day_are_refused_with_what_would(day: MarketDay) -> None:
    with pytest.raises(ConfigError, match="when the day is over") as late:
        order_at(day, side="buy", qty=100, begin_min=0, minutes=1440)
    assert "minutes from the first trade to the last" in str(late.value)
    order = order_at(day, side="buy", qty=100, begin_min=0, minutes=60)
    with pytest.raises(ConfigError, match=r"at most \d+ of 60 minutes"):
        drawn_orders(day, order, 400, seed=1)


def test_settings_win_and_those_of_an_algorithm_that_is_not_run_are_refused(day: MarketDay) -> None:
    found = settings_on(day, ["twap", "pov"], settings={"pov": {"rate": 0.3, "cap": 0.5}})
    assert list(found) == ["TWAP", "POV"]
    assert found["POV"]["rate"] == 0.3
    with pytest.raises(ConfigError, match="not run"):
        settings_on(day, ["twap"], settings={"is": {}})
    with pytest.raises(ConfigError, match="mapping"):
        settings_on(day, ["twap"], settings={"twap": 5})


def test_vwap_follows_the_day_before_and_never_its_own(day: MarketDay) -> None:
    yesterday = open_market(messages=20_000, symbols=2, seed=4, symbol=day.symbol)
    curve = settings_on(day, ["vwap"], yesterday=yesterday)["VWAP"]["curve"]
    noon, two_hours = 1_704_214_800 * 10**9, 7_200 * 10**9  # 12:00 in New York
    traded = yesterday.tape.volume(noon, noon + two_hours - 1) / yesterday.traded
    assert curve.share(noon + two_hours) - curve.share(noon) == pytest.approx(traded)
    assert traded > 0.0
    assert settings_on(day, ["vwap"])["VWAP"]["curve"] is None


def test_impact_is_measured_in_the_deviation_of_a_day(day: MarketDay) -> None:
    found = measured_impact(day)
    seconds = float(np.diff(day.tape.trade_ts[[0, -1]]).item()) / 1e9
    at_the_markets_pace = found["temporary"] * day.traded / seconds
    assert at_the_markets_pace == pytest.approx(found["sigma"] * seconds**0.5)


def test_the_desk_and_the_venue_have_the_same_fills_and_a_lost_one_is_a_break(
    worked: dict[str, study.Worked],
) -> None:
    ours = study.desk_fills(worked["VWAP"], "desk")
    theirs = study.venue_fills(worked["VWAP"].results, "desk")
    pd.testing.assert_frame_equal(ours, theirs)
    assert ours["qty"].sum() == 300
    assert set(ours["side"]) == {"SELL"}
    assert not reconcile(Fills.of(ours), Fills.of(theirs)).breaks
    lost = reconcile(Fills.of(ours.iloc[1:]), Fills.of(theirs))
    assert [each.kind for each in lost.breaks] == ["missing_internal"]


def test_sentences_and_numbers_say_the_same(day: MarketDay, worked: dict[str, study.Worked]) -> None:
    peers = compare({name: each.costs for name, each in worked.items()}, base="VWAP")
    found = study.metrics("VWAP", worked, peers)
    total = worked["VWAP"].costs.total
    parts = sum(
        found[f"{part}_bps"] for part in ("delay", "spread", "impact", "timing", "fees", "opportunity")
    )
    assert parts == pytest.approx(found["shortfall_bps"]) == pytest.approx(total["shortfall"])
    first, own, _ = study.conclusions("VWAP", worked, peers, worked)
    assert f"{abs(total['shortfall']):.2f} bps against the price of its decision" in first
    assert f"{total['spread'] + total['impact'] + total['fees']:+.2f} bps".replace("-", "−") in own
    doubts = study.cautions(day, worked, None)
    assert any("no day before" in line for line in doubts)
    large = max(each.costs.parents["participation"].max() for each in worked.values()) > 0.1
    assert large == any("a real market would have noticed" in line for line in doubts)


def test_a_difference_is_told_only_beyond_chance(day: MarketDay) -> None:
    orders = drawn_orders(day, order_at(day, side="buy", qty=50, begin_min=0, minutes=5), 4, seed=1)
    algorithm = settings_on(day, ["vwap"])["VWAP"]
    four = dict.fromkeys(("VWAP", "POV"), study.work_off(day, algorithm, orders, CONFIG))
    table = {"mean": [2.0, 5.0], "vs_base": [0.0, 3.0], "low": [0.0, 2.0], "high": [0.0, 4.0]}
    # With four orders a t of 3.1 comes by chance too often, one of 3.3 does not.
    for t, said in ((3.3, "POV by +3.00 bps"), (3.1, "none can be told from VWAP")):
        peers = pd.DataFrame({**table, "t": [np.nan, t]}, index=["VWAP", "POV"])
        assert said in study.conclusions("VWAP", four, peers, four)[-1]


def test_the_largest_order_of_a_portfolio_is_worked_off_in_whole_units(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    table = pd.DataFrame(
        {
            "symbol": ["A", "B", "C"],
            "side": ["buy", "sell", "buy"],
            "qty": [5.0, 40.7, 0.5],
            "notional": [500.0, -900.0, 5_000.0],
        }
    )
    table.to_parquet(path)
    wish = largest_order(str(path))
    assert (wish.side, wish.qty, wish.symbol) == ("sell", 40.0, "B")
    table.iloc[2:].to_parquet(path)
    with pytest.raises(DataError, match="no order of a unit"):
        largest_order(str(path))
    table[["symbol"]].to_parquet(path)
    with pytest.raises(DataError, match="no orders"):
        largest_order(str(path))
    path.write_text("nothing")
    with pytest.raises(DataError, match="cannot be read"):
        largest_order(str(path))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"qty": -5.0}, "above 0"),
        ({"side": "both"}, "'buy', 'sell'"),
        ({"against": ["vwap"]}, "others"),
        ({"against": ["pov", "pov"]}, "named once"),
        ({"draws": 1}, "at least 2"),
        ({"day_before": __file__}, "captured day itself"),
        ({"path": "/no/such/file"}, "path"),
    ],
)
def test_the_form_refuses(values: dict[str, object], said: str) -> None:
    described = form_of("execution")
    assert described is not None
    with pytest.raises(ConfigError, match=said):
        described.check(values)
