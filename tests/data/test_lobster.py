"""LOBSTER messages become commands, and the engine fills whom the exchange filled."""

from pathlib import Path

import numpy as np
import pytest

from omni_lab.data.lobster import Tape, agreement, read_lobster
from omni_lab.errors import SchemaError
from omni_lab.execution import OMSConfig, ReferenceOMS
from omni_lab.typing import AnyArray

MESSAGES = """\
34200.000000001,1,71,100,5853300,1
34200.5,1,72,300,5853300,1
34201,1,73,200,5853400,-1
34202,4,71,40,5853300,1
34203,2,72,100,5853300,1
34204,4,71,60,5853300,1
34205,4,72,50,5853300,1
34206,3,73,200,5853400,-1
34207,5,0,10,5853350,1
34208,3,11,500,5850000,1
"""


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    path = tmp_path / "messages.csv"
    path.write_text(MESSAGES)
    return read_lobster(path)


def replayed(tape: Tape) -> tuple[ReferenceOMS, dict[str, AnyArray], AnyArray]:
    oms = ReferenceOMS(OMSConfig(instruments=["AAPL"]))
    events = oms.apply(tape.commands)
    return oms, events, 2 + np.arange(len(tape.maker))


def test_messages_become_commands(tape: Tape) -> None:
    assert tape.commands["kind"].tolist() == [1, 1, 1, 1, 3, 1, 1, 2]
    assert tape.commands["ts"][:2].tolist() == [34_200_000_000_001, 34_200_500_000_000]
    assert tape.commands["price"].tolist() == [58_533, 58_533, 58_534, 58_533, 0, 58_533, 58_533, 0]
    # An execution of a bid is a sale; the second order's total is what is left of its 300.
    assert tape.commands["side"][3] == 2
    assert tape.commands["qty"][4] == 200
    assert tape.maker.tolist() == [0, 0, 0, 1, 0, 1, 2, 0]
    assert tape.n_skipped == 2


def test_the_engine_arrives_at_the_book_that_the_messages_say(tape: Tape) -> None:
    oms, events, frames = replayed(tape)
    assert agreement(tape.maker, frames, events) == 1.0
    orders = oms.book("AAPL").orders("buy")
    assert (orders["order_id"].tolist(), orders["qty"].tolist()) == ([2], [150.0])
    assert oms.book("AAPL").best_ask is None


def test_another_order_than_the_exchange_filled_is_noticed(tape: Tape) -> None:
    _, events, frames = replayed(tape)
    other = np.where(tape.maker == 2, 1, tape.maker)
    assert np.isclose(agreement(other, frames, events), 2 / 3)


@pytest.mark.parametrize("text", ["1,2,3\n", "a,b,c,d,e,f\n"])
def test_other_lines_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "messages.csv"
    path.write_text(text)
    with pytest.raises(SchemaError, match="six numbers"):
        read_lobster(path)


def test_an_hour_of_apple_fills_the_orders_that_nasdaq_filled(test_data: Path) -> None:
    from omni_lab.execution import OMS

    tape = read_lobster(test_data / "lob/lobster/AAPL_2012-06-21_34200000_37800000_message_50.csv.gz")
    with OMS(OMSConfig(instruments=["AAPL"])) as oms:
        frames = oms.sequence + 1 + np.arange(len(tape.maker))
        events = oms.apply(tape.commands)
    # The first that differs is one in which the exchange passed over the first order of a queue. The file
    # does not say why, and other executions follow from it.
    assert agreement(tape.maker, frames, events) > 0.98
    assert (events["kind"] == 11).sum() <= 4
