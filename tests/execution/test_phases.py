"""Phases of a market and the auctions between them, as scripts: ``docs/matching.md``, sections 2, 4 and 7."""

from collections.abc import Iterator, Sequence
from random import Random

import pytest

from omni_lab.execution import OMSConfig, ReferenceOMS
from tests.execution.conftest import Play
from tests.execution.script import Script, config

PRE_OPEN = "phase PRE_OPEN symbol=X"
OPEN = "phase CONTINUOUS symbol=X"


def test_the_phase_decides_what_may_come_in(play: Play) -> None:
    play("""
        phase CLOSED symbol=X       | X CLOSED
        buy 1 @100                  | 1 rejected MARKET_CLOSED
        phase CLOSED symbol=X       |
        phase HALTED symbol=X       | X HALTED
        buy 1 @100                  | 2 rejected HALTED
        phase PRE_OPEN symbol=X     | X PRE_OPEN
        buy 1                       | 3 rejected PHASE_FORBIDS
        buy 1 @100 ioc              | 4 rejected PHASE_FORBIDS
        buy 1 @100 fok              | 5 rejected PHASE_FORBIDS
        buy 1 @100 post-only        | 6 rejected PHASE_FORBIDS
        buy 1 on-open               | 7 accepted
        buy 1 @100 on-open          | 8 accepted
        buy 1 on-close              | 9 accepted
        buy 1 stop=100              | 10 accepted
        buy 1 peg=primary           | 11 accepted
        phase PRE_CLOSE symbol=X    | X PRE_CLOSE
        buy 1 on-open               | 12 rejected PHASE_FORBIDS
        buy 1                       | 13 rejected PHASE_FORBIDS
        buy 1 @100 slide            | 14 rejected PHASE_FORBIDS
        buy 1 on-close              | 15 accepted
        phase CONTINUOUS symbol=X   | X CONTINUOUS; 7 expired 1; 8 expired 1
        buy 1 on-open               | 16 rejected PHASE_FORBIDS
        buy 1 @100 on-close         | 17 accepted
    """)


def test_the_form_is_looked_at_before_the_phase(play: Play) -> None:
    play("""
        phase CLOSED symbol=X    | X CLOSED
        buy 0 @100               | 1 rejected INVALID_QTY
    """)


def test_all_instruments_change_in_order(play: Play) -> None:
    play("""
        phase PRE_OPEN symbol=Y   | Y PRE_OPEN
        phase PRE_OPEN            | X PRE_OPEN; Z PRE_OPEN
    """)


def test_orders_gather_and_trade_at_the_price_of_the_largest_volume(play: Play) -> None:
    # Demand and supply: 99: 9 and 3, 100: 9 and 8, 101: 4 and 8.
    script = play(f"""
        {PRE_OPEN}          | X PRE_OPEN
        buy 4 @101          | 1 accepted
        buy 5 @100          | 2 accepted
        sell 3 @99          | 3 accepted
        sell 5 @100         | 4 accepted
        {OPEN}              | X CONTINUOUS; auction 8@100 surplus 1; 1 and 3 trade 3@100;
                            | 1 and 4 trade 1@100; 2 and 4 trade 4@100
    """)
    book = script.oms.book("X")
    assert (book.best_bid, book.best_ask, book.last) == (100, None, 100)


def test_without_a_cross_there_is_no_auction(play: Play) -> None:
    play(f"""
        {PRE_OPEN}          | X PRE_OPEN
        buy 4 @99           | 1 accepted
        sell 4 @100         | 2 accepted
        buy 4 on-open       | 3 accepted
        cancel 2            | 2 canceled 4 REQUESTED
        {OPEN}              | X CONTINUOUS; 3 expired 4
    """)


def test_market_orders_come_first_and_what_is_left_of_them_expires(play: Play) -> None:
    play(f"""
        {PRE_OPEN}          | X PRE_OPEN
        buy 3 @101          | 1 accepted
        buy 5 @100 on-open  | 2 accepted
        buy 2 on-open       | 3 accepted
        sell 4 @100         | 4 accepted
        {OPEN}              | X CONTINUOUS; auction 4@101 surplus 1; 3 and 4 trade 2@101;
                            | 1 and 4 trade 2@101; 2 expired 5
    """)


def test_displayed_orders_come_before_hidden_ones_and_on_open_orders_with_them(play: Play) -> None:
    play(f"""
        {PRE_OPEN}           | X PRE_OPEN
        buy 1 @100 hidden    | 1 accepted
        buy 1 @100 on-open   | 2 accepted
        buy 1 @100           | 3 accepted
        sell 3 @100          | 4 accepted
        {OPEN}               | X CONTINUOUS; auction 3@100 surplus 0; 2 and 4 trade 1@100;
                             | 3 and 4 trade 1@100; 1 and 4 trade 1@100
    """)


def test_an_iceberg_takes_part_with_all_of_it(play: Play) -> None:
    script = play(f"""
        {PRE_OPEN}             | X PRE_OPEN
        buy 9 @100 shows=2     | 1 accepted
        buy 9 @100             | 2 accepted
        sell 1 @100            | 3 accepted
        sell 4 @100            | 4 accepted
        {OPEN}                 | X CONTINUOUS; auction 5@100 surplus 13; 1 and 3 trade 1@100;
                               | 1 and 4 trade 4@100; 1 shows 2@100
    """)
    assert script.oms.book("X").orders("BUY")["order_id"].tolist() == [2, 1]


def test_self_trades_are_not_prevented(play: Play) -> None:
    play(f"""
        {PRE_OPEN}                      | X PRE_OPEN
        buy 2 @100 cancel-both          | 1 accepted
        sell 2 @100 cancel-both         | 2 accepted
        {OPEN}                          | X CONTINUOUS; auction 2@100 surplus 0; 1 and 2 trade 2@100
    """)


def test_conditional_orders_and_stops_wait_until_after_the_auction(play: Play) -> None:
    play(f"""
        {PRE_OPEN}                 | X PRE_OPEN
        buy 2 @100 all-or-none     | 1 accepted
        buy 1 stop=100             | 2 accepted
        buy 1 @100                 | 3 accepted
        sell 4 @100                | 4 accepted
        {OPEN}                     | X CONTINUOUS; auction 1@100 surplus -3; 3 and 4 trade 1@100;
                                   | 2 triggered 100; 2 takes 1@100 from 4; 1 takes 2@100 from 4
    """)


@pytest.mark.parametrize(
    ("orders", "outcome"),
    [
        # 100 … 105 tie in volume and surplus: the middle without a reference.
        ("buy 5 @105; sell 5 @100", "auction 5@102 surplus 0"),
        ("mark 104; buy 5 @105; sell 5 @100", "auction 5@104 surplus 0"),
        ("mark 110; buy 5 @105; sell 5 @100", "auction 5@105 surplus 0"),
        ("mark 10; buy 5 @105; sell 5 @100", "auction 5@100 surplus 0"),
        # The same volume, less surplus: 5 more are asked for up to 102, nothing above.
        ("mark 100; buy 5 @105; buy 5 @102; sell 5 @100", "auction 5@103 surplus 0"),
        # Surplus 3 up to 102, -3 from 103 on: the nearest to the reference.
        ("mark 101; buy 4 @104; buy 3 @102; sell 4 @100; sell 3 @103", "auction 4@101 surplus 3"),
        ("mark 103; buy 4 @104; buy 3 @102; sell 4 @100; sell 3 @103", "auction 4@103 surplus -3"),
        ("buy 4 @104; buy 3 @102; sell 4 @100; sell 3 @103", "auction 4@102 surplus 3"),
    ],
)
def test_among_the_largest_volumes_the_surplus_decides_and_then_the_reference(
    play: Play, orders: str, outcome: str
) -> None:
    script = play(PRE_OPEN)
    for order in orders.split("; "):
        script.run(order)
    script.say(OPEN)
    events = [event for event in script.oms.events() if event.kind == "AUCTION"]
    assert [f"auction {e.qty:g}@{e.price:g} surplus {e.leaves:g}" for e in events] == [outcome]


def test_market_orders_alone_trade_at_the_reference_or_not_at_all(play: Play) -> None:
    script = play(f"""
        {PRE_OPEN}         | X PRE_OPEN
        buy 2 on-open      | 1 accepted
        sell 3 on-open     | 2 accepted
        {OPEN}             | X CONTINUOUS; 1 expired 2; 2 expired 3
        {PRE_OPEN}         | X PRE_OPEN
        mark 77            | mark 77
        buy 2 on-open      | 3 accepted
        sell 3 on-open     | 4 accepted
        {OPEN}             | X CONTINUOUS; auction 2@77 surplus -1; 3 and 4 trade 2@77; 4 expired 1
    """)
    assert script.oms.book("X").last == 77


def test_the_close_trades_on_close_orders_and_ends_the_day(play: Play) -> None:
    play("""
        buy 2 @100 gtc            | 1 accepted
        buy 2 @99                 | 2 accepted
        sell 3 on-close           | 3 accepted
        sell 9 @102 on-close      | 4 accepted
        buy 1 stop=110            | 5 accepted
        buy 1 peg=primary gtc     | 6 accepted; 6 moves to 100
        phase CLOSED symbol=X     | X CLOSED; 6 parked; auction 3@99 surplus 1; 1 and 3 trade 2@99;
                                  | 2 and 3 trade 1@99; 2 expired 1; 4 expired 9; 5 expired 1
    """)


def test_a_halt_closes_without_an_auction(play: Play) -> None:
    play("""
        buy 2 @100                | 1 accepted
        sell 3 on-close           | 2 accepted
        phase HALTED symbol=X     | X HALTED
        phase CLOSED symbol=X     | X CLOSED; 1 expired 2; 2 expired 3
    """)


def test_orders_of_a_pre_close_trade_in_the_close(play: Play) -> None:
    play("""
        phase PRE_CLOSE symbol=X  | X PRE_CLOSE
        buy 2 @101                | 1 accepted
        sell 2 on-close           | 2 accepted
        phase CLOSED symbol=X     | X CLOSED; auction 2@101 surplus 0; 1 and 2 trade 2@101
    """)


def test_an_auction_is_the_best_of_all_ticks(oms_class: type[ReferenceOMS]) -> None:
    """Against every tick, on some hundred small books."""
    random = Random(7)
    found = 0
    for _ in range(400):
        script = Script(oms_class(config()))
        script.run(PRE_OPEN)
        reference = random.choice((0, 0, random.randint(1, 20)))
        if reference:
            script.run(f"mark {reference}")
        orders = list(_random_orders(random))
        for side, qty, price in orders:
            script.run(f"{side} {qty} on-open" if price is None else f"{side} {qty} @{price}")
        script.say(OPEN)
        auctions = [event for event in script.oms.events() if event.kind == "AUCTION"]
        expected = _best_tick(orders, reference)
        assert [(e.price, e.qty, e.leaves) for e in auctions] == ([expected] if expected else [])
        found += len(auctions)
        book = script.oms.book("X")
        assert book.best_bid is None or book.best_ask is None or book.best_bid < book.best_ask
    assert found > 200


Orders = Sequence[tuple[str, int, int | None]]


def _random_orders(random: Random) -> Iterator[tuple[str, int, int | None]]:
    for _ in range(random.randint(1, 7)):
        price = None if random.random() < 0.2 else random.randint(5, 15)
        yield random.choice(("buy", "sell")), random.randint(1, 5), price


def _best_tick(orders: Orders, reference: int) -> tuple[int, int, int] | None:
    """Price, volume and surplus as the page words them, by looking at every tick."""
    limits = [price for _, _, price in orders if price is not None]
    ticks = range(min(limits), max(limits) + 1) if limits else [reference] if reference else []

    def crossed(tick: int) -> tuple[int, int]:
        demand = sum(q for side, q, p in orders if side == "buy" and (p is None or p >= tick))
        supply = sum(q for side, q, p in orders if side == "sell" and (p is None or p <= tick))
        return demand, supply

    def rank(tick: int) -> tuple[int, int]:
        demand, supply = crossed(tick)
        return -min(demand, supply), abs(demand - supply)

    best = min(map(rank, ticks), default=None)
    tied = [tick for tick in ticks if rank(tick) == best]
    if not tied or min(crossed(tied[0])) == 0:
        return None
    near = reference or (min(tied) + max(tied)) // 2
    price = min(tied, key=lambda tick: (abs(tick - near), -tick))
    demand, supply = crossed(price)
    return price, min(demand, supply), demand - supply


def test_the_initial_phase_is_a_setting(oms_class: type[ReferenceOMS]) -> None:
    settings: OMSConfig = config(initial_phase="pre-open")
    assert oms_class(settings).book("X").phase == "PRE_OPEN"
