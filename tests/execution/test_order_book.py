"""The order book from Python: a script of commands and the events they cause."""

from typing import Any

import pytest

from omni_lab.errors import ConfigError
from omni_lab.execution import OrderBook

Events = list[dict[str, Any]]


def accepted(order_id: int) -> dict[str, Any]:
    return {"event": "OrderAccepted", "order_id": order_id}


def rejected(order_id: int, reason: str) -> dict[str, Any]:
    return {"event": "OrderRejected", "order_id": order_id, "reason": reason}


def canceled(order_id: int, leaves: int) -> dict[str, Any]:
    return {"event": "OrderCanceled", "order_id": order_id, "leaves_qty": leaves}


def traded(maker: int, taker: int, aggressor: str, price: int, qty: int, leaves: int) -> dict[str, Any]:
    return {
        "event": "Trade",
        "maker": maker,
        "taker": taker,
        "aggressor": aggressor,
        "price_ticks": price,
        "qty": qty,
        "maker_leaves": leaves,
    }


def depth(book: OrderBook, side: str, **options: int) -> list[tuple[int, int, int]]:
    columns = book.depth(side, **options)
    assert list(columns) == ["price_ticks", "qty", "n_orders"]
    return list(zip(*(column.tolist() for column in columns.values()), strict=True))


def test_an_empty_book_has_no_prices() -> None:
    book = OrderBook()
    assert (book.best_bid, book.best_ask, len(book)) == (None, None, 0)
    assert depth(book, "BUY") == []


def test_orders_trade_by_price_and_then_by_time() -> None:
    book = OrderBook()
    assert book.limit(1, "SELL", 102, 5) == [accepted(1)]
    assert book.limit(2, "SELL", 101, 5) == [accepted(2)]
    assert book.limit(3, "SELL", 101, 5) == [accepted(3)]
    assert book.limit(4, "BUY", 102, 12) == [
        accepted(4),
        traded(2, 4, "BUY", 101, 5, 0),
        traded(3, 4, "BUY", 101, 5, 0),
        traded(1, 4, "BUY", 102, 2, 3),
    ]
    assert (book.best_bid, book.best_ask, len(book)) == (None, 102, 1)


def test_what_a_limit_order_cannot_trade_rests() -> None:
    book = OrderBook()
    book.limit(1, "BUY", 100, 3)
    assert book.limit(2, "SELL", 99, 5) == [accepted(2), traded(1, 2, "SELL", 100, 3, 0)]
    assert (book.best_bid, book.best_ask) == (None, 99)
    assert depth(book, "SELL") == [(99, 2, 1)]


def test_what_a_market_order_cannot_trade_is_canceled() -> None:
    book = OrderBook()
    book.limit(1, "BUY", 100, 3)
    assert book.market(2, "SELL", 5) == [accepted(2), traded(1, 2, "SELL", 100, 3, 0), canceled(2, 2)]
    assert book.market(3, "SELL", 5) == [accepted(3), canceled(3, 5)]


def test_a_canceled_order_is_gone() -> None:
    book = OrderBook()
    book.limit(1, "BUY", 100, 3)
    assert book.cancel(1) == [canceled(1, 3)]
    assert book.cancel(1) == [rejected(1, "UNKNOWN_ORDER")]
    assert book.cancel(9) == [rejected(9, "UNKNOWN_ORDER")]
    assert (book.best_bid, len(book)) == (None, 0)


def test_depth_adds_up_levels_from_the_best_outward() -> None:
    book = OrderBook()
    for order_id, (price, qty) in enumerate([(100, 3), (98, 1), (100, 4), (99, 2)]):
        book.limit(order_id, "BUY", price, qty)
    book.limit(9, "SELL", 101, 8)
    assert depth(book, "BUY") == [(100, 7, 2), (99, 2, 1), (98, 1, 1)]
    assert depth(book, "BUY", n_levels=1) == [(100, 7, 2)]
    assert depth(book, "BUY", n_levels=0) == []
    assert depth(book, "SELL") == [(101, 8, 1)]


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ((1, "BUY", 100, 5), "DUPLICATE_ORDER_ID"),
        ((2, "BUY", 100, 0), "INVALID_QTY"),
        ((2, "BUY", 100, -5), "INVALID_QTY"),
        ((2, "SELL", 0, 5), "INVALID_PRICE"),
        ((2, "SELL", -3, 5), "INVALID_PRICE"),
    ],
)
def test_an_order_that_cannot_stand_is_rejected_and_changes_nothing(order: Any, reason: str) -> None:
    book = OrderBook()
    book.limit(1, "BUY", 100, 3)
    assert book.limit(*order) == [rejected(order[0], reason)]
    assert depth(book, "BUY") == [(100, 3, 1)]
    assert depth(book, "SELL") == []


@pytest.mark.parametrize("side", ["buy", "B", "BID", ""])
def test_a_side_that_does_not_exist_is_refused(side: str) -> None:
    book = OrderBook()
    for call in (
        lambda: book.limit(1, side, 100, 1),
        lambda: book.market(1, side, 1),
        lambda: book.depth(side),
    ):
        with pytest.raises(ConfigError, match=r"no such side.*'BUY' or 'SELL'"):
            call()
    assert len(book) == 0


def test_ids_use_all_64_bits_and_not_one_more() -> None:
    book = OrderBook()
    assert book.limit(2**64 - 1, "BUY", 100, 1) == [accepted(2**64 - 1)]
    assert book.limit(0, "BUY", 100, 1) == [accepted(0)]
    for wrong in (-1, 2**64):
        with pytest.raises(OverflowError):
            book.limit(wrong, "BUY", 100, 1)
        with pytest.raises(OverflowError):
            book.cancel(wrong)
    assert len(book) == 2


def test_prices_and_quantities_are_whole_numbers_of_64_bits() -> None:
    book, no_tick = OrderBook(), 1.5
    assert book.limit(1, "BUY", 2**63 - 1, 2**50) == [accepted(1)]
    assert book.best_bid == 2**63 - 1
    for price, qty in ((2**63, 1), (1, 2**63)):
        with pytest.raises(OverflowError):
            book.limit(2, "BUY", price, qty)
    with pytest.raises(TypeError):
        book.limit(2, "BUY", no_tick, 1)  # type: ignore[arg-type]


def test_the_book_is_never_crossed_and_quantity_is_conserved() -> None:
    import random

    random.seed(5)
    book, sent, ended, matched = OrderBook(), 0, 0, 0
    for order_id in range(2_000):
        side, qty = random.choice(("BUY", "SELL")), random.randint(1, 20)
        if order_id % 5 == 4:
            events = book.cancel(random.randrange(order_id))
        elif order_id % 7 == 6:
            events, sent = book.market(order_id, side, qty), sent + qty
        else:
            events, sent = book.limit(order_id, side, random.randint(95, 105), qty), sent + qty
        matched += 2 * sum(event["qty"] for event in events if event["event"] == "Trade")
        ended += sum(event["leaves_qty"] for event in events if event["event"] == "OrderCanceled")
        if book.best_bid is not None and book.best_ask is not None:
            assert book.best_bid < book.best_ask
    resting = sum(qty for side in ("BUY", "SELL") for _, qty, _ in depth(book, side, n_levels=100))
    assert sent == matched + ended + resting
    assert matched > 0
    assert ended > 0
