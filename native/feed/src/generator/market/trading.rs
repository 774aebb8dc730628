//! Trades of orders that are displayed.

use omni_wire::itch::{CrossTrade, OrderExecuted, OrderExecutedWithPrice};

use super::super::dice::Dice;
use super::super::tape::Tape;
use super::{At, Market, TICK};
use crate::books::parts::flip;

impl Market {
    /// A trade of as much as the first orders of both sides have, between the sides.
    pub fn cross(&mut self, listing: usize, cross_type: u8, now: u64, tape: &mut Tape) {
        let at = At { listing, now };
        if !self.listings[listing].book.has_both() {
            return;
        }
        let price = self.reference(listing);
        let firsts = [self.first(listing, false), self.first(listing, true)];
        let shares = firsts.map(|slot| self.store.order(slot).qty).into_iter().min().unwrap_or_default();
        for slot in firsts {
            let match_number = self.number_match();
            tape.say(
                &OrderExecutedWithPrice {
                    stock_locate: at.locate(),
                    tracking_number: 0,
                    timestamp: now,
                    order_reference_number: self.store.order(slot).id,
                    executed_shares: shares as u32,
                    match_number,
                    printable: b'N',
                    execution_price: price,
                }
                .encode(),
            );
            self.reduce(listing, slot, shares);
        }
        let match_number = self.number_match();
        let (stock_locate, stock) = self.name(listing);
        tape.say(
            &CrossTrade {
                stock_locate,
                tracking_number: 0,
                timestamp: now,
                shares: shares as u64,
                stock,
                cross_price: price,
                match_number,
                cross_type,
            }
            .encode(),
        );
    }

    pub(super) fn execute(&mut self, at: At, dice: &mut Dice, tape: &mut Tape) {
        let either = dice.below(2) == 0;
        let slot = self.bargain(at.listing).unwrap_or_else(|| self.first(at.listing, either));
        let order = *self.store.order(slot);
        let qty = if dice.below(8) < 5 { order.qty } else { 1 + dice.below(order.qty as u64) as i64 };
        let (match_number, timestamp) = (self.number_match(), at.now);
        let (stock_locate, order_reference_number, executed_shares) = (at.locate(), order.id, qty as u32);
        if dice.below(50) == 0 {
            let level = self.store.level(order.level);
            // Half a cent better than displayed.
            let execution_price = (flip(level.is_ask, level.key) + TICK / 2) as u32;
            tape.say(
                &OrderExecutedWithPrice {
                    stock_locate,
                    tracking_number: 0,
                    timestamp,
                    order_reference_number,
                    executed_shares,
                    match_number,
                    printable: b'Y',
                    execution_price,
                }
                .encode(),
            );
        } else {
            let executed = OrderExecuted {
                stock_locate,
                tracking_number: 0,
                timestamp,
                order_reference_number,
                executed_shares,
                match_number,
            };
            tape.say(&executed.encode());
        }
        self.reduce(at.listing, slot, qty);
    }
}
