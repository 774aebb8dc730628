//! The venue: the captured market, and our orders in it.
//!
//! `docs/replay.md` section 3 says when one of them fills. The market does not notice us: what we take is there for others, too, but we
//! cannot take it twice before the feed renews it.

use std::sync::Arc;

use omni_types::Side;
use omni_wire::status;

use super::book::{Change, Depth};
use super::feed::{Origin, Step, StepKind, TickFeed};
use super::impact::TakerImpact;
use super::orders::{Answer, Order, OrderType, Status, TimeInForce, reason};
use super::queue::{Place, QueueModel};

/// How much of an order fills when its turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillModel {
    /// All of it, whatever traded; an order that takes gets the best price for all of it.
    Whole,
    /// What traded beyond the queue before it; an order that takes gets what each level shows.
    Partial,
}

/// One of our orders that waits.
#[derive(Clone, Copy, Debug)]
struct Resting {
    order: u32,
    price: i64,
    leaves: i64,
    /// What the venue has filled of it: we may not have heard of all.
    filled: i64,
    queue: Place,
    /// The first step of the market after it joined.
    joined: u32,
    /// Whether it stays out of the way of the other side.
    post_only: bool,
}

/// Our orders on one side of an instrument, the next to trade first.
#[derive(Clone, Debug)]
struct Ours {
    side: Side,
    orders: Vec<Resting>,
    /// How many of them wait at each place of the ladder.
    at: Vec<u8>,
    /// The price of the first; worse than any where there is none.
    best: i64,
}

impl Ours {
    fn new(side: Side, n_places: usize) -> Self {
        let mut ours = Self { side, orders: Vec::new(), at: vec![0; n_places], best: 0 };
        ours.look();
        ours
    }

    fn look(&mut self) {
        let none = if self.side == Side::Buy { i64::MIN } else { i64::MAX };
        self.best = self.orders.first().map_or(none, |order| order.price);
    }

    /// Whether a price of ours is as good as another, or better.
    #[inline]
    fn reaches(&self, ours: i64, price: i64) -> bool {
        if self.side == Side::Buy { ours >= price } else { ours <= price }
    }

    fn insert(&mut self, depth: &Depth, order: Resting) {
        let place = self.orders.partition_point(|other| self.reaches(other.price, order.price));
        self.orders.insert(place, order);
        if let Some(place) = depth.ladder().place(order.price) {
            self.at[place as usize] = self.at[place as usize].saturating_add(1);
        }
        self.look();
    }

    fn remove(&mut self, depth: &Depth, index: usize) -> Resting {
        let gone = self.orders.remove(index);
        if let Some(place) = depth.ladder().place(gone.price) {
            let left = self.orders.iter().filter(|order| order.price == gone.price).count();
            self.at[place as usize] = left.min(usize::from(u8::MAX)) as u8;
        }
        self.look();
        gone
    }

    fn find(&self, order: u32) -> Option<usize> {
        self.orders.iter().position(|resting| resting.order == order)
    }
}

/// An instrument at the venue.
#[derive(Clone, Debug)]
struct Market {
    depth: Depth,
    ours: [Ours; 2],
    is_trading: bool,
    /// Whether the feed lets it trade, and how many halts of our own do not.
    is_open: bool,
    n_halts: u32,
    /// What we took of levels since they last changed: side, price, lots.
    taken: Vec<(Side, i64, i64)>,
}

/// The venue of a replay.
#[derive(Clone, Debug)]
pub(crate) struct Venue {
    markets: Vec<Market>,
    queue: QueueModel,
    fills: FillModel,
    /// How our taking moves what we get, and the time of the request in hand.
    pub impact: Option<Box<TakerImpact>>,
    pub now: i64,
    /// What it has to say, in order.
    pub answers: Vec<(u32, Answer)>,
}

fn index(side: Side) -> usize {
    usize::from(side == Side::Sell)
}

impl Venue {
    pub fn new(feed: &TickFeed, queue: QueueModel, fills: FillModel) -> Self {
        let market = |ladder: &Arc<_>| {
            let depth = Depth::new(Arc::clone(ladder));
            let n_places = depth.ladder().len();
            let ours = [Side::Buy, Side::Sell].map(|side| Ours::new(side, n_places));
            Market { depth, ours, is_trading: true, is_open: true, n_halts: 0, taken: Vec::new() }
        };
        let markets = feed.ladders.iter().map(market).collect();
        Self { markets, queue, fills, impact: None, now: i64::MIN, answers: Vec::new() }
    }

    /// The book of an instrument as the venue has it.
    pub fn depth(&self, instrument: u16) -> &Depth {
        &self.markets[usize::from(instrument)].depth
    }

    /// Lots before an order that waits.
    pub fn ahead(&self, instrument: u16, side: Side, order: u32) -> Option<f64> {
        let ours = &self.markets[usize::from(instrument)].ours[index(side)];
        ours.find(order).map(|at| ours.orders[at].queue.front)
    }

    /// The market takes a step, which is about an order of the feed where that names them.
    #[inline]
    pub fn step(&mut self, step: &Step, origin: Origin) {
        let market = &mut self.markets[usize::from(step.instrument)];
        match step.kind {
            StepKind::Level => level(market, self.queue, step, origin, &mut self.answers),
            StepKind::Execution => {
                let side = waiting_side(step);
                let is_exact = self.queue == QueueModel::Exact;
                if market.reaches(side, step.place) {
                    let by = Hit { qty: origin.taken, joined: is_exact.then_some(origin.joined) };
                    trade(market, self.fills, side, step.place, by, &mut self.answers);
                }
                // What a trade did to an exact queue the level must not do again.
                let told = if is_exact && market.is_trading { Origin { taken: 0, ..origin } } else { origin };
                level(market, self.queue, step, told, &mut self.answers);
            }
            StepKind::Trade => match step.side() {
                Some(side) if market.reaches(side, step.place) => {
                    // Who waited was never named, and so is not in an exact queue.
                    let qty = if self.queue == QueueModel::Exact { 0 } else { step.qty };
                    trade(market, self.fills, side, step.place, Hit { qty, joined: None }, &mut self.answers);
                }
                Some(_) => {}
                None => through(market, step.place, false, &mut self.answers),
            },
            StepKind::Cross => through(market, step.place, true, &mut self.answers),
            StepKind::Clear => market.clear(step.side()),
            StepKind::State => {
                market.is_open = step.qty == status::TRADING;
                market.open_or_close(&mut self.answers);
            }
        }
    }

    /// A halt of our own begins or ends, on top of those that the feed says.
    pub fn halt(&mut self, instrument: usize, begins: bool) {
        let market = &mut self.markets[instrument];
        market.n_halts = if begins { market.n_halts + 1 } else { market.n_halts.saturating_sub(1) };
        market.open_or_close(&mut self.answers);
    }

    /// Prices mean something else from now on: forget the book and our orders in it.
    pub fn forget(&mut self, instrument: usize) {
        let market = &mut self.markets[instrument];
        market.clear(None);
        for side in [Side::Buy, Side::Sell] {
            market.ours[index(side)] = Ours::new(side, market.depth.ladder().len());
        }
    }

    /// An order arrives; `next_step` is the first step of the market after it.
    pub fn arrive(&mut self, number: u32, order: &Order, next_step: u32) {
        let market = &mut self.markets[usize::from(order.instrument)];
        let (side, limit) = (order.side, (order.kind == OrderType::Limit).then_some(order.price));
        let is_patient = matches!(order.time_in_force, TimeInForce::Gtc | TimeInForce::PostOnly);
        let waits = limit.is_some() && is_patient;
        if !market.is_trading {
            if waits {
                return self.rest(number, order, order.price, order.leaves(), next_step);
            }
            return self.end(number, Status::Rejected, reason::HALTED);
        }
        let best = match side {
            Side::Buy => market.depth.best_ask(),
            Side::Sell => market.depth.best_bid(),
        };
        let meets =
            best.is_some_and(|best| limit.is_none_or(|limit| if side == Side::Buy { limit >= best } else { limit <= best }));
        match (meets, best) {
            (true, Some(_)) if order.time_in_force == TimeInForce::PostOnly => {
                self.end(number, Status::Expired, reason::WOULD_TAKE);
            }
            (true, Some(best)) => self.take(number, order, best, limit, next_step),
            _ if waits => self.rest(number, order, order.price, order.leaves(), next_step),
            _ if limit.is_none() => self.end(number, Status::Rejected, reason::NO_LIQUIDITY),
            _ => self.end(number, Status::Expired, reason::NOT_FILLED_AT_ONCE),
        }
    }

    /// A cancel arrives.
    pub fn cancel(&mut self, number: u32, order: &Order) {
        match self.take_out(number, order) {
            Some(_) => self.end(number, Status::Canceled, reason::NONE),
            None => self.answers.push((number, Answer::TooLate)),
        }
    }

    /// A replacement arrives: `qty` is the new total, `filled` what the venue has filled of it.
    pub fn replace(&mut self, number: u32, order: &Order, price: i64, qty: i64, next_step: u32) {
        let market = &mut self.markets[usize::from(order.instrument)];
        let ours = &mut market.ours[index(order.side)];
        let Some(at) = ours.find(number) else {
            self.answers.push((number, Answer::TooLate));
            return;
        };
        let resting = &mut ours.orders[at];
        // The venue knows better than we what is left: a fill may be on its way to us.
        let left = qty - resting.filled;
        if left > 0 && price == resting.price && left <= resting.leaves {
            resting.leaves = left;
            let ahead = resting.queue.front;
            self.answers.push((number, Answer::Replaced { price, qty, ahead }));
            return;
        }
        let (post_only, filled) = (resting.post_only, resting.filled);
        ours.remove(&market.depth, at);
        if left <= 0 {
            return self.end(number, Status::Canceled, reason::NONE);
        }
        self.answers.push((number, Answer::Replaced { price, qty, ahead: 0.0 }));
        let time_in_force = if post_only { TimeInForce::PostOnly } else { TimeInForce::Gtc };
        let again = Order { price, qty, filled, kind: OrderType::Limit, time_in_force, ..*order };
        self.arrive(number, &again, next_step);
    }

    fn take_out(&mut self, number: u32, order: &Order) -> Option<Resting> {
        let market = &mut self.markets[usize::from(order.instrument)];
        let ours = &mut market.ours[index(order.side)];
        let at = ours.find(number)?;
        Some(ours.remove(&market.depth, at))
    }

    fn end(&mut self, number: u32, status: Status, reason: u16) {
        self.answers.push((number, Answer::Ended { status, reason }));
    }

    fn rest(&mut self, number: u32, order: &Order, price: i64, leaves: i64, joined: u32) {
        let market = &mut self.markets[usize::from(order.instrument)];
        let level = match order.side {
            Side::Buy => market.depth.bid_qty(price),
            Side::Sell => market.depth.ask_qty(price),
        };
        let queue = Place::behind(level);
        let post_only = order.time_in_force == TimeInForce::PostOnly;
        let resting = Resting { order: number, price, leaves, filled: order.qty - leaves, queue, joined, post_only };
        market.ours[index(order.side)].insert(&market.depth, resting);
        self.answers.push((number, Answer::Accepted { ahead: queue.front }));
    }

    fn take(&mut self, number: u32, order: &Order, best: i64, limit: Option<i64>, next_step: u32) {
        let (mut left, side, is_whole) = (order.leaves(), order.side, self.fills == FillModel::Whole);
        let market = &mut self.markets[usize::from(order.instrument)];
        let there = if is_whole { vec![(best, left)] } else { market.there(side.opposite(), limit) };
        let shown = left.min(there.iter().map(|&(_, qty)| qty).sum());
        let no_impact = (shown, 0.0);
        let (lots, fraction) =
            self.impact.as_ref().map_or(no_impact, |impact| impact.reach(self.now, order, limit, &there, shown));
        if lots < left && order.time_in_force == TimeInForce::Fok {
            return self.end(number, Status::Expired, reason::NOT_FILLED_AT_ONCE);
        }
        let lots = if is_whole && lots < left { 0 } else { lots };
        if let Some(impact) = self.impact.as_mut().filter(|_| lots > 0) {
            impact.take(self.now, order, lots, met_by(&there, lots).map(|(met, _)| met));
        }
        for (met, qty) in met_by(&there, lots) {
            left -= qty;
            if !is_whole {
                market.taken.push((side.opposite(), met, qty));
            }
            let price = self.impact.as_ref().map_or(met, |impact| impact.price(side, met, fraction));
            self.answers.push((number, Answer::Fill { qty, price, is_maker: false, is_last: left == 0 }));
        }
        match limit {
            _ if left == 0 => {}
            Some(price) if order.time_in_force == TimeInForce::Gtc => self.rest(number, order, price, left, next_step),
            Some(_) => self.end(number, Status::Expired, reason::NOT_FILLED_AT_ONCE),
            None => self.end(number, Status::Expired, reason::NO_LIQUIDITY),
        }
    }
}

/// What so many lots take of levels, the best first.
fn met_by(there: &[(i64, i64)], mut lots: i64) -> impl Iterator<Item = (i64, i64)> + '_ {
    let taken = there.iter().map(move |&(price, shown)| {
        let qty = shown.min(lots);
        lots -= qty;
        (price, qty)
    });
    taken.take_while(|&(_, qty)| qty > 0)
}

impl Market {
    /// Trade if both the feed and the halts let it.
    fn open_or_close(&mut self, answers: &mut Vec<(u32, Answer)>) {
        self.is_trading = self.is_open && self.n_halts == 0;
        if self.is_trading {
            // The other side may have come to us meanwhile.
            come(self, Side::Buy, answers);
            come(self, Side::Sell, answers);
        }
    }

    /// Whether an order of ours on `side` trades where the market trades.
    #[inline]
    fn reaches(&self, side: Side, place: u32) -> bool {
        let ours = &self.ours[index(side)];
        !ours.orders.is_empty() && ours.best_reaches(self.depth.ladder().price(place))
    }

    /// Forget a side, or both.
    fn clear(&mut self, side: Option<Side>) {
        if side != Some(Side::Sell) {
            self.depth.clear(false);
        }
        if side != Some(Side::Buy) {
            self.depth.clear(true);
        }
        self.taken.retain(|taken| side.is_some_and(|side| taken.0 != side));
    }

    /// Price and lots of a side up to a limit, less what we took of it.
    fn there(&self, side: Side, limit: Option<i64>) -> Vec<(i64, i64)> {
        let is_within = |price: i64| limit.is_none_or(|limit| if side == Side::Sell { price <= limit } else { price >= limit });
        let free = |(price, qty): (i64, i64)| {
            let ours = self.taken.iter().filter(|taken| (taken.0, taken.1) == (side, price));
            (price, (qty - ours.map(|taken| taken.2).sum::<i64>()).max(0))
        };
        match side {
            Side::Sell => {
                self.depth.asks().take_while(|level| is_within(level.0)).map(free).filter(|level| level.1 > 0).collect()
            }
            Side::Buy => self.depth.bids().take_while(|level| is_within(level.0)).map(free).filter(|level| level.1 > 0).collect(),
        }
    }
}

impl Ours {
    /// Whether the first of our orders trades where the market trades.
    #[inline]
    fn best_reaches(&self, price: i64) -> bool {
        self.reaches(self.best, price)
    }
}

/// The side of a step that always has one.
#[inline]
fn waiting_side(step: &Step) -> Side {
    if step.is_ask() { Side::Sell } else { Side::Buy }
}

#[inline]
fn level(market: &mut Market, queue: QueueModel, step: &Step, origin: Origin, answers: &mut Vec<(u32, Answer)>) {
    let side = waiting_side(step);
    let change = market.depth.set(step.is_ask(), step.place, step.qty);
    if market.ours[index(side)].at[step.place as usize] > 0 {
        move_up(market, queue, step, origin, change);
    }
    if !market.taken.is_empty() {
        let price = market.depth.ladder().price(step.place);
        market.taken.retain(|taken| (taken.0, taken.1) != (side, price));
    }
    if change.improved && market.is_trading {
        come(market, side, answers);
    }
}

/// The best price of `side` comes to our orders on the other.
#[inline]
fn come(market: &mut Market, side: Side, answers: &mut Vec<(u32, Answer)>) {
    let best = if side == Side::Buy { market.depth.best_bid() } else { market.depth.best_ask() };
    let Some(best) = best else { return };
    let others = &mut market.ours[index(side.opposite())];
    if others.best_reaches(best) {
        let crossed = others.orders.partition_point(|order| others.reaches(order.price, best));
        for _ in 0..crossed {
            let filled = market.ours[index(side.opposite())].remove(&market.depth, 0);
            answers.push((filled.order, whole(&filled, filled.price)));
        }
    }
}

fn whole(order: &Resting, price: i64) -> Answer {
    Answer::Fill { qty: order.leaves, price, is_maker: true, is_last: true }
}

/// A level changed at which orders of ours wait.
fn move_up(market: &mut Market, queue: QueueModel, step: &Step, origin: Origin, change: Change) {
    let price = market.depth.ladder().price(step.place);
    for order in market.ours[index(waiting_side(step))].orders.iter_mut().filter(|order| order.price == price) {
        if queue == QueueModel::Exact {
            if origin.taken > 0 && origin.joined < order.joined {
                order.queue.front -= origin.taken as f64;
            }
        } else {
            order.queue.level(queue, change.before, step.qty);
        }
    }
}

/// What the market traded.
#[derive(Clone, Copy)]
struct Hit {
    qty: i64,
    /// The step that put the order which traded in its queue, where nothing has to be guessed.
    joined: Option<u32>,
}

/// The market trades with what waits on `side`.
fn trade(market: &mut Market, fills: FillModel, side: Side, place: u32, by: Hit, answers: &mut Vec<(u32, Answer)>) {
    if !market.is_trading {
        return;
    }
    let price = market.depth.ladder().price(place);
    // What our orders at this price got of it: those behind them get the less.
    let mut given = 0;
    let mut at = 0;
    loop {
        let ours = &mut market.ours[index(side)];
        let Some(order) = ours.orders.get_mut(at) else { return };
        let (own, leaves) = (order.price, order.leaves);
        if own != price {
            if !ours.reaches(own, price) {
                return;
            }
            // The market traded beyond our price: it must have met us first.
            let filled = ours.remove(&market.depth, at);
            answers.push((filled.order, whole(&filled, own)));
            continue;
        }
        let stood_behind = by.joined.is_some_and(|joined| joined >= order.joined);
        let reached = if stood_behind {
            // It would have been us.
            by.qty
        } else {
            order.queue.trade(by.qty);
            order.queue.reached()
        };
        if reached == 0 {
            at += 1;
            continue;
        }
        let qty = if fills == FillModel::Whole { leaves } else { (reached - given).clamp(0, leaves) };
        if qty == leaves {
            let filled = ours.remove(&market.depth, at);
            answers.push((filled.order, whole(&filled, own)));
            given += qty;
            continue;
        }
        if !stood_behind {
            order.queue.front = 0.0;
        }
        if qty > 0 {
            order.leaves -= qty;
            order.filled += qty;
            given += qty;
            answers.push((order.order, Answer::Fill { qty, price: own, is_maker: true, is_last: false }));
        }
        at += 1;
    }
}

/// A print of which nobody knows who waited: orders of ours with a better price must have been part of it.
fn through(market: &mut Market, place: u32, is_auction: bool, answers: &mut Vec<(u32, Answer)>) {
    if !market.is_trading && !is_auction {
        return;
    }
    let price = market.depth.ladder().price(place);
    for side in [Side::Buy, Side::Sell] {
        while let Some(order) = market.ours[index(side)].orders.first() {
            let own = order.price;
            if own == price || !market.ours[index(side)].reaches(own, price) {
                break;
            }
            let filled = market.ours[index(side)].remove(&market.depth, 0);
            answers.push((filled.order, whole(&filled, if is_auction { price } else { own })));
        }
    }
}
