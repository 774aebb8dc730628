//! The matching engine with windows of every size, which must change nothing but its speed.

use omni_book::{Engine, Scope};
use omni_types::{AccountId, CancelReason, Event, InstrumentId, LARGEST, Nanos, OrderId, Qty, Side, Ticks};

use crate::market::{MOST_SLICES, next_phase};
use crate::{Input, Market};

const WINDOWS: [usize; 3] = [0, 1, 4096];
const MOST_ACTS: u64 = 400;
const MOST_EVENTS: usize = 100_000;

/// The same acts to engines that differ in their windows: the same events, and the same books.
///
/// # Panics
///
/// If they differ.
pub fn engine(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let market = Market::read(&mut input);
    let mut engines = WINDOWS.map(|pages| Engine::with_window(market.n_instruments.into(), market.phase, pages));
    for instrument in instruments(market) {
        let reference = Ticks(input.pick(&[0, market.centre, 1, LARGEST]));
        for engine in &mut engines {
            engine.set_reference(instrument, reference);
        }
    }
    let mut n_events = 0;
    for at in 1..=MOST_ACTS {
        if input.is_over() || n_events > MOST_EVENTS {
            break;
        }
        let start = input;
        let events = engines.each_mut().map(|engine| {
            // Each engine reads the same bytes: what they say may depend on its orders.
            input = start;
            let mut events = Vec::new();
            act(engine, market, &mut input, at, &mut events);
            events
        });
        assert!(events[1] == events[0] && events[2] == events[0], "events differ at {at}: {events:?}");
        n_events += events[0].len();
        for instrument in instruments(market) {
            compare(&engines, instrument);
        }
    }
    let live = engines.each_ref().map(Engine::live_orders);
    assert!(live[1] == live[0] && live[2] == live[0], "live orders differ");
}

fn instruments(market: Market) -> impl Iterator<Item = InstrumentId> {
    (0..market.n_instruments.into()).map(InstrumentId)
}

fn compare(engines: &[Engine; 3], instrument: InstrumentId) {
    for &side in Side::ALL {
        let seen = engines.each_ref().map(|engine| {
            let depth: Vec<_> = engine.depth(instrument, side).collect();
            (engine.best(instrument, side), engine.displayed_best(instrument, side), engine.first(instrument, side), depth)
        });
        assert!(seen[1] == seen[0] && seen[2] == seen[0], "books differ: {seen:?}");
    }
}

/// The next act in the bytes. Orders are named after the act that placed them.
fn act(engine: &mut Engine, market: Market, input: &mut Input, at: u64, out: &mut Vec<Event>) {
    let kind = input.below(16);
    let clock = engine.clock().0;
    engine.advance(Nanos(input.number(|byte| clock.saturating_add(byte))), out);
    let instrument = InstrumentId(input.below(market.n_instruments).into());
    let target = OrderId(at.saturating_sub(input.byte().into()));
    match kind {
        0..9 => {
            let order = market.order(input, instrument, clock);
            let is_long = order.terms.display_qty.0 > 0 && order.qty.0 / order.terms.display_qty.0 > MOST_SLICES;
            if order.account.0 < market.n_accounts.into() && !is_long {
                match engine.check_new(&order) {
                    Ok(()) => engine.submit(OrderId(at), &order, out),
                    Err(reason) => out.push(Event::Rejected { id: OrderId(at), reason }),
                }
            }
        }
        9..11 => drop(engine.withdraw(target, CancelReason::Requested, out)),
        11..13 => replace(engine, market, input, target, out),
        13 => {
            let account = (!input.flag()).then(|| AccountId(input.below(market.n_accounts).into()));
            let side = input.pick(&[None, Some(Side::Buy), Some(Side::Sell)]);
            engine.cancel_all(Scope { account, instrument: Some(instrument), side }, CancelReason::MassCancel, out);
        }
        14 => engine.set_phase(instrument, next_phase(input), out),
        _ => {
            // As a venue's session does it: priority is lost whatever changes.
            if let Some(order) = engine.live(target).filter(|order| order.order_type == omni_types::OrderType::Limit) {
                engine.requeue(target, order.leaves, Ticks(market.price(input).clamp(1, LARGEST)), out);
            }
        }
    }
}

fn replace(engine: &mut Engine, market: Market, input: &mut Input, id: OrderId, out: &mut Vec<Event>) {
    let qty = Qty(input.number(|byte| byte % 64));
    let (price, stop_price) = (Ticks(market.price_or_none(input)), Ticks(market.price_or_none(input)));
    let Some(order) = engine.live(id) else { return };
    let shown = order.terms.display_qty.0;
    if shown > 0 && qty.0 / shown > MOST_SLICES {
        return;
    }
    match engine.check_replace(id, order.leaves, qty, price, stop_price) {
        Ok(replacement) => engine.replace(id, &replacement, out),
        Err(reason) => out.push(Event::ReplaceRejected { id, reason }),
    }
}
