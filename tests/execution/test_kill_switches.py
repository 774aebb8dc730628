"""Kill switches: three scopes, thrown and reset by somebody for a reason: gate.md, section 6."""

from __future__ import annotations

import pytest

from omni_lab.errors import ConfigError, OmniError
from tests.execution.conftest import AnyOMS, Play
from tests.execution.script import config


def test_the_reasons_around_a_kill_are_read_from_the_table_that_they_belong_to(
    oms_class: type[AnyOMS],
) -> None:
    oms = oms_class(config())
    killed = oms.submit("X", "BUY", 10, 100, client_order_id="mine")
    oms.kill("a", who="ann", why="a test")
    refused = oms.submit("X", "BUY", 10, 100)
    oms.cancel(killed)
    oms.submit("X", "BUY", 10, 100, client_order_id="mine")
    events = oms.events()
    # To cancel, 8 is KILL_SWITCH; to refuse, it would be INVALID_DISPLAY_QTY.
    assert events.columns["reason"].tolist() == [0, 0, 8, 32, 13, 8]
    assert [(event.kind, event.order_id, event.reason) for event in events] == [
        ("ACCEPTED", killed, None),
        ("KILL_SWITCH", 0, None),
        ("CANCELED", killed, "KILL_SWITCH"),
        ("REJECTED", refused, "KILL_SWITCH"),
        ("CANCEL_REJECTED", killed, "TOO_LATE"),
        ("STATUS", killed, "KILL_SWITCH"),
    ]
    assert [oms.order(number).reason for number in (killed, refused)] == ["KILL_SWITCH", "KILL_SWITCH"]


def test_the_kill_switch_of_an_account_cancels_its_orders_and_refuses_new_ones(play: Play) -> None:
    play("""
        buy 1 @100              | 1 accepted
        b: buy 2 @100           | 2 accepted
        sell Y 3 @100           | 3 accepted
        kill a                  | a thrown; 1 canceled 1 KILL_SWITCH; 3 canceled 3 KILL_SWITCH
        buy 1 @100              | 4 rejected KILL_SWITCH
        b: buy 1 @100           | 5 accepted
        replace 2 qty=1         | 2 replaced 1@100
        kill                    | everything thrown; 2 canceled 1 KILL_SWITCH; 5 canceled 1 KILL_SWITCH
        kill                    | everything thrown
        reset a                 | a reset
        buy 1 @100              | 6 rejected KILL_SWITCH
        cancel 2                | 2 not canceled TOO_LATE
        reset                   | everything reset
        reset                   | everything reset
        buy 1 @100              | 7 accepted
    """)


def test_the_kill_switch_of_an_account_is_that_of_all_below_it(play: Play) -> None:
    play(
        """
        a: buy 1 @100           | 1 accepted
        c: buy 2 @100           | 2 accepted
        b: buy 3 @100           | 3 accepted
        kill b                  | b thrown; 2 canceled 2 KILL_SWITCH; 3 canceled 3 KILL_SWITCH
        c: buy 2 @100           | 4 rejected KILL_SWITCH
        a: buy 1 @100           | 5 accepted
        kill a                  | a thrown; 1 canceled 1 KILL_SWITCH; 5 canceled 1 KILL_SWITCH
        reset b                 | b reset
        c: buy 2 @100           | 6 rejected KILL_SWITCH
        reset a                 | a reset
        c: buy 2 @100           | 7 accepted
        """,
        parents={"b": "a", "c": "b"},
    )


def test_the_kill_switch_of_an_instrument_is_everybodys(play: Play) -> None:
    play("""
        buy 1 @100              | 1 accepted
        b: sell Y 2 @100        | 2 accepted
        b: buy Y 2 @90          | 3 accepted
        buy Y 1 peg=primary     | 4 accepted; 4 moves to 90
        kill instrument=Y       | Y thrown; 2 canceled 2 KILL_SWITCH; 3 canceled 2 KILL_SWITCH
                                | 4 canceled 1 KILL_SWITCH
        buy Y 1 @100            | 5 rejected KILL_SWITCH
        buy 1 @100              | 6 accepted
        reset instrument=Y      | Y reset
        buy Y 1 @100            | 7 accepted
    """)


def test_writing_a_register_throws_a_switch_and_resets_none(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(config())
    number = oms.submit("Y", "BUY", 1, 100, account="b")
    addresses = {0x28: "everything", 0x1200: "b", 0x400080: "Y"}
    for address in addresses:
        oms.write_register(address, 1)
        assert oms.read_register(address) == 1
        before = oms.state()
        with pytest.raises(ConfigError, match="says who and why"):
            oms.write_register(address, 0)
        assert oms.state() == before
    assert [(event.kind, event.order_id) for event in oms.events()] == [
        *(("ACCEPTED", number), ("REGISTER_WRITTEN", 0), ("CANCELED", number)),
        *(("REGISTER_WRITTEN", 0), ("REGISTER_WRITTEN", 0)),
    ]
    assert oms.reset(who="ann", why="x")
    assert oms.reset("b", who="ann", why="x")
    assert oms.reset(instrument="Y", who="ann", why="x")
    assert [oms.read_register(address) for address in addresses] == [0, 0, 0]


def test_it_takes_two_to_reset_where_the_configuration_says_so(play: Play) -> None:
    script = play(
        """
        kill a                  | a thrown
        reset a who=ann         | a waiting
        reset a who=ann         | a waiting
        buy 1 @100              | 1 rejected KILL_SWITCH
        kill a who=bob          | a thrown
        reset a who=bob         | a waiting
        kill                    | everything thrown
        reset who=ann           | everything waiting
        reset a who=ann         | a reset
        buy 1 @100              | 2 rejected KILL_SWITCH
        reset who=ann           | everything waiting
        reset who=bob           | everything reset
        buy 1 @100              | 3 accepted
        reset who=ann           | everything reset
        kill instrument=X       | X thrown; 3 canceled 1 KILL_SWITCH
        reset instrument=X      | X waiting
        kill a                  | a thrown
        reset a                 | a waiting
        """,
        two_person=True,
    )
    # Who waits is part of the state, and nothing else of who and why.
    again = type(script.oms).from_state(script.oms.state())
    assert again.state() == script.oms.state()
    assert again.reset("a", who="bob", why="b")
    assert not again.reset(instrument="X", who="ann", why="c")
    assert again.reset(instrument="X", who="eve", why="d")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({}, "who and why"),
        ({"who": "ann"}, "why is missing"),
        ({"why": "x", "who": "  "}, "who is missing"),
        ({"who": "ann", "why": "x", "account": "a", "instrument": "X"}, "not of both"),
        ({"who": "ann", "why": "x", "account": "nobody"}, "no such account"),
        ({"who": "ann", "why": "x", "instrument": "nothing"}, "no such instrument"),
        ({"who": "a" * 65, "why": "x"}, "1 to 64 bytes"),
        ({"who": "ann", "why": "x" * 1_025}, "1,024"),
    ],
)
@pytest.mark.parametrize("verb", ["kill", "reset"])
def test_a_kill_switch_is_thrown_and_reset_by_somebody_for_a_reason(
    oms_class: type[AnyOMS], verb: str, call: dict[str, str], said: str
) -> None:
    oms = oms_class(config())
    with pytest.raises(OmniError, match=said):
        getattr(oms, verb)(**call)
    assert oms.sequence == 1
