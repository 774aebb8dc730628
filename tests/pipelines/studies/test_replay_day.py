"""What a replay's journal is asked: markouts and queues that can be checked by hand."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines.form import form_of
from omni_lab.pipelines.markets import MarketDay, open_market
from omni_lab.pipelines.studies import replay_day as study
from omni_lab.simulator import ConstantLatency, EventSimulator, LogNormalLatency, TickConfig, TickResults

QUOTING = {"rule": "fixed", "skew": 0.002, "interval_s": 1.0, "qty": 100, "max_position": 500}


@pytest.fixture(scope="module")
def day() -> MarketDay:
    return open_market(messages=60_000, symbols=2, seed=3)


@pytest.fixture(scope="module")
def results(day: MarketDay) -> TickResults:
    simulator = EventSimulator(tick_config=TickConfig(sample="10s"), count_trials=False)
    return simulator.run_ticks("market_making", day.feed, params=QUOTING, progress=False)


def test_a_markout_is_how_far_the_middle_went_our_way(day: MarketDay, results: TickResults) -> None:
    moves = study.markouts(day, results, [1.0, 60.0])
    fills, tape = results.fills, day.tape
    assert moves.shape == (len(fills), 2)
    row = 3
    ts = int(fills["ts_venue"][row]) + int(cast("int", day.feed.delay_ns)) + 60 * 10**9
    place = np.searchsorted(tape.quote_ts, ts, side="right") - 1
    mid = (tape.bid[place] + tape.ask[place]) / 2
    sign = 1.0 if fills["side"][row] == "BUY" else -1.0
    assert moves[row, 1] == pytest.approx(sign * (mid / fills["price"][row] - 1.0) * 1e4)


def test_after_the_last_quote_nothing_is_known(day: MarketDay, results: TickResults) -> None:
    assert np.isnan(study.markouts(day, results, [1e6])).all()


def test_a_fill_knows_its_queue_and_its_wait(day: MarketDay, results: TickResults) -> None:
    moves = study.markouts(day, results, [1.0])
    frame = study.fill_frame(results, moves, [1.0])
    assert len(frame) == results["n_fills"] > 0
    row = frame.iloc[0]
    story = results.explain(int(row["order_id"]))
    assert row["ahead"] == story.facts["ahead"]
    assert (frame["waited_s"] >= 0.0).all()
    np.testing.assert_array_equal(frame["markout_1s"], moves[:, 0])


def journal(ahead: list[float], filled: list[int]) -> Any:
    """Orders 0, 1, … taken in at second 0 behind so much; those filled trade at second 10 + their number."""
    n, second = len(ahead), 10**9
    messages = {
        "kind": np.array(["ACCEPTED"] * n),
        "order_id": np.arange(n),
        "ts_venue": np.zeros(n, dtype=np.int64),
        "ahead": np.array(ahead),
    }
    fills = {"order_id": np.array(filled), "ts_venue": (10 + np.array(filled)) * second}
    return SimpleNamespace(messages=messages, fills=fills)


def test_orders_are_sorted_into_quarters_by_their_queue() -> None:
    found = study.queue_frame(journal([0, 1, 2, 3, 4, 5, 6, 7.0], [0, 1, 2]))
    assert found.index.tolist() == ["shortest", "short", "long", "longest"]
    assert found["orders"].tolist() == [2, 2, 2, 2]
    assert found["filled"].tolist() == [1.0, 0.5, 0.0, 0.0]
    assert found["waited_s"].tolist()[:2] == [10.5, 12.0]


def test_equal_queues_are_one_row() -> None:
    assert study.queue_frame(journal([5.0] * 6, [0]))["orders"].tolist() == [6]
    assert len(study.queue_frame(journal([], []))) == 0


def test_sentences_and_numbers_say_the_same(day: MarketDay, results: TickResults) -> None:
    seconds = [1.0, 60.0]
    moves = study.markouts(day, results, seconds)
    found = study.metrics(results, moves, seconds)
    assert found["markout_60s"] == pytest.approx(np.nanmean(moves[:, 1]))
    profit, after, *_ = study.conclusions(results, moves, seconds, study.queue_frame(results))
    assert f"{abs(results['pnl']):,.2f}" in profit
    assert f"{found['markout_60s']:+.2f}".replace("-", "−") in after
    assert study.cautions(day, results)[0] == day.caveats[0]


def test_a_day_without_fills_says_so(day: MarketDay) -> None:
    far = EventSimulator(tick_config=TickConfig(), count_trials=False).run_ticks(
        "market_making", day.feed, params={**QUOTING, "half_spread": 500.0}, progress=False
    )
    moves = study.markouts(day, far, [1.0])
    assert moves.shape == (0, 1)
    (sentence,) = study.conclusions(far, moves, [1.0], study.queue_frame(far))
    assert "No order was filled" in sentence
    assert len(study.fill_frame(far, moves, [1.0])) == 0
    assert np.isnan(study.metrics(far, moves, [1.0])["markout_1s"])


def test_latency_is_certain_or_half_of_it_is() -> None:
    assert study.latency_of(2.0, 0.0) == ConstantLatency(entry_ns=2_000_000, response_ns=2_000_000)
    assert study.latency_of(2.0, 0.5) == LogNormalLatency(base_ns=1_000_000, median_ns=1e6, sigma=0.5)
    assert study.latency_of(0.0, 0.5) == ConstantLatency(entry_ns=0, response_ns=0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"markouts_s": [60.0, 1.0]}, "rise"),
        ({"markouts_s": []}, "rise"),
        ({"markouts_s": [0.0]}, "above 0"),
        ({"queue": "magic"}, "conservative"),
        ({"latency_ms": -1.0}, "at least 0"),
    ],
)
def test_the_form_refuses(values: dict[str, object], said: str) -> None:
    described = form_of("replay_day")
    assert described is not None
    with pytest.raises(ConfigError, match=said):
        described.check(values)
