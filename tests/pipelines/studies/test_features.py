"""Features of quotes are what can be worked out by hand, and know nothing of what comes after them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.errors import ConfigError, DataError
from omni_lab.features import fit_linear_impact
from omni_lab.pipelines.forms.features import FeaturesForm
from omni_lab.pipelines.markets import open_market
from omni_lab.pipelines.studies import features as study
from omni_lab.pipelines.studies.features import Quotes

SECOND = 1_000_000_000


def quotes(n: int = 200, seed: int = 1) -> Quotes:
    """A quote each second, whose bid walks by ticks and whose spread is 1 or 2; every third has a trade."""
    rng = np.random.default_rng(seed)
    ts = np.arange(n, dtype=np.int64) * SECOND
    bid = np.asarray(100.0 + np.cumsum(rng.integers(-1, 2, n)), dtype=np.float64)
    traded = ts[::3] + 1
    return Quotes(
        ts=ts,
        bid=bid,
        bid_qty=rng.integers(1, 9, n).astype(float),
        ask=np.asarray(bid + rng.integers(1, 3, n), dtype=np.float64),
        ask_qty=rng.integers(1, 9, n).astype(float),
        trade_ts=traded,
        trade_qty=np.full(len(traded), 2.0),
        trade_sign=np.where(np.arange(len(traded)) % 2, 1.0, -1.0),
    )


def test_a_row_is_what_was_known_at_the_end_of_its_interval() -> None:
    given = quotes()
    table = study.quote_features(given, 0, int(given.ts[-1]), 2 * SECOND)
    row = table.iloc[10]
    at = int(np.searchsorted(given.ts, row["ts"]))  # a quote stands at every whole second
    mid = (given.bid + given.ask) / 2
    assert row["mid"] == mid[at]
    assert row["move"] == mid[at] - mid[at - 2]
    assert row["next_move"] == mid[at + 2] - mid[at]
    assert row["spread"] == np.mean((given.ask - given.bid)[at - 2 : at])
    sizes = given.bid_qty[at] + given.ask_qty[at]
    assert row["imbalance"] == pytest.approx((given.bid_qty[at] - given.ask_qty[at]) / sizes)
    micro = (given.bid[at] * given.ask_qty[at] + given.ask[at] * given.bid_qty[at]) / sizes
    assert row["micro_lean"] == pytest.approx(micro - mid[at])
    assert row["variance"] == pytest.approx(np.sum(np.diff(mid)[at - 2 : at] ** 2))
    assert row["n_quotes"] == 2
    inside = (given.trade_ts > row["ts"] - 2 * SECOND) & (given.trade_ts <= row["ts"])
    assert row["volume"] == 2.0 * inside.sum()
    assert row["trade_flow"] == (given.trade_sign * given.trade_qty)[inside].sum()


def test_another_future_changes_only_the_move_that_is_asked_about() -> None:
    given = quotes()
    cut = 100
    bid, ask = given.bid.copy(), given.ask.copy()
    bid[cut + 1 :] += 50
    ask[cut + 1 :] += 50
    other = Quotes(**{**{name: getattr(given, name) for name in Quotes.__slots__}, "bid": bid, "ask": ask})
    end = int(given.ts[-1])
    before, after = (study.quote_features(each, 0, end, 2 * SECOND) for each in (given, other))
    seen = before["ts"] <= given.ts[cut]
    columns = list(study.FEATURES)
    pd.testing.assert_frame_equal(before.loc[seen, columns], after.loc[seen, columns])
    assert (before["next_move"] != after["next_move"]).sum() >= 1


def test_a_side_that_is_empty_leaves_out_its_intervals_and_its_time() -> None:
    given = quotes()
    ask, ask_qty = given.ask.copy(), given.ask_qty.copy()
    ask[50:54], ask_qty[50:54] = np.nan, 0.0
    other = Quotes(
        **{**{name: getattr(given, name) for name in Quotes.__slots__}, "ask": ask, "ask_qty": ask_qty}
    )
    table = study.quote_features(other, 0, int(given.ts[-1]), 2 * SECOND)
    assert not set(table["ts"]) & {50 * SECOND, 52 * SECOND, 54 * SECOND}
    spreads = np.array([1.0, np.nan, 3.0])
    times = np.array([0, 10, 20], dtype=np.int64)
    edges = np.array([-10, 0, 15, 20, 30], dtype=np.int64)
    means = study.mean_between(times, spreads, edges)
    assert means.tolist() == pytest.approx([np.nan, 1.0, np.nan, 3.0], nan_ok=True)


def test_too_few_intervals_are_refused() -> None:
    given = quotes(40)
    with pytest.raises(DataError, match="too few intervals"):
        study.quote_features(given, 0, int(given.ts[-1]), 10 * SECOND)
    with pytest.raises(DataError, match="too few intervals"):
        study.quote_features(given, 10, 5, SECOND)


def test_what_foretells_the_next_move_is_found_and_what_does_not_is_not() -> None:
    rng = np.random.default_rng(4)
    move = rng.standard_normal(2_000)
    table = pd.DataFrame({name: rng.standard_normal(2_000) for name in study.FEATURES})
    table["move"], table["next_move"] = move, np.append(move[1:], np.nan)
    table["imbalance"] = np.append(move[1:], 0.0) + rng.standard_normal(2_000)
    table["volume"] = 1.0
    told: Any = study.predictions(table).set_index("feature")
    assert told.loc["imbalance", "correlation"] == pytest.approx(0.7, abs=0.05)
    assert abs(told.loc["spread", "correlation"]) < 4 * told.loc["spread", "error"]
    assert np.isnan(told.loc["volume", "correlation"])
    impact = fit_linear_impact(table["flow_imbalance"], table["move"])
    said = " ".join(study.conclusions(table, told.reset_index(), impact, "1s"))
    assert "imbalance, explains 5" in said or "imbalance, explains 4" in said


def test_a_series_remembers_itself_as_long_as_it_does() -> None:
    rng = np.random.default_rng(5)
    values = np.zeros(5_000)
    for step in range(1, len(values)):
        values[step] = 0.8 * values[step - 1] + rng.standard_normal()
    np.testing.assert_allclose(study.autocorrelations(values, 3), [0.8, 0.64, 0.512], atol=0.05)
    assert np.isnan(study.autocorrelations(np.ones(10), 12)).all()


def test_a_made_up_day_has_quotes_between_the_times_asked_for() -> None:
    day = open_market(messages=60_000, symbols=4, seed=3)
    given, first, last = study.quotes_of(day, "10:00", "11:00")
    assert last - first == 3_600 * SECOND
    table = study.quote_features(given, first, last, 30 * SECOND)
    assert len(table) == 120
    assert (table["spread"] > 0).all()
    with pytest.raises(DataError, match="nothing is quoted"):
        study.quotes_of(day, "22:00", "23:00")


@pytest.mark.parametrize(
    "values",
    [{"interval": "ten"}, {"interval": "0s"}, {"begin": "25 o'clock"}, {"begin": "16:00", "end": "09:30"}],
    ids=range(4),
)
def test_times_that_are_none_are_refused_by_the_form(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        FeaturesForm(**values).check()
