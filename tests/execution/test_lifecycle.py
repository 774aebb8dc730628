"""Every state and every action of the table in ``docs/oms.md``, section 3."""

import itertools

import pytest

from omni_lab.domain import OrderState
from omni_lab.execution.reference.lifecycle import Action, transition
from omni_lab.execution.reference.order import ENDED

# The table as the page has it: states from left to right, shortened; "·" for what cannot happen.
STATES = {
    "P-New": OrderState.PENDING_NEW,
    "New": OrderState.NEW,
    "Partly": OrderState.PARTIALLY_FILLED,
    "Filled": OrderState.FILLED,
    "Canceled": OrderState.CANCELED,
    "Replaced": OrderState.REPLACED,
    "Rejected": OrderState.REJECTED,
    "Expired": OrderState.EXPIRED,
    "P-Cancel": OrderState.PENDING_CANCEL,
    "P-Replace": OrderState.PENDING_REPLACE,
}
TABLE = """
ACCEPT           New       ·          ·          · · ·          · · ·         ·
REJECT           Rejected  ·          ·          · · ·          · · ·         ·
FILL_SOME        ·         Partly     Partly     · · Partly     · · P-Cancel  P-Replace
FILL_ALL         ·         Filled     Filled     · · Filled     · · Filled    Filled
REQUEST_CANCEL   ·         P-Cancel   P-Cancel   · · P-Cancel   · · ·         ·
REQUEST_REPLACE  ·         P-Replace  P-Replace  · · P-Replace  · · ·         ·
CANCEL           ·         Canceled   Canceled   · · Canceled   · · Canceled  Canceled
EXPIRE           ·         Expired    Expired    · · Expired    · · Expired   Expired
REPLACE          ·         ·          ·          · · ·          · · ·         Replaced
REJECT_REQUEST   ·         ·          ·          · · ·          · · New       New
"""
ROWS = {line.split()[0]: line.split()[1:] for line in TABLE.strip().splitlines()}


@pytest.mark.parametrize(("action", "state"), list(itertools.product(Action, OrderState)))
def test_an_order_that_was_neither_filled_nor_replaced(action: Action, state: OrderState) -> None:
    assert transition(state, action) == STATES.get(ROWS[action.name][state])


@pytest.mark.parametrize("state", [OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE])
@pytest.mark.parametrize(
    ("filled", "replaced", "back"),
    [
        (False, False, OrderState.NEW),
        (False, True, OrderState.REPLACED),
        (True, False, OrderState.PARTIALLY_FILLED),
        (True, True, OrderState.PARTIALLY_FILLED),
    ],
)
def test_a_refused_request_leads_back(
    state: OrderState, filled: bool, replaced: bool, back: OrderState
) -> None:
    assert transition(state, Action.REJECT_REQUEST, filled=filled, replaced=replaced) is back


def test_a_filled_order_that_is_replaced_is_partially_filled() -> None:
    state = OrderState.PENDING_REPLACE
    assert transition(state, Action.REPLACE, filled=True) is OrderState.PARTIALLY_FILLED
    assert transition(state, Action.REPLACE, replaced=True) is OrderState.REPLACED


def test_nothing_leads_out_of_the_states_that_end_an_order() -> None:
    ended = {state for state in OrderState if all(transition(state, action) is None for action in Action)}
    assert ended == {OrderState(code) for code in ENDED}
