//! An instrument at the venue: its captured book, and who of us waits where.

use omni_types::Side;

use super::auctions::Auctioned;
use super::index;
use super::pegs::Peg;
use super::stops::Stop;
use super::waiting::{Ours, Resting, come};
use super::wish::Wish;
use crate::ticks::book::Depth;
use crate::ticks::orders::Answer;

/// No trade yet.
const NO_PLACE: u32 = u32::MAX;

/// An instrument at the venue.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub depth: Depth,
    pub ours: [Ours; 2],
    pub is_trading: bool,
    /// Whether the feed lets it trade, and how many halts of our own do not.
    pub is_open: bool,
    pub n_halts: u32,
    /// What we took of levels since they last changed: side, price, lots.
    pub taken: Vec<(Side, i64, i64)>,
    /// Place of the last print.
    pub last: u32,
    /// Whether some order of ours waits for more than its turn.
    pub is_watched: bool,
    /// In the order of their stamps.
    pub stops: Vec<Stop>,
    /// By number.
    pub pegs: Vec<Peg>,
    /// Best bid and ask when pegs last got their prices.
    pub pegged_to: (Option<i64>, Option<i64>),
    /// In the order of their stamps.
    pub conditionals: Vec<Resting>,
    /// In the order of their stamps.
    pub auctioned: Vec<Auctioned>,
    /// Orders for the day: side and number. Some may be gone.
    pub days: Vec<(Side, u32)>,
}

impl Market {
    pub fn new(depth: Depth) -> Self {
        let n_places = depth.ladder().len();
        let ours = [Side::Buy, Side::Sell].map(|side| Ours::new(side, n_places));
        Self {
            depth,
            ours,
            is_trading: true,
            is_open: true,
            n_halts: 0,
            taken: Vec::new(),
            last: NO_PLACE,
            is_watched: false,
            stops: Vec::new(),
            pegs: Vec::new(),
            pegged_to: (None, None),
            conditionals: Vec::new(),
            auctioned: Vec::new(),
            days: Vec::new(),
        }
    }

    /// Trade if both the feed and the halts let it.
    pub fn open_or_close(&mut self, answers: &mut Vec<(u32, Answer)>) {
        self.is_trading = self.is_open && self.n_halts == 0;
        if self.is_trading {
            // The other side may have come to us meanwhile.
            come(self, Side::Buy, answers);
            come(self, Side::Sell, answers);
        }
    }

    /// Forget the book and all orders of ours; whether it trades stays as it is.
    pub fn forget(&mut self) {
        self.clear(None);
        let (is_trading, is_open, n_halts) = (self.is_trading, self.is_open, self.n_halts);
        *self = Self { is_trading, is_open, n_halts, ..Self::new(self.depth.clone()) };
    }

    /// Whether somebody waits for more than its turn.
    pub fn look(&mut self) {
        self.is_watched = !(self.stops.is_empty()
            && self.pegs.is_empty()
            && self.conditionals.is_empty()
            && self.auctioned.is_empty()
            && self.days.is_empty());
    }

    /// The price of the last print.
    pub fn last_price(&self) -> Option<i64> {
        (self.last != NO_PLACE).then(|| self.depth.ladder().price(self.last))
    }

    /// The best price of a side.
    #[inline]
    pub fn best(&self, side: Side) -> Option<i64> {
        if side == Side::Buy { self.depth.best_bid() } else { self.depth.best_ask() }
    }

    /// Lots shown on a side at a price.
    #[inline]
    pub fn shown(&self, side: Side, price: i64) -> i64 {
        if side == Side::Buy { self.depth.bid_qty(price) } else { self.depth.ask_qty(price) }
    }

    /// Whether an order of ours on `side` trades where the market trades.
    #[inline]
    pub fn reaches(&self, side: Side, place: u32) -> bool {
        let ours = &self.ours[index(side)];
        !ours.orders.is_empty() && ours.best_reaches(self.depth.ladder().price(place))
    }

    /// Lots before an order of ours.
    pub fn ahead(&self, side: Side, number: u32) -> Option<f64> {
        self.resting(side, number).map(|order| order.queue.front)
    }

    /// An order that waits in the book, or as a conditional one.
    pub fn resting(&self, side: Side, number: u32) -> Option<&Resting> {
        let ours = &self.ours[index(side)];
        let in_book = ours.find(number).map(|at| &ours.orders[at]);
        in_book.or_else(|| self.conditionals.iter().find(|order| order.wish.number == number))
    }

    pub fn resting_mut(&mut self, side: Side, number: u32) -> Option<&mut Resting> {
        let ours = &mut self.ours[index(side)];
        match ours.find(number) {
            Some(at) => Some(&mut ours.orders[at]),
            None => self.conditionals.iter_mut().find(|order| order.wish.number == number),
        }
    }

    /// Whether an order that is no stop waits.
    pub fn is_there(&self, side: Side, number: u32) -> bool {
        self.resting(side, number).is_some()
            || self.pegs.iter().any(|peg| peg.wish.number == number && peg.price.is_none())
            || self.auctioned.iter().any(|order| order.wish.number == number)
    }

    /// Take an order out, wherever it waits.
    pub fn take_out(&mut self, side: Side, number: u32) -> Option<Wish> {
        if let Some(at) = self.ours[index(side)].find(number) {
            let gone = self.ours[index(side)].remove(&self.depth, at);
            self.pegs.retain(|peg| peg.wish.number != number);
            return Some(gone.wish);
        }
        if let Some(at) = self.stops.iter().position(|stop| stop.wish.number == number) {
            return Some(self.stops.remove(at).wish);
        }
        // A peg with a price was among those that wait in the book, or it has filled.
        if let Some(at) = self.pegs.iter().position(|peg| peg.wish.number == number) {
            let peg = self.pegs.remove(at);
            return peg.price.is_none().then_some(peg.wish);
        }
        if let Some(at) = self.conditionals.iter().position(|order| order.wish.number == number) {
            return Some(self.conditionals.remove(at).wish);
        }
        let at = self.auctioned.iter().position(|order| order.wish.number == number)?;
        Some(self.auctioned.remove(at).wish)
    }

    /// Forget a side, or both.
    pub fn clear(&mut self, side: Option<Side>) {
        if side != Some(Side::Sell) {
            self.depth.clear(false);
        }
        if side != Some(Side::Buy) {
            self.depth.clear(true);
        }
        self.taken.retain(|taken| side.is_some_and(|side| taken.0 != side));
    }

    /// Price and lots of a side that an order accepts, less what we took of it.
    pub fn there(&self, side: Side, wish: &Wish) -> Vec<(i64, i64)> {
        let free = |(price, qty): (i64, i64)| {
            let ours = self.taken.iter().filter(|taken| (taken.0, taken.1) == (side, price));
            (price, (qty - ours.map(|taken| taken.2).sum::<i64>()).max(0))
        };
        let within = |level: &(i64, i64)| wish.accepts(level.0);
        match side {
            Side::Sell => self.depth.asks().take_while(within).map(free).filter(|level| level.1 > 0).collect(),
            Side::Buy => self.depth.bids().take_while(within).map(free).filter(|level| level.1 > 0).collect(),
        }
    }
}
