//! The enumerations of orders and their events. The codes are stable: they are in journals, snapshots and columns. `docs/matching.md` says what each means.

/// Define an enumeration with stable codes, their names as the outside spells them, and the way back from a code.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $code,)+
        }

        impl $name {
            /// Every value, by ascending code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable code.
            #[inline]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The value with this code.
            #[inline]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The name outside Rust.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

codes! {
    /// Which way an order trades.
    Side {
        /// Adds to the position; rests among the bids.
        Buy = 1 "BUY",
        /// Takes from the position; rests among the asks.
        Sell = 2 "SELL",
    }
}

codes! {
    /// What kind of price an order has.
    OrderType {
        /// Any price, now.
        Market = 1 "MARKET",
        /// A limit or better.
        Limit = 2 "LIMIT",
        /// A market order once a price is reached.
        Stop = 3 "STOP",
        /// A limit order once a price is reached.
        StopLimit = 4 "STOP_LIMIT",
        /// A stop whose price follows the market at a distance.
        TrailingStop = 5 "TRAILING_STOP",
        /// A hidden order whose price follows the best bid or ask.
        Pegged = 6 "PEGGED",
    }
}

codes! {
    /// How long an order lasts; the codes of FIX tag 59.
    TimeInForce {
        /// Until the close.
        Day = 0 "DAY",
        /// Until canceled.
        Gtc = 1 "GTC",
        /// In the opening auction.
        AtOpen = 2 "AT_OPEN",
        /// Now, as much as there is.
        Ioc = 3 "IOC",
        /// Now, in full or not at all.
        Fok = 4 "FOK",
        /// Until a time.
        Gtd = 6 "GTD",
        /// In the closing auction.
        AtClose = 7 "AT_CLOSE",
    }
}

codes! {
    /// What elects a stop.
    Trigger {
        /// Not a stop.
        None = 0 "NONE",
        /// The last trade.
        Last = 1 "LAST",
        /// The displayed best bid for a sell, the best ask for a buy.
        Bbo = 2 "BBO",
    }
}

codes! {
    /// In what a trailing distance counts.
    TrailUnit {
        /// Not a trailing stop.
        None = 0 "NONE",
        /// Ticks.
        Ticks = 1 "TICKS",
        /// Basis points of the reference.
        Bps = 2 "BPS",
    }
}

codes! {
    /// What a pegged order follows.
    PegReference {
        /// Not pegged.
        None = 0 "NONE",
        /// The best price of its own side.
        Primary = 1 "PRIMARY",
        /// The best price of the other side.
        Market = 2 "MARKET",
        /// The middle, rounded away from the other side.
        Mid = 3 "MID",
    }
}

codes! {
    /// What happens to an order that must not take.
    PostOnly {
        /// It may take.
        No = 0 "NO",
        /// It is refused.
        Reject = 1 "REJECT",
        /// Its price slides to one tick short of the other side.
        Slide = 2 "SLIDE",
    }
}

codes! {
    /// What happens when an order would meet one of its own account.
    SelfTrade {
        /// They trade.
        Allow = 0 "ALLOW",
        /// The incoming order is canceled.
        CancelNewest = 1 "CANCEL_NEWEST",
        /// The resting order is canceled.
        CancelOldest = 2 "CANCEL_OLDEST",
        /// Both are canceled.
        CancelBoth = 3 "CANCEL_BOTH",
        /// Both lose the smaller quantity without a trade.
        Decrement = 4 "DECREMENT",
    }
}

codes! {
    /// What an instrument's market does at the moment.
    TradingPhase {
        /// Nothing is accepted.
        Closed = 0 "CLOSED",
        /// Orders gather for the opening auction.
        PreOpen = 1 "PRE_OPEN",
        /// Orders match as they come.
        Continuous = 2 "CONTINUOUS",
        /// Orders can only be canceled.
        Halted = 3 "HALTED",
        /// Orders gather for the closing auction.
        PreClose = 4 "PRE_CLOSE",
    }
}

codes! {
    /// Why a command was refused.
    RejectReason {
        /// The client order id was used for something else, or the id is alive.
        DuplicateOrderId = 1 "DUPLICATE_ORDER_ID",
        /// Outside 1 … 2^50 lots.
        InvalidQty = 2 "INVALID_QTY",
        /// Outside 1 … 2^50 ticks, or given where there is none.
        InvalidPrice = 3 "INVALID_PRICE",
        /// There never was such an order.
        UnknownOrder = 4 "UNKNOWN_ORDER",
        /// No such instrument.
        UnknownInstrument = 5 "UNKNOWN_INSTRUMENT",
        /// No such account.
        UnknownAccount = 6 "UNKNOWN_ACCOUNT",
        /// A stop price or trailing distance is missing, out of range, or given where there is none.
        InvalidStopPrice = 7 "INVALID_STOP_PRICE",
        /// Below −1 or above the quantity.
        InvalidDisplayQty = 8 "INVALID_DISPLAY_QTY",
        /// Below 0 or above the quantity.
        InvalidMinQty = 9 "INVALID_MIN_QTY",
        /// Not in the future, or given without GTD.
        InvalidExpiry = 10 "INVALID_EXPIRY",
        /// Instructions that exclude each other.
        InvalidCombination = 11 "INVALID_COMBINATION",
        /// A post-only order would take.
        PostOnlyWouldTake = 12 "POST_ONLY_WOULD_TAKE",
        /// The order is done.
        TooLate = 13 "TOO_LATE",
        /// The market is halted.
        Halted = 14 "HALTED",
        /// The market is closed.
        MarketClosed = 15 "MARKET_CLOSED",
        /// Not in this phase.
        PhaseForbids = 16 "PHASE_FORBIDS",
        /// A replacement would leave nothing to trade.
        QtyBelowFilled = 17 "QTY_BELOW_FILLED",
        /// A peg without reference, or one that is not a peg.
        InvalidPeg = 18 "INVALID_PEG",
        /// A stop without trigger, or a trigger without stop.
        InvalidTrigger = 19 "INVALID_TRIGGER",
        /// Gate: trading is switched off.
        KillSwitch = 32 "KILL_SWITCH",
        /// Gate: the position could become too large.
        PositionLimit = 33 "POSITION_LIMIT",
        /// Gate: the order is too large.
        OrderSize = 34 "ORDER_SIZE",
        /// Gate: the price is too far from the reference.
        PriceCollar = 35 "PRICE_COLLAR",
        /// Gate: the order is worth too much.
        Notional = 36 "NOTIONAL",
        /// Gate: too many orders.
        OrderRate = 37 "ORDER_RATE",
        /// Gate: too many cancels.
        CancelRate = 38 "CANCEL_RATE",
        /// Gate: too much was lost today.
        DailyLoss = 39 "DAILY_LOSS",
        /// Gate: too much was lost since the equity was highest.
        Drawdown = 40 "DRAWDOWN",
        /// Gate: the exposure would be too large for the equity.
        Leverage = 41 "LEVERAGE",
        /// Gate: the exposure in a sector would be too large for the equity.
        SectorConcentration = 42 "SECTOR_CONCENTRATION",
        /// Gate: the exposure in one instrument would be too large for the equity.
        SingleName = 43 "SINGLE_NAME",
    }
}

codes! {
    /// Why an order was canceled.
    CancelReason {
        /// Its owner asked.
        Requested = 1 "REQUESTED",
        /// A mass cancel took it along.
        MassCancel = 2 "MASS_CANCEL",
        /// What an immediate-or-cancel order could not trade.
        Ioc = 3 "IOC",
        /// A fill-or-kill order could not be filled.
        Fok = 4 "FOK",
        /// A market order found nobody.
        NoLiquidity = 5 "NO_LIQUIDITY",
        /// The minimum quantity was not there.
        MinQty = 6 "MIN_QTY",
        /// It met an order of its own account.
        SelfTrade = 7 "SELF_TRADE",
        /// The kill switch was thrown.
        KillSwitch = 8 "KILL_SWITCH",
    }
}

impl Side {
    /// The other side.
    #[inline]
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// +1 for a buy, −1 for a sell.
    #[inline]
    pub const fn sign(self) -> i64 {
        3 - 2 * self as i64
    }

    /// Whether an order of this side with limit `limit` may trade at `price`.
    #[inline]
    pub fn accepts(self, limit: crate::Ticks, price: crate::Ticks) -> bool {
        self.sign() * price.0 <= self.sign() * limit.0
    }

    /// 0 for a buy, 1 for a sell.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_back() {
        for code in 0..=u8::MAX {
            assert!(RejectReason::from_code(code).is_none_or(|reason| reason.code() == code));
            assert!(TimeInForce::from_code(code).is_none_or(|tif| tif.code() == code));
        }
        for &reason in RejectReason::ALL {
            assert_eq!(RejectReason::from_code(reason.code()), Some(reason));
        }
    }

    #[test]
    fn sides_have_signs() {
        assert_eq!((Side::Buy.sign(), Side::Sell.sign()), (1, -1));
        assert_eq!((Side::Buy.index(), Side::Sell.index()), (0, 1));
    }
}
