"""What holds whatever is commanded: seeded flows of random commands, looked at from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from omni_lab.domain import EventKind, OrderState
from omni_lab.execution import ReferenceOMS
from tests.execution.flows import CONFIG, FLOWS, N_ACCOUNTS, N_INSTRUMENTS, commands
from tests.execution.state_reader import (
    AUCTION,
    CONDITIONAL,
    CONTINUOUS,
    DISPLAYED,
    HIDDEN,
    PARKED,
    STOP,
    Live,
    State,
    displayed_bbo,
    peg_price,
    priority,
    read,
    would_take,
)

MARKET, LIMIT, PEGGED = 1, 2, 6

Step = tuple[ReferenceOMS, State, list[dict[str, int]]]


def steps(oms_class: type[ReferenceOMS], flow: str, n_commands: int, seed: int = 3) -> Iterator[Step]:
    """The system after each command, its state before, and what came of the command."""
    oms = oms_class(CONFIG)
    before = read(oms.state())
    for kind, payload in commands(seed, n_commands, flow):
        oms.execute(kind, payload)
        columns = oms.events().columns
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        yield oms, before, [dict(zip(columns, row, strict=True)) for row in rows]
        before = read(oms.state())


@pytest.mark.parametrize("flow", FLOWS)
def test_books_are_settled_after_every_command(oms_class: type[ReferenceOMS], flow: str) -> None:
    for oms, _, _ in steps(oms_class, flow, 400):
        state = read(oms.state())
        for instrument in range(state.n_instruments):
            orders = state.of(instrument)
            check_places(orders)
            if state.phases[instrument] == CONTINUOUS:
                check_settled(orders, state.lasts[instrument])


def check_places(orders: list[Live]) -> None:
    """Whatever the phase, an order waits where its kind waits, and shows what it may."""
    stamps = [order.stamp for order in orders]
    assert len(set(stamps)) == len(stamps)
    for order in orders:
        assert order.leaves > 0
        if order.place == DISPLAYED and order.display_qty > 0:
            assert 1 <= order.slice <= min(order.display_qty, order.leaves)
        else:
            assert order.slice == order.leaves
        assert (order.place in (HIDDEN, PARKED)) or order.order_type != PEGGED
        assert (order.place == CONDITIONAL) == (order.min_qty > 0 or order.all_or_none == 1)
        if order.place in (STOP, PARKED):
            assert order.working == 0
        elif order.order_type != PEGGED:
            assert order.working == order.price
        assert order.place == STOP or (order.stop_price, order.trigger, order.trail) == (0, 0, 0)
        assert order.place == AUCTION or order.order_type != MARKET


def check_settled(orders: list[Live], last: int) -> None:
    """In continuous trading nothing that could happen is left to happen."""
    bid, ask = displayed_bbo(orders)
    bids = [order.working for order in orders if order.side == 1 and order.place <= HIDDEN]
    asks = [order.working for order in orders if order.side == 2 and order.place <= HIDDEN]
    assert not bids or not asks or max(bids) < min(asks)
    for order in orders:
        if order.order_type == PEGGED:
            assert order.working == peg_price(order, bid, ask)
        if order.place == CONDITIONAL:
            assert would_take(orders, order) < order.required
        if order.place == STOP:
            watched = last if order.trigger == 1 else ask if order.side == 1 else bid
            beyond = order.sign * watched >= order.sign * order.stop_price
            assert not (watched and order.stop_price and beyond)


@pytest.mark.parametrize("flow", FLOWS)
def test_no_quantity_is_lost(oms_class: type[ReferenceOMS], flow: str) -> None:
    """Of every order: its total is what traded, ended, was taken off and is left."""
    oms = oms_class(CONFIG)
    for kind, payload in commands(4, 4_000, flow):
        oms.execute(kind, payload)
    totals: dict[int, int] = {}
    gone: Counter[int] = Counter()
    columns = oms.events().columns
    for kind, order_id, qty in zip(*(columns[n].tolist() for n in ("kind", "order_id", "qty")), strict=True):
        if kind in (EventKind.ACCEPTED, EventKind.REPLACED):
            totals[order_id] = qty
        elif kind in (EventKind.FILLED, EventKind.CANCELED, EventKind.EXPIRED, EventKind.DECREMENTED):
            gone[order_id] += qty
    left = {order.order_id: order.leaves for order in read(oms.state()).live}
    assert len(totals) > 1_000
    assert {number: total - gone[number] for number, total in totals.items()} == {
        number: left.get(number, 0) for number in totals
    }


@pytest.mark.parametrize("flow", FLOWS)
def test_the_gate_knows_what_is_open_and_what_is_held(oms_class: type[ReferenceOMS], flow: str) -> None:
    oms = oms_class(CONFIG)
    held: Counter[int] = Counter()
    for count, (kind, payload) in enumerate(commands(5, 2_000, flow)):
        oms.execute(kind, payload)
        if count % 50:
            continue
        columns = oms.events().columns
        fills = columns["kind"] == EventKind.FILLED
        rows = (columns[name][fills].tolist() for name in ("account", "instrument", "side", "qty"))
        for account, instrument, side, qty in zip(*rows, strict=True):
            held[account * N_INSTRUMENTS + instrument] += qty if side == 1 else -qty
        state = read(oms.state())
        open_lots: Counter[tuple[int, int]] = Counter()
        for order in state.live:
            open_lots[order.account * N_INSTRUMENTS + order.instrument, order.side] += order.leaves
        assert state.positions == [
            (held[index], open_lots[index, 1], open_lots[index, 2])
            for index in range(N_ACCOUNTS * N_INSTRUMENTS)
        ]
    assert sum(held.values()) == 0


@pytest.mark.parametrize("flow", FLOWS)
def test_the_first_in_priority_trades_first(oms_class: type[ReferenceOMS], flow: str) -> None:
    """The makers of a new order, until an iceberg queues again, were the first of the queue when it came."""
    checked = 0
    for _, before, events in steps(oms_class, flow, 500, seed=6):
        makers = list(_first_makers(events))
        if not makers:
            continue
        taker = next(event for event in events if event["kind"] == EventKind.ACCEPTED)
        queue = priority(before.of(taker["instrument"]), 3 - taker["side"])
        # Conditional orders may be passed over; that they trade when they must is another law.
        queue = [order for order in queue if order.place != CONDITIONAL or order.order_id in makers]
        assert makers == [order.order_id for order in queue[: len(makers)]]
        checked += len(makers)
    assert checked >= 20


def _first_makers(events: list[dict[str, int]]) -> Iterator[int]:
    """Who trades with the new order of a command that has nothing but trades at first."""
    kinds = [event["kind"] for event in events]
    if kinds[:1] != [EventKind.ACCEPTED]:
        return
    taker = events[0]["order_id"]
    for event, other in zip(events[1::2], events[2::2], strict=False):
        if event["kind"] != EventKind.FILLED or other["order_id"] != taker:
            return
        yield event["order_id"]


@pytest.mark.parametrize("flow", FLOWS)
def test_trades_are_numbered_and_prices_are_the_makers(oms_class: type[ReferenceOMS], flow: str) -> None:
    oms = oms_class(CONFIG)
    for kind, payload in commands(8, 3_000, flow):
        oms.execute(kind, payload)
    columns = oms.events().columns
    fills = columns["kind"] == EventKind.FILLED
    trade_ids, sides = columns["trade_id"][fills], columns["side"][fills]
    n_trades = len(trade_ids) // 2
    assert trade_ids[0::2].tolist() == trade_ids[1::2].tolist() == list(range(1, n_trades + 1))
    for name in ("price", "qty"):
        values = columns[name][fills]
        assert values[0::2].tolist() == values[1::2].tolist()
    assert (sides[0::2] != sides[1::2]).all()
    assert set(columns["liquidity"][fills][0::2].tolist()) <= {1, 3}


def test_states_follow_the_table(oms_class: type[ReferenceOMS]) -> None:
    """Seen in events, an order goes through its states in an order that the table allows."""
    oms = oms_class(CONFIG)
    for kind, payload in commands(9, 8_000, "balanced"):
        oms.execute(kind, payload)
    columns = oms.events().columns
    ended = {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED}
    states: dict[int, int] = {}
    answers = {
        *(EventKind.STATUS, EventKind.CANCEL_REJECTED, EventKind.REPLACE_REJECTED),
        EventKind.WARNED,  # before what it warns of
    }
    seen = set()
    about_orders = columns["side"] > 0
    rows = (columns[name][about_orders].tolist() for name in ("order_id", "kind", "state"))
    for order_id, kind, state in zip(*rows, strict=True):
        if not order_id:
            assert state == OrderState.REJECTED  # an order that got no id
            continue
        before = states.get(order_id)
        if kind in answers:
            assert state == (before or 0)
        else:
            assert before not in ended
            states[order_id] = state
            seen.add((before, state))
    assert (OrderState.REPLACED, OrderState.PARTIALLY_FILLED) in seen
    assert all(0 < after < OrderState.PENDING_CANCEL for _, after in seen)
