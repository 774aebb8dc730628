//! What is said about an instrument without a change of its book.

use omni_wire::itch::{NetOrderImbalance, RetailInterest, TradeNonCross};

use super::super::clock::HOUR;
use super::super::dice::Dice;
use super::super::tape::Tape;
use super::{At, Market, SIZES};

impl Market {
    pub(super) fn trade_hidden(&mut self, at: At, dice: &mut Dice, tape: &mut Tape) {
        let (price, match_number) = (self.reference(at.listing), self.number_match());
        tape.say(
            &TradeNonCross {
                stock_locate: at.locate(),
                tracking_number: 0,
                timestamp: at.now,
                order_reference_number: 0,
                buy_sell_indicator: b'B',
                shares: dice.pick(&SIZES),
                stock: self.listings[at.listing].stock,
                price,
                match_number,
            }
            .encode(),
        );
    }

    pub(super) fn say_retail(&self, at: At, dice: &mut Dice, tape: &mut Tape) {
        let (stock, interest_flag) = (self.listings[at.listing].stock, dice.pick(b"ABSN"));
        tape.say(
            &RetailInterest { stock_locate: at.locate(), tracking_number: 0, timestamp: at.now, stock, interest_flag }.encode(),
        );
    }

    pub(super) fn announce(&self, at: At, dice: &mut Dice, tape: &mut Tape) {
        let price = self.reference(at.listing);
        let imbalance_direction = dice.pick(b"NBS");
        let imbalance_shares = if imbalance_direction == b'N' { 0 } else { 100 * (1 + dice.below(500)) };
        tape.say(
            &NetOrderImbalance {
                stock_locate: at.locate(),
                tracking_number: 0,
                timestamp: at.now,
                paired_shares: 100 * dice.below(5_000),
                imbalance_shares,
                imbalance_direction,
                stock: self.listings[at.listing].stock,
                far_price: price,
                near_price: price,
                current_reference_price: price,
                cross_type: if at.now < 12 * HOUR { b'O' } else { b'C' },
                price_variation_indicator: b'L',
            }
            .encode(),
        );
    }
}
