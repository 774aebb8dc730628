"""What a client of a socket is told, and what he is not allowed: against a real server."""

import asyncio
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from omni_lab.gateway.client.follow import Follower
from omni_lab.gateway.sockets import SocketLimits
from omni_lab.gateway.sockets.hub import Hub
from omni_lab.messaging.bus import Bus, Stream
from tests.gateway.sockets.serving import LIMITS, REVOKED, Served, raw_client, serving, until
from tests.lengths import LONG


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(Bus()) as running:
        yield running


@asynccontextmanager
async def client(
    served: Served, path: str, name: str = "anna", **headers: str
) -> AsyncIterator[ClientConnection]:
    said = {"X-Name": name, **{key.replace("_", "-"): value for key, value in headers.items()}}
    async with connect(served.url(path), additional_headers=said, compression=None, max_size=None) as socket:
        yield socket


async def told(socket: ClientConnection, *, beats: bool = False) -> dict[str, Any]:
    """The next message; of heartbeats only where they are asked for."""
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 20))
        if beats or message["type"] != "heartbeat":
            return message


async def code_of(socket: ClientConnection) -> int | None:
    """What the connection is closed with, whatever is told before."""
    async with asyncio.timeout(20):
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code


def play(scene: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scene

    asyncio.run(bounded())


@dataclass(eq=False)
class Bystander:
    """A reader of a hub who does nothing."""

    stream: Stream
    awake: asyncio.Event

    def wake(self) -> None:
        self.awake.set()

    def look(self, now: float, wall: float) -> None:
        pass


# --- what one is told -----------------------------------------------------------------------------


def test_a_snapshot_then_changes_the_same_for_all_then_heartbeats(served: Served) -> None:
    stream = served.bus.open("orders", epoch="7", state={"orders": {"1": {"qty": 5}}}, sequence=3)

    async def scene() -> None:
        async with client(served, "orders") as one, client(served, "orders", "bob") as other:
            first = await told(one)
            state = {"orders": {"1": {"qty": 5}}}
            assert first == {
                "type": "snapshot", "topic": "orders", "epoch": "7", "sequence": 3, "ts": 0, "state": state,
            }  # fmt: skip
            await told(other)
            stream.publish({"orders": {"1": None, "2": {"price": float("nan")}}}, [{"kind": "FILLED"}], ts=9)
            texts = [await one.recv(), await other.recv()]
            assert texts[0] == texts[1]
            assert json.loads(texts[0]) == {
                "type": "delta", "topic": "orders", "epoch": "7", "sequence": 4, "ts": 9,
                "patch": {"orders": {"1": None, "2": {"price": None}}}, "events": [{"kind": "FILLED"}],
            }  # fmt: skip
            before = time.time_ns()
            beat = await told(one, beats=True)
            assert (beat["type"], beat["sequence"]) == ("heartbeat", 4)
            assert before <= beat["ts"] <= time.time_ns()

    play(scene())
    served.bus.close("orders")


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("?after=2&epoch=1", [("delta", 3), ("delta", 4)]),
        ("?after=4&epoch=1", []),
        ("?after=2", [("delta", 3), ("delta", 4)]),
        ("?after=9&epoch=1", [("snapshot", 4)]),
        ("?after=2&epoch=0", [("snapshot", 4)]),
        ("", [("snapshot", 4)]),
    ],
)
def test_a_client_goes_on_where_he_was(served: Served, query: str, kinds: list[tuple[str, int]]) -> None:
    stream = served.bus.open("market.BRK/B", epoch="1")
    for number in range(4):
        stream.publish({"last": number})

    async def scene() -> None:
        async with client(served, f"market_data/BRK/B{query}") as socket:
            found = [await told(socket) for _ in kinds]
            assert [(each["type"], each["sequence"]) for each in found] == kinds
            stream.publish({"last": 5})
            assert (await told(socket))["sequence"] == 5

    play(scene())
    served.bus.close("market.BRK/B")


@pytest.mark.parametrize(
    ("path", "name", "status", "code"),
    [
        ("orders", "", 401, 4401),
        ("orders", "blind", 403, 4403),
        ("market_data/NOPE", "anna", 404, 4404),
        ("backtest/17", "anna", 404, 4404),
        ("nothing", "anna", 404, 4404),
        ("here?after=-1", "anna", 404, 4404),
        ("system?after=-1", "anna", 422, 4400),
        ("system?after=", "anna", 422, 4400),
        ("system?after=9999999999999999999999", "anna", 422, 4400),
    ],
)
def test_who_is_refused_is_told_why(served: Served, path: str, name: str, status: int, code: int) -> None:
    served.bus.open("system", epoch="1")
    served.bus.open("here", epoch="1")  # a topic that has no address

    async def scene() -> None:
        async with client(served, path, name) as socket:
            assert (await told(socket))["status"] == status
            assert await code_of(socket) == code

    play(scene())
    served.bus.close("system")
    served.bus.close("here")


# --- those who are slow ---------------------------------------------------------------------------


def test_the_slow_are_given_a_state_instead_of_a_backlog_and_orders_all_the_same(served: Served) -> None:
    """300 changes of 8 KB while nobody reads; then the market is a snapshot, and the orders are all there."""
    market, orders = (served.bus.open(topic, epoch="1", keep=1000) for topic in ("market.X", "orders"))

    async def read(path: str, last: int) -> list[dict[str, Any]]:
        with raw_client(served.port, path) as slow:
            for number in range(1, 301):
                stream = market if "market" in path else orders
                stream.publish({str(number % 3): f"{number}" * 2_500})
                await asyncio.sleep(0)
            await asyncio.sleep(0.2)
            found: list[dict[str, Any]] = []
            while not found or found[-1]["sequence"] != last:
                found += [
                    each for each in await asyncio.to_thread(slow.messages) if each["type"] != "heartbeat"
                ]
            return found

    async def scene() -> None:
        for path, conflated in (("market_data/X", True), ("orders", False)):
            found = await read(path, 300)
            numbers = [each["sequence"] for each in found]
            jumps = [each["type"] for each in found[1:] if each["type"] == "snapshot"]
            assert (len(jumps) > 0, len(found) < 250) == (conflated, conflated)
            if not conflated:
                assert numbers == list(range(numbers[0], 301))
            state: dict[str, Any] = {}
            for each in found:
                state = each["state"] if each["type"] == "snapshot" else {**state, **each["patch"]}
            assert state == (market if conflated else orders).snapshot().patch

    play(scene())
    served.bus.close("market.X")
    served.bus.close("orders")


def test_a_burst_puts_one_call_into_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Bus().open("account", epoch="1")

    async def scene() -> None:
        loop, calls = asyncio.get_running_loop(), 0
        plain = loop.call_soon_threadsafe

        def counted(*told: Any, **settings: Any) -> asyncio.Handle:
            nonlocal calls
            calls += 1
            return plain(*told, **settings)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        readers = [Bystander(stream, asyncio.Event()) for _ in range(3)]
        hub = Hub(SocketLimits())
        with ExitStack() as stack:
            for reader in readers:
                stack.enter_context(hub.following(reader))
            for burst in (1, 2):
                for _ in range(500):
                    stream.publish({})
                assert calls == burst
                for reader in readers:
                    await asyncio.wait_for(reader.awake.wait(), 5)
                    reader.awake.clear()
        stream.publish({})
        assert (calls, len(hub)) == (2, 0)

    play(scene())


def test_a_fold_of_what_is_told_is_the_state(served: Served) -> None:
    stream = served.bus.open("account", epoch="1")

    async def scene() -> None:
        async with client(served, "account") as socket:
            place = Follower("account")
            place.take(await socket.recv())
            for number in range(2_000):
                stream.publish({str(number % 50): number if number % 3 else None})
            while place.sequence != 2_000:
                place.take(await socket.recv())
            assert place.state == stream.snapshot().patch

    play(scene())
    served.bus.close("account")


# --- those who mean no good, or are gone ----------------------------------------------------------


def test_what_nobody_understands_is_answered_and_a_flood_is_not(served: Served) -> None:
    served.bus.open("system", epoch="1")
    odd: list[str | bytes] = [
        "nonsense",
        "[]",
        '{"type":"subscribe"}',
        '{"type":"authorize"}',
        b"\x00\x01",
        "1e999",
    ]

    async def scene() -> None:
        async with client(served, "system") as socket:
            await told(socket)
            for word in odd:
                await socket.send(word)
                answer = await told(socket)
                assert (answer["type"], answer["status"]) == ("error", 422)
            with suppress(ConnectionClosed):
                for _ in range(1_000):
                    await socket.send("nonsense")
            assert await code_of(socket) == 4429
        for word in ("x" * 20_000, "x" * 2_000_000, b"x" * 2_000_000):
            async with client(served, "system") as socket:
                await told(socket)
                with suppress(ConnectionClosed):  # it is closed before all is sent
                    await socket.send(word)
                assert await code_of(socket) == 1009

    play(scene())
    served.bus.close("system")


def test_a_connection_ends_with_what_it_was_opened_with_unless_there_is_more(served: Served) -> None:
    stream = served.bus.open("system", epoch="1")

    async def scene() -> None:
        soon = f"{time.time() + 1.5}"
        async with (
            client(served, "system", X_Expires=soon) as stays,
            client(served, "system", X_Expires=soon) as forger,
            client(served, "system", X_Expires=soon) as other,
        ):
            for each in (stays, forger, other):
                await told(each)
            await stays.send('{"type":"authorize","token":"anna"}')
            assert (await told(stays, beats=True))["type"] == "heartbeat"
            await forger.send('{"type":"authorize","token":"forged"}')
            assert (await told(forger))["status"] == 401
            await other.send('{"type":"authorize","token":"bob"}')
            assert await code_of(other) == 4403
            assert await code_of(forger) == 4401
            stream.publish({"n": 1})
            assert (await told(stays))["sequence"] == 1
            REVOKED.add("anna")
            assert await code_of(stays) == 4401
            REVOKED.clear()
        async with client(served, "system", X_Expires=f"{time.time() - 1}") as late:
            assert await code_of(late) == 4401

    play(scene())
    served.bus.close("system")


def test_who_never_reads_costs_his_buffer_until_he_is_cut_off() -> None:
    bus, n = Bus(), 20
    stream = bus.open("orders", epoch="1", keep=100)

    async def scene(served: Served) -> None:
        connections = served.server.server_state.connections
        async with client(served, "orders") as reader:
            await told(reader)
            deaf = [raw_client(served.port, "orders") for _ in range(n)]
            try:
                await until(lambda: len(connections) == n + 1)
                tracemalloc.start()
                for number in range(1, 401):
                    stream.publish({"text": "x" * 20_000, "n": number})
                    if number % 20 == 0:
                        while (await told(reader))["sequence"] < number:
                            pass
                grown = tracemalloc.get_traced_memory()[0]
                tracemalloc.stop()
                # The stream remembers 100 changes of 40 KB with their texts; a connection holds its 64 KB.
                assert grown < 12e6 + n * 100_000
                # Nothing but the message that would not go out lies in the buffer with what came before.
                assert max(each.transport.get_write_buffer_size() for each in connections) < 64 * 1024
                # They are alive, and take nothing for a second: a message hangs for too long (4408).
                await until(lambda: len(connections) == 1)
                stream.publish({"n": 0})
                assert (await told(reader))["sequence"] == 401
            finally:
                for each in deaf:
                    each.close()

    with serving(bus, SocketLimits(heartbeat_s=0.25, stalled_s=1.0)) as served:
        play(scene(served))


def test_who_reads_but_answers_no_ping_is_cut_off() -> None:
    bus = Bus()
    bus.open("system", epoch="1")
    fast: dict[str, Any] = {"ws_ping_interval": 0.2, "ws_ping_timeout": 0.2}
    with serving(bus, **fast) as served, raw_client(served.port, "system") as dumb:
        dumb.drain()
        play(until(lambda: not served.server.server_state.connections))


def test_when_stream_or_server_goes_clients_are_told() -> None:
    bus = Bus()
    bus.open("system", epoch="1")
    bus.open("orders", epoch="1")

    async def scene(served: Served) -> None:
        async with client(served, "orders") as orders, client(served, "system") as system:
            await told(orders)
            bus.close("orders")
            assert await code_of(orders) == 1001
            await told(system)
            served.server.should_exit = True
            assert await code_of(system) == 1001

    with serving(bus) as served, raw_client(served.port, "system"):
        started = time.monotonic()
        play(scene(served))
    # The client that never took his leave held nobody up for long; without a bound it would be for ever.
    assert time.monotonic() - started < 30


def test_a_stream_that_cannot_be_told_ends_for_its_clients_and_no_others(served: Served) -> None:
    broken, fine = (served.bus.open(topic, epoch="1") for topic in ("orders", "account"))

    async def scene() -> None:
        async with client(served, "orders") as one, client(served, "account") as other:
            await told(one)
            await told(other)
            broken.publish({"x": b"bytes"})
            fine.publish({"x": 1})
            assert await code_of(one) == 1011
            assert (await told(other))["patch"] == {"x": 1}

    play(scene())
    served.bus.close("orders")
    served.bus.close("account")


def test_many_clients_come_are_told_and_go() -> None:
    n = 1_000 if LONG else 200
    bus = Bus()
    stream = bus.open("orders", epoch="1")

    async def scene(served: Served) -> None:
        async def one() -> None:
            async with client(served, "orders") as socket:
                sequence = (await told(socket))["sequence"]
                while sequence < 5:
                    sequence = (await told(socket))["sequence"]

        clients = [asyncio.create_task(one()) for _ in range(n)]
        await until(lambda: len(served.server.server_state.connections) == n, seconds=40)
        for _ in range(5):
            stream.publish({"n": 1})
        await asyncio.gather(*clients)
        await until(lambda: not served.server.server_state.connections)

    with serving(bus) as served:
        play(scene(served))
    assert not stream._listeners


def test_limits_are_those_of_the_contract() -> None:
    limits = SocketLimits()
    assert (limits.heartbeat_s, limits.stalled_s, limits.behind) == (5.0, 30.0, 20)
    assert LIMITS.tick_s <= LIMITS.heartbeat_s / 5
