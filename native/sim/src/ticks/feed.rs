//! A captured stream of events, prepared for replay.
//!
//! Whatever the feed knows (quotes, levels, or every order) becomes changes of levels and trades, in order, with the time at which they
//! happened and the time at which we hear of them. Of feeds that name orders, each change also says since when the order it concerns
//! had been in its queue: so an order of ours knows whether it happened before or behind it, and a replay looks nothing up.

use std::sync::Arc;

use omni_book::SlotIndex;
use omni_feed::Events;
use omni_types::Side;
use omni_wire::{EventKind, flags, status};
use rustc_hash::FxHashMap;

use super::ladder::Ladder;
use super::session::{Sessions, auction};

/// What a step of the market is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum StepKind {
    /// A level has a new quantity.
    Level,
    /// A level has a new quantity because a waiting order traded.
    Execution,
    /// A trade that changed no level.
    Trade,
    /// An auction printed.
    Cross,
    /// A side, or with side 0 both, are empty.
    Clear,
    /// Trading starts or stops; `qty` is the state.
    State,
}

/// One step. Each is read twice, at the venue and by us: 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// When it happened.
    pub ts: i64,
    /// When we hear of it.
    pub heard: i64,
    /// Level: the new quantity. Trades: what traded.
    pub qty: i64,
    /// Place of the price on the ladder.
    pub place: u32,
    /// Place of the instrument.
    pub instrument: u16,
    pub kind: StepKind,
    /// Code of the side of the level; of trades, that of the order that waited, 0 where unknown. The highest bit says that the book is
    /// whole after it.
    side: u8,
}

/// Of a feed that names orders: which order a step is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// How much less it has; negative for more.
    pub taken: i64,
    /// The step that put it in its queue.
    pub joined: u32,
}

const WHOLE: u8 = 0x80;
const SIDE: u8 = 0x0F;

impl Step {
    /// The side, where there is one.
    #[inline]
    pub fn side(&self) -> Option<Side> {
        Side::from_code(self.side & SIDE)
    }

    /// Whether the step is about the asks; of a level that always has a side.
    #[inline]
    pub fn is_ask(&self) -> bool {
        self.side & SIDE == Side::Sell.code()
    }

    /// Whether the book is whole after it.
    #[inline]
    pub fn is_last(&self) -> bool {
        self.side & WHOLE != 0
    }

    /// Of an auction: bits of [`auction`].
    #[inline]
    pub fn auction(&self) -> u8 {
        self.side & auction::ALL
    }
}

/// How long a feed takes to us, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub enum Delays<'a> {
    /// Every event as long.
    Constant(i64),
    /// Each event its own.
    Each(&'a [i64]),
}

/// What was seen while preparing a feed, and what was wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events taken over.
    pub events: u64,
    /// Events about an order that does not wait.
    pub unknown_order: u64,
    /// Events that took more than an order had.
    pub over_taken: u64,
    /// New orders with a name that was taken.
    pub duplicate_order: u64,
    /// Events without a side, quantity or kind where there must be one.
    pub malformed: u64,
}

/// Why events cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedError {
    /// There are none.
    Empty,
    /// More than 2³² − 1 of them.
    TooMany,
    /// Times fall.
    Backward {
        /// At which event.
        row: usize,
    },
    /// Not one delay for each event, or a negative one.
    Delay {
        /// At which event; the number of delays where that is wrong.
        row: usize,
    },
}

/// Events that can be replayed.
#[derive(Clone, Debug)]
pub struct TickFeed {
    pub(crate) steps: Vec<Step>,
    /// By step, of feeds that name orders; else empty.
    pub(crate) origins: Vec<Origin>,
    pub(crate) ladders: Vec<Arc<Ladder>>,
    pub(crate) sessions: Sessions,
    /// Numbers of the instruments in the feed, by place.
    numbers: Vec<u16>,
    counts: Counts,
    n_backward_delays: u64,
}

/// An order of the feed.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    name: u64,
    qty: i64,
    place: u32,
    joined: u32,
    instrument: u16,
    is_ask: bool,
}

impl TickFeed {
    /// Prepare events.
    ///
    /// # Errors
    /// If there are none or too many, their times fall, or delays do not fit them.
    pub fn new(events: &Events<'_>, delays: Delays<'_>) -> Result<Self, FeedError> {
        let n_events = events.len();
        if n_events == 0 {
            return Err(FeedError::Empty);
        }
        if u32::try_from(n_events).is_err() {
            return Err(FeedError::TooMany);
        }
        if let Some(row) = (1..n_events).find(|&row| events.ts[row] < events.ts[row - 1]) {
            return Err(FeedError::Backward { row });
        }
        match delays {
            Delays::Constant(delay) if delay < 0 => return Err(FeedError::Delay { row: 0 }),
            Delays::Each(each) if each.len() != n_events => return Err(FeedError::Delay { row: each.len() }),
            Delays::Each(each) => {
                if let Some(row) = each.iter().position(|&delay| delay < 0) {
                    return Err(FeedError::Delay { row });
                }
            }
            Delays::Constant(_) => {}
        }
        let (numbers, ladders) = ladders(events);
        let mut preparing = Preparing::new(events, numbers, ladders);
        for row in 0..n_events {
            let delay = match delays {
                Delays::Constant(delay) => delay,
                Delays::Each(each) => each[row],
            };
            preparing.event(row, delay);
        }
        Ok(preparing.done())
    }

    /// Steps to replay.
    pub fn n_steps(&self) -> usize {
        self.steps.len()
    }

    /// Numbers of the instruments in the feed; their places are those of orders and positions.
    pub fn instruments(&self) -> &[u16] {
        &self.numbers
    }

    /// What was seen.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Events that came later than the delay of an earlier one allows, and waited for it.
    pub fn n_held_back(&self) -> u64 {
        self.n_backward_delays
    }

    /// Whether the feed names orders.
    pub fn names_orders(&self) -> bool {
        !self.origins.is_empty()
    }

    /// When the first event happened, and when the last was heard.
    pub fn span(&self) -> (i64, i64) {
        (self.steps.first().map_or(0, |step| step.ts), self.steps.last().map_or(0, |step| step.heard))
    }
}

/// The instruments in the order of their numbers, and the prices each of them names.
fn ladders(events: &Events<'_>) -> (Vec<u16>, Vec<Arc<Ladder>>) {
    let mut range: FxHashMap<u16, (i64, i64, usize)> = FxHashMap::default();
    let mut last = (0, None);
    for (row, &instrument) in events.instrument.iter().enumerate() {
        if !is_of_an_instrument(events.kind[row]) {
            continue;
        }
        if last.1 != Some(instrument) {
            last = (instrument, Some(instrument));
            range.entry(instrument).or_insert((i64::MAX, i64::MIN, 0));
        }
        if names_a_price(events.kind[row], events.price[row]) {
            let (low, high, n) = range.get_mut(&instrument).expect("it was put there");
            (*low, *high, *n) = ((*low).min(events.price[row]), (*high).max(events.price[row]), *n + 1);
        }
    }
    let mut numbers: Vec<u16> = range.keys().copied().collect();
    numbers.sort_unstable();
    let spread = |number: &u16| {
        let &(low, high, n) = &range[number];
        n > 0 && !Ladder::is_near(low, high, n)
    };
    // Only those whose prices are far apart need them one by one.
    let mut named: FxHashMap<u16, Vec<i64>> = numbers.iter().filter(|number| spread(number)).map(|&n| (n, Vec::new())).collect();
    if !named.is_empty() {
        for row in 0..events.len() {
            if names_a_price(events.kind[row], events.price[row])
                && let Some(prices) = named.get_mut(&events.instrument[row])
            {
                prices.push(events.price[row]);
            }
        }
    }
    let ladder = |number: &u16| {
        let &(low, high, n) = &range[number];
        Arc::new(match named.remove(number) {
            Some(prices) => Ladder::of(prices),
            None if n == 0 => Ladder::of(Vec::new()),
            None => Ladder::range(low, high),
        })
    };
    let ladders = numbers.iter().map(ladder).collect();
    (numbers, ladders)
}

fn is_of_an_instrument(kind: u8) -> bool {
    EventKind::from_code(kind).is_some_and(|kind| kind != EventKind::System)
}

fn names_a_price(kind: u8, price: i64) -> bool {
    use EventKind as K;
    match EventKind::from_code(kind) {
        Some(K::Add | K::Replace | K::Level | K::Modify | K::Trade | K::Cross) => true,
        Some(K::Execute) => price != 0,
        _ => false,
    }
}

/// A feed in the making.
struct Preparing<'a, 'b> {
    events: &'a Events<'b>,
    places: Box<[u16]>,
    index: SlotIndex,
    orders: Vec<Waiting>,
    /// Quantities of the levels of named orders: bids, then asks, by instrument and place.
    levels: Vec<[Vec<i64>; 2]>,
    row: usize,
    heard: i64,
    feed: TickFeed,
    names_orders: bool,
}

const NO_PLACE: u16 = u16::MAX;

impl<'a, 'b> Preparing<'a, 'b> {
    fn new(events: &'a Events<'b>, numbers: Vec<u16>, ladders: Vec<Arc<Ladder>>) -> Self {
        let mut places = vec![NO_PLACE; 1 << 16].into_boxed_slice();
        for (&number, place) in numbers.iter().zip(0..) {
            places[usize::from(number)] = place;
        }
        let names_orders = events.kind.iter().any(|&kind| {
            use EventKind as K;
            matches!(EventKind::from_code(kind), Some(K::Add | K::Replace | K::Modify | K::Execute | K::Cancel | K::Delete))
        });
        let levels = if names_orders {
            ladders.iter().map(|ladder| [vec![0; ladder.len()], vec![0; ladder.len()]]).collect()
        } else {
            Vec::new()
        };
        let room = events.len() + events.len() / 8;
        Self {
            events,
            places,
            index: SlotIndex::default(),
            orders: Vec::new(),
            levels,
            row: 0,
            heard: i64::MIN,
            feed: TickFeed {
                steps: Vec::with_capacity(room),
                origins: Vec::with_capacity(if names_orders { room } else { 0 }),
                ladders,
                sessions: Sessions::of(events),
                numbers,
                counts: Counts::default(),
                n_backward_delays: 0,
            },
            names_orders,
        }
    }

    fn event(&mut self, row: usize, delay: i64) {
        use EventKind as K;
        self.row = row;
        let heard = self.events.ts[row].saturating_add(delay);
        self.feed.n_backward_delays += u64::from(heard < self.heard);
        self.heard = self.heard.max(heard);
        self.feed.counts.events += 1;
        match EventKind::from_code(self.events.kind[row]) {
            Some(K::Add) => self.add(),
            Some(K::Cancel) => self.reduce(false),
            Some(K::Execute) => self.reduce(true),
            Some(K::Delete) => self.delete(),
            Some(K::Replace) => self.replace(),
            Some(K::Modify) => self.modify(),
            Some(K::Level) => self.level(),
            Some(K::Clear) => self.clear(),
            Some(K::Trade) => self.print(StepKind::Trade),
            Some(K::Cross) => self.print(StepKind::Cross),
            Some(K::Status) => self.state(),
            Some(K::Break | K::Imbalance | K::System) => {}
            None => self.feed.counts.malformed += 1,
        }
        // What an event becomes is whole with its last step; so is what came before one that became nothing.
        if self.events.flags[row] & flags::LAST != 0
            && let Some(step) = self.feed.steps.last_mut()
        {
            step.side |= WHOLE;
        }
    }

    fn done(self) -> TickFeed {
        self.feed
    }

    fn instrument(&self) -> u16 {
        self.places[usize::from(self.events.instrument[self.row])]
    }

    fn place_of(&self, instrument: u16, price: i64) -> u32 {
        self.place_in(instrument, price).expect("the ladder holds every price of the feed")
    }

    /// The place of a price that the feed may have named of another instrument only.
    fn place_in(&self, instrument: u16, price: i64) -> Option<u32> {
        self.feed.ladders[usize::from(instrument)].place(price)
    }

    #[inline]
    fn push(&mut self, kind: StepKind, instrument: u16, side: u8, place: u32, qty: i64, origin: Origin) {
        let (ts, heard) = (self.events.ts[self.row], self.heard);
        self.feed.steps.push(Step { ts, heard, qty, place, instrument, kind, side });
        if self.names_orders {
            self.feed.origins.push(origin);
        }
    }

    /// A waiting order has `change` more lots.
    #[inline]
    fn change(&mut self, kind: StepKind, order: Waiting, change: i64) {
        let level = &mut self.levels[usize::from(order.instrument)][usize::from(order.is_ask)][order.place as usize];
        *level += change;
        let (qty, side) = (*level, if order.is_ask { Side::Sell } else { Side::Buy });
        let origin = Origin { taken: -change, joined: order.joined };
        self.push(kind, order.instrument, side.code(), order.place, qty, origin);
    }

    fn waiting(&mut self) -> Option<(u32, Waiting)> {
        let slot = self.index.find(self.events.order_id[self.row]);
        self.feed.counts.unknown_order += u64::from(slot.is_none());
        slot.map(|slot| (slot, self.orders[slot as usize]))
    }

    /// An order goes to the end of its queue with this step.
    fn join(&mut self, order: Waiting) {
        let order = Waiting { joined: self.feed.steps.len() as u32, ..order };
        let slot = self.index.claim(order.name) as usize;
        if slot >= self.orders.len() {
            self.orders.resize(slot + 1, Waiting::default());
        }
        self.orders[slot] = order;
        self.change(StepKind::Level, order, order.qty);
    }

    fn leave(&mut self, order: Waiting) {
        self.index.release(order.name);
        self.change(StepKind::Level, order, -order.qty);
    }

    fn add(&mut self) {
        let events = self.events;
        let (row, name) = (self.row, events.order_id[self.row]);
        let Some(side) = Side::from_code(events.side[row]).filter(|_| events.qty[row] > 0) else {
            self.feed.counts.malformed += 1;
            return;
        };
        if let Some(slot) = self.index.find(name) {
            self.feed.counts.duplicate_order += u64::from(events.flags[row] & flags::SNAPSHOT == 0);
            let before = self.orders[slot as usize];
            self.leave(before);
        }
        let instrument = self.instrument();
        let place = self.place_of(instrument, events.price[row]);
        self.join(Waiting { name, qty: events.qty[row], place, joined: 0, instrument, is_ask: side == Side::Sell });
    }

    fn reduce(&mut self, trades: bool) {
        let (row, wanted) = (self.row, self.events.qty[self.row]);
        if wanted <= 0 {
            self.feed.counts.malformed += 1;
            return;
        }
        let Some((slot, order)) = self.waiting() else {
            // A trade that we hear of, whoever waited.
            if trades && self.events.price[row] != 0 {
                self.print(StepKind::Trade);
            }
            return;
        };
        let taken = wanted.min(order.qty);
        self.feed.counts.over_taken += u64::from(wanted > order.qty);
        if taken == order.qty {
            self.index.release(order.name);
        } else {
            self.orders[slot as usize].qty -= taken;
        }
        self.change(if trades { StepKind::Execution } else { StepKind::Level }, order, -taken);
    }

    fn delete(&mut self) {
        if let Some((_, order)) = self.waiting() {
            self.leave(order);
        }
    }

    fn replace(&mut self) {
        let (row, events) = (self.row, self.events);
        let Some((_, order)) = self.waiting() else { return };
        let place = self.place_in(order.instrument, events.price[row]);
        self.leave(order);
        let Some(place) = place.filter(|_| events.qty[row] > 0) else {
            self.feed.counts.malformed += 1;
            return;
        };
        if self.index.find(events.other_id[row]).is_some() {
            self.feed.counts.duplicate_order += 1;
            return;
        }
        self.join(Waiting { name: events.other_id[row], qty: events.qty[row], place, ..order });
    }

    fn modify(&mut self) {
        let (row, events) = (self.row, self.events);
        let Some((slot, order)) = self.waiting() else { return };
        let qty = events.qty[row];
        if qty <= 0 {
            return self.leave(order);
        }
        let Some(place) = self.place_in(order.instrument, events.price[row]) else {
            self.feed.counts.malformed += 1;
            return self.leave(order);
        };
        if place == order.place && qty <= order.qty {
            self.orders[slot as usize].qty = qty;
            return self.change(StepKind::Level, order, qty - order.qty);
        }
        self.leave(order);
        self.join(Waiting { qty, place, ..order });
    }

    fn level(&mut self) {
        let (row, events) = (self.row, self.events);
        if Side::from_code(events.side[row]).is_none() || events.qty[row] < 0 {
            self.feed.counts.malformed += 1;
            return;
        }
        let instrument = self.instrument();
        let place = self.place_of(instrument, events.price[row]);
        self.push(StepKind::Level, instrument, events.side[row], place, events.qty[row], Origin::default());
    }

    fn clear(&mut self) {
        let (instrument, side) = (self.instrument(), self.events.side[self.row]);
        if self.names_orders {
            for slot in 0..self.orders.len() {
                let order = self.orders[slot];
                let is_meant = order.instrument == instrument && (side == 0 || (side == Side::Sell.code()) == order.is_ask);
                if is_meant && self.index.find(order.name) == Some(slot as u32) {
                    self.index.release(order.name);
                }
            }
            for (is_ask, levels) in self.levels[usize::from(instrument)].iter_mut().enumerate() {
                if side == 0 || (side == Side::Sell.code()) == (is_ask == 1) {
                    levels.fill(0);
                }
            }
        }
        self.push(StepKind::Clear, instrument, side, 0, 0, Origin::default());
    }

    fn print(&mut self, kind: StepKind) {
        let (row, events) = (self.row, self.events);
        if events.qty[row] <= 0 || events.flags[row] & flags::SNAPSHOT != 0 {
            // Auctions without volume print too, and pictures of trades are old.
            return;
        }
        let instrument = self.instrument();
        let place = self.place_of(instrument, events.price[row]);
        let side = match kind {
            StepKind::Cross => self.feed.sessions.auction(row),
            _ if events.flags[row] & flags::HIDDEN != 0 => 0,
            _ => events.side[row],
        };
        self.push(kind, instrument, side, place, events.qty[row], Origin::default());
    }

    fn state(&mut self) {
        let state = self.events.qty[self.row];
        if (status::TRADING..=status::QUOTING).contains(&state) {
            self.push(StepKind::State, self.instrument(), 0, 0, state, Origin::default());
        }
    }
}
