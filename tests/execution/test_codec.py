"""Payloads of commands and of the configuration, in both directions: ``docs/oms.md``, sections 1 and 2."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.domain import Instrument
from omni_lab.errors import CodecError, DataError, OmniError
from omni_lab.execution import InstrumentLimits, Limits, OMSConfig, PositionLimits, ReferenceOMS
from omni_lab.execution.codec import (
    Advance,
    Cancel,
    Command,
    KillSwitch,
    Mark,
    MassCancel,
    New,
    Replace,
    SetPhase,
    WriteRegister,
    decode,
    digest_of,
    encode,
)
from omni_lab.execution.setup import Setup
from tests.execution import flows
from tests.execution.script import config

I64 = st.integers(-(2**63), 2**63 - 1)
U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=16)
NEW = st.builds(
    New,
    ts=I64,
    client_order_id=st.integers(0, 2**128 - 1),
    account=U32,
    instrument=U32,
    side=st.sampled_from((1, 2)),
    order_type=st.integers(1, 6),
    time_in_force=st.sampled_from((0, 1, 2, 3, 4, 6, 7)),
    self_trade=st.integers(0, 4),
    post_only=st.integers(0, 2),
    qty=I64,
    price=I64,
    stop_price=st.just(0) | I64,
    trail=st.just(0) | I64,
    peg_offset=st.just(0) | I64,
    display_qty=st.just(-1) | I64,
    min_qty=st.just(0) | I64,
    expire_at=st.just(0) | I64,
    trail_unit=st.integers(0, 2),
    trigger=st.integers(0, 2),
    peg_reference=st.integers(0, 3),
    all_or_none=st.integers(0, 1),
)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    NEW,
    st.builds(Cancel, I64, U64),
    st.builds(Replace, I64, U64, I64, I64, I64),
    st.builds(MassCancel, I64, U32, U32, st.integers(0, 2)),
    st.builds(SetPhase, I64, U32, st.integers(0, 4)),
    st.builds(Advance, I64),
    st.builds(Mark, I64, U32, I64),
    st.builds(WriteRegister, I64, U64, U64),
    st.builds(KillSwitch, I64, st.just(0), st.integers(0, 1), st.just(0), TEXT, TEXT),
    st.builds(KillSwitch, I64, st.sampled_from((1, 2)), st.integers(0, 1), U32, TEXT, TEXT),
)


@given(COMMANDS)
def test_what_is_encoded_is_decoded(command: Command) -> None:
    assert decode(*encode(command)) == command


@given(st.integers(0, 10), st.binary(max_size=120))
def test_random_bytes_are_a_command_that_encodes_to_them_or_an_error(kind: int, payload: bytes) -> None:
    try:
        command = decode(kind, payload)
    except CodecError:
        return
    assert encode(command) == (kind, payload)


def test_a_new_order_by_its_bytes() -> None:
    who = New(ts=1, client_order_id=2**64 + 2, account=3, instrument=4)
    short = who._replace(side=2, order_type=1, time_in_force=3, self_trade=4, post_only=1, qty=5, price=6)
    head = struct.pack("<qQQIIBBBBBBHqq", 1, 2, 1, 3, 4, 2, 1, 3, 4, 1, 0, 0, 5, 6)
    assert encode(short) == (1, head)
    long = short._replace(display_qty=0)
    head = struct.pack("<qQQIIBBBBBBHqq", 1, 2, 1, 3, 4, 2, 1, 3, 4, 1, 1, 0, 5, 6)
    assert encode(long) == (1, head + bytes(56))
    assert encode(long) == (
        1,
        flows.Order(
            ts=1,
            client_id=2**64 + 2,
            account=3,
            instrument=4,
            side=2,
            order_type=1,
            time_in_force=3,
            self_trade=4,
            post_only=1,
            qty=5,
            price=6,
            display_qty=0,
        ).payload(),
    )


def test_a_kill_switch_by_its_bytes() -> None:
    said = struct.pack("<qBBHI", 7, 1, 1, 0, 2) + b"\3\0ann\6\0l\xc3\xa4rm!"
    assert encode(KillSwitch(7, 1, 1, 2, "ann", "lärm!")) == (9, said)
    longest = KillSwitch(7, 0, 0, 0, "ö" * 32, "w" * 1_024)
    assert decode(*encode(longest)) == longest


@pytest.mark.parametrize(
    ("who", "why"), [("", "x"), ("x", ""), ("ö" * 33, "x"), ("x", "w" * 1_025), ("\ud800", "x")]
)
def test_who_and_why_are_short_texts(who: str, why: str) -> None:
    with pytest.raises(DataError, match="who and why"):
        encode(KillSwitch(0, 0, 1, 0, who, why))


def test_a_name_is_kept_as_a_number() -> None:
    # The published hash of one byte, 0xaf63dc4c8601ec8c for "a" (FNV-1a), with its upper half folded in.
    fnv = 0xAF63DC4C8601EC8C
    assert digest_of("a") == fnv ^ fnv >> 32


SHORT = encode(New(qty=1, price=1))[1]
LONG = encode(New(qty=1, price=1, display_qty=1, trail_unit=2))[1]
# Where a code stands and one that it cannot be: side, type, time in force, self-trade, post-only, extended,
# padding.
BAD_CODES = [(32, 0), (32, 3), (33, 0), (33, 7), (34, 5), (34, 8), (35, 5), (36, 3), (37, 2), (38, 1)]
# Trail unit, trigger, peg reference, all-or-none, padding.
BAD_CODES_OF_THE_EXTENSION = [(104, 3), (105, 3), (106, 4), (107, 2), (108, 1)]


def with_byte(payload: bytes, at: int, code: int) -> bytes:
    return payload[:at] + bytes([code]) + payload[at + 1 :]


def switch(
    scope: int = 0, on: int = 1, zero: int = 0, number: int = 0, who: bytes = b"ann", why: bytes = b"why"
) -> bytes:
    texts = b"".join(struct.pack("<H", len(text)) + text for text in (who, why))
    return struct.pack("<qBBHI", 5, scope, on, zero, number) + texts


def test_a_kill_switch_is_taken_apart() -> None:
    assert decode(9, switch(scope=2, on=0, number=4)) == KillSwitch(5, 2, 0, 4, "ann", "why")


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (0, b""),
        (10, bytes(8)),
        (9, bytes(8)),
        (9, switch(scope=3)),
        (9, switch(on=2)),
        (9, switch(zero=1)),
        (9, switch(number=1)),
        (9, switch(who=b"")),
        (9, switch(why=b"")),
        (9, switch(who=b"w" * 65)),
        (9, switch(why=b"w" * 1_025)),
        (9, switch(who=b"\xff")),
        (9, switch()[:-1]),
        (9, switch() + b"\0"),
        (9, switch()[:16]),
        (9, switch()[:19]),
        (1, SHORT[:-1]),
        (1, SHORT + b"\0"),
        (1, LONG[:-1]),
        (1, SHORT + LONG[56:]),
        *((1, with_byte(SHORT, at, code)) for at, code in BAD_CODES),
        *((1, with_byte(LONG, at, code)) for at, code in BAD_CODES_OF_THE_EXTENSION),
        # Extended, and yet nothing but defaults.
        (1, SHORT[:37] + b"\1" + SHORT[38:] + struct.pack("<qqqqqq8x", 0, 0, 0, -1, 0, 0)),
        (2, bytes(15)),
        (3, bytes(39)),
        (4, struct.pack("<qIIB7x", 0, 0, 0, 3)),
        (4, struct.pack("<qIIB7s", 0, 0, 0, 0, b"\1")),
        (5, struct.pack("<qIB3x", 0, 0, 5)),
        (5, struct.pack("<qIB3s", 0, 0, 0, b"\0\0\1")),
        (6, bytes(9)),
        (7, struct.pack("<qIIq", 0, 0, 1, 0)),
        (8, bytes(23)),
    ],
)
def test_what_no_command_could_have_written_is_refused(kind: int, payload: bytes) -> None:
    oms = ReferenceOMS(config())
    with pytest.raises(CodecError):
        oms.execute(kind, payload)
    assert oms.sequence == 1


@pytest.mark.parametrize(
    "command",
    [
        SetPhase(9, 3, 1),
        Mark(9, 3, 100),
        Mark(9, 2**32 - 1, 100),
        WriteRegister(9, 0x110, 0),
        WriteRegister(9, 0x1000, 2),
        WriteRegister(9, 0x1000, 0),
        WriteRegister(9, 0x28, 0),
        KillSwitch(9, 1, 1, 3, "ann", "why"),
        KillSwitch(9, 2, 0, 3, "ann", "why"),
    ],
)
def test_a_command_that_is_refused_before_it_is_journaled_changes_nothing(command: Command) -> None:
    oms = ReferenceOMS(config())
    before = oms.state()
    with pytest.raises(OmniError):
        oms.execute(*encode(command))
    assert (oms.state(), len(oms.events())) == (before, 0)


FULL = OMSConfig(
    instruments=[
        Instrument("ABC", tick_size=0.01, lot_size=0.1),
        Instrument("ÄÖÜ", tick_size=0.25, lot_size=0.1, currency="EUR"),
    ],
    accounts=("main", "zweites"),
    parents={"zweites": "main"},
    capital={"main": 1e6},
    limits={
        "main": Limits(
            max_position=100.5, max_order_qty=7.5, collar_bps=500, max_notional=1e6, order_rate=50
        ),
        "zweites": Limits(order_burst=9, cancel_rate=3, cancel_burst=2, max_daily_loss=0.1, max_name=0.25),
    },
    soft_limits={"zweites": Limits(max_drawdown=0.1, max_leverage=2.0, max_sector=0.0001)},
    sectors={"ABC": "tech", "ÄÖÜ": "cars"},
    instrument_limits={"ÄÖÜ": InstrumentLimits(max_order_qty=5, collar_bps=30, max_notional=2.5)},
    position_limits={
        ("zweites", "ÄÖÜ"): PositionLimits(max_order_qty=0.2),
        ("main", "ABC"): PositionLimits(max_position=70),
    },
    two_person=True,
    reference_prices={"ABC": 12.34},
    initial_phase="pre_open",
)


def test_a_configuration_by_its_bytes() -> None:
    def text(words: str) -> bytes:
        return len(words.encode()).to_bytes(2, "little") + words.encode()

    def wide(value: int) -> bytes:
        return value.to_bytes(16, "little")

    free, widest = 2**63 - 1, wide(2**127 - 1)
    none = struct.pack("<4q", free, free, free, free)
    nothing = struct.pack("<qqq", free, free, free) + widest
    nothing += struct.pack("<qqqq", free, 1, free, 1) + widest
    expected = [
        struct.pack("<IIIIBB2x", 2, 2, 2, 2, 1, 1),
        *(text("ABC"), struct.pack("<dd", 0.01, 0.1), text("USD"), wide(10**15)),
        struct.pack("<qIqq", 1234, 2, free, free) + widest,
        *(text("ÄÖÜ"), struct.pack("<dd", 0.25, 0.1), text("EUR"), wide(25 * 10**15)),
        struct.pack("<qIqq", 0, 1, 50, 30) + wide(25 * 10**17),
        text("main") + struct.pack("<I", 2**32 - 1) + wide(10**24),
        struct.pack("<qqq", 1005, 75, 500) + wide(10**24),
        struct.pack("<qqqq", 50, 1, free, 1) + widest + none,
        nothing + none,
        text("zweites") + struct.pack("<I", 0) + wide(0),
        struct.pack("<qqq", free, free, free) + widest,
        struct.pack("<qqqq", free, 9, 3, 2) + wide(10**17) + struct.pack("<qqqq", free, free, free, 2500),
        nothing + struct.pack("<qqqq", 1000, 20000, 1, free),
        struct.pack("<IIqq", 0, 0, 700, free),
        struct.pack("<IIqq", 1, 1, free, 2),
    ]
    assert FULL.payload() == b"".join(expected)


def test_a_configuration_comes_back_from_its_payload() -> None:
    read = OMSConfig.from_payload(FULL.payload())
    assert read.payload() == FULL.payload()
    assert (read.instruments, read.accounts, read.limits) == (FULL.instruments, FULL.accounts, FULL.limits)
    assert (dict(read.reference_prices), read.initial_phase) == ({"ABC": 12.34}, FULL.initial_phase)
    assert (read.parents, read.capital, read.two_person) == (FULL.parents, FULL.capital, True)
    assert read.soft_limits == {"main": Limits(), **dict(FULL.soft_limits)}  # type: ignore[arg-type]  # by name
    assert (read.instrument_limits, read.position_limits) == (FULL.instrument_limits, FULL.position_limits)
    assert read.sectors == {"ABC": "sector 2", "ÄÖÜ": "sector 1"}


def test_sectors_keep_their_numbers_however_many_there_are() -> None:
    symbols = [f"S{number}" for number in range(120)]
    config = OMSConfig(instruments=symbols, sectors={symbol: f"sector of {symbol}" for symbol in symbols})
    assert OMSConfig.from_payload(config.payload()).payload() == config.payload()


@pytest.mark.parametrize("units", [1, 10**18 + 1, 2**126, 123_456_789_012_345_678_901_234_567])
def test_money_that_no_float_holds_comes_back_too(units: int) -> None:
    payload = bytearray(OMSConfig(instruments=["A"], limits=Limits(max_notional=1)).payload())
    at = payload.index((10**18).to_bytes(16, "little"))
    payload[at : at + 16] = units.to_bytes(16, "little")
    assert OMSConfig.from_payload(bytes(payload)).payload() == bytes(payload)


def test_a_damaged_configuration_is_refused() -> None:
    payload = FULL.payload()
    for end in range(len(payload)):
        with pytest.raises(CodecError):
            Setup.from_payload(payload[:end])
    for damaged in (
        payload + b"\0",
        b"\1" + payload[1:],
        with_byte(payload, 16, 5),
        with_byte(payload, 17, 2),
        with_byte(payload, 18, 1),
        payload.replace(b"zweites", b"\xff\xff\xff\xff\xff\xff\xff"),
        payload.replace(struct.pack("<q", 1234), struct.pack("<q", -1)),
        payload.replace(struct.pack("<qq", 50, 1), struct.pack("<qq", 0, 1)),
        payload.replace((10**15).to_bytes(16, "little"), bytes(16)),
        payload.replace(struct.pack("<qI", 1234, 2), struct.pack("<qI", 1234, 256)),
        payload.replace(struct.pack("<qq", 50, 30), struct.pack("<qq", 50, -1)),
        payload.replace(b"zweites" + bytes(4), b"zweites" + struct.pack("<I", 1)),
        payload.replace(struct.pack("<I", 2**32 - 1) + (10**24).to_bytes(16, "little"), b"\xff" * 20),
        payload.replace(struct.pack("<qq", 1000, 20000), struct.pack("<qq", -1, 20000)),
        payload.replace(struct.pack("<IIq", 0, 0, 700), struct.pack("<IIq", 0, 2, 700)),
        payload.replace(struct.pack("<IIq", 0, 0, 700), struct.pack("<IIq", 1, 1, 700)),
        payload.replace(struct.pack("<IIq", 0, 0, 700), struct.pack("<IIq", 0, 0, -1)),
    ):
        assert damaged != payload
        with pytest.raises(CodecError):
            Setup.from_payload(damaged)


def test_a_lineage_is_no_longer_than_four() -> None:
    names = tuple("abcde")
    parents = dict(zip(names[1:4], names, strict=False))
    four = OMSConfig(instruments=["A"], accounts=names, parents=parents).payload()
    assert Setup.from_payload(four).lineage(3) == (0, 1, 2, 3)
    five = four.replace(b"\1\0e\xff\xff\xff\xff", b"\1\0e\3\0\0\0")
    assert five != four
    with pytest.raises(CodecError, match="four"):
        Setup.from_payload(five)
