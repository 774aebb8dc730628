//! Random commands over every order type, in a narrow band of prices so that much happens.

use omni_book::{Engine, Scope};
use omni_types::{
    AccountId, CancelReason, Event, InstrumentId, Nanos, NewOrder, OrderId, OrderType, PegReference, PostOnly, Qty, SelfTrade,
    Side, Terms, Ticks, TimeInForce, TradingPhase, TrailUnit, Trigger,
};
use proptest::prelude::*;

pub const N_INSTRUMENTS: u32 = 2;

#[derive(Clone, Copy, Debug)]
pub enum Command {
    New(NewOrder),
    Cancel { back: u64 },
    Replace { back: u64, leaves: i64, price: i64, stop_price: i64 },
    CancelAll { account: Option<u32>, side: Option<Side> },
    Phase { instrument: u32, phase: TradingPhase },
    Advance,
}

/// What a command caused; ids count up with commands, so that equal commands name equal orders.
pub fn run(engine: &mut Engine, at: u64, command: &Command, out: &mut Vec<Event>) {
    engine.advance(Nanos(at as i64 * 10), out);
    let target = |back: u64| OrderId(at.saturating_sub(back));
    match *command {
        Command::New(mut order) => {
            if order.time_in_force == TimeInForce::Gtd {
                order.terms.expire_at.0 += at as i64 * 10;
            }
            match engine.check_new(&order) {
                Ok(()) => engine.submit(OrderId(at), &order, out),
                Err(reason) => out.push(Event::Rejected { id: OrderId(at), reason }),
            }
        }
        Command::Cancel { back } => {
            engine.cancel(target(back), CancelReason::Requested, out);
        }
        Command::Replace { back, leaves, price, stop_price } => {
            if let Some(order) = engine.live(target(back))
                && let Ok(replacement) =
                    engine.check_replace(order.id, order.leaves, Qty(leaves), Ticks(price), Ticks(stop_price))
            {
                engine.replace(order.id, &replacement, out);
            }
        }
        Command::CancelAll { account, side } => {
            engine.cancel_all(Scope { account: account.map(AccountId), instrument: None, side }, CancelReason::MassCancel, out);
        }
        Command::Phase { instrument, phase } => engine.set_phase(InstrumentId(instrument), phase, out),
        Command::Advance => {}
    }
}

pub fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        40 => order().prop_map(Command::New),
        12 => (1_u64..60).prop_map(|back| Command::Cancel { back }),
        10 => (1_u64..40, 1_i64..30, price_or_keep(), price_or_keep())
            .prop_map(|(back, leaves, price, stop_price)| Command::Replace { back, leaves, price, stop_price }),
        1 => (prop::option::of(0_u32..3), prop::option::of(side())).prop_map(|(account, side)| Command::CancelAll { account, side }),
        3 => (0..N_INSTRUMENTS, phase()).prop_map(|(instrument, phase)| Command::Phase { instrument, phase }),
        1 => Just(Command::Advance),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop::sample::select(Side::ALL)
}

fn phase() -> impl Strategy<Value = TradingPhase> {
    prop_oneof![6 => Just(TradingPhase::Continuous), 4 => prop::sample::select(TradingPhase::ALL)]
}

fn price_or_keep() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), 90_i64..111]
}

fn order() -> impl Strategy<Value = NewOrder> {
    let who = (0_u32..3, 0..N_INSTRUMENTS, side(), prop::sample::select(SelfTrade::ALL));
    let kind = prop_oneof![
        8 => plain(),
        2 => iceberg(),
        3 => conditional(),
        3 => stop(),
        2 => pegged(),
        2 => posted(),
        2 => for_auction(),
    ];
    (who, kind, 1_i64..20).prop_map(|((account, instrument, side, self_trade), mut order, qty)| {
        order.account = AccountId(account);
        order.instrument = InstrumentId(instrument);
        order.side = side;
        order.self_trade = self_trade;
        order.qty = Qty(qty);
        order.terms.display_qty = order.terms.display_qty.min(Qty(qty));
        order.terms.min_qty = order.terms.min_qty.min(Qty(qty));
        if order.time_in_force == TimeInForce::Gtd {
            order.terms.expire_at = Nanos(50 + qty * 20);
        }
        order
    })
}

fn limit(time_in_force: TimeInForce, price: i64, terms: Terms) -> NewOrder {
    let order = NewOrder::limit(AccountId(0), InstrumentId(0), Side::Buy, Qty(1), Ticks(price));
    NewOrder { time_in_force, terms, ..order }
}

fn waiting() -> impl Strategy<Value = TimeInForce> {
    prop::sample::select(vec![TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Gtd])
}

fn plain() -> impl Strategy<Value = NewOrder> {
    let time =
        prop::sample::select(vec![TimeInForce::Day, TimeInForce::Day, TimeInForce::Gtd, TimeInForce::Ioc, TimeInForce::Fok]);
    (time, 92_i64..109, 0_u8..8).prop_map(|(time, price, kind)| match kind {
        0 => NewOrder { order_type: OrderType::Market, ..limit(TimeInForce::Day, 0, Terms::PLAIN) },
        _ => limit(time, price, Terms::PLAIN),
    })
}

fn iceberg() -> impl Strategy<Value = NewOrder> {
    (waiting(), 92_i64..109, 0_i64..6)
        .prop_map(|(time, price, shown)| limit(time, price, Terms { display_qty: Qty(shown), ..Terms::PLAIN }))
}

fn conditional() -> impl Strategy<Value = NewOrder> {
    let time = prop::sample::select(vec![TimeInForce::Day, TimeInForce::Gtd, TimeInForce::Ioc]);
    (time, 92_i64..109, 1_i64..15, any::<bool>()).prop_map(|(time, price, min_qty, whole)| {
        if whole && time != TimeInForce::Ioc {
            limit(time, price, Terms { all_or_none: true, ..Terms::PLAIN })
        } else {
            limit(time, price, Terms { min_qty: Qty(min_qty), ..Terms::PLAIN })
        }
    })
}

fn stop() -> impl Strategy<Value = NewOrder> {
    let trigger = prop::sample::select(vec![Trigger::Last, Trigger::Bbo]);
    (waiting(), trigger, 92_i64..109, 92_i64..109, 0_u8..4, 1_i64..5).prop_map(
        |(time, trigger, stop_price, price, kind, trail)| {
            let terms = Terms { trigger, stop_price: Ticks(stop_price), ..Terms::PLAIN };
            let trails = |trail, trail_unit| Terms { trigger, trail, trail_unit, ..Terms::PLAIN };
            let (order_type, price, terms) = match kind {
                0 => (OrderType::Stop, 0, terms),
                1 => (OrderType::StopLimit, price, terms),
                2 => (OrderType::TrailingStop, 0, trails(trail, TrailUnit::Ticks)),
                _ => (OrderType::TrailingStop, 0, trails(trail * 80, TrailUnit::Bps)),
            };
            NewOrder { order_type, ..limit(time, price, terms) }
        },
    )
}

fn pegged() -> impl Strategy<Value = NewOrder> {
    let reference = prop::sample::select(vec![PegReference::Primary, PegReference::Market, PegReference::Mid]);
    (waiting(), reference, -2_i64..3, prop_oneof![Just(0), 96_i64..105]).prop_map(|(time, peg_reference, offset, cap)| {
        let terms = Terms { peg_reference, peg_offset: Ticks(offset), ..Terms::PLAIN };
        NewOrder { order_type: OrderType::Pegged, ..limit(time, cap, terms) }
    })
}

fn posted() -> impl Strategy<Value = NewOrder> {
    (waiting(), 92_i64..109, any::<bool>(), prop_oneof![Just(-1_i64), Just(0), Just(3)]).prop_map(
        |(time, price, slides, shown)| {
            let terms = Terms { display_qty: Qty(shown), ..Terms::PLAIN };
            NewOrder { post_only: if slides { PostOnly::Slide } else { PostOnly::Reject }, ..limit(time, price, terms) }
        },
    )
}

fn for_auction() -> impl Strategy<Value = NewOrder> {
    let time = prop::sample::select(vec![TimeInForce::AtOpen, TimeInForce::AtClose]);
    (time, 92_i64..109, any::<bool>()).prop_map(|(time, price, has_limit)| {
        let order_type = if has_limit { OrderType::Limit } else { OrderType::Market };
        NewOrder { order_type, ..limit(time, if has_limit { price } else { 0 }, Terms::PLAIN) }
    })
}
