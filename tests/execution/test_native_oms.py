"""The native system: columns, journals, failures, and many callers at once."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab import _native
from omni_lab.domain import OrderType, Side, TimeInForce
from omni_lab.errors import CodecError, ConfigError, JournalError, OmniError
from omni_lab.execution import OMS, OMSConfig, ReferenceOMS, Replay
from omni_lab.typing import AnyArray, ArrayLike
from tests.execution.conftest import AnyOMS
from tests.execution.flows import FLOWS, commands
from tests.execution.script import config

ONE = OMSConfig(instruments=["ABC"])


@pytest.fixture
def journaled(tmp_path: Path) -> Iterator[OMS]:
    with OMS(config(journal=tmp_path / "journal")) as oms:
        yield oms


# --- calls --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["BUY", "buy", "Buy", Side.BUY])
@pytest.mark.parametrize("time_in_force", ["GTC", "gtc", TimeInForce.GTC])
@pytest.mark.parametrize("qty", [5, 5.0, np.float64(5), np.int64(5), np.float32(5)])
def test_a_word_and_a_number_can_be_written_in_many_ways(side: Any, time_in_force: Any, qty: Any) -> None:
    oms = OMS(ONE)
    order = oms.order(oms.submit("ABC", side, qty, qty, time_in_force=time_in_force))
    assert (order.side, order.time_in_force, order.qty, order.price) == ("BUY", "GTC", 5.0, 5.0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"symbol": "XYZ"},
        {"symbol": 5},
        {"side": "HOLD"},
        {"side": 1},
        {"side": OrderType.MARKET},
        {"qty": True},
        {"qty": "5"},
        {"qty": float("inf")},
        {"qty": 0.5},
        {"qty": 2**70},
        {"price": 10.005},
        {"price": -0.001},
        {"account": "nobody"},
        {"client_order_id": -1},
        {"client_order_id": 2**127},
        {"client_order_id": "an id that is too long"},
        {"client_order_id": "käse"},
        {"client_order_id": ""},
        {"order_type": "SPECIAL"},
        {"trail": 1.0, "trail_bps": 5},
        {"trail_bps": 1.5},
        {"post_only": "MAYBE"},
        {"peg": "PRIMARY", "peg_offset": 0.001},
        {"display_qty": 0.5},
        {"self_trade": "NEVER"},
    ],
)
def test_what_cannot_be_meant_is_refused_in_the_words_of_the_twin(arguments: dict[str, Any]) -> None:
    native, plain = (_refusal(oms, arguments) for oms in (OMS(ONE), ReferenceOMS(ONE)))
    assert type(native) is type(plain)
    assert str(native) == str(plain)
    assert (native.found, native.where, native.hint) == (plain.found, plain.where, plain.hint)


def _refusal(oms: AnyOMS, arguments: dict[str, Any]) -> OmniError:
    call: dict[str, Any] = {"symbol": "ABC", "side": "BUY", "qty": 1.0, "price": 10.0} | arguments
    with pytest.raises(OmniError) as refused:
        oms.submit(**call)
    assert oms.sequence == 1
    return refused.value


@pytest.mark.parametrize("client_order_id", [1, 2**64 - 1, 2**64, 2**127 - 1, "A", "~ exactly sixteen"[:16]])
def test_a_client_order_id_leads_to_its_order(client_order_id: int | str) -> None:
    oms = OMS(ONE)
    number = oms.submit("ABC", "BUY", 5, 10.0, client_order_id=client_order_id)
    assert oms.submit("ABC", "BUY", 5, 10.0, client_order_id=client_order_id, ts=9) == number
    assert oms.replace(client_order_id=client_order_id, qty=3)
    assert oms.order(number).client_order_id == client_order_id
    assert oms.cancel(client_order_id=client_order_id)
    assert not oms.cancel(client_order_id="other")
    with pytest.raises(ConfigError, match="not by both"):
        oms.cancel(number, client_order_id=client_order_id)
    with pytest.raises(ConfigError, match="not by both"):
        oms.cancel()


@pytest.mark.parametrize(
    "call",
    [
        lambda oms: oms.submit("ABC", "BUY", 1, 10.0, ts=2**63),
        lambda oms: oms.submit("ABC", "BUY", 10**400, 10.0),
        lambda oms: oms.submit("ABC", "BUY", 1, 1e308),
        lambda oms: oms.cancel(2**64),
        lambda oms: oms.advance(2**63),
        lambda oms: oms.mark("ABC", 1e17, ts=-(2**63) - 1),
        lambda oms: oms.read_register(2**64),
        lambda oms: oms.read_register(-8),
    ],
)
def test_a_number_that_64_bits_cannot_hold_is_refused(oms_class: type[AnyOMS], call: Any) -> None:
    oms = oms_class(ONE)
    with pytest.raises(OmniError):
        call(oms)
    assert oms.sequence == 1


def test_a_signature_can_be_read() -> None:
    parameters = inspect.signature(OMS.submit).parameters
    assert list(parameters) == list(inspect.signature(ReferenceOMS.submit).parameters)
    assert parameters["time_in_force"].default == "DAY"


# --- columns ------------------------------------------------------------------------------------------------


def test_the_commands_of_a_journal_applied_in_one_go_lead_to_the_same_state(tmp_path: Path) -> None:
    with OMS(config(journal=tmp_path, durability="none")) as first:
        # Who throws a kill switch, and why, stands in no column.
        for kind, payload in commands(8, 5_000, replace(FLOWS["balanced"], kills=0.0)):
            first.execute(kind, payload)
        events = first.events().columns
    columns, _ = Replay(tmp_path).read(5_000)
    second = OMS(config())
    came = second.apply(_as_given(columns))
    assert second.state_hash == first.state_hash
    assert list(came) == list(events)
    for name, column in came.items():
        assert column.dtype == events[name].dtype
        assert np.array_equal(column, events[name]), name


def _as_given(columns: dict[str, AnyArray]) -> dict[str, Any]:
    """What a journal says of commands, as `apply` takes it: ids in one piece, and no codes that are none."""
    others = ("seq", "client_order_id_high", "scope", "who", "why")
    given = {name: column for name, column in columns.items() if name not in others}
    high = columns["client_order_id_high"].tolist()
    low = columns["client_order_id"].tolist()
    given["client_order_id"] = np.array(
        [one << 64 | other for one, other in zip(high, low, strict=True)], dtype=object
    )
    is_new = columns["kind"] == 1
    given["order_type"] = np.where(is_new, columns["order_type"], 2)
    given["side"] = np.where(is_new | (columns["kind"] == 4), columns["side"], 1)
    return given


def test_a_batch_leaves_what_came_before_it_to_be_told_later(journaled: OMS) -> None:
    journaled.submit("X", "BUY", 1, 10)
    came = journaled.apply({"qty": 5, "price": [11, 12], "side": 2})
    journaled.submit("X", "BUY", 2, 10)
    assert came["order_id"].tolist() == [2, 3]
    assert [event.order_id for event in journaled.events()] == [1, 4]


def test_columns_may_be_slices_and_of_any_width() -> None:
    oms = OMS(config())
    oms.apply({"qty": np.arange(20, dtype=np.int16)[1::7], "price": np.int8(5), "side": np.uint8(1)})
    assert oms.orders()["qty"].tolist() == [1, 8, 15]


# --- journals -----------------------------------------------------------------------------------------------


def test_events_are_withheld_until_their_commands_are_on_disk(journaled: OMS) -> None:
    journaled.submit("X", "BUY", 5, 10)
    assert len(journaled._drain()["seq"]) == 0
    assert journaled.orders()["order_id"].tolist() == [1]  # it acts at once
    journaled.commit()
    assert journaled._drain()["order_id"].tolist() == [1]


def test_events_of_a_system_that_waits_for_the_disk_are_there_at_once(tmp_path: Path) -> None:
    with OMS(config(journal=tmp_path, durability="every")) as oms:
        oms.submit("X", "BUY", 5, 10)
        assert oms._drain()["order_id"].tolist() == [1]


def test_a_closed_system_can_be_asked_and_not_told(tmp_path: Path) -> None:
    with OMS(config(journal=tmp_path)) as oms:
        oms.submit("X", "BUY", 5, 10)
    oms.close()
    assert oms.book("X").best_bid == 10
    assert [event.kind for event in oms.events()] == ["ACCEPTED"]
    with pytest.raises(JournalError, match="closed"):
        oms.submit("X", "BUY", 5, 10)
    with pytest.raises(JournalError, match="closed"):
        oms.apply({"qty": 1, "price": 1})


def test_a_system_that_nobody_closed_is_closed_when_it_goes(tmp_path: Path) -> None:
    oms = OMS(config(journal=tmp_path))
    oms.submit("X", "BUY", 5, 10)
    state = oms.state()
    del oms
    with OMS.recover(tmp_path) as recovered:
        assert recovered.state() == state


def test_a_recovered_system_goes_on(tmp_path: Path) -> None:
    settings = {"accounts": ("desk",), "reference_prices": {"X": 50.0}, "initial_phase": "PRE_OPEN"}
    with OMS(config(journal=tmp_path, **settings)) as oms:
        assert oms.submit("X", "BUY", 5, 10, client_order_id="mine") == 1
        assert oms.recovery is not None
        assert oms.recovery.n_replayed == 0
    with OMS.recover(tmp_path, measure_latency=True) as again:
        assert again.config.accounts == ("desk",)
        assert again.config.journal == tmp_path
        assert again.submit("X", "BUY", 5, 10, client_order_id="mine") == 1
        assert again.submit("X", "SELL", 5, 10, account="desk") == 2
        assert len(again.events()) == 2  # those of before the end were handed out then
        assert again.recovery is not None
        assert (again.recovery.n_replayed, again.recovery.report.last_sequence) == (1, 2)
    with OMS(config(journal=tmp_path, **settings)) as same:
        assert same.sequence == 4
    with pytest.raises(ConfigError, match="another configuration"):
        OMS(config(journal=tmp_path))


def test_recovery_begins_at_the_newest_snapshot(tmp_path: Path) -> None:
    with OMS(config(journal=tmp_path, snapshot_every=100)) as oms:
        for kind, payload in commands(4, 250, "balanced"):
            oms.execute(kind, payload)
        state = oms.state()
    with OMS.recover(tmp_path) as again:
        assert again.state() == state
        assert again.recovery is not None
        assert (again.recovery.report.snapshot, again.recovery.n_replayed) == (201, 50)
        taken = again.snapshot()
    assert sorted(path.name for path in tmp_path.glob("*.snap"))[-1] == f"snapshot-{251:020}.snap"
    assert (taken.sequence, taken.state_hash) == (251, again.state_hash)


def test_room_for_orders_changes_nothing_but_memory(tmp_path: Path) -> None:
    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    room = 1_000_000
    with OMS(config(journal=tmp_path)) as oms, OMS(config()) as other:
        before = held()
        oms.reserve(room)
        assert held() - before > 96 * room * 9 // 10
        for kind, payload in commands(4, 250, "balanced"):
            oms.execute(kind, payload)
            other.execute(kind, payload)
        assert oms.state() == other.state()
    for wrong in (-1, 10_000_001):
        with pytest.raises(ConfigError, match=f"found {wrong}"):
            other.reserve(wrong)


def test_one_journal_has_one_writer(tmp_path: Path) -> None:
    with OMS(config(journal=tmp_path)), pytest.raises(JournalError, match="open"):
        OMS.recover(tmp_path)


@pytest.mark.parametrize("name", ["absent", "empty", "foreign", "file"])
def test_where_there_is_no_journal_nothing_is_made(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "file":
        path.write_text("")
    elif name != "absent":
        path.mkdir()
        if name == "foreign":
            (path / "notes.txt").write_text("")
    before = sorted(tmp_path.rglob("*"))
    for open_it in (OMS.recover, Replay):
        with pytest.raises(JournalError) as refused:
            open_it(path)
        assert str(path) in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_bytes_that_are_no_state_are_refused() -> None:
    state = OMS(config()).state()
    for wrong in (b"", state[:-1], b"X" + state[1:], state + b"\0"):
        with pytest.raises(CodecError):
            OMS.from_state(wrong)
        with pytest.raises(CodecError):
            Replay(wrong)


def test_unknown_settings_are_named() -> None:
    with pytest.raises(ConfigError, match="every"):
        _native.Oms(ONE.payload(), durability="evry")
    with pytest.raises(ConfigError, match="segment_bytes"):
        _native.Oms(ONE.payload(), journal=os.devnull + "x", segment_bytes=1)
    with pytest.raises(JournalError, match="no configuration"):
        _native.Oms()


# What the operating system refuses to write beyond a size, as a full disk would.
FULL_DISK = """
import resource, signal, sys
from omni_lab.errors import JournalError
from omni_lab.execution import OMS, OMSConfig

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
oms = OMS(OMSConfig(instruments=["X"], journal=sys.argv[1], durability=sys.argv[2]))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
told = 0
try:
    while True:
        oms.submit("X", "BUY", 1, 10.0)
        told += len(oms.events())
except JournalError as error:
    print(told)
def submit():
    oms.submit("X", "BUY", 1, 10.0)
for call in (submit, lambda: oms.cancel(1), oms.events, oms.commit, oms.snapshot, oms.close):
    try:
        call()
    except JournalError as error:
        pass
    else:
        print("acted")
"""


@pytest.mark.parametrize("durability", ["batch", "every", "none"])
def test_a_system_that_could_not_write_stops(tmp_path: Path, durability: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), durability],
        capture_output=True,
        text=True,
        check=True,
    )
    told = int(done.stdout)
    assert told > 10
    with OMS.recover(tmp_path) as oms:
        # What was told is there; the one command that could not be written may be, in part, and is not.
        assert oms.sequence - 1 == told


# --- measured, and shared -----------------------------------------------------------------------------------


def test_latency_is_measured_where_it_is_asked_for(tmp_path: Path) -> None:
    assert OMS(ONE).latency() == {}
    assert OMS(ONE).latency_histograms() == {}
    with OMS(config(journal=tmp_path, measure_latency=True)) as oms:
        for _ in range(50):
            oms.submit("X", "BUY", 1, 10)
        oms.advance(5)
    measured = oms.latency()
    assert measured["stage"].tolist() == ["journal", "gate", "book", "total"]
    assert measured["count"].tolist() == [51, 50, 50, 51]
    ordered = [measured[name] for name in ("p50_ns", "p99_ns", "p999_ns", "max_ns")]
    assert (np.diff(ordered, axis=0) >= 0).all()
    durations, counts = oms.latency_histograms()["gate"]
    assert (np.diff(durations) > 0).all()
    assert counts.sum() == 50


def test_threads_wait_for_each_other() -> None:
    oms = OMS(config())
    n_orders = 2_000
    columns: dict[str, ArrayLike] = {"qty": np.ones(n_orders, dtype=np.int64), "price": 5}
    started = threading.Barrier(3)

    def send() -> None:
        started.wait()
        for _ in range(n_orders):
            oms.cancel(oms.submit("Y", "BUY", 1, 10))

    def send_many() -> None:
        started.wait()
        for _ in range(5):
            oms.apply(columns)

    def look() -> None:
        started.wait()
        for _ in range(200):
            book = oms.book("Y").orders("BUY")
            assert len(book["order_id"]) <= 1

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(send), pool.submit(send_many), pool.submit(look)]:
            done.result()
    assert len(oms.orders(live=False)["order_id"]) == 6 * n_orders
    assert len(oms.events()) == 2 * n_orders


def test_views_are_those_of_the_twin() -> None:
    native, plain = OMS(config()), ReferenceOMS(config())
    for kind, payload in commands(17, 1_500, "balanced"):
        native.execute(kind, payload)
        plain.execute(kind, payload)
    assert native.positions() == plain.positions()
    for live in (True, False):
        mine, theirs = native.orders(live=live), plain.orders(live=live)
        assert list(mine) == list(theirs)
        assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    n_orders = len(native.orders(live=False)["order_id"])
    assert all(native.order(number) == plain.order(number) for number in range(1, n_orders + 1))
    for symbol in ("X", "Y", "Z"):
        book, other = native.book(symbol), plain.book(symbol)
        assert (book.best_bid, book.best_ask, book.last, book.phase) == (
            other.best_bid,
            other.best_ask,
            other.last,
            other.phase,
        )
        for side in Side:
            mine, theirs = book.orders(side), other.orders(side)
            assert all(np.array_equal(mine[name], theirs[name]) for name in theirs)
    for name, column in native.registers().items():
        assert np.array_equal(column, plain.registers()[name])
