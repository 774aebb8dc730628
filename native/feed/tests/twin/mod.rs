//! The books of `docs/feeds.md` written down as plainly as they read: maps of queues, searched from one end to the other. It is slow and
//! obvious, and judges the real ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use omni_feed::books::{Counts, DepthWhen, Options, Quote, Tables};
use omni_types::Side;
use omni_wire::{EventKind, MarketEvent, flags, status};

/// Quantity that a feed of levels states, and the orders of a feed of orders, first in line first.
#[derive(Clone, Debug, Default)]
struct Level {
    stated: i64,
    queue: VecDeque<(u64, i64)>,
}

impl Level {
    fn qty(&self) -> i64 {
        self.queue.iter().fold(self.stated, |sum, order| sum.wrapping_add(order.1))
    }

    fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.stated == 0
    }
}

/// Price, quantity, number of orders.
pub type Cell = (i64, i64, u32);

/// All books.
pub struct Twin {
    options: Options,
    levels: BTreeMap<(u16, Side, i64), Level>,
    halted: BTreeSet<u16>,
    known: BTreeSet<u16>,
    /// What was last written down of each instrument, and which were touched since the last event with `LAST`.
    quotes: BTreeMap<u16, Quote>,
    open: Vec<u16>,
    rows: BTreeMap<u16, Vec<Cell>>,
    touched: BTreeSet<u16>,
    n_times_done: usize,
    due: Option<i64>,
    last_ts: i64,
    pub tables: Tables,
    pub counts: Counts,
    pub checksum: u64,
}

impl Twin {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            levels: BTreeMap::new(),
            halted: BTreeSet::new(),
            known: BTreeSet::new(),
            quotes: BTreeMap::new(),
            open: Vec::new(),
            rows: BTreeMap::new(),
            touched: BTreeSet::new(),
            n_times_done: 0,
            due: None,
            last_ts: i64::MIN,
            tables: Tables::default(),
            counts: Counts::default(),
            checksum: 0,
        }
    }

    /// Carry out an event with its codes as they are.
    pub fn apply(&mut self, kind: u8, event: &MarketEvent) {
        self.take_pictures(Some(event.ts));
        self.last_ts = event.ts;
        let Some(kind) = EventKind::from_code(kind) else {
            self.counts.malformed += 1;
            return;
        };
        let chosen = self.options.instruments.as_ref().is_none_or(|chosen| chosen.contains(&event.instrument));
        if !chosen && kind != EventKind::System {
            return;
        }
        self.counts.events += 1;
        let touched = match kind {
            EventKind::Add => Some(self.add(event)),
            EventKind::Cancel => Some(self.take(event, Some(event.qty))),
            EventKind::Delete => Some(self.take(event, None)),
            EventKind::Execute => Some(self.execute(event)),
            EventKind::Replace => Some(self.replace(event, event.other_id)),
            EventKind::Modify => Some(self.modify(event)),
            EventKind::Level => Some(self.level(event)),
            EventKind::Clear => Some(self.clear(event)),
            _ => {
                self.note(kind, event);
                None
            }
        };
        if let Some(instrument) = touched {
            self.touch(instrument);
            if matches!(kind, EventKind::Add | EventKind::Cancel | EventKind::Delete | EventKind::Replace | EventKind::Execute)
                && self.options.checksum
            {
                let Quote { bid_price, bid_qty, ask_price, ask_qty } = self.best(instrument);
                for (value, weight) in [(bid_price, 1), (bid_qty, 3), (ask_price, 7), (ask_qty, 13)] {
                    self.checksum = self.checksum.wrapping_add((value as u64).wrapping_mul(weight));
                }
            }
        }
        if event.flags & flags::LAST != 0 {
            self.close(event.ts);
        }
    }

    /// Where an order waits: its level and its place in line.
    fn find(&self, id: u64) -> Option<((u16, Side, i64), usize)> {
        let place = |level: &Level| level.queue.iter().position(|order| order.0 == id);
        self.levels.iter().find_map(|(&key, level)| Some((key, place(level)?)))
    }

    fn touch(&mut self, instrument: u16) {
        self.known.insert(instrument);
        if !self.open.contains(&instrument) {
            self.open.push(instrument);
        }
    }

    fn prune(&mut self) {
        self.levels.retain(|_, level| !level.is_empty());
    }

    fn drop_order(&mut self, id: u64) {
        if let Some((key, at)) = self.find(id) {
            self.levels.get_mut(&key).unwrap().queue.remove(at);
            self.prune();
        }
    }

    fn drop_duplicate(&mut self, event: &MarketEvent, id: u64) {
        if let Some((key, _)) = self.find(id) {
            self.counts.duplicate_order += u64::from(event.flags & flags::SNAPSHOT == 0);
            self.touch(key.0);
            self.drop_order(id);
        }
    }

    fn queue(&mut self, key: (u16, Side, i64), id: u64, qty: i64) {
        self.levels.entry(key).or_default().queue.push_back((id, qty));
    }

    fn add(&mut self, event: &MarketEvent) -> u16 {
        match event.side {
            Some(side) if event.qty > 0 => {
                self.drop_duplicate(event, event.order_id);
                self.queue((event.instrument, side, event.price), event.order_id, event.qty);
            }
            _ => self.counts.malformed += 1,
        }
        event.instrument
    }

    /// Take so much off an order, or all; the instrument that was touched.
    fn take(&mut self, event: &MarketEvent, qty: Option<i64>) -> u16 {
        let Some((key, at)) = self.find(event.order_id) else {
            self.counts.unknown_order += 1;
            return event.instrument;
        };
        let order = &mut self.levels.get_mut(&key).unwrap().queue[at];
        match qty {
            Some(..0) => self.counts.malformed += 1,
            Some(qty) if qty < order.1 => order.1 -= qty,
            _ => {
                self.counts.over_taken += u64::from(qty.is_some_and(|qty| qty > order.1));
                self.drop_order(event.order_id);
            }
        }
        key.0
    }

    fn execute(&mut self, event: &MarketEvent) -> u16 {
        match self.find(event.order_id) {
            Some(((instrument, side, price), _)) => {
                let price = if event.price == 0 { price } else { event.price };
                self.trade(event, EventKind::Execute, instrument, price, Some(side));
            }
            None if event.price != 0 => self.trade(event, EventKind::Execute, event.instrument, event.price, event.side),
            None => {}
        }
        self.take(event, Some(event.qty))
    }

    fn replace(&mut self, event: &MarketEvent, new_id: u64) -> u16 {
        let Some(((instrument, side, _), _)) = self.find(event.order_id) else {
            self.counts.unknown_order += 1;
            return event.instrument;
        };
        if event.qty < 0 {
            self.counts.malformed += 1;
            return instrument;
        }
        self.drop_order(event.order_id);
        self.drop_duplicate(event, new_id);
        if event.qty > 0 {
            self.queue((instrument, side, event.price), new_id, event.qty);
        }
        instrument
    }

    fn modify(&mut self, event: &MarketEvent) -> u16 {
        let Some((key, at)) = self.find(event.order_id) else {
            self.counts.unknown_order += 1;
            return event.instrument;
        };
        let order = &mut self.levels.get_mut(&key).unwrap().queue[at];
        if key.2 == event.price && (1..=order.1).contains(&event.qty) {
            order.1 = event.qty;
            return key.0;
        }
        self.replace(event, event.order_id)
    }

    fn level(&mut self, event: &MarketEvent) -> u16 {
        match event.side {
            Some(side) if event.qty >= 0 => {
                let level = Level { stated: event.qty, queue: VecDeque::new() };
                self.levels.insert((event.instrument, side, event.price), level);
                self.prune();
            }
            _ => self.counts.malformed += 1,
        }
        event.instrument
    }

    fn clear(&mut self, event: &MarketEvent) -> u16 {
        let (instrument, side) = (event.instrument, event.side);
        self.levels.retain(|key, _| key.0 != instrument || side.is_some_and(|side| side != key.1));
        instrument
    }

    fn note(&mut self, kind: EventKind, event: &MarketEvent) {
        let &MarketEvent { ts, instrument, side, qty, price, other_id, .. } = event;
        let code = side.map_or(0, Side::code);
        let Tables { auctions, status: states, breaks, .. } = &mut self.tables;
        if self.options.notes && matches!(kind, EventKind::Cross | EventKind::Imbalance) {
            let is_cross = kind == EventKind::Cross;
            auctions.ts.push(ts);
            auctions.instrument.push(instrument);
            auctions.kind.push(kind.code());
            auctions.side.push(code);
            auctions.qty.push(qty);
            auctions.imbalance.push(if is_cross { 0 } else { other_id as i64 });
            auctions.price.push(price);
            auctions.match_id.push(if is_cross { other_id } else { 0 });
        }
        if self.options.notes && matches!(kind, EventKind::Status | EventKind::System) {
            states.ts.push(ts);
            states.instrument.push(instrument);
            states.kind.push(kind.code());
            states.state.push(qty);
        }
        if self.options.trades && kind == EventKind::Break {
            breaks.ts.push(ts);
            breaks.instrument.push(instrument);
            breaks.match_id.push(other_id);
        }
        if kind == EventKind::Status {
            self.known.insert(instrument);
            self.halted.remove(&instrument);
            if qty != status::TRADING {
                self.halted.insert(instrument);
            }
        }
        if matches!(kind, EventKind::Trade | EventKind::Cross) {
            self.trade(event, kind, instrument, price, side);
        }
    }

    fn trade(&mut self, event: &MarketEvent, kind: EventKind, instrument: u16, price: i64, side: Option<Side>) {
        if !self.options.trades || event.flags & flags::SNAPSHOT != 0 || event.qty < 0 {
            return;
        }
        let trades = &mut self.tables.trades;
        trades.ts.push(event.ts);
        trades.instrument.push(instrument);
        trades.price.push(price);
        trades.qty.push(event.qty);
        trades.aggressor.push(match side {
            Some(Side::Buy) => Side::Sell.code(),
            Some(Side::Sell) => Side::Buy.code(),
            None => 0,
        });
        trades.match_id.push(event.other_id);
        trades.flags.push(event.flags);
        trades.kind.push(kind.code());
    }

    /// Levels of a side, best first.
    pub fn side(&self, instrument: u16, side: Side) -> Vec<Cell> {
        let of_side = self.levels.range((instrument, side, i64::MIN)..=(instrument, side, i64::MAX));
        let mut cells: Vec<Cell> = of_side.map(|(key, level)| (key.2, level.qty(), level.queue.len() as u32)).collect();
        if side == Side::Buy {
            cells.reverse();
        }
        cells
    }

    /// Orders at a price, first in line first.
    pub fn line(&self, instrument: u16, side: Side, price: i64) -> Vec<(u64, i64)> {
        self.levels.get(&(instrument, side, price)).map_or_else(Vec::new, |level| level.queue.iter().copied().collect())
    }

    /// Names of all orders, with what stands before each.
    pub fn orders(&self) -> Vec<(u64, i64, usize)> {
        let mut orders = Vec::new();
        for level in self.levels.values() {
            for (at, order) in level.queue.iter().enumerate() {
                let ahead = level.queue.iter().take(at).fold(0_i64, |sum, order| sum.wrapping_add(order.1));
                orders.push((order.0, ahead, at));
            }
        }
        orders
    }

    /// Prices at which something stands.
    pub fn prices(&self) -> Vec<(u16, Side, i64)> {
        self.levels.keys().copied().collect()
    }

    pub fn best(&self, instrument: u16) -> Quote {
        let best = |side| self.side(instrument, side).first().copied().unwrap_or_default();
        let ((bid_price, bid_qty, _), (ask_price, ask_qty, _)) = (best(Side::Buy), best(Side::Sell));
        Quote { bid_price, bid_qty, ask_price, ask_qty }
    }

    /// The book is whole: look at every instrument that was touched.
    fn close(&mut self, ts: i64) {
        for instrument in std::mem::take(&mut self.open) {
            let quote = self.best(instrument);
            let before = self.quotes.insert(instrument, quote).unwrap_or_default();
            if self.options.bbo && before != quote {
                let bbo = &mut self.tables.bbo;
                bbo.ts.push(ts);
                bbo.instrument.push(instrument);
                bbo.bid_price.push(quote.bid_price);
                bbo.bid_qty.push(quote.bid_qty);
                bbo.ask_price.push(quote.ask_price);
                bbo.ask_qty.push(quote.ask_qty);
            }
            let has = |side| !self.side(instrument, side).is_empty();
            if has(Side::Buy) && has(Side::Sell) && !self.halted.contains(&instrument) {
                self.counts.crossed += u64::from(quote.bid_price > quote.ask_price);
                self.counts.locked += u64::from(quote.bid_price == quote.ask_price);
            }
            if self.options.n_levels > 0 {
                match self.options.depth {
                    DepthWhen::Changed => self.write_if_changed(ts, instrument),
                    DepthWhen::Every(_) => drop(self.touched.insert(instrument)),
                    DepthWhen::At(_) => {}
                }
            }
        }
    }

    /// Every picture that is due, before the time of an event if there is one.
    fn take_pictures(&mut self, until: Option<i64>) {
        if self.options.n_levels == 0 {
            return;
        }
        match self.options.depth.clone() {
            DepthWhen::Changed => {}
            DepthWhen::Every(step) => {
                let is_over = |due: i64| until.is_none_or(|ts| due < ts);
                if let Some(due) = self.due.filter(|&due| is_over(due)) {
                    for instrument in std::mem::take(&mut self.touched) {
                        self.write_if_changed(due, instrument);
                    }
                }
                if let Some(ts) = until
                    && self.due.is_none_or(is_over)
                {
                    let past = ts.rem_euclid(step);
                    self.due = Some(if past == 0 { ts } else { ts.saturating_add(step - past) });
                }
            }
            DepthWhen::At(times) => {
                let is_over = |time: &&i64| until.is_none_or(|ts| **time < ts);
                while let Some(&time) = times.get(self.n_times_done).filter(is_over) {
                    for instrument in self.known.clone() {
                        let row = self.row(instrument);
                        self.write(time, instrument, &row);
                    }
                    self.n_times_done += 1;
                }
            }
        }
    }

    pub fn finish(&mut self) {
        self.close(self.last_ts);
        self.take_pictures(None);
    }

    fn row(&self, instrument: u16) -> Vec<Cell> {
        let n = self.options.n_levels;
        let mut row = self.side(instrument, Side::Buy);
        row.resize(n, Cell::default());
        row.extend(self.side(instrument, Side::Sell));
        row.resize(2 * n, Cell::default());
        row
    }

    fn write_if_changed(&mut self, ts: i64, instrument: u16) {
        let row = self.row(instrument);
        let nothing = vec![Cell::default(); row.len()];
        if self.rows.insert(instrument, row.clone()).unwrap_or(nothing) != row {
            self.write(ts, instrument, &row);
        }
    }

    fn write(&mut self, ts: i64, instrument: u16, row: &[Cell]) {
        let (depth, n) = (&mut self.tables.depth, self.options.n_levels);
        depth.ts.push(ts);
        depth.instrument.push(instrument);
        for (at, cell) in row.iter().enumerate() {
            let (prices, qtys, orders) = if at < n {
                (&mut depth.bid_price, &mut depth.bid_qty, &mut depth.bid_orders)
            } else {
                (&mut depth.ask_price, &mut depth.ask_qty, &mut depth.ask_orders)
            };
            prices.push(cell.0);
            qtys.push(cell.1);
            orders.push(cell.2);
        }
    }
}
