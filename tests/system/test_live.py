"""A venue's own feed as the market of a system."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from omni_lab.domain import Instrument
from omni_lab.errors import ConfigError, GatewayError
from omni_lab.execution import OMS, OMSConfig
from omni_lab.system import LOCAL, SystemConfig, Ticket, TradingSystem
from omni_lab.system.live import PASSWORD_VARIABLE
from omni_lab.venues import Exchange, Timing, User

TIMING = Timing(heartbeat_s=0.2, timeout_s=5.0, login_s=5.0, slow_s=5.0)


@contextmanager
def exchange() -> Iterator[tuple[OMS, int, Callable[[], None]]]:
    """A venue in a thread: its system, the port of its feed, and what makes it tell."""
    oms = OMS(OMSConfig(instruments=[Instrument("ABC", tick_size=0.01)], accounts=("all",)))
    loop, opened, ports = asyncio.new_event_loop(), threading.Event(), []
    over: list[asyncio.Event] = []

    async def serve() -> None:
        over.append(asyncio.Event())
        users = [User(name="us", password="secret1", account="all")]
        async with Exchange(oms, users, timing=TIMING, interval_s=0.01) as venue:
            ports.append(venue.itch.address[1])
            opened.set()
            await over[0].wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert opened.wait(10)
    try:
        yield oms, ports[0], lambda: time.sleep(0.05)
    finally:
        loop.call_soon_threadsafe(over[0].set)
        thread.join()
        loop.close()


def _until(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.01)
    return False


def test_the_book_of_a_venue_is_followed_and_traded_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "secret1")
    with exchange() as (venue, port, _):
        for place in range(5):
            venue.submit("ABC", "buy", 100 + place, 10.00 - place / 100)
            venue.submit("ABC", "sell", 100 + place, 10.05 + place / 100)
        venue.submit("ABC", "buy", 30, 10.05)
        config = SystemConfig(name="live", market=f"itch://us@127.0.0.1:{port}", home=tmp_path)
        with TradingSystem(config) as system:
            assert _until(lambda: system.book("ABC").best_bid == 10.0)

            def same() -> bool:
                theirs, ours = venue.book("ABC").depth(), system.book("ABC").depth()
                return all(np.array_equal(a, b) for a, b in zip(theirs, ours, strict=True))

            assert _until(same)
            # What was traded before we came is not traded again.
            assert len(system.tape("ABC").ts) == 0
            order = venue.submit("ABC", "buy", 70, 10.01)
            venue.cancel(order)
            venue.submit("ABC", "sell", 40, 10.00)
            assert _until(lambda: len(system.tape("ABC").ts) == 1 and same())
            assert system.tape("ABC").qty.tolist() == [40.0]
            # Nobody there hears of us: who sells at our better price here is the venue's next seller.
            ours = system.submit(Ticket(symbol="ABC", side="BUY", qty=25, price=10.02), who=LOCAL)
            venue.submit("ABC", "sell", 60, 10.00)
            assert _until(lambda: len(system.fills()) > 0)
            assert system.order(ours.order_id).state == "FILLED"
            assert [(fill.qty, fill.price) for fill in system.fills()] == [(25.0, 10.02)]
        with TradingSystem(config) as system:
            # The book stands as the venue's, and not twice.
            assert _until(lambda: len(system.quotes("ABC").ts) > 0 and same())
            assert [each.qty for each in system.account().positions] == [25.0]
    monkeypatch.setattr("omni_lab.system.live._PATIENCE_S", 0.5)
    with pytest.raises(GatewayError):
        TradingSystem(config).start()


def test_what_is_no_feed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no address of a feed"):
        TradingSystem(SystemConfig(market="itch://nowhere", home=tmp_path)).start()
