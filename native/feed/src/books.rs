//! The books of a whole market, kept from its events in one pass.
//!
//! An order is found by its name, knows its level, and a level knows its book: none of them is searched for but the price of an order that
//! joins. The events of a batch are known before their turn comes, so what they will need is asked for some events ahead.

mod ahead;
mod closing;
mod depth;
mod market;
mod notes;
mod side;
mod store;
mod tables;
mod views;

use omni_types::Side;
use omni_wire::{EventKind, flags};

use self::ahead::{BLOCK, Block, RING, STAGES, Turn};
use self::depth::DepthWriter;
use self::market::{Book, NewOrder};
use self::store::{Level, Store};
use crate::columns::Events;

/// What the generator's books are made of, too.
pub(crate) mod parts {
    pub(crate) use super::market::{Book, NewOrder};
    pub(crate) use super::side::{NONE, flip};
    pub(crate) use super::store::Store;
}

pub use self::depth::DepthWhen;
pub use self::market::Quote;
pub use self::tables::{AuctionTable, BboTable, BreakTable, DepthTable, StatusTable, Tables, TradeTable};
pub use self::views::{LevelView, QueuePlace};

/// What books write down, and about whom.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)]
pub struct Options {
    /// Changes of the best bid and ask.
    pub bbo: bool,
    /// Trades and broken trades.
    pub trades: bool,
    /// Auctions and states of trading.
    pub notes: bool,
    /// Levels of a row of depth; 0 for no depth.
    pub n_levels: usize,
    /// When a row of depth is due.
    pub depth: DepthWhen,
    /// Whether the sum that lets anyone compare books is kept.
    pub checksum: bool,
    /// The instruments whose events count; `None` for all.
    pub instruments: Option<Vec<u16>>,
}

impl Default for Options {
    /// All tables but depth, of all instruments.
    fn default() -> Self {
        let depth = DepthWhen::Changed;
        Self { bbo: true, trades: true, notes: true, n_levels: 0, depth, checksum: false, instruments: None }
    }
}

/// What was seen, and what the stream did wrong; `docs/feeds.md` section 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events, those of other instruments left out.
    pub events: u64,
    /// Events about an order that does not wait.
    pub unknown_order: u64,
    /// Events that took more than an order had.
    pub over_taken: u64,
    /// New orders with a name that was taken.
    pub duplicate_order: u64,
    /// Events after which a bid stood above an ask while trading.
    pub crossed: u64,
    /// Events after which they stood at one price while trading.
    pub locked: u64,
    /// Events that say nothing: no such kind, no side or quantity where there must be one.
    pub malformed: u64,
}

/// Books of up to 65,536 instruments.
#[derive(Clone, Debug)]
pub struct Books {
    by_instrument: Vec<Book>,
    store: Store,
    options: Options,
    /// By instrument, where a choice was made.
    is_chosen: Option<Box<[bool]>>,
    /// Books touched since the last event with `LAST`, with what they were before.
    pending: Vec<(u16, Quote)>,
    depth: Option<DepthWriter>,
    /// Events after this time wait for a picture.
    next_picture: i64,
    last_ts: Option<i64>,
    tables: Tables,
    counts: Counts,
    checksum: u64,
}

/// A side that something happens to, and its best price and quantity before.
#[derive(Clone, Copy, Debug)]
struct Touched {
    instrument: u16,
    is_ask: bool,
    before: (i64, i64),
}

impl Books {
    /// Empty books.
    pub fn new(options: Options) -> Self {
        let is_chosen = options.instruments.as_ref().map(|chosen| {
            let mut is_chosen = vec![false; 1 << 16].into_boxed_slice();
            for &instrument in chosen {
                is_chosen[usize::from(instrument)] = true;
            }
            is_chosen
        });
        let depth = (options.n_levels > 0).then(|| DepthWriter::new(options.n_levels, options.depth.clone()));
        Self {
            by_instrument: Vec::with_capacity(1 << 16),
            store: Store::default(),
            options,
            is_chosen,
            pending: Vec::new(),
            depth,
            next_picture: i64::MAX,
            last_ts: None,
            tables: Tables::default(),
            counts: Counts::default(),
            checksum: 0,
        }
    }

    /// Carry out events. Columns of different lengths end with the shortest.
    pub fn apply(&mut self, events: &Events<'_>) {
        let n = events.len();
        let events = events.first(n);
        if let (None, Some(&ts), Some(depth)) = (self.last_ts, events.ts.first(), &self.depth) {
            self.next_picture = depth.next_time(ts);
        }
        let n_blocks = n.div_ceil(BLOCK);
        let mut ring = [Block::NOTHING; RING];
        // Each stage reads what the one before it asked for, so that none waits for memory.
        for at in 0..n_blocks + STAGES {
            if at < n_blocks {
                let block = &mut ring[at % RING];
                block.load(&events, at * BLOCK);
                self.expect(block);
            }
            let stage = |stage: usize| at.wrapping_sub(stage);
            if stage(1) < n_blocks {
                self.expect_orders(&mut ring[stage(1) % RING]);
            }
            if stage(2) < n_blocks {
                self.expect_levels(&mut ring[stage(2) % RING]);
            }
            if stage(3) < n_blocks {
                self.expect_queues(&ring[stage(3) % RING]);
            }
            if stage(STAGES) < n_blocks {
                let block = &ring[stage(STAGES) % RING];
                for at in 0..block.len.min(BLOCK) {
                    self.step(Turn { block, at });
                }
            }
        }
        self.last_ts = events.ts.last().copied().or(self.last_ts);
    }

    /// The stream is over: take the pictures that were still due, and look at what no event with `LAST` closed.
    pub fn finish(&mut self) {
        self.close_pending(self.last_ts.unwrap_or_default());
        if let Some(depth) = &mut self.depth {
            let due = self.next_picture;
            self.next_picture = depth.write_due(&mut self.tables.depth, &self.store, &self.by_instrument, due, None);
        }
    }

    /// The rows since the last call.
    pub fn take(&mut self) -> Tables {
        std::mem::take(&mut self.tables)
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many orders wait.
    pub fn n_orders(&self) -> usize {
        self.store.n_orders
    }

    /// The sum of `docs/feeds.md` section 2; 0 where it is not kept.
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// Levels of a row of depth.
    pub fn n_levels(&self) -> usize {
        self.options.n_levels
    }

    #[inline(always)]
    fn step(&mut self, turn: Turn<'_>) {
        if turn.ts() > self.next_picture {
            self.take_pictures(turn.ts());
        }
        let kind = EventKind::from_code(turn.kind());
        if self.is_chosen.as_ref().is_some_and(|is| !is[usize::from(turn.instrument())]) && kind != Some(EventKind::System) {
            self.counts.malformed += u64::from(kind.is_none());
            return;
        }
        self.counts.events += 1;
        let touched = match kind {
            Some(EventKind::Add) => self.add(turn),
            Some(EventKind::Cancel) => self.reduce(turn),
            Some(EventKind::Delete) => self.delete(turn),
            Some(EventKind::Execute) => self.execute(turn),
            Some(EventKind::Replace) => self.replace(turn, turn.other_id()),
            Some(EventKind::Modify) => self.modify(turn),
            Some(EventKind::Level) => self.level(turn),
            Some(EventKind::Clear) => self.clear(turn),
            Some(kind) => return self.note(kind, turn),
            None => {
                self.counts.events -= 1;
                self.counts.malformed += 1;
                return;
            }
        };
        self.settle(turn, touched);
    }

    /// A side of an instrument that may be new, as it is before what comes.
    #[inline(always)]
    fn touch(&mut self, instrument: u16, is_ask: bool) -> Touched {
        let at = usize::from(instrument);
        if at >= self.by_instrument.len() {
            self.by_instrument.resize(at + 1, Book::default());
        }
        self.by_instrument[at].is_known = true;
        Touched { instrument, is_ask, before: self.by_instrument[at].best(is_ask) }
    }

    /// Where an order waits, and its side as it is before what comes.
    #[inline(always)]
    fn find(&self, turn: Turn<'_>) -> Option<(u32, Touched)> {
        let slot = self.store.find_near(turn.order_id(), turn.slot())?;
        let &Level { instrument, is_ask, .. } = self.store.level(self.store.order(slot).level);
        let before = self.by_instrument[usize::from(instrument)].best(is_ask);
        Some((slot, Touched { instrument, is_ask, before }))
    }

    #[inline(always)]
    fn add(&mut self, turn: Turn<'_>) -> Touched {
        let touched = self.touch(turn.instrument(), turn.side() == Side::Sell.code());
        if Side::from_code(turn.side()).is_some() && turn.qty() > 0 {
            self.join(turn, touched, turn.order_id(), turn.level());
        } else {
            self.counts.malformed += 1;
        }
        touched
    }

    /// Put the event's order at the end of its queue, whose level may be that of the hint.
    #[inline(always)]
    fn join(&mut self, turn: Turn<'_>, touched: Touched, id: u64, hint: u32) {
        let Touched { instrument, is_ask, .. } = touched;
        let slot = match self.store.claim(id) {
            Some(slot) => slot,
            None => self.claim_again(turn, id, touched),
        };
        let new = NewOrder { slot, instrument, is_ask, price: turn.price(), qty: turn.qty() };
        self.by_instrument[usize::from(instrument)].add(&mut self.store, &new, hint);
    }

    #[inline(always)]
    fn delete(&mut self, turn: Turn<'_>) -> Touched {
        let Some((slot, touched)) = self.find(turn) else { return self.miss(turn) };
        self.by_instrument[usize::from(touched.instrument)].remove(&mut self.store, slot);
        touched
    }

    #[inline(always)]
    fn reduce(&mut self, turn: Turn<'_>) -> Touched {
        let Some((slot, touched)) = self.find(turn) else { return self.miss(turn) };
        self.reduce_order(slot, touched.instrument, turn.qty());
        touched
    }

    #[inline(always)]
    fn reduce_order(&mut self, slot: u32, instrument: u16, qty: i64) {
        let (book, waiting) = (&mut self.by_instrument[usize::from(instrument)], self.store.order(slot).qty);
        if qty < 0 {
            self.counts.malformed += 1;
        } else if qty < waiting {
            book.reduce(&mut self.store, slot, qty);
        } else {
            self.counts.over_taken += u64::from(qty > waiting);
            book.remove(&mut self.store, slot);
        }
    }

    #[inline(always)]
    fn execute(&mut self, turn: Turn<'_>) -> Touched {
        let Some((slot, touched)) = self.find(turn) else {
            if turn.price() != 0 {
                self.trade(turn, turn.instrument(), turn.price(), turn.side());
            }
            return self.miss(turn);
        };
        let side = if touched.is_ask { Side::Sell } else { Side::Buy };
        let own_price = side::flip(touched.is_ask, self.store.level(self.store.order(slot).level).key);
        let price = if turn.price() == 0 { own_price } else { turn.price() };
        self.trade(turn, touched.instrument, price, side.code());
        self.reduce_order(slot, touched.instrument, turn.qty());
        touched
    }

    /// The order goes, and comes back under a name at the end of its queue.
    #[inline(never)]
    fn replace(&mut self, turn: Turn<'_>, new_id: u64) -> Touched {
        let Some((slot, touched)) = self.find(turn) else { return self.miss(turn) };
        if turn.qty() < 0 {
            self.counts.malformed += 1;
            return touched;
        }
        self.by_instrument[usize::from(touched.instrument)].remove(&mut self.store, slot);
        if turn.qty() > 0 {
            self.join(turn, touched, new_id, side::NONE);
        } else if self.store.find(new_id).is_some() {
            self.drop_duplicate(turn, new_id, touched);
        }
        touched
    }

    fn modify(&mut self, turn: Turn<'_>) -> Touched {
        let Some((slot, touched)) = self.find(turn) else { return self.miss(turn) };
        let (order, level) = (self.store.order(slot), self.store.level(self.store.order(slot).level));
        let keeps_place = turn.price() == side::flip(level.is_ask, level.key) && turn.qty() > 0 && turn.qty() <= order.qty;
        if !keeps_place {
            return self.replace(turn, turn.order_id());
        }
        let taken = order.qty - turn.qty();
        self.reduce_order(slot, touched.instrument, taken);
        touched
    }

    fn level(&mut self, turn: Turn<'_>) -> Touched {
        let touched = self.touch(turn.instrument(), turn.side() == Side::Sell.code());
        if Side::from_code(turn.side()).is_some() && turn.qty() >= 0 {
            let book = &mut self.by_instrument[usize::from(touched.instrument)];
            book.set_level(&mut self.store, touched.instrument, touched.is_ask, turn.price(), turn.qty());
        } else {
            self.counts.malformed += 1;
        }
        touched
    }

    fn clear(&mut self, turn: Turn<'_>) -> Touched {
        let mut touched = self.touch(turn.instrument(), turn.side() == Side::Sell.code());
        if turn.side() != 0 && Side::from_code(turn.side()).is_none() {
            self.counts.malformed += 1;
            return touched;
        }
        self.by_instrument[usize::from(touched.instrument)].clear(&mut self.store, touched.instrument, touched.is_ask);
        if turn.side() == 0 {
            self.postpone(touched);
            touched = self.touch(touched.instrument, true);
            self.by_instrument[usize::from(touched.instrument)].clear(&mut self.store, touched.instrument, true);
        }
        touched
    }

    /// An event about an order that does not wait.
    #[cold]
    fn miss(&mut self, turn: Turn<'_>) -> Touched {
        self.counts.unknown_order += 1;
        self.touch(turn.instrument(), false)
    }

    /// A slot for a name that is taken.
    #[cold]
    fn claim_again(&mut self, turn: Turn<'_>, id: u64, touched: Touched) -> u32 {
        self.drop_duplicate(turn, id, touched);
        self.store.claim(id).expect("the name is free now")
    }

    /// The old order of a name that was given again goes first, wherever it is.
    #[cold]
    fn drop_duplicate(&mut self, turn: Turn<'_>, id: u64, touched: Touched) {
        let Some(slot) = self.store.find(id) else { return };
        let &Level { instrument, is_ask, .. } = self.store.level(self.store.order(slot).level);
        self.counts.duplicate_order += u64::from(turn.flags() & flags::SNAPSHOT == 0);
        if instrument == touched.instrument && is_ask != touched.is_ask {
            // What the event's own side was is known now, and the other side is still what it was.
            self.postpone(touched);
        }
        let book = &mut self.by_instrument[usize::from(instrument)];
        let before = book.best(is_ask);
        book.remove(&mut self.store, slot);
        if instrument != touched.instrument {
            self.postpone(Touched { instrument, is_ask, before });
        }
    }
}
