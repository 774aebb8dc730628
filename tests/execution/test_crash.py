"""A process is killed at any moment: what it was told is there."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omni_lab.execution import OMS
from tests.lengths import LONG

# Prints the ids of acknowledged orders, and nothing else: what stands in the pipe was told.
CHILD = """
import sys
from omni_lab.execution import OMS, OMSConfig

path, durability, snapshot_every = sys.argv[1:]
settings = {"journal": path, "durability": durability, "snapshot_every": int(snapshot_every)}
oms = OMS(OMSConfig(instruments=["X"], **settings))
print("ready", flush=True)
n = 0
while True:
    for _ in range(n % 7 + 1):
        number = oms.submit("X", "BUY", 1, 10.0 + n % 5, client_order_id=n + 1, ts=n)
        if n % 3 == 0:
            oms.cancel(number)
        n += 1
    for event in oms.events():
        if event.kind == "ACCEPTED":
            print(event.order_id, flush=True)
"""
ROUNDS = 50 if LONG else 24


@pytest.mark.parametrize("durability", ["batch", "every"])
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, durability: str) -> None:
    chance = random.Random(7)
    for number in range(ROUNDS // 2):
        path = tmp_path / str(number)
        arguments = [str(path), durability, str(chance.choice((10, 1_000_000)))]
        told = _told_before_the_kill(arguments, chance.uniform(0.0, 0.08))
        with OMS.recover(path) as oms:
            orders = oms.orders(live=False)
            assert len(orders["order_id"]) >= len(told)
            assert told == [str(number) for number in range(1, len(told) + 1)]
            # Sent again, each of them is the order it was.
            last = len(told)
            if last:
                price = 10.0 + (last - 1) % 5
                assert oms.submit("X", "BUY", 1, price, client_order_id=last, ts=2**40) == last
            assert oms.state_hash == OMS.from_state(oms.state()).state_hash
        for file in path.iterdir():
            file.unlink()


def _told_before_the_kill(arguments: list[str], seconds: float) -> list[str]:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        return child.stdout.read().split("\n")[:-1]  # a line without its end was not told
