//! The messages of Nasdaq TotalView-ITCH 5.0: one table says where every field is, and everything else follows from it.
//!
//! Values are as on the wire: prices in 1/10,000 of a dollar, characters as bytes, text with its padding. The fields that every message
//! begins with (`stock_locate`, `tracking_number`, `timestamp`) are not repeated in the table.

use super::layout::{Alpha, Char, Field, FieldKind, Kind, Layout, Price4, Price8, Time6, Time8, U16, U32, U64, messages};
use super::{empty, wrong};
use crate::WireError;

messages! {
    /// A part of the market's day begins or ends.
    SystemEvent system_event = b'S', 12 {
        /// `O` first message, `S` orders taken, `Q` market hours, `M` their end, `E` system closed, `C` last message.
        11 => event_code: Char,
    }

    /// An instrument of the day.
    StockDirectory stock_directory = b'R', 39 {
        11 => stock: Alpha<8>,
        19 => market_category: Char,
        20 => financial_status_indicator: Char,
        21 => round_lot_size: U32,
        25 => round_lots_only: Char,
        26 => issue_classification: Char,
        27 => issue_sub_type: Alpha<2>,
        /// `P` live, `T` a test symbol.
        29 => authenticity: Char,
        30 => short_sale_threshold_indicator: Char,
        31 => ipo_flag: Char,
        32 => luld_reference_price_tier: Char,
        33 => etp_flag: Char,
        34 => etp_leverage_factor: U32,
        38 => inverse_indicator: Char,
    }

    /// Trading of an instrument changes its state.
    StockTradingAction stock_trading_action = b'H', 25 {
        11 => stock: Alpha<8>,
        /// `H` halted, `P` paused, `Q` quotation only, `T` trading.
        19 => trading_state: Char,
        20 => reserved: Char,
        21 => reason: Alpha<4>,
    }

    /// The short-sale price test of an instrument begins or ends.
    RegShoRestriction reg_sho_restriction = b'Y', 20 {
        11 => stock: Alpha<8>,
        /// `0` no test, `1` it begins, `2` it goes on.
        19 => reg_sho_action: Char,
    }

    /// What a market participant is in an instrument.
    MarketParticipantPosition market_participant_position = b'L', 26 {
        11 => mpid: Alpha<4>,
        15 => stock: Alpha<8>,
        23 => primary_market_maker: Char,
        24 => market_maker_mode: Char,
        25 => market_participant_state: Char,
    }

    /// Levels of the market-wide circuit breaker.
    MwcbDeclineLevel mwcb_decline_level = b'V', 35 {
        11 => level_1: Price8,
        19 => level_2: Price8,
        27 => level_3: Price8,
    }

    /// A level of the market-wide circuit breaker is breached.
    MwcbStatus mwcb_status = b'W', 12 {
        11 => breached_level: Char,
    }

    /// When an offering will be quoted.
    IpoQuotingPeriod ipo_quoting_period = b'K', 28 {
        11 => stock: Alpha<8>,
        /// Seconds since midnight.
        19 => ipo_quotation_release_time: U32,
        /// `A` anticipated, `C` canceled or postponed.
        23 => ipo_quotation_release_qualifier: Char,
        24 => ipo_price: Price4,
    }

    /// Collar of the auction after a pause.
    LuldAuctionCollar luld_auction_collar = b'J', 35 {
        11 => stock: Alpha<8>,
        19 => auction_collar_reference_price: Price4,
        23 => upper_auction_collar_price: Price4,
        27 => lower_auction_collar_price: Price4,
        31 => auction_collar_extension: U32,
    }

    /// An instrument is halted on one market, or no longer is.
    OperationalHalt operational_halt = b'h', 21 {
        11 => stock: Alpha<8>,
        /// `Q` Nasdaq, `B` BX, `X` PSX.
        19 => market_code: Char,
        /// `H` halted, `T` resumed.
        20 => operational_halt_action: Char,
    }

    /// A displayed order.
    AddOrder add_order = b'A', 36 {
        11 => order_reference_number: U64,
        /// `B` or `S`.
        19 => buy_sell_indicator: Char,
        20 => shares: U32,
        24 => stock: Alpha<8>,
        32 => price: Price4,
    }

    /// A displayed order that names its market participant.
    AddOrderMpid add_order_mpid = b'F', 40 {
        11 => order_reference_number: U64,
        /// `B` or `S`.
        19 => buy_sell_indicator: Char,
        20 => shares: U32,
        24 => stock: Alpha<8>,
        32 => price: Price4,
        36 => attribution: Alpha<4>,
    }

    /// A displayed order trades at its price.
    OrderExecuted order_executed = b'E', 31 {
        11 => order_reference_number: U64,
        19 => executed_shares: U32,
        23 => match_number: U64,
    }

    /// A displayed order trades at another price.
    OrderExecutedWithPrice order_executed_with_price = b'C', 36 {
        11 => order_reference_number: U64,
        19 => executed_shares: U32,
        23 => match_number: U64,
        /// `Y` counts in volume, `N` does not.
        31 => printable: Char,
        32 => execution_price: Price4,
    }

    /// Part of an order is taken off.
    OrderCancel order_cancel = b'X', 23 {
        11 => order_reference_number: U64,
        19 => cancelled_shares: U32,
    }

    /// An order is gone.
    OrderDelete order_delete = b'D', 19 {
        11 => order_reference_number: U64,
    }

    /// An order is gone and another one takes over its side and instrument.
    OrderReplace order_replace = b'U', 35 {
        11 => original_order_reference_number: U64,
        19 => new_order_reference_number: U64,
        27 => shares: U32,
        31 => price: Price4,
    }

    /// A trade against an order that was not displayed.
    TradeNonCross trade_non_cross = b'P', 44 {
        11 => order_reference_number: U64,
        /// `B` or `S`.
        19 => buy_sell_indicator: Char,
        20 => shares: U32,
        24 => stock: Alpha<8>,
        32 => price: Price4,
        36 => match_number: U64,
    }

    /// The print of an auction.
    CrossTrade cross_trade = b'Q', 40 {
        11 => shares: U64,
        19 => stock: Alpha<8>,
        27 => cross_price: Price4,
        31 => match_number: U64,
        /// `O` open, `C` close, `H` offering or halt, and newer ones.
        39 => cross_type: Char,
    }

    /// A trade is undone.
    BrokenTrade broken_trade = b'B', 19 {
        11 => match_number: U64,
    }

    /// What an auction would do now.
    NetOrderImbalance net_order_imbalance = b'I', 50 {
        11 => paired_shares: U64,
        19 => imbalance_shares: U64,
        /// `B`, `S`, `N` none, `O` too few orders, `P` paused.
        27 => imbalance_direction: Char,
        28 => stock: Alpha<8>,
        36 => far_price: Price4,
        40 => near_price: Price4,
        44 => current_reference_price: Price4,
        48 => cross_type: Char,
        49 => price_variation_indicator: Char,
    }

    /// Retail interest inside the quote.
    RetailInterest retail_interest = b'N', 20 {
        11 => stock: Alpha<8>,
        /// `B` buy, `S` sell, `A` both, `N` none.
        19 => interest_flag: Char,
    }

    /// Price discovery of a direct listing that raises capital.
    DirectListing direct_listing = b'O', 48 {
        11 => stock: Alpha<8>,
        19 => open_eligibility_status: Char,
        20 => minimum_allowable_price: Price4,
        24 => maximum_allowable_price: Price4,
        28 => near_execution_price: Price4,
        /// Eight bytes, unlike every other time.
        32 => near_execution_time: Time8,
        40 => lower_price_range_collar: Price4,
        44 => upper_price_range_collar: Price4,
    }
}
