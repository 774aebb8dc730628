//! Hidden orders whose price follows the captured best bid and ask.

use omni_types::{LARGEST, PegReference, Side, Terms};

use super::wish::Wish;
use super::{Desk, index};
use crate::ticks::orders::Answer;

/// A pegged order. While it has a price it stands among our orders in the book, which know what is left of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peg {
    pub wish: Wish,
    /// 0 for none.
    pub cap: i64,
    reference: PegReference,
    offset: i64,
    /// Where it stands; `None` while it is parked.
    pub price: Option<i64>,
    /// Whether it was parked anew since prices were last given.
    pub is_anew: bool,
}

impl Peg {
    fn target(&self, bid: Option<i64>, ask: Option<i64>, tick: i64) -> Option<i64> {
        let side = self.wish.side;
        let (own, other) = if side == Side::Buy { (bid, ask) } else { (ask, bid) };
        let reference = match self.reference {
            PegReference::Primary => own?,
            PegReference::Market => other?,
            PegReference::Mid => {
                // Half a tick goes away from the other side: down for a buy, up for a sell.
                let twice = side.sign() * (bid? + ask?);
                side.sign() * twice.div_euclid(2 * tick) * tick
            }
            PegReference::None => return None,
        };
        let price = reference.checked_add(self.offset)?;
        let capped = match (self.cap, side) {
            (0, _) => price,
            (cap, Side::Buy) => price.min(cap),
            (cap, Side::Sell) => price.max(cap),
        };
        (1..=LARGEST).contains(&capped).then_some(capped)
    }
}

impl Desk<'_> {
    pub fn wait_as_peg(&mut self, wish: Wish, cap: i64, terms: &Terms) {
        let Terms { peg_reference: reference, peg_offset, .. } = *terms;
        let wish = Wish { is_new: false, ..wish };
        self.market.pegs.push(Peg { wish, cap, reference, offset: peg_offset.0, price: None, is_anew: true });
        self.market.pegs.sort_by_key(|peg| peg.wish.number);
        self.say(wish.number, Answer::Accepted { ahead: f64::NAN });
    }

    /// The instrument does not trade any more: pegs have no price.
    pub fn park(&mut self) {
        for number in self.numbers_of_pegs() {
            if let Some(at) = self.market.pegs.iter().position(|peg| peg.wish.number == number && peg.price.is_some()) {
                self.lift(at);
                let peg = &mut self.market.pegs[at];
                (peg.price, peg.is_anew) = (None, true);
                self.say(number, Answer::Repriced { price: 0, ahead: f64::NAN });
            }
        }
    }

    /// Give pegs their prices if those may have changed; whether they may.
    pub fn price_pegs(&mut self) -> bool {
        let to = (self.market.depth.best_bid(), self.market.depth.best_ask());
        let is_due = to != self.market.pegged_to || self.market.pegs.iter().any(|peg| peg.is_anew);
        if self.market.pegs.is_empty() || !is_due {
            return false;
        }
        self.market.pegged_to = to;
        for number in self.numbers_of_pegs() {
            // A trade in this pass may have been its end.
            if let Some(at) = self.market.pegs.iter().position(|peg| peg.wish.number == number) {
                self.price_peg(at, to);
            }
        }
        true
    }

    fn price_peg(&mut self, at: usize, (bid, ask): (Option<i64>, Option<i64>)) {
        let peg = &mut self.market.pegs[at];
        peg.is_anew = false;
        let (price, number, side) = (peg.target(bid, ask, self.rules.tick), peg.wish.number, peg.wish.side);
        if price == peg.price {
            return;
        }
        self.lift(at);
        self.market.pegs[at].price = price;
        let ahead = price.map_or(f64::NAN, |price| self.market.shown(side, price) as f64);
        self.say(number, Answer::Repriced { price: price.unwrap_or(0), ahead });
        let Some(price) = price else { return };
        let wish = Wish { limit: Some(price), ..self.market.pegs[at].wish };
        let meetings = self.meetings(&wish);
        match self.take(wish, &meetings) {
            Some(left) => {
                self.stand(left, price);
            }
            None => self.market.pegs.retain(|peg| peg.wish.number != number),
        }
    }

    /// Take a peg out of the book, with what is left of it.
    fn lift(&mut self, at: usize) {
        let Wish { number, side, .. } = self.market.pegs[at].wish;
        let ours = &mut self.market.ours[index(side)];
        if let Some(place) = ours.find(number) {
            self.market.pegs[at].wish = ours.remove(&self.market.depth, place).wish;
        }
    }

    /// Numbers of the pegs, ascending, without those that have filled.
    fn numbers_of_pegs(&mut self) -> Vec<u32> {
        let market = &mut *self.market;
        market.pegs.retain(|peg| peg.price.is_none() || market.ours[index(peg.wish.side)].find(peg.wish.number).is_some());
        market.pegs.iter().map(|peg| peg.wish.number).collect()
    }
}
