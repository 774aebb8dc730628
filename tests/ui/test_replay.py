"""The film: every frame shows the state that the system had, in words and numbers, quickly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.errors import DataError
from omni_lab.execution import Limits, OMSConfig, ReferenceOMS
from omni_lab.execution.codec import KillSwitch, MassCancel, New, WriteRegister
from omni_lab.execution.edges import Edges
from omni_lab.execution.sentences import sentence
from omni_lab.ui import FrameReplay, random_orders, small_book
from omni_lab.ui.replay.memory import RecordingOMS
from omni_lab.ui.replay.moment import Film
from omni_lab.ui.replay.page import page
from omni_lab.ui.replay.source import ReplaySource
from omni_lab.ui.replay.state import ReplayState
from omni_lab.ui.replay.times import clock
from tests.ui.films import NOON, film

FRAMES = film().frames


@pytest.fixture
def source() -> FrameReplay:
    return FrameReplay(FRAMES)


@pytest.fixture
def state(source: FrameReplay) -> ReplayState:
    return ReplayState(source)


class Reader(HTMLParser):
    """Tables of a page by their title, as rows of text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self._rows: list[list[str]] = []
        self._tag = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag if tag != "span" else self._tag
        if tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._tag == "h4":
            self._rows = self.tables.setdefault(data.partition(":")[0], [])
        elif self._tag in ("td", "th"):
            self._rows[-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._tag = "" if tag != "span" else self._tag


# --- the source -----------------------------------------------------------------------------------


def test_every_frame_has_the_state_that_the_system_had_then(source: FrameReplay) -> None:
    oms = ReferenceOMS.replay(FRAMES[:1])
    for sequence, frame in enumerate(FRAMES[1:], start=2):
        oms.execute(*frame)
        source.seek(sequence)
        assert source.sequence == oms.sequence == sequence
        assert source.state_hash == oms.state_hash
        assert repr(source.events()) == repr(oms.events())


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_the_way_to_a_frame_does_not_matter(visited: list[int]) -> None:
    source = FrameReplay(LONG)
    for sequence in visited:
        source.seek(sequence)
    assert source.state_hash == HASHES[visited[-1]]


def long_film() -> tuple[list[tuple[int, bytes]], dict[int, str]]:
    oms = small_book(RecordingOMS)
    oms.apply(random_orders(291, np.random.default_rng(1)))
    again, hashes = ReferenceOMS.replay(oms.frames[:1]), {}
    hashes[1] = again.state_hash
    for sequence, frame in enumerate(oms.frames[1:], start=2):
        again.execute(*frame)
        hashes[sequence] = again.state_hash
    return oms.frames, hashes


LONG, HASHES = long_film()


def test_a_frame_that_is_not_there_is_refused(source: FrameReplay) -> None:
    source.seek(5)
    for sequence in (0, source.last + 1):
        with pytest.raises(DataError, match="no such frame"):
            source.seek(sequence)
    assert source.sequence == 5


def test_it_is_a_source(source: FrameReplay) -> None:
    assert isinstance(source, ReplaySource)
    assert (source.first, source.last) == (1, len(FRAMES))
    source.seek(1)
    assert source.command is None
    assert len(source.events()) == 0


# --- words ----------------------------------------------------------------------------------------


def test_commands_are_told_in_words(state: ReplayState) -> None:
    told = {sequence: state.film.moment(sequence).said for sequence in range(1, state.last + 1)}
    assert told[1] == "The journal begins: ABC, XYZ; accounts desk, fund"
    assert told[5] == "SELL 1,000 ABC at 100.01, day, shows 200, account fund, id ice"
    assert told[8] == "SELL 250 ABC at 100.03, day, hidden, account fund"
    assert told[9] == "BUY 350 ABC at market, day, account desk"
    assert told[10] == "SELL 100 ABC stop 99.98 on last, day, account desk"
    assert told[13] == "BUY 100 ABC pegged to primary, day, account fund"
    assert told[14] == "Replace order 3 (BUY ABC, desk): total 150"
    assert told[15] == "Cancel order 2 (BUY ABC, fund)"
    assert told[17] == "Set the reference price of XYZ to 50"
    assert told[19] == "ann throws the kill switch of desk: a test of the switch"
    assert told[21] == "ann resets the kill switch of desk: it works"
    assert told[22] == "Put ABC into halted"
    assert told[23] == "Move the clock"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            New(qty=5, order_type=5, trail=25, trail_unit=2, trigger=2, time_in_force=1),
            "BUY 5 ABC trailing 25 bps on BBO, GTC, account desk",
        ),
        (New(qty=5, order_type=5, trail=25, trail_unit=1, trigger=1), "BUY 5 ABC trailing 0.25 on last, day"),
        (
            New(side=2, qty=5, order_type=4, price=99, stop_price=100, trigger=1),
            "SELL 5 ABC stop 1 on last, limit 0.99",
        ),
        (
            New(qty=5, order_type=6, price=99, peg_reference=3, peg_offset=-2),
            "BUY 5 ABC pegged to mid -0.02, no worse than 0.99",
        ),
        (New(qty=5, price=9, min_qty=3), "BUY 5 ABC at 0.09, day, at least 3 at once"),
        (
            New(qty=5, price=9, all_or_none=1, post_only=2, self_trade=4),
            "all or none, post-only (slide), self-trade",
        ),
        (
            New(qty=5, price=9, instrument=7, account=9),
            "BUY 5 lots instrument 7 at 9 ticks, day, account None",
        ),
        (MassCancel(0), "Cancel all of everybody's orders"),
        (MassCancel(0, account=1, instrument=0, side=2), "Cancel all of fund's sell orders in ABC"),
        (WriteRegister(0, 0x28, 1), "Throw the kill switch of everything"),
        (WriteRegister(0, 0x400080, 1), "Throw the kill switch of XYZ"),
        (WriteRegister(0, 0x200270, 500), "Write 500 to register fund.WARN_MAX_SECTOR"),
        (KillSwitch(0, 1, 1, 1, "ann", "odd fills"), "ann throws the kill switch of fund: odd fills"),
        (KillSwitch(0, 0, 0, 0, "bob", "fixed"), "bob resets the kill switch of everything: fixed"),
        (WriteRegister(0, 0x1208, 500), "Write 500 to register fund.MAX_POSITION"),
        (WriteRegister(0, 0x99990, 1), "Write 1 to register 0x99990"),
    ],
)
def test_every_command_can_be_told(command: New, words: str, state: ReplayState) -> None:
    assert words in sentence(command, state.film.edges)


def test_times_are_as_fine_as_they_are() -> None:
    assert clock(0) == "0"
    assert clock(60 * 10**9) == "00:01:00"
    assert clock(NOON) == "2023-11-14 22:13:20"
    assert clock(NOON + 1) == "2023-11-14 22:13:20.000000001"


# --- what is seen ---------------------------------------------------------------------------------


def test_a_page_shows_command_events_book_orders_positions_registers_and_hash(state: ReplayState) -> None:
    state.go(9)
    shown = Reader(state.page())
    assert "Frame 9 of 23 · 2023-11-14 22:13:20.0015" in shown.text
    assert state.moment.state_hash[:16] in shown.text
    events = shown.tables["What came of it"]
    assert [row[0] for row in events[1:]] == ["accepted", "filled", "filled", "refreshed", "filled", "filled"]
    assert events[2] == ["filled", "4", "▼ sell", "200", "100.01", "800", "maker"]
    orders = {row[1]: row for row in shown.tables["Orders"][1:]}
    assert orders["4"] == [
        *("●", "4", "fund", "▼ sell", "limit", "1,000", "800", "100.01", "partially filled", "displayed")
    ]
    assert orders["1"][0] == ""
    positions = shown.tables["Positions"]
    assert positions[1] == ["●", "desk", "ABC", "350", "100.0100", "0.00", "0.00"]
    assert "spread 0.02 (2.0 bps) · mid 100.00 · last 100.01" in shown.text


def test_registers_that_changed_say_what_they_were(state: ReplayState) -> None:
    state.go(9)
    gate = {row[1]: row for row in Reader(state.page()).tables["Risk gate"][1:]}
    assert gate["desk.ABC.POSITION"] == ["●", "desk.ABC.POSITION", "350", "0"]
    assert gate["ABC.REFERENCE"] == ["●", "ABC.REFERENCE", "100.01", "100.00"]
    assert gate["desk.MAX_POSITION"] == ["", "desk.MAX_POSITION", "2,000", ""]
    assert "fund.MAX_POSITION" not in gate
    assert not any(name.endswith("_HIGH") for name in gate)


def test_registers_of_symbols_with_full_stops_are_read() -> None:
    oms = RecordingOMS(
        OMSConfig(instruments=["B", "BRK.B"], accounts=["a.b"], limits=Limits(max_notional=1e6))
    )
    oms.submit("BRK.B", "buy", 5, 1.0)
    film = Film(FrameReplay(oms.frames))
    told = {each.name: each.value for each in film.moment(2).registers}
    assert told["a.b.BRK.B.OPEN_BUY"] == "5"
    assert told["a.b.MAX_NOTIONAL"] == "1,000,000.00"


def test_the_kill_switch_is_told(state: ReplayState) -> None:
    state.go(19)
    shown = Reader(state.page())
    assert ["●", "desk.CONTROL", "KILLED", "armed"] in shown.tables["Risk gate"]
    assert shown.tables["What came of it"][1][-1] == "desk: thrown"
    assert "ann throws the kill switch of desk: a test of the switch" in shown.text


def test_an_empty_beginning_is_told(state: ReplayState) -> None:
    state.go(1)
    text = Reader(state.page()).text
    for words in ("no orders", "Nothing: no event.", "No order yet.", "Nothing has traded."):
        assert words in text


def test_names_are_escaped() -> None:
    oms = RecordingOMS(OMSConfig(instruments=["ABC"], accounts=["<b>"]))
    oms.submit("ABC", "buy", 5, 1.0, client_order_id="<i>&")
    html = ReplayState(FrameReplay(oms.frames)).page()
    assert "<b>" not in html
    assert "<i>" not in html
    assert "http" not in html


# --- where it stands ------------------------------------------------------------------------------


def test_it_stops_at_both_ends(state: ReplayState) -> None:
    assert state.sequence == state.last == 23
    state.go(99)
    assert state.sequence == 23
    state.go(-5)
    assert state.sequence == 1


def test_it_jumps_to_the_next_event_of_an_order(state: ReplayState) -> None:
    state.go(1)
    state.order_id = 3
    visited = []
    while state.next_of_order():
        visited.append(state.sequence)
    assert visited == [4, 14, 18]
    assert state.sequence == 18


def test_orders_are_marked_by_account_or_by_id(state: ReplayState) -> None:
    state.go(8)
    assert state.marked() == ()
    state.account = "desk"
    assert state.marked() == (3,)
    assert "▲ 200, 300 ahead" in state.page()
    state.order_id = 6
    assert state.marked() == (6,)
    assert "▼ 400" in state.page()


def test_another_instrument_has_its_own_book(state: ReplayState) -> None:
    state.symbol = "XYZ"
    assert "XYZ book, continuous" in state.page()
    assert "no orders" in state.page()


def test_what_was_seen_is_kept(state: ReplayState, monkeypatch: pytest.MonkeyPatch) -> None:
    state.go(7)
    first = state.page()
    state.go(8)
    state.page()
    monkeypatch.setattr(FrameReplay, "seek", lambda self, sequence: pytest.fail("it sought again"))
    state.go(7)
    assert state.page() is first


def steps(state: ReplayState) -> Iterator[float]:
    for sequence in range(state.first, state.last + 1):
        started = time.process_time()
        state.go(sequence)
        state.page()
        yield time.process_time() - started


def test_a_step_takes_less_than_50_ms() -> None:
    # Of processor time, so that a busy machine does not matter; 5 ms are usual.
    assert np.median([*steps(ReplayState(FrameReplay(LONG)))]) < 0.05


def test_a_page_needs_no_widget(source: FrameReplay) -> None:
    film = Film(source)
    html = page(film.moment(9), film.book(9, "ABC"), last=source.last, scheme="dark")
    assert html.startswith('<div class="omni-replay dark">')
    assert Edges(source.config.setup()).symbols == ("ABC", "XYZ")
