//! What happens at the venue as market events: `docs/participants.md` section 6.
//!
//! The system says what became of each order, a feed says what shows. So the tape remembers of each order what shows of it, and which order
//! is taking at the moment: that one shows once another one takes or the command is over.

use omni_oms::{EventKind, Liquidity, OmsEvent};
use omni_types::{NewOrder, OrderType, Side, TimeInForce};
use omni_wire::{EventColumns, EventKind as Kind, MarketEvent, flags};

use super::participant::side_of;

/// What one event does to levels and tape, for those who keep no orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub ts: i64,
    pub price: i64,
    /// Lots more on the level; of a trade with what does not show 0.
    pub change: i64,
    /// Lots traded there.
    pub traded: i64,
    pub is_ask: bool,
    /// The book is whole after it.
    pub is_last: bool,
}

/// How much of an order may show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Style {
    #[default]
    Nothing,
    All,
    Slices(i64),
}

#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    price: i64,
    leaves: i64,
    shown: i64,
    style: Style,
    /// A stop that was not elected.
    waits: bool,
}

/// The tape of a market.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    /// By order id.
    orders: Vec<Standing>,
    /// The order that takes, and its side.
    active: Option<(u64, Side)>,
    columns: Option<EventColumns>,
    /// Of the command in hand.
    pub told: Vec<Told>,
    /// Lots bought less lots sold at market, of the command in hand.
    pub signed_lots: i64,
}

impl Tape {
    pub fn new(keeps_events: bool) -> Self {
        let columns = keeps_events.then(EventColumns::default);
        Self { orders: vec![Standing::default()], active: None, columns, told: Vec::new(), signed_lots: 0 }
    }

    /// Every market event, if they are kept.
    pub fn columns(&self) -> Option<&EventColumns> {
        self.columns.as_ref()
    }

    /// Write down what came of a command; `order` if it was a new one.
    pub fn write(&mut self, order: Option<&NewOrder>, events: &[OmsEvent]) {
        self.told.clear();
        self.signed_lots = 0;
        let first = self.columns.as_ref().map_or(0, EventColumns::len);
        for (at, event) in events.iter().enumerate() {
            let Some(kind) = EventKind::from_code(event.kind) else { continue };
            self.take_note(kind, event, events.get(at + 1), order);
        }
        self.rest_active(events.last().map_or(0, |event| event.ts));
        if let Some(told) = self.told.last_mut() {
            told.is_last = true;
        }
        if let Some(columns) = self.columns.as_mut().filter(|columns| columns.len() > first)
            && let Some(last) = columns.flags.last_mut()
        {
            *last |= flags::LAST;
        }
    }

    fn take_note(&mut self, kind: EventKind, event: &OmsEvent, next: Option<&OmsEvent>, order: Option<&NewOrder>) {
        let (id, side, ts) = (event.order_id, side_of(event), event.ts);
        match kind {
            EventKind::Accepted => self.accept(event, order),
            EventKind::Filled if event.liquidity == Liquidity::Maker as u8 => {
                if let Some(taker) = next {
                    self.activate(taker.order_id, side_of(taker), ts);
                }
                self.trade(event);
            }
            EventKind::Filled => self.standing(id).leaves = event.leaves,
            EventKind::Canceled | EventKind::Expired => self.end(event),
            EventKind::Replaced => self.replace(event),
            EventKind::Triggered => {
                let standing = self.standing(id);
                // What becomes a market order never shows; a stop-limit's price is its limit already.
                standing.waits = false;
                if standing.price == 0 {
                    standing.style = Style::Nothing;
                }
                self.activate(id, side, ts);
            }
            EventKind::Repriced => {
                self.activate(id, side, ts);
                self.standing(id).price = event.price;
            }
            EventKind::Refreshed => {
                self.standing(id).shown = 0;
                self.show(id, side, ts, event.qty);
            }
            EventKind::Decremented => {
                self.standing(id).leaves = event.leaves;
                self.hide(id, side, ts, event.qty, Kind::Cancel);
            }
            EventKind::Rejected
            | EventKind::CancelRejected
            | EventKind::ReplaceRejected
            | EventKind::PhaseChanged
            | EventKind::Auction
            | EventKind::Status
            | EventKind::RegisterWritten
            | EventKind::Marked
            | EventKind::Warned
            | EventKind::KillSwitch => {}
        }
    }

    fn standing(&mut self, id: u64) -> &mut Standing {
        let place = id as usize;
        if place >= self.orders.len() {
            self.orders.resize(place + 1, Standing::default());
        }
        &mut self.orders[place]
    }

    fn accept(&mut self, event: &OmsEvent, order: Option<&NewOrder>) {
        let Some(order) = order else { return };
        let terms = &order.terms;
        let can_show = matches!(order.order_type, OrderType::Limit | OrderType::StopLimit)
            && matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc | TimeInForce::Gtd)
            && !terms.is_conditional();
        let style = match terms.display_qty.0 {
            0 => Style::Nothing,
            _ if !can_show => Style::Nothing,
            slice if slice > 0 => Style::Slices(slice),
            _ => Style::All,
        };
        let waits = matches!(order.order_type, OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop);
        *self.standing(event.order_id) = Standing { price: order.price.0, leaves: event.leaves, shown: 0, style, waits };
        self.activate(event.order_id, side_of(event), event.ts);
    }

    /// Another order takes: the one before has come to rest.
    fn activate(&mut self, id: u64, side: Side, ts: i64) {
        if self.active.is_none_or(|(active, _)| active != id) {
            self.rest_active(ts);
            self.active = Some((id, side));
        }
    }

    fn rest_active(&mut self, ts: i64) {
        let Some((id, side)) = self.active.take() else { return };
        let Standing { leaves, shown, style, waits, .. } = *self.standing(id);
        if leaves == 0 || shown > 0 || waits {
            return;
        }
        match style {
            Style::Nothing => {}
            Style::All => self.show(id, side, ts, leaves),
            Style::Slices(slice) => self.show(id, side, ts, slice.min(leaves)),
        }
    }

    fn trade(&mut self, event: &OmsEvent) {
        let (id, side, qty) = (event.order_id, side_of(event), event.qty);
        let standing = self.standing(id);
        standing.leaves = event.leaves;
        let shows = standing.shown > 0;
        standing.shown -= if shows { qty } else { 0 };
        self.signed_lots -= side.sign() * qty;
        self.told.push(Told {
            ts: event.ts,
            price: event.price,
            change: if shows { -qty } else { 0 },
            traded: qty,
            is_ask: side == Side::Sell,
            is_last: false,
        });
        let (kind, flags, order_id) =
            if shows { (Kind::Execute, flags::PRINTABLE, id) } else { (Kind::Trade, flags::PRINTABLE | flags::HIDDEN, 0) };
        self.push(&MarketEvent {
            ts: event.ts,
            kind,
            side: Some(side),
            flags,
            instrument: 0,
            order_id,
            other_id: event.trade_id,
            qty,
            price: event.price,
        });
    }

    fn end(&mut self, event: &OmsEvent) {
        let id = event.order_id;
        if self.active.is_some_and(|(active, _)| active == id) {
            self.active = None;
        }
        let standing = self.standing(id);
        standing.leaves = 0;
        let shown = standing.shown;
        self.hide(id, side_of(event), event.ts, shown, Kind::Delete);
    }

    fn replace(&mut self, event: &OmsEvent) {
        let (id, side, ts) = (event.order_id, side_of(event), event.ts);
        let standing = self.standing(id);
        let keeps_place = standing.shown > 0 && event.price == standing.price && event.leaves <= standing.leaves;
        let shown = standing.shown;
        standing.leaves = event.leaves;
        if keeps_place {
            return self.hide(id, side, ts, shown - shown.min(event.leaves), Kind::Cancel);
        }
        self.hide(id, side, ts, shown, Kind::Delete);
        let standing = self.standing(id);
        // Of a stop without limit the event has the stop price.
        if standing.price != 0 {
            standing.price = event.price;
        }
        self.activate(id, side, ts);
    }

    fn show(&mut self, id: u64, side: Side, ts: i64, qty: i64) {
        let standing = self.standing(id);
        standing.shown = qty;
        let price = standing.price;
        self.told.push(Told { ts, price, change: qty, traded: 0, is_ask: side == Side::Sell, is_last: false });
        let (kind, side, order_id) = (Kind::Add, Some(side), id);
        self.push(&MarketEvent { ts, kind, side, flags: 0, instrument: 0, order_id, other_id: 0, qty, price });
    }

    /// So many lots show no longer.
    fn hide(&mut self, id: u64, side: Side, ts: i64, qty: i64, kind: Kind) {
        let standing = self.standing(id);
        let qty = qty.min(standing.shown);
        if qty == 0 {
            return;
        }
        standing.shown -= qty;
        let price = standing.price;
        self.told.push(Told { ts, price, change: -qty, traded: 0, is_ask: side == Side::Sell, is_last: false });
        let qty = if kind == Kind::Delete { 0 } else { qty };
        let (side, order_id) = (Some(side), id);
        self.push(&MarketEvent { ts, kind, side, flags: 0, instrument: 0, order_id, other_id: 0, qty, price: 0 });
    }

    #[inline]
    fn push(&mut self, event: &MarketEvent) {
        if let Some(columns) = &mut self.columns {
            columns.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use omni_book::Place;
    use omni_feed::Books;
    use omni_feed::books::Options;
    use omni_oms::{AccountConfig, Command, Config, InstrumentConfig, Oms};
    use omni_types::{
        AccountId, InstrumentId, Nanos, OrderId, PegReference, PostOnly, Qty, SelfTrade, Terms, Ticks, TrailUnit, Trigger,
    };

    use super::super::draw::Draws;
    use super::super::known::Known;
    use super::*;

    fn oms() -> Oms {
        let instrument = InstrumentConfig { reference: Ticks(100), ..InstrumentConfig::default() };
        let accounts = vec![AccountConfig::default(); 3];
        Oms::new(Config { instruments: vec![instrument], accounts, ..Config::default() }).unwrap()
    }

    /// An order of any type in a narrow band of prices.
    fn order(draws: &mut Draws, now: i64) -> NewOrder {
        let mut whole = |low: i64, high: i64| low + draws.place((high - low) as usize) as i64;
        let (side, account) = (Side::ALL[whole(0, 2) as usize], AccountId(whole(0, 3) as u32));
        let (qty, price, stop) = (whole(1, 20), whole(92, 109), whole(92, 109));
        let mut order = NewOrder::limit(account, InstrumentId(0), side, Qty(qty), Ticks(price));
        order.self_trade = SelfTrade::ALL[whole(0, 5) as usize];
        order.time_in_force =
            [TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Gtd, TimeInForce::Ioc, TimeInForce::Fok][whole(0, 5) as usize];
        let trigger = [Trigger::Last, Trigger::Bbo][whole(0, 2) as usize];
        let terms = &mut order.terms;
        match whole(0, 16) {
            0..4 => terms.display_qty = Qty(whole(0, qty + 1)),
            4 => (order.order_type, order.price, order.time_in_force) = (OrderType::Market, Ticks(0), TimeInForce::Day),
            5 => {
                (order.order_type, order.price, *terms) =
                    (OrderType::Stop, Ticks(0), Terms { trigger, stop_price: Ticks(stop), ..Terms::PLAIN });
            }
            6 | 7 => {
                (order.order_type, *terms) = (OrderType::StopLimit, Terms { trigger, stop_price: Ticks(stop), ..Terms::PLAIN });
            }
            8 => {
                let (trail, trail_unit) = (whole(1, 5), TrailUnit::Ticks);
                (order.order_type, order.price, *terms) =
                    (OrderType::TrailingStop, Ticks(0), Terms { trigger, trail, trail_unit, ..Terms::PLAIN });
            }
            9 | 10 => {
                let peg_reference = [PegReference::Primary, PegReference::Market, PegReference::Mid][whole(0, 3) as usize];
                order.order_type = OrderType::Pegged;
                *terms = Terms { peg_reference, peg_offset: Ticks(whole(-2, 3)), ..Terms::PLAIN };
            }
            11 => terms.min_qty = Qty(whole(1, qty + 1)),
            12 => terms.all_or_none = true,
            13 => order.post_only = PostOnly::Slide,
            14 => order.post_only = PostOnly::Reject,
            _ => {}
        }
        if order.time_in_force == TimeInForce::Gtd {
            order.terms.expire_at = Nanos(now + whole(1, 300));
        }
        order
    }

    fn command(draws: &mut Draws, now: i64, n_orders: u64) -> Command {
        let ts = Nanos(now);
        let mut old = || OrderId(n_orders.saturating_sub(draws.place(60) as u64));
        let order_id = old();
        match draws.place(10) {
            0 | 1 => Command::Cancel { ts, order_id },
            2 | 3 => {
                let maybe = |draws: &mut Draws| if draws.place(2) == 0 { 0 } else { 92 + draws.place(17) as i64 };
                let (price, stop_price) = (Ticks(maybe(draws)), Ticks(maybe(draws) * i64::from(draws.place(4) == 0)));
                Command::Replace { ts, order_id, qty: Qty(1 + draws.place(25) as i64), price, stop_price }
            }
            _ => Command::New { ts, client_order_id: 0, order: order(draws, now) },
        }
    }

    fn levels(oms: &Oms, side: Side) -> Vec<(i64, i64)> {
        oms.engine().depth(InstrumentId(0), side).map(|level| (level.price.0, level.qty.0)).collect()
    }

    /// Displayed orders of a price: name and lots that show.
    fn queue(oms: &Oms, side: Side, price: i64) -> Vec<(u64, i64)> {
        let here = oms.engine().queue(InstrumentId(0), side).filter(|order| order.working_price.0 == price);
        here.filter(|order| order.place == Place::Displayed).map(|order| (order.id.0, order.slice.0)).collect()
    }

    #[test]
    fn books_of_the_tape_are_those_of_the_venue_for_orders_of_every_type() {
        let (mut oms, mut tape, mut known) = (oms(), Tape::new(true), Known::new(100, 0));
        let mut books = Books::new(Options::default());
        let mut draws = Draws::new(20);
        let (mut n_written, mut kinds) = (0, [0; 18]);
        for now in 0..30_000 {
            let command = command(&mut draws, now * 10, oms.orders().len() as u64);
            oms.clear_events();
            oms.execute(&command).unwrap();
            let order = if let Command::New { order, .. } = &command { Some(order) } else { None };
            oms.events().iter().for_each(|event| kinds[usize::from(event.kind)] += 1);
            tape.write(order, oms.events());
            known.tell(&tape.told);
            while known.next() < i64::MAX {
                known.hear();
            }
            let columns = tape.columns().unwrap();
            let mut new = EventColumns::default();
            (n_written..columns.len()).filter_map(|at| columns.get(at)).for_each(|event| new.push(&event));
            n_written = columns.len();
            books.apply(&(&new).into());
            for side in Side::ALL.iter().copied() {
                let venue = levels(&oms, side);
                let seen: Vec<_> = books.depth(0, side, usize::MAX).iter().map(|level| (level.price, level.qty)).collect();
                assert_eq!(seen, venue, "{side:?} after {command:?}: {:?}", oms.events());
                let heard: Vec<_> =
                    if side == Side::Buy { known.depth().bids().collect() } else { known.depth().asks().collect() };
                assert_eq!(heard, venue);
                if let Some(&(price, _)) = venue.first() {
                    assert_eq!(books.queue(0, side, price), queue(&oms, side, price), "{command:?}: {:?}", oms.events());
                }
            }
        }
        // Every kind of event that continuous trading knows came up.
        assert!((1..=12).all(|kind| kinds[kind] > 20), "{kinds:?}");
        let counts = books.counts();
        let faults =
            [counts.unknown_order, counts.over_taken, counts.duplicate_order, counts.crossed, counts.locked, counts.malformed];
        assert_eq!(faults, [0; 6]);
    }
}
