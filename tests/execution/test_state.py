"""A state is all there is to know: a system restored from it goes on as if nothing had happened."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from random import Random

import numpy as np
import pytest

from omni_lab.errors import CodecError, OmniError
from omni_lab.execution import OMS, OMSConfig, ReferenceOMS
from tests.execution.conftest import AnyOMS
from tests.execution.flows import CONFIG, FLOWS, commands
from tests.execution.script import config


@pytest.mark.parametrize("flow", FLOWS)
def test_a_restored_system_goes_on_identically(flow: str) -> None:
    oms = ReferenceOMS(CONFIG)
    for count, (kind, payload) in enumerate(commands(11, 3_000, flow)):
        oms.execute(kind, payload)
        if count % 300 == 150:
            restored = ReferenceOMS.from_state(oms.state())
            assert restored.state() == oms.state()
            oms.events()
            twins = (oms, restored)
        if count % 300 > 150:
            restored.execute(kind, payload)
        if count % 300 == 299:
            ours, theirs = (twin.events().columns for twin in twins)
            assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
            assert restored.state() == oms.state()


@pytest.mark.parametrize("flow", FLOWS)
def test_a_replay_of_the_frames_gives_the_same_state(flow: str) -> None:
    oms = ReferenceOMS(CONFIG)
    frames = [(0, oms.config.payload()), *commands(12, 1_500, flow)]
    for kind, payload in frames[1:]:
        oms.execute(kind, payload)
    replayed = ReferenceOMS.replay(frames)
    assert (replayed.state_hash, replayed.sequence) == (oms.state_hash, len(frames))
    assert len(replayed.events()) == 0


def test_a_multiplier_that_no_instrument_states_survives() -> None:
    setup = config().setup()
    contract = replace(setup.instruments[0], tick_value=50 * 10**18)
    payload = replace(setup, instruments=(contract, *setup.instruments[1:])).payload()
    oms = ReferenceOMS.replay([(0, payload)])
    oms.submit("X", "SELL", 2, 100, account="b")
    oms.submit("X", "BUY", 2, 100)
    oms.mark("X", 101)
    restored = ReferenceOMS.from_state(oms.state())
    assert [each.unrealised for each in restored.positions()] == [100, -100]
    assert restored.state() == oms.state()


def test_the_layout_of_a_new_system(oms_class: type[ReferenceOMS]) -> None:
    oms = oms_class(config(reference_prices={"Y": 70}))
    state, payload = oms.state(), oms.config.payload()
    assert state.startswith(struct.pack("<8sII", b"OMNISTAT", 2, len(payload)) + payload)
    counters = np.frombuffer(state, "<i8", count=5, offset=16 + len(payload))
    assert counters.tolist() == [0, 1, 1, 1, 1]
    registers = 5 + 12 + 12 + 3 * (33 + 19) + 3 * 6 + 9 * 5
    assert len(state) == 16 + len(payload) + 8 * (5 + registers + 1) + 3 * 16 + 3 * 8
    snapshot = oms.snapshot()
    assert (snapshot.sequence, snapshot.state_hash) == (1, hashlib.sha256(state).hexdigest())
    assert oms.state_hash == snapshot.state_hash


def test_what_was_taken_and_what_was_shown_is_in_the_state(oms_class: type[ReferenceOMS]) -> None:
    oms = oms_class(config())
    number = oms.submit("X", "BUY", 10, 100, display_qty=4, client_order_id="mine")
    oms.submit("X", "SELL", 1, 100)
    live, record = oms.state()[-88:], oms.state()[-88 - 8 - 2 * 88 : -88 - 8 - 88]
    assert int.from_bytes(live[:8], "little") == number
    assert np.frombuffer(live, "<i8", offset=24).tolist() == [100, 3, 0, 0, 0, 4, 0, 0]
    assert int.from_bytes(record[:16], "little") == 2**127 + int.from_bytes(b"mine", "big")
    assert np.frombuffer(record, "<i8", count=4, offset=40).tolist() == [10, 100, 9, 1]
    assert int.from_bytes(record[72:], "little") == 100


@pytest.mark.parametrize("damage", [b"", b"nothing", slice(0, -1), slice(0, 100)])
def test_bytes_that_are_no_state_are_refused(damage: bytes | slice) -> None:
    state = ReferenceOMS(config()).state()
    with pytest.raises(CodecError):
        ReferenceOMS.from_state(state[damage] if isinstance(damage, slice) else damage)
    with pytest.raises(CodecError, match="longer"):
        ReferenceOMS.from_state(state + b"\0")


# Of two orders that wait for the opening: bytes before the end of the state, what is put there, what is said.
# Records are 88 bytes each, then comes the number of live orders, and 88 bytes for each of these.
RECORD, LIVE = 88 + 8 + 2 * 88, 88
NOT_CANONICAL = {
    "a market order with a price": (RECORD - 48, 8, 100, "price|place"),
    "a market order that stands somewhere": (LIVE - 24, 8, 100, "place"),
    "a request that waits": (RECORD - 35, 1, 8, "state cannot be"),
    "a stamp of two orders": (LIVE - 8, 8, 1, "stamp cannot be"),
    "a stamp that was not given yet": (LIVE - 8, 8, 3, "stamp cannot be"),
    "padding that says something": (RECORD - 38, 2, 1, "padding"),
    "an account that is not there": (RECORD - 24, 4, 3, "account and instrument"),
    "another side than two": (RECORD - 32, 1, 0, "side cannot be"),
    "a live order that is not the next": (LIVE, 8, 1, "order"),
    "more to trade than there is": (LIVE - 32, 8, 8, "slice|place"),
}


@pytest.mark.parametrize("name", NOT_CANONICAL)
def test_what_no_system_writes_is_no_state(oms_class: type[ReferenceOMS], name: str) -> None:
    oms = oms_class(config(initial_phase="PRE_OPEN"))
    for side in ("SELL", "BUY"):
        oms.submit("X", side, 7, order_type="MARKET", time_in_force="AT_OPEN")
    state = oms.state()
    assert oms_class.from_state(state).state() == state
    from_end, width, value, said = NOT_CANONICAL[name]
    at = len(state) - from_end
    with pytest.raises(CodecError, match=said):
        oms_class.from_state(state[:at] + value.to_bytes(width, "little") + state[at + width :])


@pytest.mark.parametrize(("display_qty", "slices"), [(None, [7]), (3, [1, 2, 3])])
def test_only_an_iceberg_shows_less_than_all(
    oms_class: type[AnyOMS], display_qty: int | None, slices: list[int]
) -> None:
    oms = oms_class(config())
    oms.submit("X", "BUY", 7, 100, display_qty=display_qty)
    state = oms.state()
    at = len(state) - LIVE + 32
    for showing in range(9):
        with_slice = state[:at] + showing.to_bytes(8, "little") + state[at + 8 :]
        if showing in slices:
            assert oms_class.from_state(with_slice).state() == with_slice
        else:
            with pytest.raises(CodecError, match=r"slice|place"):
                oms_class.from_state(with_slice)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_damaged_state_is_refused_by_both_or_whole_in_both(flow: str) -> None:
    oms, rng = ReferenceOMS(CONFIG), Random(7)
    for kind, payload in commands(13, 120, flow):
        oms.execute(kind, payload)
    n_whole = 0
    for damaged in islice(_damaged(oms.state(), rng), 250):
        native, plain = (_refusal(each, damaged) for each in (OMS, ReferenceOMS))
        assert (native is None) == (plain is None), f"native: {native}, plain: {plain}"
        n_whole += native is None
    assert 20 < n_whole < 230


def _damaged(state: bytes, rng: Random) -> Iterator[bytes]:
    """The state with a bit, a byte or a word changed."""
    while True:
        at = rng.randrange(len(state))
        byte = rng.choice((state[at] ^ 1 << rng.randrange(8), 0, 1, 2, 255))
        word = rng.choice((0, 1, 2**50, 2**50 + 1, 2**63 - 1, 2**64 - 1))
        new = rng.choice((bytes([byte]), bytes([byte]), word.to_bytes(8, "little")))
        at -= at % len(new)
        yield state[:at] + new + state[at + len(new) :]


def _refusal(oms_class: type[OMS | ReferenceOMS], state: bytes) -> OmniError | None:
    """How a state is refused; None if it is read, and then it must be what is written again."""
    try:
        oms = oms_class.from_state(state)
    except OmniError as error:
        return error
    assert oms.state() == state
    return None


def test_a_replay_begins_with_a_configuration() -> None:
    for frames in ([], [(1, bytes(56))], [(0, b"")]):
        with pytest.raises(CodecError):
            ReferenceOMS.replay(frames)


def test_the_plain_twin_keeps_no_journal(tmp_path: object) -> None:
    with pytest.raises(ValueError, match="native OMS"):
        ReferenceOMS(config(journal=str(tmp_path)))
    with pytest.raises(ValueError, match="native OMS"):
        ReferenceOMS.recover(str(tmp_path))
    oms = ReferenceOMS(OMSConfig(instruments=["ABC"]))
    oms.commit()
    with oms:
        assert oms.latency() == {}
