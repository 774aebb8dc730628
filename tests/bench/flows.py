"""Seeded order flows of one instrument, to be replayed into matching engines.

    python tests/bench/flows.py balanced OUT.flow --commands 2000000 --seed 1

Every order draws where it stands, how long it waits and whether it is modified on the way; what happens is
then sorted by time. Cancels and modifies do not know what has traded, so that some come too late, as they
do at a venue.

A file holds 16 bytes, ``LOBFLOW1``, version 1 and the number of commands (uint32), then 32 bytes a command:
see RECORD. Numbers are little-endian.
"""

from __future__ import annotations

import argparse
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RECORD = np.dtype(
    [
        ("op", "u1"),  # 0 new, 1 cancel, 2 modify
        ("side", "u1"),  # 0 buy, 1 sell
        ("ioc", "u1"),
        ("zero", "u1"),
        ("qty", "<u4"),
        ("id", "<u8"),
        ("price_ticks", "<i8"),
        ("zeros", "<u8"),
    ]
)
NEW, CANCEL, MODIFY = 0, 1, 2
BUY, SELL = 0, 1
START_TICKS = 30_000
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What a flow is made of; shares are of new orders, lives in commands."""

    about: str
    canceled: float = 0.9
    modified: float = 0.16
    marketable: float = 0.0
    ioc_of_marketable: float = 0.15
    taker_qty: int = 1  # times the quantity of other orders
    depth_ticks: float = 3.0
    deepest_ticks: int = 600
    median_life: int = 1_500
    n_resting: int = 5_000  # orders that come first and wait for long
    step: float = 0.0006  # probability that the mid moves by a tick with a new order
    crash: float = 0.0  # how much of its value the instrument loses on the way, and finds again
    shuffled_ids: bool = False


MIXES = {
    "balanced": Mix(about="a tenth modifies, 5 % of new orders marketable", marketable=0.05),
    "passive": Mix(about="new orders and cancels, nothing trades", canceled=1.0, modified=0.0, step=0.0),
    "crossing": Mix(
        about="every second order marketable, few cancels",
        canceled=0.1,
        modified=0.0,
        marketable=0.5,
        taker_qty=2,
        n_resting=20_000,
    ),
    "deep": Mix(
        about="100,000 orders wait on 8,000 prices",
        marketable=0.03,
        depth_ticks=60.0,
        deepest_ticks=4_000,
        n_resting=100_000,
    ),
    "flash-crash": Mix(
        about="the price falls by 60 % and returns, ids in no order",
        canceled=0.95,
        modified=0.2,
        marketable=0.03,
        depth_ticks=8.0,
        step=0.02,
        crash=0.6,
        shuffled_ids=True,
    ),
}


def make_flow(mix: Mix, n_commands: int, seed: int) -> np.ndarray:
    """``n_commands`` records of RECORD."""
    rng = np.random.default_rng(seed)
    n = n_commands  # more new orders than fit: what comes after the last command is cut off
    resting = np.arange(n) < min(mix.n_resting, n_commands // 4)
    side = rng.integers(0, 2, n)
    sign = np.where(side == BUY, 1, -1)
    mid = mid_path(mix, n, rng)

    # Away from the mid by a power law; marketable orders reach up to six ticks through it.
    depth = 1 + np.minimum(rng.pareto(1.4, n) * mix.depth_ticks, mix.deepest_ticks - 1).astype(np.int64)
    evenly = rng.integers(1, mix.deepest_ticks + 1, n)
    depth = np.where(resting & (mix.n_resting >= 100_000), evenly, depth)
    marketable = (rng.random(n) < mix.marketable) & ~resting
    price = mid - sign * np.where(marketable, -1 - depth % 6, depth)
    ioc = marketable & (rng.random(n) < mix.ioc_of_marketable)
    qty = rng.integers(1, 101, n) * np.where(marketable, mix.taker_qty, 1)

    # Most lives are short, some very long.
    life = np.where(resting, n_commands / 4, mix.median_life) * rng.lognormal(0.0, 1.5, n)
    is_canceled = (rng.random(n) < mix.canceled) & ~ioc
    is_modified = (rng.random(n) < mix.modified) & ~ioc
    n_each = 1 + is_canceled.mean() + is_modified.mean()
    born = np.arange(n) * n_each  # in commands, about
    new_price = np.maximum(price + rng.choice([-1, -1, 0, 1, 1], n), 1)
    ids = np.arange(1, n + 1)
    if mix.shuffled_ids:
        rng.shuffle(ids[: int(n / n_each)])  # of the orders that fit: their ids stay dense

    order = np.zeros(n, RECORD)
    order["side"], order["ioc"], order["qty"], order["id"], order["price_ticks"] = side, ioc, qty, ids, price
    modify = order.copy()
    modify["op"], modify["ioc"], modify["qty"], modify["price_ticks"] = MODIFY, 0, qty + 1, new_price
    cancel = np.zeros(n, RECORD)
    cancel["op"], cancel["side"], cancel["id"] = CANCEL, side, ids
    times = np.concatenate(
        [born, (born + life * rng.random(n))[is_modified], (born + life)[is_canceled]],
    )
    commands = np.concatenate([order, modify[is_modified], cancel[is_canceled]])
    return commands[np.argsort(times, kind="stable")[:n_commands]]


def mid_path(mix: Mix, n: int, rng: np.random.Generator) -> np.ndarray:
    """Price in the middle at each new order, in ticks."""
    walk = np.cumsum(rng.choice([-1, 0, 1], n, p=[mix.step / 2, 1 - mix.step, mix.step / 2]))
    # Down within a twentieth of the flow, up again over a quarter.
    crash = np.interp(np.arange(n) / n, [0.0, 0.20, 0.22, 0.32, 1.0], [0.0, 0.0, mix.crash, 0.0, 0.0])
    return np.round((START_TICKS + walk) * (1 - crash)).astype(np.int64)


def write_flow(path: Path, commands: np.ndarray) -> None:
    with path.open("wb") as file:
        file.write(b"LOBFLOW1" + struct.pack("<II", 1, len(commands)))
        commands.tofile(file)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mix", choices=MIXES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--commands", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write_flow(arguments.out, make_flow(MIXES[arguments.mix], arguments.commands, arguments.seed))


if __name__ == "__main__":
    main()
