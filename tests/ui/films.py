"""A short film with most that can happen in it."""

from __future__ import annotations

from omni_lab.execution import Limits, OMSConfig
from omni_lab.ui import RecordingOMS

NOON = 1_700_000_000 * 10**9
LIMITS = Limits(max_order_qty=1_000, max_position=2_000, collar_bps=500, order_rate=100, order_burst=20)


def film() -> RecordingOMS:
    """Two instruments, two accounts, 23 frames."""
    config = OMSConfig(
        instruments=["ABC", "XYZ"],
        accounts=["desk", "fund"],
        reference_prices={"ABC": 100.0},
        limits={"desk": LIMITS},
    )
    oms = RecordingOMS(config)
    oms.submit("ABC", "buy", 300, 99.99, account="fund", ts=NOON)  # frame 2
    oms.submit("ABC", "buy", 500, 99.98, account="fund", ts=NOON + 1_500_000)
    oms.submit("ABC", "buy", 200, 99.99, account="desk")
    oms.submit("ABC", "sell", 1_000, 100.01, display_qty=200, account="fund", client_order_id="ice")
    oms.submit("ABC", "sell", 300, 100.01, account="fund")
    oms.submit("ABC", "sell", 400, 100.02, account="fund", time_in_force="gtc")
    oms.submit("ABC", "sell", 250, 100.03, display_qty=0, account="fund")
    oms.submit("ABC", "buy", 350, account="desk")  # frame 9: order 8 takes from 4 and 5
    oms.submit("ABC", "sell", 100, stop_price=99.98, account="desk")
    oms.submit("ABC", "buy", 5_000, 99.0, account="desk")  # too large
    oms.submit("ABC", "buy", 100, 120.0, account="desk")  # too far away
    oms.submit("ABC", "buy", 100, peg="primary", account="fund")
    oms.replace(3, qty=150)  # frame 14
    oms.cancel(2)
    oms.cancel(2)
    oms.mark("XYZ", 50.0)
    oms.submit("ABC", "sell", 600, 99.98, account="fund")
    oms.kill("desk", who="ann", why="a test of the switch")  # frame 19
    oms.submit("ABC", "buy", 1, 99.0)
    oms.reset("desk", who="ann", why="it works")
    oms.set_phase("halted", symbol="ABC")
    oms.advance(NOON + 10**9)  # frame 23
    return oms
