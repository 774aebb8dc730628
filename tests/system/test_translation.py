"""A captured market in a book of ours: the same book as one that is rebuilt from its events."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_lab.data import EventKind, Events
from omni_lab.data.feed_info import FeedInfo
from omni_lab.domain import EventKind as Came
from omni_lab.errors import DataError, SourceError, UnknownSymbolError
from omni_lab.system import SystemConfig
from omni_lab.system.captures import Captured, captured
from omni_lab.system.market import script_of
from omni_lab.system.translation import Script, Translator
from tests.system.days import made_up_day, played

_REFUSED = (int(Came.REJECTED), int(Came.CANCEL_REJECTED), int(Came.REPLACE_REJECTED))
_LEVELS = 10


def _config(market: Path, **said: object) -> SystemConfig:
    return SystemConfig(mode="replay", market=str(market), n_symbols=3, speed=math.inf, **said)  # type: ignore[arg-type]


def _differences(capture: Captured, n_looks: int) -> Iterator[str]:
    """Where the book of ours is another than the one of the events, and what was refused."""
    market = script_of(capture)
    at = np.unique(np.linspace(market.script.ts[0], market.script.ts[-1] + 1, n_looks).astype(np.int64))
    depth = capture.events.books(levels=_LEVELS, at=at).columns["depth"]
    info = capture.events.info
    for moment, oms, came in played(market, at):
        if came and np.isin(came["kind"], _REFUSED).any():
            yield f"refused before {moment}"
        for symbol, number in capture.symbols.items():
            rows = np.flatnonzero((depth["ts"] == moment) & (depth["instrument"] == number))
            ours = oms.book(symbol).depth(_LEVELS)
            for side in ("bid", "ask") if len(rows) else ():
                price, qty = (depth[f"{side}_{what}"][rows[-1]] for what in ("price", "qty"))
                stands = price > 0
                wanted = info.prices(price[stands]), info.quantities(qty[stands])
                found = getattr(ours, f"{side}_price"), getattr(ours, f"{side}_qty")
                if not all(np.array_equal(a, b) for a, b in zip(wanted, found, strict=True)):
                    yield f"{symbol} {side} at {moment}: {found}, and not {wanted}"


def test_the_book_of_a_made_up_day_is_the_one_of_its_events(tmp_path: Path) -> None:
    assert list(_differences(captured(_config(made_up_day(tmp_path))), 60)) == []


@pytest.mark.parametrize(
    "name", ["lobster/AAPL_2012-06-21_34200000_37800000_message_50.csv.gz", "cme_mbo/orderbooks_mbo_*.zst"]
)
def test_the_book_of_a_real_capture_is_the_one_of_its_events(test_data: Path, name: str) -> None:
    (path,) = (test_data / "lob").glob(name)
    assert list(_differences(captured(_config(path)), 100)) == []


@pytest.mark.parametrize("size", [97, 5_000])
def test_the_script_does_not_depend_on_how_events_arrive(tmp_path: Path, size: int) -> None:
    capture = captured(_config(made_up_day(tmp_path)))
    ours = {theirs: number for number, theirs in enumerate(capture.symbols.values())}
    whole, parts = (Translator(ours, [100] * len(ours)) for _ in range(2))
    at_once = whole.translate(capture.events)
    one_by_one = Script.concat([parts.translate(batch) for batch in capture.events.batches(size)])
    for name in (
        "ts",
        "kind",
        "instrument",
        "side",
        "time_in_force",
        "phase",
        "qty",
        "price",
        "number",
        "row",
    ):
        assert np.array_equal(getattr(at_once, name), getattr(one_by_one, name)), name
    assert all(np.array_equal(at_once.prints[name], one_by_one.prints[name]) for name in at_once.prints)


@st.composite
def _order_lives(draw: st.DrawFn) -> Events:
    """Events of a few orders that never cross: bids below 100, offers above."""
    rows: list[tuple[int, int, int, int, int, int]] = []
    leaves: dict[int, list[int]] = {}
    next_id = 1
    for _ in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(["add", "cancel", "delete", "replace", "modify"]))
        if kind == "add" or not leaves:
            side = draw(st.sampled_from([1, 2]))
            price = draw(st.integers(90, 99) if side == 1 else st.integers(101, 110))
            qty = draw(st.integers(1, 9))
            rows.append((EventKind.ADD, side, next_id, 0, qty, price))
            leaves[next_id] = [qty, side, price]
            next_id += 1
            continue
        order_id = draw(st.sampled_from(sorted(leaves)))
        left, side, price = leaves[order_id]
        qty, moved = (
            draw(st.integers(1, 9)),
            draw(st.integers(90, 99) if side == 1 else st.integers(101, 110)),
        )
        if kind == "cancel":
            taken = min(qty, left)
            rows.append((EventKind.CANCEL, side, order_id, 0, taken, 0))
            leaves[order_id][0] -= taken
            if leaves[order_id][0] == 0:
                del leaves[order_id]
        elif kind == "delete":
            rows.append((EventKind.DELETE, side, order_id, 0, 0, 0))
            del leaves[order_id]
        elif kind == "replace":
            rows.append((EventKind.REPLACE, 0, order_id, next_id, qty, moved))
            del leaves[order_id]
            leaves[next_id] = [qty, side, moved]
            next_id += 1
        else:
            rows.append((EventKind.MODIFY, side, order_id, 0, qty, moved))
            leaves[order_id] = [qty, side, moved]
    names = ("kind", "side", "order_id", "other_id", "qty", "price")
    columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    columns["ts"] = list(range(1, len(rows) + 1))
    return Events.from_columns(columns, FeedInfo(symbols={0: "ABC"}, tick_size=0.01))


@given(events=_order_lives())
@settings(max_examples=40)
def test_every_life_of_orders_gives_the_same_book(events: Events) -> None:
    capture = Captured("made up", events, {"ABC": 0}, (1, len(events) + 1))
    assert list(_differences(capture, 5)) == []


def test_what_no_book_can_be_made_of_is_refused(tmp_path: Path) -> None:
    levels = Events.from_columns(
        {"ts": [1, 2], "kind": [EventKind.LEVEL] * 2, "side": [1, 2], "qty": [5, 5], "price": [99, 101]}
    )
    with pytest.raises(DataError, match="levels"):
        script_of(Captured("levels", levels, {"#0": 0}, (0, 3)))
    with pytest.raises(SourceError, match="no such capture"):
        captured(_config(tmp_path / "nothing.itch"))
    with pytest.raises(UnknownSymbolError):
        captured(_config(made_up_day(tmp_path), symbols=("NONE",)))
