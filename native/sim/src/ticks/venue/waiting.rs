//! Our orders in the book, and what the market does to them.

use omni_types::Side;

use super::market::Market;
use super::wish::Wish;
use super::{FillModel, index};
use crate::ticks::book::{Change, Depth};
use crate::ticks::feed::{Origin, Step};
use crate::ticks::orders::Answer;
use crate::ticks::queue::{Place, QueueModel};

/// One of our orders that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub wish: Wish,
    pub price: i64,
    pub queue: Place,
    /// The first step of the market after it joined.
    pub joined: u32,
    /// What is left of the slice that an iceberg shows.
    pub slice: i64,
}

impl Resting {
    /// Lots that trade before it queues again.
    #[inline]
    pub fn shows(&self) -> i64 {
        if self.wish.display > 0 { self.slice } else { self.wish.leaves }
    }

    /// Whether it stands behind everything shown at its price.
    #[inline]
    fn is_hidden(&self) -> bool {
        self.wish.display == 0
    }
}

/// Our orders on one side of an instrument, the next to trade first.
#[derive(Clone, Debug)]
pub(super) struct Ours {
    side: Side,
    pub orders: Vec<Resting>,
    /// How many of them wait at each place of the ladder.
    at: Vec<u8>,
    /// The price of the first; worse than any where there is none.
    best: i64,
}

impl Ours {
    pub fn new(side: Side, n_places: usize) -> Self {
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
    pub fn reaches(&self, ours: i64, price: i64) -> bool {
        if self.side == Side::Buy { ours >= price } else { ours <= price }
    }

    /// Whether the first of our orders trades where the market trades.
    #[inline]
    pub fn best_reaches(&self, price: i64) -> bool {
        self.reaches(self.best, price)
    }

    pub fn insert(&mut self, depth: &Depth, order: Resting) {
        let is_before = |other: &Resting| {
            if other.price == order.price {
                order.is_hidden() || !other.is_hidden()
            } else {
                self.reaches(other.price, order.price)
            }
        };
        let place = self.orders.partition_point(is_before);
        self.orders.insert(place, order);
        if let Some(place) = depth.ladder().place(order.price) {
            self.at[place as usize] = self.at[place as usize].saturating_add(1);
        }
        self.look();
    }

    pub fn remove(&mut self, depth: &Depth, index: usize) -> Resting {
        let gone = self.orders.remove(index);
        if let Some(place) = depth.ladder().place(gone.price) {
            let left = self.orders.iter().filter(|order| order.price == gone.price).count();
            self.at[place as usize] = left.min(usize::from(u8::MAX)) as u8;
        }
        self.look();
        gone
    }

    pub fn find(&self, order: u32) -> Option<usize> {
        self.orders.iter().position(|resting| resting.wish.number == order)
    }
}

#[inline]
pub(super) fn level(market: &mut Market, queue: QueueModel, step: &Step, origin: Origin, answers: &mut Vec<(u32, Answer)>) {
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
pub(super) fn come(market: &mut Market, side: Side, answers: &mut Vec<(u32, Answer)>) {
    let Some(best) = market.best(side) else { return };
    let others = &mut market.ours[index(side.opposite())];
    if others.best_reaches(best) {
        let crossed = others.orders.partition_point(|order| others.reaches(order.price, best));
        for _ in 0..crossed {
            let filled = market.ours[index(side.opposite())].remove(&market.depth, 0);
            answers.push((filled.wish.number, whole(&filled, filled.price)));
        }
    }
}

pub(super) fn whole(order: &Resting, price: i64) -> Answer {
    Answer::Fill { qty: order.wish.leaves, price, is_maker: true, is_last: true }
}

/// The side of a step that always has one.
#[inline]
fn waiting_side(step: &Step) -> Side {
    if step.is_ask() { Side::Sell } else { Side::Buy }
}

/// A level changed at which orders of ours wait.
fn move_up(market: &mut Market, queue: QueueModel, step: &Step, origin: Origin, change: Change) {
    let price = market.depth.ladder().price(step.place);
    for order in market.ours[index(waiting_side(step))].orders.iter_mut().filter(|order| order.price == price) {
        if order.is_hidden() {
            order.queue = Place::behind(step.qty);
            continue;
        }
        order.queue.level(queue, change.before, step.qty);
        if queue == QueueModel::Exact && origin.taken > 0 && origin.joined < order.joined {
            order.queue.front -= origin.taken as f64;
        }
    }
}

/// What the market traded.
#[derive(Clone, Copy)]
pub(super) struct Hit {
    pub qty: i64,
    /// The step that put the order which traded in its queue, where nothing has to be guessed.
    pub joined: Option<u32>,
    /// The step.
    pub number: u32,
}

/// The market trades with what waits on `side`; what our orders at that price got of it.
pub(super) fn trade(
    market: &mut Market,
    fills: FillModel,
    side: Side,
    place: u32,
    by: Hit,
    answers: &mut Vec<(u32, Answer)>,
) -> i64 {
    if !market.is_trading {
        return 0;
    }
    let price = market.depth.ladder().price(place);
    // Those behind ours at this price get the less.
    let mut given = 0;
    let mut at = 0;
    let mut refreshed = Vec::new();
    loop {
        let ours = &mut market.ours[index(side)];
        let Some(order) = ours.orders.get_mut(at) else { break };
        let (own, leaves) = (order.price, order.wish.leaves);
        if own != price {
            if !ours.reaches(own, price) {
                break;
            }
            // The market traded beyond our price: it must have met us first.
            let filled = ours.remove(&market.depth, at);
            answers.push((filled.wish.number, whole(&filled, own)));
            continue;
        }
        let stood_behind = !order.is_hidden() && by.joined.is_some_and(|joined| joined >= order.joined);
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
        let mut qty = if fills == FillModel::Whole { leaves } else { (reached - given).clamp(0, leaves) };
        if order.wish.display > 0 && fills == FillModel::Partial {
            let shown = if side == Side::Buy { market.depth.bid_qty(price) } else { market.depth.ask_qty(price) };
            let since = if stood_behind { by.qty as f64 } else { order.queue.traded };
            let beyond = if stood_behind { 0 } else { order.queue.beyond(shown).min(by.qty) };
            qty = qty.min(order.slice).max(beyond - given).clamp(0, leaves);
            given += qty;
            if slices(order, qty, Place::last(shown, since), by.number + 1, answers) || order.wish.leaves == 0 {
                let gone = ours.remove(&market.depth, at);
                if gone.wish.leaves > 0 {
                    refreshed.push(gone);
                }
                continue;
            }
            if !stood_behind {
                order.queue.front = 0.0;
            }
            at += 1;
            continue;
        }
        if qty == leaves {
            let filled = ours.remove(&market.depth, at);
            answers.push((filled.wish.number, whole(&filled, own)));
            given += qty;
            continue;
        }
        if !stood_behind {
            order.queue.front = 0.0;
        }
        if qty > 0 {
            order.wish.trade(qty);
            given += qty;
            answers.push((order.wish.number, Answer::Fill { qty, price: own, is_maker: true, is_last: false }));
        }
        at += 1;
    }
    for order in refreshed {
        market.ours[index(side)].insert(&market.depth, order);
    }
    given
}

/// An iceberg trades, slice by slice; whether it queues again, at `end`.
fn slices(order: &mut Resting, mut qty: i64, end: Place, joined: u32, answers: &mut Vec<(u32, Answer)>) -> bool {
    let mut queues_again = false;
    while qty > 0 {
        let part = qty.min(order.slice);
        order.wish.trade(part);
        order.slice -= part;
        qty -= part;
        let is_last = order.wish.leaves == 0;
        answers.push((order.wish.number, Answer::Fill { qty: part, price: order.price, is_maker: true, is_last }));
        if order.slice == 0 && !is_last {
            (order.slice, order.queue, order.joined, queues_again) = (order.wish.slice(), end, joined, true);
            answers.push((order.wish.number, Answer::Refreshed { qty: order.slice, ahead: end.front }));
        }
    }
    queues_again
}

/// A print of which nobody knows who waited: orders of ours with a better price must have been part of it.
pub(super) fn through(market: &mut Market, place: u32, is_auction: bool, answers: &mut Vec<(u32, Answer)>) {
    if !market.is_trading && !is_auction {
        return;
    }
    let price = market.depth.ladder().price(place);
    for side in [Side::Buy, Side::Sell] {
        let mut at = 0;
        while let Some(order) = market.ours[index(side)].orders.get(at) {
            let own = order.price;
            if own == price || !market.ours[index(side)].reaches(own, price) {
                break;
            }
            if is_auction && order.wish.is_pegged {
                at += 1;
                continue;
            }
            let filled = market.ours[index(side)].remove(&market.depth, at);
            answers.push((filled.wish.number, whole(&filled, if is_auction { price } else { own })));
        }
    }
}
