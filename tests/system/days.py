"""Made-up days of a market, as captures on disk, and a book that they are played into."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from omni_lab.data import synthetic_itch
from omni_lab.domain import CommandKind
from omni_lab.execution import OMS, OMSConfig
from omni_lab.system.config import DESK, STREET
from omni_lab.system.market import Market
from omni_lab.typing import AnyArray, IntArray


@cache
def made_up_day(folder: Path, messages: int = 10_000, symbols: int = 3, seed: int = 11) -> Path:
    """A day of ITCH."""
    path = folder / "S010224-v50.itch"
    synthetic_itch(path, messages=messages, symbols=symbols, seed=seed, progress=False)
    return path


def written_day(folder: Path, *messages: str) -> Path:
    """A day of one instrument, MADE, of these messages of LOBSTER."""
    path = folder / "MADE_2012-06-21_34200000_37800000_message_10.csv"
    path.write_text("".join(f"{message}\n" for message in messages))
    return path


def played(market: Market, at: IntArray) -> Iterator[tuple[int, OMS, dict[str, AnyArray]]]:
    """A book of ours after all that a script says up to each of these times, and what came of it."""
    script = market.script
    oms = OMS(OMSConfig(instruments=market.instruments, accounts=(STREET, DESK)))
    ids = np.zeros(int(script.number.max()) + 1, dtype=np.int64)
    place, next_id = 0, 1
    for moment in at.tolist():
        rows = slice(place, place := int(np.searchsorted(script.ts, moment, side="right")))
        kind, number = script.kind[rows], script.number[rows]
        is_new = kind == CommandKind.NEW
        ids[number[is_new]] = next_id + np.arange(int(is_new.sum()))
        next_id += int(is_new.sum())
        names = ("ts", "instrument", "side", "time_in_force", "qty", "price", "phase")
        commands = {name: getattr(script, name)[rows] for name in names}
        named = np.where(is_new | (number < 0), 0, ids[number]).astype(np.uint64)
        yield moment, oms, oms.apply({**commands, "kind": kind, "order_id": named}) if len(kind) else {}
