//! Scripts of commands and the events they cause, with numbers a reader can follow by hand.

use omni_book::OrderBook;
use omni_types::{Event, LimitOrder, MarketOrder, OrderId, Qty, RejectReason, Side, Ticks};

fn limit(book: &mut OrderBook, id: u64, side: Side, price: i64, qty: i64) -> Vec<Event> {
    let mut out = Vec::new();
    book.submit_limit(LimitOrder { id: OrderId(id), side, price: Ticks(price), qty: Qty(qty) }, &mut out);
    out
}

fn market(book: &mut OrderBook, id: u64, side: Side, qty: i64) -> Vec<Event> {
    let mut out = Vec::new();
    book.submit_market(MarketOrder { id: OrderId(id), side, qty: Qty(qty) }, &mut out);
    out
}

fn cancel(book: &mut OrderBook, id: u64) -> Vec<Event> {
    let mut out = Vec::new();
    book.cancel(OrderId(id), &mut out);
    out
}

fn accepted(id: u64) -> Event {
    Event::OrderAccepted { id: OrderId(id) }
}

fn rejected(id: u64, reason: RejectReason) -> Event {
    Event::OrderRejected { id: OrderId(id), reason }
}

fn canceled(id: u64, leaves: i64) -> Event {
    Event::OrderCanceled { id: OrderId(id), leaves: Qty(leaves) }
}

fn trade(maker: u64, taker: u64, aggressor: Side, price: i64, qty: i64, maker_leaves: i64) -> Event {
    Event::Trade {
        maker: OrderId(maker),
        taker: OrderId(taker),
        aggressor,
        price: Ticks(price),
        qty: Qty(qty),
        maker_leaves: Qty(maker_leaves),
    }
}

#[test]
fn the_better_price_trades_first() {
    let mut book = OrderBook::new();
    limit(&mut book, 1, Side::Sell, 102, 10);
    limit(&mut book, 2, Side::Sell, 101, 10);
    let events = limit(&mut book, 3, Side::Buy, 102, 15);
    assert_eq!(events, [accepted(3), trade(2, 3, Side::Buy, 101, 10, 0), trade(1, 3, Side::Buy, 102, 5, 5)]);
}

#[test]
fn at_one_price_the_first_come_trades_first() {
    let mut book = OrderBook::new();
    limit(&mut book, 1, Side::Buy, 100, 10);
    limit(&mut book, 2, Side::Buy, 100, 10);
    let events = market(&mut book, 3, Side::Sell, 12);
    assert_eq!(events, [accepted(3), trade(1, 3, Side::Sell, 100, 10, 0), trade(2, 3, Side::Sell, 100, 2, 8)]);
}

#[test]
fn a_partly_filled_order_keeps_its_place() {
    let mut book = OrderBook::new();
    limit(&mut book, 1, Side::Buy, 100, 10);
    limit(&mut book, 2, Side::Buy, 100, 10);
    market(&mut book, 3, Side::Sell, 4);
    let events = market(&mut book, 4, Side::Sell, 6);
    assert_eq!(events, [accepted(4), trade(1, 4, Side::Sell, 100, 6, 0)]);
}

#[test]
fn a_limit_order_rests_what_it_cannot_trade() {
    let mut book = OrderBook::new();
    limit(&mut book, 1, Side::Sell, 101, 3);
    limit(&mut book, 2, Side::Buy, 101, 10);
    assert_eq!(book.best(Side::Sell), None);
    assert_eq!(book.order(OrderId(2)).map(|order| order.leaves), Some(Qty(7)));
}

#[test]
fn a_market_order_never_rests() {
    let mut book = OrderBook::new();
    limit(&mut book, 1, Side::Sell, 101, 3);
    let events = market(&mut book, 2, Side::Buy, 10);
    assert_eq!(events, [accepted(2), trade(1, 2, Side::Buy, 101, 3, 0), canceled(2, 7)]);
    assert!(book.is_empty());
}

#[test]
fn canceling_from_the_middle_keeps_the_queue() {
    let mut book = OrderBook::new();
    for id in 1..=3 {
        limit(&mut book, id, Side::Buy, 100, 10);
    }
    assert_eq!(cancel(&mut book, 2), [canceled(2, 10)]);
    let queue: Vec<_> = book.queue(Side::Buy, Ticks(100)).map(|order| order.id.0).collect();
    assert_eq!(queue, [1, 3]);
}

#[test]
fn what_cannot_be_done_is_rejected_and_changes_nothing() {
    let mut book = OrderBook::new();
    limit(&mut book, 1, Side::Buy, 100, 10);
    assert_eq!(limit(&mut book, 1, Side::Buy, 99, 5), [rejected(1, RejectReason::DuplicateOrderId)]);
    assert_eq!(limit(&mut book, 2, Side::Buy, 99, 0), [rejected(2, RejectReason::InvalidQty)]);
    assert_eq!(limit(&mut book, 2, Side::Buy, -1, 5), [rejected(2, RejectReason::InvalidPrice)]);
    assert_eq!(market(&mut book, 2, Side::Buy, -5), [rejected(2, RejectReason::InvalidQty)]);
    assert_eq!(cancel(&mut book, 9), [rejected(9, RejectReason::UnknownOrder)]);
    assert_eq!(book.len(), 1);
}
