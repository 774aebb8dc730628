//! The messages of OUCH 4.2: two tables say where every field is, and everything else follows from them.
//!
//! Values are as on the wire: prices in 1/10,000 of a dollar, characters as bytes, text with its padding.

use super::table::{OuchLayout, messages};
use super::{Field, Layout, empty, short};
use crate::WireError;
use crate::itch::layout::{Alpha, Char, Kind, Price4, Time8, U32, U64};

messages! {
    /// A message from client to venue, which travels as unsequenced data.
    ClientMessage,
    /// Every message from client to venue.
    CLIENT_LAYOUTS:

    /// A new order. The same token again is ignored without an answer.
    EnterOrder enter_order = b'O', 49 {
        1 => order_token: Alpha<14>,
        /// `B` buy, `S` sell, `T` sell short, `E` sell short exempt.
        15 => buy_sell_indicator: Char,
        16 => shares: U32,
        20 => stock: Alpha<8>,
        28 => price: Price4,
        /// Seconds, or one of the constants of this module.
        32 => time_in_force: U32,
        36 => firm: Alpha<4>,
        40 => display: Char,
        41 => capacity: Char,
        42 => intermarket_sweep_eligibility: Char,
        43 => minimum_quantity: U32,
        47 => cross_type: Char,
        48 => customer_type: Char,
    }

    /// Another order in place of one that waits.
    ReplaceOrder replace_order = b'U', 47 {
        1 => existing_order_token: Alpha<14>,
        15 => replacement_order_token: Alpha<14>,
        /// What is wanted in total, executions of the old order included.
        29 => shares: U32,
        33 => price: Price4,
        /// Seconds, or one of the constants of this module.
        37 => time_in_force: U32,
        41 => display: Char,
        42 => intermarket_sweep_eligibility: Char,
        43 => minimum_quantity: U32,
    }

    /// Less of an order, or nothing more of it.
    CancelOrder cancel_order = b'X', 19 {
        1 => order_token: Alpha<14>,
        /// The new total, executions included; 0 for nothing more.
        15 => shares: U32,
    }

    /// Another kind of sale, or another total, for an order that waits.
    ModifyOrder modify_order = b'M', 20 {
        1 => order_token: Alpha<14>,
        15 => buy_sell_indicator: Char,
        /// The new total.
        16 => shares: U32,
    }

    /// Trade at once with the midpoint; listed in 2019 only.
    TradeNow trade_now = b'N', 15 {
        1 => order_token: Alpha<14>,
    }
}

messages! {
    /// A message from venue to client, which travels as sequenced data.
    VenueMessage,
    /// Every message from venue to client.
    VENUE_LAYOUTS:

    /// The day begins or ends.
    SystemEvent system_event = b'S', 10 {
        1 => timestamp: Time8,
        9 => event_code: Char,
    }

    /// An order is accepted.
    Accepted accepted = b'A', 66 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
        /// `B` buy, `S` sell, `T` sell short, `E` sell short exempt.
        23 => buy_sell_indicator: Char,
        24 => shares: U32,
        28 => stock: Alpha<8>,
        36 => price: Price4,
        /// Seconds, or one of the constants of this module.
        40 => time_in_force: U32,
        44 => firm: Alpha<4>,
        48 => display: Char,
        /// The number that the order has in ITCH.
        49 => order_reference_number: U64,
        57 => capacity: Char,
        58 => intermarket_sweep_eligibility: Char,
        59 => minimum_quantity: U32,
        63 => cross_type: Char,
        /// `L` live, `D` already gone.
        64 => order_state: Char,
        65 => bbo_weight_indicator: Char,
    }

    /// An order is in the place of another.
    Replaced replaced = b'U', 80 {
        1 => timestamp: Time8,
        9 => replacement_order_token: Alpha<14>,
        /// `B` buy, `S` sell, `T` sell short, `E` sell short exempt.
        23 => buy_sell_indicator: Char,
        /// What is open.
        24 => shares: U32,
        28 => stock: Alpha<8>,
        36 => price: Price4,
        /// Seconds, or one of the constants of this module.
        40 => time_in_force: U32,
        44 => firm: Alpha<4>,
        48 => display: Char,
        /// The number that the order has in ITCH.
        49 => order_reference_number: U64,
        57 => capacity: Char,
        58 => intermarket_sweep_eligibility: Char,
        59 => minimum_quantity: U32,
        63 => cross_type: Char,
        /// `L` live, `D` already gone.
        64 => order_state: Char,
        65 => previous_order_token: Alpha<14>,
        79 => bbo_weight_indicator: Char,
    }

    /// Shares are taken off an order.
    Canceled canceled = b'C', 28 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
        /// Taken off now.
        23 => decrement_shares: U32,
        27 => reason: Char,
    }

    /// Shares are taken off because the order would have met one of its own.
    AiqCanceled aiq_canceled = b'D', 37 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
        /// Taken off now.
        23 => decrement_shares: U32,
        27 => reason: Char,
        28 => quantity_prevented_from_trading: U32,
        32 => execution_price: Price4,
        36 => liquidity_flag: Char,
        later {
            /// How the order would not meet its own.
            37 => aiq_strategy: Char,
        }
    }

    /// Shares of an order have traded.
    Executed executed = b'E', 40 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
        /// Of this fill only.
        23 => executed_shares: U32,
        27 => execution_price: Price4,
        31 => liquidity_flag: Char,
        /// The same for both sides.
        32 => match_number: U64,
    }

    /// A trade is undone.
    BrokenTrade broken_trade = b'B', 32 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
        /// The same for both sides.
        23 => match_number: U64,
        31 => reason: Char,
    }

    /// Shares of an order have traded at a price that follows a reference.
    ExecutedWithReferencePrice executed_with_reference_price = b'G', 45 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
        /// Of this fill only.
        23 => executed_shares: U32,
        27 => execution_price: Price4,
        31 => liquidity_flag: Char,
        /// The same for both sides.
        32 => match_number: U64,
        40 => reference_price: Price4,
        44 => reference_price_type: Char,
    }

    /// A trade is corrected.
    TradeCorrection trade_correction = b'F', 41 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
        /// Of this fill only.
        23 => executed_shares: U32,
        27 => execution_price: Price4,
        31 => liquidity_flag: Char,
        /// The same for both sides.
        32 => match_number: U64,
        40 => reason: Char,
    }

    /// An order is refused.
    Rejected rejected = b'J', 24 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
        23 => reason: Char,
    }

    /// A cancel waits for the cross.
    CancelPending cancel_pending = b'P', 23 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
    }

    /// A cancel came too late for the cross.
    CancelReject cancel_reject = b'I', 23 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
    }

    /// The venue has given an order another price or number.
    OrderPriorityUpdate order_priority_update = b'T', 36 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
        23 => price: Price4,
        27 => display: Char,
        /// The number that the order has in ITCH.
        28 => order_reference_number: U64,
    }

    /// An order is modified as was asked.
    OrderModified order_modified = b'M', 28 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
        23 => buy_sell_indicator: Char,
        /// The new total.
        24 => shares: U32,
    }

    /// What was asked is done; listed in 2019 only.
    TradeNowDone trade_now_done = b'N', 23 {
        1 => timestamp: Time8,
        9 => order_token: Alpha<14>,
    }
}
