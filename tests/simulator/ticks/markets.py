"""Small markets whose every step is known."""

from typing import Any

import numpy as np

from omni_lab.data import Events, FeedInfo

LEVEL, TRADE = 12, 6
BUY, SELL = 1, 2
INFO = FeedInfo(symbols={0: "XYZ"}, tick_size=0.01)


def events(rows: list[tuple[float, int, int, int, int]], info: FeedInfo = INFO) -> Events:
    """Rows of time (milliseconds), kind, side of the level or of who waited, quantity, price (ticks)."""
    ms, kind, side, qty, price = (list(column) for column in zip(*rows, strict=True))
    columns: dict[str, Any] = {"kind": kind, "side": side, "qty": qty, "price": price}
    return Events.from_columns({"ts": [round(each * 1e6) for each in ms], **columns}, info)


def busy(n_events: int = 20_000, seed: int = 1) -> Events:
    """A mid that walks, levels around it that change, and trades at the best prices."""
    rng = np.random.default_rng(seed)
    mid = 10_000 + np.cumsum(rng.choice([-1, 0, 1], n_events, p=[0.01, 0.98, 0.01]))
    is_trade = rng.random(n_events) < 0.25
    side = rng.integers(1, 3, n_events)
    depth = np.where(is_trade, 0, np.minimum(rng.geometric(0.5, n_events) - 1, 8))
    price = np.where(side == BUY, mid - depth, mid + 1 + depth)
    moved = np.flatnonzero(np.diff(mid, prepend=mid[0]))
    is_trade[moved] = False
    # Where the mid moves, the level that gives way goes first.
    price[moved] = np.where(mid[moved] > mid[moved - 1], mid[moved], mid[moved] + 1)
    side[moved] = np.where(mid[moved] > mid[moved - 1], SELL, BUY)
    qty = rng.integers(1, 40, n_events)
    qty[moved] = 0
    return Events.from_columns(
        {
            "ts": np.cumsum(rng.integers(0, 4_000_000, n_events)),
            "kind": np.where(is_trade, TRADE, LEVEL),
            "side": side,
            "qty": qty,
            "price": price,
        },
        INFO,
    )
