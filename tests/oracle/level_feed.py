"""Made-up feeds of levels and trades, for this replay and for others.

Columns are ``ts`` and ``delay`` (nanoseconds), ``is_trade``, ``side`` (1 buy, 2 sell: of a level its side, of
a trade who took), ``price`` (ticks) and ``qty`` (lots; 0 removes a level).
"""

import numpy as np

from omni_lab.typing import AnyArray

Columns = dict[str, AnyArray]
START = 1_700_000_000_000_000_000


def market(n_events: int, seed: int, *, gap_ns: float = 28_000.0) -> Columns:
    """A market whose best prices last for some thousands of events, with queues of hundreds of lots.

    When the price moves, one side steps back and the other follows, in either order, and sometimes the first
    message is missing: sides overtake each other. A third of the events share their time with the one before.
    """
    rng = np.random.default_rng(seed)
    n = n_events
    move = rng.choice([-1, 0, 1], size=n, p=[0.0004, 0.9992, 0.0004])
    middle = 10_000 + np.cumsum(move)  # the best bid; the best ask is one tick above it
    is_trade = rng.random(n) < 0.2
    side = rng.integers(1, 3, n)
    depth = np.minimum(rng.geometric(0.4, n) - 1, 9)
    qty = rng.integers(200, 600, n)
    is_gone = (rng.random(n) < 0.1) & (depth > 0)

    # Three places for each event: what a move of the price removes, what it adds, and the event itself.
    used = np.zeros((n, 3), bool)
    sides, prices, lots = np.zeros((3, n, 3), np.int64)
    trades = np.zeros((n, 3), bool)
    moves, up = move != 0, move > 0
    removes_first = rng.random(n) < 0.7
    for place in (0, 1):
        removes = removes_first == (place == 0)
        used[:, place] = moves & ~(removes & (rng.random(n) < 0.1))
        sides[:, place] = np.where(up == removes, 2, 1)
        prices[:, place] = np.where(up, middle, middle + 1)
        lots[:, place] = np.where(removes, 0, qty)
    used[:, 2], trades[:, 2], sides[:, 2] = True, is_trade, side
    bought, sold = middle + 1, middle
    level = np.where(side == 1, middle - depth, middle + 1 + depth)
    prices[:, 2] = np.where(is_trade, np.where(side == 1, bought, sold), level)
    lots[:, 2] = np.where(is_trade, rng.integers(1, 30, n), np.where(is_gone, 0, qty))
    gaps = rng.exponential(gap_ns / 0.7, n).astype(np.int64)
    gaps[rng.random(n) < 0.3] = 0
    kept = used.ravel()
    return _with_times(
        rng,
        gaps,
        is_trade=trades.ravel()[kept][:n],
        side=sides.ravel()[kept][:n],
        price=prices.ravel()[kept][:n],
        qty=lots.ravel()[kept][:n],
    )


def chaos(n_events: int, seed: int) -> Columns:
    """Levels and trades at any of few prices: sides cross, are empty, and lose levels that are not there."""
    rng = np.random.default_rng(seed)
    n = n_events
    is_trade = rng.random(n) < 0.25
    qty = rng.integers(1, 40, n)
    qty[~is_trade & (rng.random(n) < 0.45)] = 0
    side = rng.integers(1, 3, n)
    away = np.minimum(rng.geometric(0.3, n), 12)
    drift = np.cumsum(rng.choice([-1, 0, 1], n, p=[0.02, 0.96, 0.02]))
    toward = np.where((side == 1) != is_trade, 2 - away, away - 2)
    gaps = rng.exponential(60_000, n).astype(np.int64)
    gaps[rng.random(n) < 0.3] = 0
    gaps[rng.random(n) < 0.002] = 400_000_000
    return _with_times(
        rng,
        gaps,
        is_trade=is_trade,
        side=side,
        price=500 + drift + toward,
        qty=qty,
    )


def events(columns: Columns) -> Columns:
    """The same as the events of ``docs/feeds.md``, section 1."""
    n, is_trade, side = len(columns["ts"]), columns["is_trade"], columns["side"]
    return {
        "ts": columns["ts"],
        "kind": np.where(is_trade, 6, 12).astype(np.uint8),
        # The side of a trade is there that of the order that waited.
        "side": np.where(is_trade, 3 - side, side).astype(np.uint8),
        "flags": np.full(n, 2, np.uint8),
        "instrument": np.zeros(n, np.uint16),
        "order_id": np.zeros(n, np.uint64),
        "other_id": np.zeros(n, np.uint64),
        "qty": columns["qty"],
        "price": columns["price"],
    }


def measured_latency(columns: Columns, seed: int, *, lost: float = 0.0) -> Columns:
    """Requests sent every 50 ms, with their ways there and back; a part of them never arrived."""
    rng = np.random.default_rng(seed)
    sent = np.arange(START - 10_000_000, int(columns["ts"][-1]) + 200_000_000, 50_000_000)
    arrived = sent + rng.integers(200_000, 3_000_000, len(sent))
    answered = arrived + rng.integers(200_000, 3_000_000, len(sent))
    return {
        "sent": sent,
        "arrived": np.where(rng.random(len(sent)) < lost, 0, arrived),
        "answered": answered,
    }


def _with_times(rng: np.random.Generator, gaps: AnyArray, **columns: AnyArray) -> Columns:
    ts = START + np.cumsum(gaps)
    heard = np.maximum.accumulate(ts + rng.integers(100_000, 900_000, len(ts)))
    return {"ts": ts, "delay": heard - ts, **columns}
