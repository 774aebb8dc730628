"""The states of an order and what leads from one to another: the table of ``docs/oms.md``, section 3."""

from __future__ import annotations

from enum import Enum, auto

from omni_lab.domain import OrderState


class Action(Enum):
    """What can happen to an order."""

    ACCEPT = auto()
    REJECT = auto()
    FILL_SOME = auto()
    FILL_ALL = auto()
    REQUEST_CANCEL = auto()
    REQUEST_REPLACE = auto()
    CANCEL = auto()
    EXPIRE = auto()
    REPLACE = auto()
    REJECT_REQUEST = auto()


_S = OrderState
_WORKING = (_S.NEW, _S.PARTIALLY_FILLED, _S.REPLACED)
_PENDING = (_S.PENDING_CANCEL, _S.PENDING_REPLACE)


def _from(states: tuple[OrderState, ...], to: OrderState) -> dict[OrderState, OrderState]:
    return dict.fromkeys(states, to)


TABLE: dict[Action, dict[OrderState, OrderState]] = {
    Action.ACCEPT: {_S.PENDING_NEW: _S.NEW},
    Action.REJECT: {_S.PENDING_NEW: _S.REJECTED},
    Action.FILL_SOME: _from(_WORKING, _S.PARTIALLY_FILLED) | {state: state for state in _PENDING},
    Action.FILL_ALL: _from(_WORKING + _PENDING, _S.FILLED),
    Action.REQUEST_CANCEL: _from(_WORKING, _S.PENDING_CANCEL),
    Action.REQUEST_REPLACE: _from(_WORKING, _S.PENDING_REPLACE),
    Action.CANCEL: _from(_WORKING + _PENDING, _S.CANCELED),
    Action.EXPIRE: _from(_WORKING + _PENDING, _S.EXPIRED),
    Action.REPLACE: {_S.PENDING_REPLACE: _S.REPLACED},
    Action.REJECT_REQUEST: _from(_PENDING, _S.NEW),
}
"""Where an action leads, before what came earlier is asked: see `transition`."""


def transition(
    state: OrderState, action: Action, *, filled: bool = False, replaced: bool = False
) -> OrderState | None:
    """The state after an action, or None where it cannot happen.

    Parameters
    ----------
    state : OrderState
        The state before.
    action : Action
        What happens.
    filled : bool
        Whether something of the order is filled; asked when a request is answered.
    replaced : bool
        Whether it was replaced before; asked when a request is refused.
    """
    after = TABLE[action].get(state)
    if after is not None and action in (Action.REPLACE, Action.REJECT_REQUEST):
        if filled:
            return _S.PARTIALLY_FILLED
        if replaced:
            return _S.REPLACED
    return after
