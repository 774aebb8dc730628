"""Token buckets: against the plain arithmetic of one, and in a real Redis that several share."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.gateway.security import limits as room
from omni_lab.gateway.security.limits import MemoryLimits, neighbourhood
from omni_lab.gateway.security.settings import RATES, Rate
from tests.gateway.security.door import in_a_loop, until


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


waits = st.lists(st.floats(0, 30), min_size=1, max_size=60)
rates = st.lists(st.tuples(st.floats(0.1, 10), st.integers(1, 8)), min_size=1, max_size=3)


@given(waits, rates)
def test_it_is_the_arithmetic_of_a_bucket(waits: list[float], rates: list[tuple[float, int]]) -> None:
    clock = Clock()
    limits = MemoryLimits({"x": [Rate(*rate) for rate in rates]}, clock=clock)
    levels = [float(burst) for _, burst in rates]
    n_taken = 0
    for passed in waits:
        clock.now += passed
        levels = [min(b, v + passed * r) for v, (r, b) in zip(levels, rates, strict=True)]
        expected = max(0.0 if v >= 1 else (1 - v) / r for v, (r, _) in zip(levels, rates, strict=True))
        wait = limits.take_now("x", "ann")
        assert wait == pytest.approx(expected)
        if not wait:
            n_taken += 1
            levels = [v - 1 for v in levels]
    most = min(burst + clock.now * rate for rate, burst in rates)
    assert n_taken <= most + 1e-6


def test_who_waits_as_long_as_he_is_told_is_let_in() -> None:
    clock = Clock()
    limits = MemoryLimits(RATES, clock=clock)
    told = [limits.take_now("login", "a ann") for _ in range(6)]
    assert told[:5] == [0.0] * 5
    assert told[5] == pytest.approx(12.0)
    clock.now += told[5] + 1e-9
    assert limits.take_now("login", "a ann") == 0.0
    assert limits.take_now("login", "b ann") == 0.0  # nobody is locked out by what another does
    clock.now += 3600
    n_in_an_hour = 0
    for _ in range(3600):
        clock.now += 1
        n_in_an_hour += limits.take_now("login", "a ann") == 0
    assert n_in_an_hour in (39, 40)  # 20 that were there, and 20 that came in the hour


def test_memory_is_bounded_and_a_stranger_does_not_empty_a_used_bucket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "MOST", 100)
    limits = MemoryLimits({"x": (Rate(1e-9, 1),)})
    for number in range(1000):
        limits.take_now("x", f"stranger {number}")
        assert (limits.take_now("x", "ann") == 0) == (number == 0)
    assert len(limits) == 100


def test_an_address_stands_for_those_who_share_it() -> None:
    assert neighbourhood("10.1.2.3") == neighbourhood("::ffff:10.1.2.3") == "10.1.2.3"
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff:1") == "2001:db8::/64"
    assert neighbourhood("2001:db8:0:1::1") != neighbourhood("2001:db8::1")
    assert neighbourhood("testclient") == "testclient"


# --- Redis ----------------------------------------------------------------------------------------


class Server:
    """A Redis of the test's own, which keeps nothing on disk."""

    def __init__(self, directory: Path) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as probe:
            self.port = probe.getsockname()[1]
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None
        self.address = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = shutil.which("redis-server")
        assert program is not None
        words = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(words, cwd=self.directory, stdout=subprocess.DEVNULL)
        until(self._answers)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as talk:
                talk.sendall(b"PING\r\n")
                return talk.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("redis", reason="install the extra that holds it: pip install 'omni-lab[redis]'")
    if shutil.which("redis-server") is None:
        pytest.skip("install Redis (Debian: redis-server)")
    server = Server(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


def shared(address: str, rates: Any, prefix: str) -> Any:
    from omni_lab.gateway.security.redis_limits import RedisLimits

    return RedisLimits(address, rates, prefix=prefix)


def test_replicas_share_their_buckets_and_none_takes_a_token_twice(redis: Server) -> None:
    @in_a_loop
    async def run() -> None:
        rates = {"x": (Rate(1e-6, 20), Rate(1e-6, 50)), "y": (Rate(1e-6, 1),)}
        replicas = [shared(redis.address, rates, "a") for _ in range(3)]
        answers = await asyncio.gather(*(each.take("x", "ann") for each in replicas for _ in range(20)))
        assert sum(answer == 0 for answer in answers) == 20
        assert all(answer > 1e5 for answer in answers if answer)
        assert [await each.take("y", "ann") == 0 for each in replicas] == [True, False, False]
        assert await replicas[1].take("x", "bob") == 0
        for each in replicas:
            await each.close()

    run()


def test_it_tells_the_same_waits_as_the_buckets_in_memory(redis: Server) -> None:
    @in_a_loop
    async def run() -> None:
        limits, own = shared(redis.address, RATES, "b"), MemoryLimits(RATES)
        for _ in range(8):
            there, here = await limits.take("login", "a ann"), own.take_now("login", "a ann")
            assert there == pytest.approx(here, abs=1.0)
            assert (there == 0) == (here == 0)
        await limits.close()

    run()


def test_buckets_fill_again_and_are_forgotten_when_full(redis: Server) -> None:
    @in_a_loop
    async def run() -> None:
        limits = shared(redis.address, {"x": (Rate(20, 1),)}, "c")
        assert await limits.take("x", "ann") == 0
        wait = await limits.take("x", "ann")
        assert 0 < wait <= 0.05
        await asyncio.sleep(wait + 0.01)
        assert await limits.take("x", "ann") == 0
        assert 1000 < await limits._redis.pttl("c:x:ann") <= 1050
        await limits.close()

    run()


def test_without_redis_the_limits_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: Server
) -> None:
    from omni_lab.gateway.security import redis_limits

    monkeypatch.setattr(redis_limits, "_ALONE_S", 0.0)

    @in_a_loop
    async def run() -> None:
        server = Server(tmp_path)
        limits = shared(server.address, {"x": (Rate(1e-6, 2),)}, "d")
        alone = [await limits.take("x", "ann") == 0 for _ in range(4)]
        server.start()
        try:
            again = [await limits.take("x", "ann") == 0 for _ in range(4)]
        finally:
            server.stop()
        assert alone == again == [True, True, False, False]
        assert await limits.take("x", "ann") > 0
        await limits.close()

    run()
