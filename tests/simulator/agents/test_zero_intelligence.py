"""Zero intelligence against a plain simulation of the same model, and what a large order does to it."""

import numpy as np
import pytest

from omni_lab.simulator.participants import ZeroIntelligence, simulated_market
from tests.simulator.agents.zero_intelligence_twin import Twin

SECOND = 1_000_000_000
LIMITS, MARKET, CANCELS = (1.85, 1.51, 1.09, 0.88, 0.77), 0.94, (0.71, 0.81, 0.68, 0.56, 0.47)
N_DISTANCES, N_BATCHES = 6, 20


def native_batches(seed: int, seconds: int) -> np.ndarray:
    """Spread and lots at each distance, averages over batches, shape (N_BATCHES, 1 + N_DISTANCES)."""
    flow = ZeroIntelligence(limit_rates=LIMITS, market_rate=MARKET, cancel_rates=CANCELS)
    market = simulated_market([flow], seed=seed, keep_events=False)
    rows = []
    for look in range(2 * seconds):
        market.advance(20 * SECOND + look * SECOND // 2)
        bids, bid_lots, asks, ask_lots = market.levels(0, 50)
        if not bids.size or not asks.size:
            continue
        row = np.zeros(1 + N_DISTANCES)
        row[0] = asks[0] - bids[0]
        for distances, lots in ((asks[0] - bids, bid_lots), (asks - bids[0], ask_lots)):
            near = distances <= N_DISTANCES
            np.add.at(row, distances[near], lots[near] / 2)
        rows.append(row)
    return np.array([part.mean(axis=0) for part in np.array_split(np.array(rows), N_BATCHES)])


def twin_batches(seed: int, seconds: int) -> np.ndarray:
    twin = Twin(LIMITS, MARKET, CANCELS, 10_000, seed)
    rows = np.zeros((N_BATCHES, 1 + N_DISTANCES))
    weights, now = np.zeros(N_BATCHES), -20.0
    for wait in twin.run(20.0 + seconds):
        if now >= 0 and all(twin.lots):
            batch = min(int(now / seconds * N_BATCHES), N_BATCHES - 1)
            weights[batch] += wait
            rows[batch, 0] += wait * (twin.best(1) - twin.best(0))
            for side in (0, 1):
                for distance, qty in twin.depth(side).items():
                    if distance <= N_DISTANCES:
                        rows[batch, distance] += wait * qty / 2
        now += wait
    return rows / weights[:, None]


def test_spread_and_depth_are_those_of_a_plain_simulation() -> None:
    native, plain = native_batches(1, 6_000), twin_batches(2, 1_200)
    difference = native.mean(axis=0) - plain.mean(axis=0)
    error = np.sqrt(native.var(axis=0, ddof=1) / N_BATCHES + plain.var(axis=0, ddof=1) / N_BATCHES)
    assert np.all(error < 0.1), "the comparison says something"
    assert np.all(np.abs(difference) < 4.5 * error), (difference / error).round(1)


def test_a_purchase_moves_the_offer_up_and_the_gap_fills_from_both_sides() -> None:
    # Nobody knows why the lots are gone: offers come back toward the bid, bids go up toward the offer.
    flow = ZeroIntelligence(
        limit_rates=[4 / i**0.3 for i in range(1, 31)], market_rate=1.0, cancel_rates=(0.1,)
    )
    moves = []
    for seed in range(40):
        market = simulated_market([flow], seed=seed, keep_events=False)
        market.advance(60 * SECOND)
        bid, ask = market.bid_ticks, market.ask_ticks
        market.submit("buy", 200)
        market.advance(60 * SECOND + 1)
        at_once = (market.bid_ticks - bid, market.ask_ticks - ask)
        market.advance(62 * SECOND)
        moves.append((*at_once, market.bid_ticks - bid, market.ask_ticks - ask))
    bid_at_once, ask_at_once, bid_later, ask_later = np.mean(moves, axis=0)
    assert bid_at_once == pytest.approx(0, abs=0.1)
    assert ask_at_once > 5
    assert ask_later < 0.75 * ask_at_once, "the offer comes back"
    assert bid_later > 1, "and the bid follows"
