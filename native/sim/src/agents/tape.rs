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
                if let Some(taker) = next
                    && self.active.is_none_or(|(active, _)| active != taker.order_id)
                {
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
                if self.active != Some((id, side)) {
                    self.activate(id, side, ts);
                }
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
            | EventKind::Marked => {}
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
        self.rest_active(ts);
        self.active = Some((id, side));
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
        let (kind, flags, order_id) = if shows {
            (Kind::Execute, flags::PRINTABLE, id)
        } else {
            (Kind::Trade, flags::PRINTABLE | flags::HIDDEN, 0)
        };
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
