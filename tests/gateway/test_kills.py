"""``omni serve`` that is killed while people trade and jobs run: nothing that was acknowledged is lost.

What must be is what the client wrote down: orders that were acknowledged, and what the stream of orders told.
"""

import math
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from omni_lab.errors import GatewayError, StateError
from omni_lab.execution.views import Order
from omni_lab.gateway.client import Client
from omni_lab.messaging.bus import Message
from omni_lab.messaging.bus.stream import fold
from omni_lab.pipelines.jobs import RUNNING, SUCCEEDED, JobQueue
from omni_lab.pipelines.jobs.job import ENDED
from omni_lab.system import Ticket
from tests.lengths import LONG
from tests.pipelines.conftest import WriteNotebook, project, write_notebook

__all__ = ["project", "write_notebook"]

KILLS = 25 if LONG else 2
PATIENCE_S = 90.0


class Server:
    """``omni serve`` on one port, begun again after each kill."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        options = ["--port", str(port), "--name", "killed", "--no-dashboard", "--no-limits"]
        self._command = [sys.executable, "-m", "omni_lab.cli", "serve", *options]
        self._log = directory / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, client: Client) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

        def answers() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()[-3000:]
            with suppress(GatewayError):
                return client.system.status().market_rate > 0
            return False

        eventually(answers)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


class Watcher:
    """Somebody who follows the orders, over all kills."""

    def __init__(self, client: Client) -> None:
        self.stream = client.stream("orders", patience_s=PATIENCE_S)
        self.messages: list[Message] = []
        self._last: int | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        for message in self.stream:
            self.messages.append(message)
            if any(event["order_id"] == self._last for event in message.events):
                return

    def wait_for_connection(self, number: int) -> None:
        eventually(lambda: self.stream.n_connections == number)

    def close(self, client: Client, symbol: str) -> None:
        """Follow until a last order has come and gone."""
        order = client.orders.submit(Ticket(symbol=symbol, side="BUY", qty=1, price=1.0))
        eventually(lambda: str(order.order_id) in self.stream.state["orders"])
        self._last = order.order_id
        client.orders.cancel(order.order_id)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


def eventually(found: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return value


@pytest.fixture
def server(project: Path, write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    write_notebook("toy", "import time\ntime.sleep(lookback)", "x = 1")
    made = Server(project)
    yield made
    made.kill()


class Desk:
    """A person who trades, and writes down what was acknowledged."""

    def __init__(self, client: Client, dice: random.Random) -> None:
        self._client, self._dice = client, dice
        self.acknowledged: dict[str, Order] = {}
        self.canceled: set[int] = set()
        self.asked = 0

    def trade(self, symbols: tuple[str, ...], count: int) -> None:
        """Send and cancel orders, one after the other."""
        for _ in range(count):
            self._act(symbols)

    def _act(self, symbols: tuple[str, ...]) -> None:
        """Send one order, which may trade or rest, or cancel one; until it is acknowledged."""
        resting = [each for each in self.acknowledged.values() if each.order_id not in self.canceled]
        if resting and self._dice.random() < 0.2:
            order = self._dice.choice(resting)
            with suppress(StateError):  # it has traded, or an answer was lost
                self._again(lambda: self._client.orders.cancel(order.order_id))
            self.canceled.add(order.order_id)
            return
        self.asked += 1
        name = f"d{self.asked}"
        price = self._dice.choice([1.0, 5_000.0])  # far below the market, or far above it
        ticket = Ticket(
            symbol=self._dice.choice(symbols), side="BUY", qty=100, price=price, client_order_id=name
        )
        found = self._again(lambda: self._client.orders.submit(ticket, key=name))
        assert str(found.client_order_id) == name
        self.acknowledged[name] = found

    def _again(self, act: Callable[[], Any]) -> Any:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return act()
            except GatewayError:
                assert time.monotonic() < until
                time.sleep(0.05)


def test_a_server_that_is_killed_loses_no_order_no_fill_no_job_and_no_change(
    server: Server, project: Path
) -> None:
    dice = random.Random(3)
    with Client(server.url, attempts=1, timeout_s=20.0) as client:
        server.start(client)
        symbols = client.system.status().symbols
        desk, watcher = Desk(client, dice), Watcher(client)
        eventually(lambda: watcher.messages)
        jobs: list[str] = []
        for n_killed in range(KILLS):
            asked = {"pipeline": "toy", "parameters": {"lookback": dice.randint(1, 4)}}
            jobs.append(client._http.ask("POST", "backtest", body=asked, key=f"job{len(jobs)}")["id"])
            desk.trade(symbols, 10)
            watcher.wait_for_connection(n_killed + 1)
            killer = threading.Timer(dice.uniform(0.0, 0.5), server.kill)
            killer.start()
            trading = threading.Thread(target=desk.trade, args=(symbols, 40))
            trading.start()
            killer.join()
            server.start(client)
            trading.join(PATIENCE_S)
            assert not trading.is_alive()
        client.orders.cancel_all(symbol=symbols[-1])
        watcher.close(client, symbols[0])
        assert watcher.stream.n_connections == KILLS + 1
        check_orders(client, desk)
        check_stream(client, watcher)
        check_positions(client)
        check_jobs(client, jobs)


def check_orders(client: Client, desk: Desk) -> None:
    """What was acknowledged is there, once, and no younger than it was."""
    found = client.orders.find(most=100_000)
    names = Counter(str(each.client_order_id) for each in found if each.client_order_id is not None)
    assert set(names.values()) == {1}, "sent twice, it is one order"
    orders = {each.order_id: each for each in found}
    for name, before in desk.acknowledged.items():
        now = orders[before.order_id]
        assert (str(now.client_order_id), now.side, now.qty) == (name, before.side, before.qty)
        assert now.cum_qty >= before.cum_qty
        if before.order_id in desk.canceled:
            assert now.leaves_qty == 0


def check_stream(client: Client, watcher: Watcher) -> None:
    """The stream had no gap over all kills, and comes to what the orders are."""
    kinds = [each.kind for each in watcher.messages]
    assert kinds == ["snapshot"] + ["delta"] * (len(kinds) - 1)
    numbers = [each.sequence for each in watcher.messages]
    assert numbers == [*range(numbers[0], numbers[0] + len(numbers))]
    assert len({each.epoch for each in watcher.messages}) == 1
    told = fold(watcher.messages)["orders"]
    live = {str(each.order_id): each for each in client.orders.find(live=True, most=100_000)}
    assert told.keys() == live.keys()
    assert {key: each["leaves"] for key, each in told.items()} == {
        key: each.leaves_qty for key, each in live.items()
    }
    fills = client.orders.fills(most=1_000_000)
    seen = [event for each in watcher.messages for event in each.events if event["kind"] == "FILLED"]
    assert fills, "some orders traded"
    assert Counter((each["order_id"], each["trade_id"]) for each in seen) == Counter(
        (each.order_id, each.trade_id) for each in fills
    )


def check_positions(client: Client) -> None:
    """Positions are what the fills come to, and orders have traded what their fills say."""
    sizes: defaultdict[str, float] = defaultdict(float)
    traded: defaultdict[int, float] = defaultdict(float)
    for fill in client.orders.fills(most=1_000_000):
        sizes[fill.symbol] += fill.qty if fill.side == "BUY" else -fill.qty
        traded[fill.order_id] += fill.qty
    assert {each.symbol: each.qty for each in client.portfolio.positions() if each.qty} == {
        symbol: size for symbol, size in sizes.items() if size
    }
    for order in client.orders.find(most=100_000):
        assert math.isclose(order.cum_qty, traded[order.order_id])


def check_jobs(client: Client, jobs: list[str]) -> None:
    """Each job came to its end, once: its process outlived the server, or the next one began it."""
    with JobQueue() as found:
        eventually(lambda: all(found.get(each).state in ENDED for each in jobs))
        assert {found.get(each).state for each in jobs} == {SUCCEEDED}
        assert {found.get(each).attempt for each in jobs} == {1}
        for each in jobs:
            here = found.stream(each).follow(after=0).take()
            assert [event["kind"] for told in here for event in told.events].count(RUNNING) == 1
            there = islice(client.stream(f"jobs.{each}", after=0, epoch=each), len(here))
            assert [(told.sequence, told.ts, told.patch) for told in there] == [
                (told.sequence, told.ts, told.patch) for told in here
            ]
        assert client._http.get(f"backtest/{jobs[0]}")["state"] == SUCCEEDED
