//! Orders that wait for an auction, and what its print does to them.

use omni_types::Side;

use super::wish::Wish;
use super::{Desk, FillModel};
use crate::ticks::feed::Step;
use crate::ticks::orders::{Answer, Status, reason};
use crate::ticks::session::auction;

/// An order that waits for its auction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Auctioned {
    pub wish: Wish,
    is_for_open: bool,
}

impl Desk<'_> {
    pub fn wait_for_auction(&mut self, wish: Wish, is_for_open: bool) {
        self.market.auctioned.push(Auctioned { wish: Wish { is_new: false, ..wish }, is_for_open });
        self.say(wish.number, Answer::Accepted { ahead: f64::NAN });
    }

    /// An auction printed: its orders fill or go, and the day may be over with it.
    pub fn auction(&mut self, step: &Step) {
        let (price, bits) = (self.market.depth.ladder().price(step.place), step.auction());
        let takes_part = |order: &Auctioned| bits & if order.is_for_open { auction::OPENING } else { auction::CLOSING } != 0;
        for side in [Side::Buy, Side::Sell] {
            let mut left = if self.rules.fills == FillModel::Whole { i64::MAX } else { step.qty };
            let accepts = |wish: &Wish| wish.limit.is_none_or(|limit| side.sign() * limit > side.sign() * price);
            let market =
                self.market.auctioned.iter().enumerate().filter(|(_, order)| takes_part(order) && order.wish.side == side);
            let mut places: Vec<usize> = market.filter(|(_, order)| accepts(&order.wish)).map(|(at, _)| at).collect();
            places.sort_by_key(|&at| self.market.auctioned[at].wish.limit.map_or(i64::MIN, |limit| -side.sign() * limit));
            for at in places {
                let wish = &mut self.market.auctioned[at].wish;
                let qty = wish.leaves.min(left);
                left -= qty;
                if qty > 0 {
                    wish.trade(qty);
                    let (number, is_last) = (wish.number, wish.leaves == 0);
                    self.say(number, Answer::Fill { qty, price, is_maker: true, is_last });
                }
            }
        }
        let mut over: Vec<(u32, u16)> = Vec::new();
        self.market.auctioned.retain(|order| {
            let gone = takes_part(order);
            if gone && order.wish.leaves > 0 {
                over.push((order.wish.number, reason::NOT_IN_AUCTION));
            }
            !gone
        });
        if bits & auction::ENDS_DAY != 0 {
            over.extend(self.market.auctioned.drain(..).map(|order| (order.wish.number, reason::NO_AUCTION)));
            for (side, number) in std::mem::take(&mut self.market.days) {
                if self.market.take_out(side, number).is_some() {
                    over.push((number, reason::DAY_OVER));
                }
            }
        }
        over.sort_unstable();
        for (number, reason) in over {
            self.end(number, Status::Expired, reason);
        }
    }
}
