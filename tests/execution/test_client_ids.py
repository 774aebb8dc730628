"""Client order ids: sending again is safe, and sending something else under the same id is refused."""

import struct

import pytest

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution import ReferenceOMS
from omni_lab.execution.client_ids import name_of, number_of
from omni_lab.execution.codec import New, digest, encode
from tests.execution.conftest import Play
from tests.execution.script import config


def test_sending_again_is_answered_with_the_state_of_the_order(play: Play) -> None:
    script = play("""
        advance 50                              |
        buy 5 @100 client_order_id=one          | 1 accepted
        buy 5 @100 client_order_id=one ts=60    | 1 is NEW
        sell 2 @100                             | 2 accepted; 2 takes 2@100 from 1
        buy 5 @100 client_order_id=one          | 1 is PARTIALLY_FILLED
        replace 1 qty=4                         | 1 replaced 2@100
        buy 5 @100 client_order_id=one          | 1 is PARTIALLY_FILLED
        cancel 1                                | 1 canceled 2 REQUESTED
    """)
    script.say("buy 5 @100 client_order_id=one")
    (status,) = script.oms.events()
    assert (status.kind, status.order_id, status.client_order_id) == ("STATUS", 1, "one")
    assert (status.state, status.reason) == ("CANCELED", "REQUESTED")
    assert (status.price, status.qty, status.leaves, status.cum) == (100, 4, 0, 2)
    assert script.oms.submit("X", "BUY", 5, 100, client_order_id="one") == 1


def test_anything_but_the_time_makes_another_order_of_it(oms_class: type[ReferenceOMS]) -> None:
    oms = oms_class(config())
    order = {"kind": 1, "client_order_id": 7, "qty": 5, "price": 100}
    oms.apply(order)
    for other in ({"qty": 6}, {"price": 99}, {"side": 2}, {"time_in_force": 1}, {"display_qty": 5}):
        events = oms.apply(order | other)
        assert (events["kind"].tolist(), events["reason"].tolist()) == ([2], [1])
        assert (events["order_id"].tolist(), events["client_order_id"].tolist()) == ([0], [7])
    assert oms.apply(order | {"ts": 99})["kind"].tolist() == [15]
    # What makes a client id unique is the account it belongs to.
    assert oms.apply(order | {"account": 1})["order_id"].tolist() == [2]


def test_a_refused_order_keeps_its_id_for_ever(play: Play) -> None:
    play("""
        buy 0 @100 client_order_id=bad          | 1 rejected INVALID_QTY
        buy 0 @100 client_order_id=bad          | 1 is REJECTED
        buy 1 @100 client_order_id=bad          | 0 rejected DUPLICATE_ORDER_ID
        buy 1 @100                              | 2 accepted
    """)


def test_sending_again_touches_neither_gate_nor_book(oms_class: type[ReferenceOMS]) -> None:
    oms = oms_class(config())
    oms.submit("X", "BUY", 5, 100, client_order_id=2**127 - 1)
    before = oms.state()
    oms.submit("X", "BUY", 5, 100, client_order_id=2**127 - 1)
    after = oms.state()
    sequence = 16 + len(oms.config.payload()) + 8
    assert before[:sequence] == after[:sequence]
    assert before[sequence + 8 :] == after[sequence + 8 :]


def test_an_order_is_found_by_what_the_client_calls_it(oms_class: type[ReferenceOMS]) -> None:
    oms = oms_class(config())
    oms.submit("X", "BUY", 5, 100, client_order_id="A-17", account="b")
    assert not oms.cancel(client_order_id="A-17")  # of account a there is none
    assert oms.replace(client_order_id="A-17", account="b", qty=3)
    assert oms.order(1).leaves_qty == 3
    assert oms.cancel(client_order_id="A-17", account="b")
    with pytest.raises(ConfigError, match="not by both"):
        oms.cancel(1, client_order_id="A-17")
    with pytest.raises(ConfigError, match="not by both"):
        oms.cancel()


@pytest.mark.parametrize("name", [1, 2**127 - 1, "a", "ORDER 0000000001", "~" * 16])
def test_a_name_is_a_number_and_back(name: int | str) -> None:
    number = number_of(name)
    assert name_of(number) == name
    assert (number >= 2**127) == isinstance(name, str)


def test_the_bytes_of_a_text_are_the_number() -> None:
    assert number_of("AB") == 2**127 + 0x4142
    assert number_of(None) == 0
    assert name_of(0) is None


@pytest.mark.parametrize("name", ["", "x" * 17, "é", -1, 2**127, "a\n"])
def test_other_names_are_refused(name: int | str) -> None:
    with pytest.raises(DataError, match="client order id"):
        number_of(name)


def test_the_digest_is_the_one_of_the_contract() -> None:
    _, payload = encode(New(ts=5, client_order_id=9, qty=3, price=100))
    h = 0xCBF29CE484222325
    for word in struct.unpack("<6Q", payload[8:]):
        h = (h ^ word) * 0x100000001B3 % 2**64
        h = h ^ (h >> 32)
    assert digest(payload) == h
    assert digest(encode(New(ts=6, client_order_id=9, qty=3, price=100))[1]) == h
