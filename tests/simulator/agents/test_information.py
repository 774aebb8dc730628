"""What those who know the value do to prices, and to those who quote."""

import numpy as np

from omni_lab import _native
from omni_lab.simulator.participants import (
    InformedFlow,
    JumpingValue,
    MarketMaker,
    ScheduledValue,
    ZeroIntelligence,
    power_law,
    simulated_market,
)

SECOND = 1_000_000_000
EXECUTE, FILL, BUY = 5, 6, 1


def mid(market: _native.AgentMarket) -> float:
    return (market.bid_ticks + market.ask_ticks) / 2


def markouts(informed: float, seed: int) -> np.ndarray:
    """Ticks that our quotes' fills have gained against the mid five seconds later, by fill."""
    flow = ZeroIntelligence(limit_rates=power_law(1.0, 0.5, 10), market_rate=0.2, cancel_rates=(0.3,))
    market = simulated_market(
        [flow, InformedFlow(rate=2.0, informed=informed)],
        value=JumpingValue(jump_rate=0.1, jump_ticks=6.0),
        seed=seed,
        sample_every_ns=SECOND,
        keep_events=False,
    )
    quoter = {"rule": "fixed", "half_spread": 1.0, "skew": 0.02, "instrument": 0, "tick": 1, "n_levels": 1}
    sizes = {"interval_ns": SECOND // 2, "qty": 1, "max_position": 50, "level_step": 1, "half_life": 10.0}
    market.run_quoter({**quoter, **sizes}, 2_000 * SECOND)
    messages, samples = market.messages(), market.samples()
    fills = (messages["kind"] == FILL) & messages["is_maker"]
    later = np.searchsorted(samples["ts"], messages["ts_venue"][fills] + 5 * SECOND)
    known = later < samples["ts"].size
    signs = np.where(market.orders()["side"][messages["order"][fills]] == BUY, 1, -1)[known]
    gains = signs * (samples["twice_mid"][later[known]] / 2 - messages["price"][fills][known])
    return np.asarray(gains, dtype=float)


def test_a_market_maker_loses_to_those_who_know() -> None:
    harmless, informed = (
        np.concatenate([markouts(share, seed) for seed in range(3)]) for share in (0.0, 0.5)
    )
    assert min(harmless.size, informed.size) > 800
    error = np.hypot(*(x.std() / np.sqrt(x.size) for x in (harmless, informed)))
    assert harmless.mean() - informed.mean() > 4 * error
    assert harmless.mean() > 0.5


def test_the_mid_moves_with_signed_flow_by_the_impact_of_the_maker() -> None:
    maker = MarketMaker(half_spread=1.0, skew=0.0, impact=0.2, follow=0.0, max_position=100_000, qty=20)
    market = simulated_market([maker, InformedFlow(rate=4.0, informed=0.0, qty=2)], seed=1)
    mids = []
    for second in range(1, 2_000):
        market.advance(second * SECOND)
        mids.append(mid(market))
    events = market.events()
    trades = events["kind"] == EXECUTE
    signed = np.where(events["side"][trades] == BUY, -1, 1) * events["qty"][trades]
    flow = np.bincount(events["ts"][trades] // SECOND, weights=signed, minlength=len(mids) + 1)[1 : len(mids)]
    slope = np.polyfit(flow, np.diff(mids), 1)[0]
    # Whole ticks blur it: the mid is within a tick of the fair price, which moves by exactly 0.2 a lot.
    assert abs(slope - 0.2) < 0.02


def test_prices_find_the_value() -> None:
    maker = MarketMaker(half_spread=1.0, skew=0.0, impact=0.2, follow=0.0, max_position=100_000, qty=20)
    value = ScheduledValue(times_ns=[50 * SECOND, 200 * SECOND], values=[10_020.0, 9_990.0])
    market = simulated_market([maker, InformedFlow(rate=4.0, informed=0.6)], value=value, seed=1)
    for second, worth in ((49, 10_000.5), (190, 10_020.0), (400, 9_990.0)):
        market.advance(second * SECOND)
        assert abs(mid(market) - worth) < 3
    assert market.values()["value"].tolist() == [10_000.5, 10_020.0, 9_990.0]


def test_the_impact_of_a_purchase_without_news_fades_where_others_know_the_value() -> None:
    maker = MarketMaker(half_spread=1.5, skew=0.1, impact=0.0, follow=0.0, max_position=1_000, n_levels=20)
    moves = []
    for seed in range(20):
        market = simulated_market([maker, InformedFlow(informed=0.5)], seed=seed, keep_events=False)
        market.advance(30 * SECOND)
        before = mid(market)
        market.submit("buy", 60)
        path = []
        for seconds in (1, 20, 100):
            market.advance((30 + seconds) * SECOND)
            path.append(mid(market) - before)
        moves.append(path)
    first, later, last = np.mean(moves, axis=0)
    assert first > 5
    assert last < later < first
    assert last < first / 2


def test_those_who_know_take_more_the_more_there_is_to_gain() -> None:
    def lots(aggression: float) -> int:
        maker = MarketMaker(half_spread=1.0, skew=0.0, follow=0.0, qty=50, max_position=1_000_000)
        flow = InformedFlow(rate=1.0, informed=1.0, aggression=aggression, max_qty=12)
        value = ScheduledValue(times_ns=[SECOND], values=[10_020.5])
        market = simulated_market([maker, flow], value=value, seed=3)
        market.advance(3 * SECOND)
        events = market.events()
        sizes = events["qty"][events["kind"] == EXECUTE]
        return int(sizes[0])

    # The value is 20 ticks above the mid: 0.3 · 20 lots, and no more than 12.
    assert [lots(aggression) for aggression in (0.0, 0.3, 5.0)] == [1, 6, 12]
