"""A client that follows a stream over connections that break: nothing is missed, nothing is told twice."""

import asyncio
import json
import threading
from contextlib import aclosing
from itertools import pairwise
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.errors import CodecError, ConfigError, ForbiddenError, GatewayError, SourceError
from omni_lab.gateway.client import Client, Stream
from omni_lab.gateway.client.follow import Follower, GapError
from omni_lab.gateway.sockets.wire import heartbeat, text_of
from omni_lab.messaging.bus import Bus
from omni_lab.messaging.bus import Stream as Source
from tests.gateway.sockets.serving import LIMITS, serving

LAST = 120


class Restarts:
    """A server that goes when 40 changes were told and when 80 were, and more happens before it is back."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.source = self.bus.open("orders", epoch="j")
        self.ready, self.port = threading.Event(), 0
        self.told: list[int] = []
        self.news = threading.Condition()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for last in (40, 80, LAST):
            with serving(self.bus, LIMITS, port=self.port) as served:
                self.port = served.port
                self.ready.set()
                self._publish(last)
                assert self._is_told(last)
            self._publish(min(last + 20, LAST))

    def _publish(self, last: int) -> None:
        while (number := self.source.sequence + 1) <= last:
            self.source.publish({"orders": {str(number % 9): {"n": number} if number % 4 else None}})

    def _is_told(self, last: int) -> bool:
        with self.news:
            return self.news.wait_for(lambda: bool(self.told) and self.told[-1] >= last, 20)

    def note(self, sequence: int) -> bool:
        """Somebody was told; whether it was the last."""
        with self.news:
            self.told.append(sequence)
            self.news.notify_all()
        return sequence == LAST

    def __enter__(self) -> Self:
        self.thread.start()
        assert self.ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join(60)
        assert not self.thread.is_alive()


def test_a_client_follows_over_restarts_of_the_server() -> None:
    with Restarts() as house, Client(f"http://127.0.0.1:{house.port}", token="anna") as client:
        stream = client.stream("orders")
        for message in stream:
            if house.note(message.sequence):
                break
    assert house.told == list(range(house.told[0], LAST + 1))
    assert (stream.n_connections, stream.epoch) == (3, "j")
    assert stream.state == house.source.snapshot().patch


def test_a_coroutine_follows_over_restarts_of_the_server() -> None:
    async def follow(stream: Stream, house: Restarts) -> None:
        async with aclosing(aiter(stream)) as messages:
            async for message in messages:
                if house.note(message.sequence):
                    break

    with Restarts() as house, Client(f"http://127.0.0.1:{house.port}", token="anna") as client:
        stream = client.stream("orders")
        asyncio.run(follow(stream, house))
    assert house.told == list(range(house.told[0], LAST + 1))
    assert stream.n_connections == 3
    assert stream.state == house.source.snapshot().patch


def test_another_life_of_the_stream_begins_with_a_snapshot() -> None:
    bus = Bus()
    bus.open("system", epoch="1").publish({"n": 1})
    with serving(bus) as served, Client(f"http://127.0.0.1:{served.port}", token="anna") as client:
        messages = iter(client.stream("system"))
        assert next(messages).epoch == "1"
        bus.close("system")
        bus.open("system", epoch="2").publish({"n": 7})
        after = next(messages)
        assert (after.kind, after.epoch, after.sequence, after.patch) == ("snapshot", "2", 1, {"n": 7})
        resumed = client.stream("system", after=0, epoch="2")
        assert next(iter(resumed)).kind == "delta"


def test_what_cannot_be_mended_is_raised() -> None:
    bus = Bus()
    bus.open("orders", epoch="1")
    with serving(bus) as served:
        url = f"http://127.0.0.1:{served.port}"
        wrong: list[tuple[str | None, str, type[Exception]]] = [
            ("anna", "market.NOPE", SourceError),
            ("blind", "orders", ForbiddenError),
            (None, "orders", ForbiddenError),
        ]
        for token, topic, kind in wrong:
            with Client(url, token=token) as client, pytest.raises(kind):
                next(iter(client.stream(topic)))
        with Client(url) as client, pytest.raises(ConfigError, match="no stream"):
            client.stream("trades")
    with Client(url, token="anna") as client, pytest.raises(GatewayError, match="lost"):
        next(iter(client.stream("orders", patience_s=0.1)))


# --- without a network ----------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 8)),
        st.tuples(st.sampled_from(["take", "again", "lose", "break", "beat"]), st.integers(1, 4)),
    ),
    max_size=40,
)


@given(steps, st.integers(1, 12), st.none() | st.integers(1, 5))
def test_whatever_the_line_does_a_follower_folds_to_the_state(
    script: list[tuple[str, int]], keep: int, behind: int | None
) -> None:
    """Messages are taken, repeated or lost, and the line breaks; a gap is noticed and mended."""
    source, follower = Source("orders", epoch="1", keep=keep), Follower("orders")
    line = source.follow(most_behind=behind)
    told: list[tuple[str, int]] = []
    taken: list[Any] = []

    def connect() -> None:
        nonlocal line
        line = source.follow(after=follower.sequence, epoch=follower.epoch, most_behind=behind)

    def take(text: str) -> None:
        try:
            message = follower.take(text)
        except GapError:
            connect()
        else:
            if message is not None:
                told.append((message.kind, message.sequence))

    for what, n in [*script, ("take", 10_000)]:
        match what:
            case "publish":
                for _ in range(n):
                    number = source.sequence
                    source.publish({str(number % 5): number if number % 3 else None})
            case "take":
                while True:
                    found = line.take(n)
                    taken += found
                    for message in found:
                        take(text_of(message))
                    if not found or line.sequence == source.sequence == follower.sequence or n < 10_000:
                        break
            case "again" if taken:
                take(text_of(taken[-1]))
            case "lose":
                line.take(n)
            case "break":
                connect()
            case "beat":
                take(heartbeat(source.sequence))
    if follower.sequence != source.sequence:
        # What was lost last shows with the next change.
        source.publish({"end": 1})
        for _ in range(3):
            for message in line.take():
                take(text_of(message))
    assert follower.state == source.snapshot().patch
    assert all(
        later == before + 1 if kind == "delta" else later >= before
        for (_, before), (kind, later) in pairwise(told)
    )


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(CodecError):
        Follower("orders").take('{"type": "else"}')
    with pytest.raises(GapError):
        Follower("orders").take(json.dumps({"type": "delta", "epoch": "1", "sequence": 1}))


def test_a_topic_has_its_address() -> None:
    assert (
        Follower("market.BRK/B x", after=3, epoch="a b").address()
        == "/ws/market_data/BRK/B%20x?after=3&epoch=a+b"
    )
    assert Follower("jobs.7").address() == "/ws/backtest/7"
