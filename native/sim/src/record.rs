//! What a run leaves behind: one compact record per order, fill and closed trade, and counts of everything that was held back.

use omni_types::{RejectReason, Side, Ticks};

/// Market, limit or stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderKind {
    /// Any price.
    Market = 0,
    /// The price or better.
    Limit = 1,
    /// A market order once the price is reached.
    Stop = 2,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderStatus {
    /// Waiting for its price or its time.
    Working = 0,
    /// Filled whole.
    Filled = 1,
    /// Ended with something unfilled.
    Canceled = 2,
    /// Never worked.
    Rejected = 3,
    /// Still working after the last bar.
    Expired = 4,
}

/// Why an order ended unfilled. The codes are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderReason {
    /// It did not.
    None = 0,
    /// More than the buying power.
    InsufficientCash = 1,
    /// A later target took its place.
    ReplacedByTarget = 2,
    /// The strategy canceled it.
    CanceledByStrategy = 3,
    /// The data ended.
    EndOfData = 4,
    /// The quantity is not positive, or beyond what money can count.
    InvalidQty = 5,
    /// The price is not positive.
    InvalidPrice = 6,
    /// Limit and stop orders need open, high and low, and the bars have only closes.
    NoIntrabarPrices = 7,
    /// The run ended in an error before the data did.
    RunStopped = 8,
    /// A split changed what its price means, or left nothing of its quantity.
    CorporateAction = 9,
    /// Gate: trading is switched off. This code and those that follow are those of [`RejectReason`].
    KillSwitch = 32,
    /// Gate: the position could become too large.
    PositionLimit = 33,
    /// Gate: the order is too large.
    OrderSize = 34,
    /// Gate: the price is too far from the reference.
    PriceCollar = 35,
    /// Gate: the order is worth too much.
    Notional = 36,
    /// Gate: too many orders.
    OrderRate = 37,
    /// Gate: too much was lost today.
    DailyLoss = 39,
    /// Gate: too much was lost since the equity was highest.
    Drawdown = 40,
    /// Gate: the exposure would be too large for the equity.
    Leverage = 41,
    /// Gate: the exposure in a sector would be too large for the equity.
    SectorConcentration = 42,
    /// Gate: the exposure in one instrument would be too large for the equity.
    SingleName = 43,
}

impl OrderReason {
    /// The name outside Rust; empty where there is none.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::InsufficientCash => "INSUFFICIENT_CASH",
            Self::ReplacedByTarget => "REPLACED_BY_TARGET",
            Self::CanceledByStrategy => "CANCELED_BY_STRATEGY",
            Self::EndOfData => "END_OF_DATA",
            Self::InvalidQty => "INVALID_QTY",
            Self::InvalidPrice => "INVALID_PRICE",
            Self::NoIntrabarPrices => "NO_INTRABAR_PRICES",
            Self::RunStopped => "RUN_STOPPED",
            Self::CorporateAction => "CORPORATE_ACTION",
            Self::KillSwitch => RejectReason::KillSwitch.name(),
            Self::PositionLimit => RejectReason::PositionLimit.name(),
            Self::OrderSize => RejectReason::OrderSize.name(),
            Self::PriceCollar => RejectReason::PriceCollar.name(),
            Self::Notional => RejectReason::Notional.name(),
            Self::OrderRate => RejectReason::OrderRate.name(),
            Self::DailyLoss => RejectReason::DailyLoss.name(),
            Self::Drawdown => RejectReason::Drawdown.name(),
            Self::Leverage => RejectReason::Leverage.name(),
            Self::SectorConcentration => RejectReason::SectorConcentration.name(),
            Self::SingleName => RejectReason::SingleName.name(),
        }
    }

    /// The reason of an order that the gate refused.
    pub(crate) fn refused_by_gate(reason: RejectReason) -> Self {
        match reason {
            RejectReason::KillSwitch => Self::KillSwitch,
            RejectReason::PositionLimit => Self::PositionLimit,
            RejectReason::OrderSize => Self::OrderSize,
            RejectReason::PriceCollar => Self::PriceCollar,
            RejectReason::Notional => Self::Notional,
            RejectReason::OrderRate => Self::OrderRate,
            RejectReason::DailyLoss => Self::DailyLoss,
            RejectReason::Drawdown => Self::Drawdown,
            RejectReason::Leverage => Self::Leverage,
            RejectReason::SectorConcentration => Self::SectorConcentration,
            RejectReason::SingleName => Self::SingleName,
            other => unreachable!("the gate refuses no order with {}", other.name()),
        }
    }
}

/// One order. Its id is its place in the list of orders.
#[derive(Clone, Copy, Debug)]
pub struct OrderRecord {
    /// Instrument.
    pub symbol: u32,
    /// Step in which it was sent.
    pub step_sent: u32,
    /// Step in which it ended.
    pub step_closed: u32,
    /// Buy or sell.
    pub side: Side,
    /// Market, limit or stop.
    pub kind: OrderKind,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it ended unfilled.
    pub reason: OrderReason,
    /// Lots ordered, positive.
    pub qty: i64,
    /// Lots filled.
    pub filled: i64,
    /// Limit or stop price; zero for a market order.
    pub price: Ticks,
}

impl OrderRecord {
    /// Lots not yet filled.
    #[inline]
    pub fn leaves(&self) -> i64 {
        self.qty - self.filled
    }
}

/// A change in the state of an order that is no fill: it was accepted (its status is then working), rejected, canceled, or it expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderChange {
    /// The order.
    pub order: u32,
    /// Step of the change.
    pub step: u32,
    /// Where the order stands from then on.
    pub status: OrderStatus,
    /// Why.
    pub reason: OrderReason,
    /// Fills of the run before it.
    pub n_fills: u32,
}

/// When in its step a fill happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FillTime {
    /// At the open.
    Open = 0,
    /// Between open and close.
    Inside = 1,
    /// At the close.
    Close = 2,
}

/// One fill. What follows from it and the bars, such as its commission, is computed when somebody asks: a run may make millions.
#[derive(Clone, Copy, Debug)]
pub struct FillRecord {
    /// The order.
    pub order: u32,
    /// Step of the fill.
    pub step: u32,
    /// When in the step.
    pub time: FillTime,
    /// Whether the order was resting at its limit.
    pub maker: bool,
    /// Lots, positive.
    pub qty: i64,
    /// Price paid or received.
    pub price: Ticks,
}

/// A position, or a part of one, that was closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TradeRecord {
    /// Instrument.
    pub symbol: u32,
    /// Step in which the position was opened from flat.
    pub step_entry: u32,
    /// Step in which this part was closed.
    pub step_exit: u32,
    /// Lots closed, signed as the position was (+ long).
    pub lots: i64,
    /// Average price of entry, ticks.
    pub entry_ticks: f64,
    /// Price of exit.
    pub exit_price: Ticks,
    /// Commissions of entry and exit, currency.
    pub commission: f64,
    /// Profit after commissions, currency.
    pub pnl: f64,
}

/// What was held back, so that nothing is dropped in silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Orders refused on arrival.
    pub rejected: u64,
    /// Orders canceled whole because they were beyond the buying power.
    pub insufficient_cash: u64,
    /// Orders cut to the buying power, if need be to nothing.
    pub reduced: u64,
    /// Orders replaced by a later target before they were filled.
    pub replaced: u64,
    /// Orders still working after the last bar.
    pub expired: u64,
    /// Nonzero weights that came to no lot.
    pub rounded_to_zero: u64,
    /// Weights for instruments that had no price yet.
    pub unpriced: u64,
    /// Fills cut by the volume limit.
    pub volume_limited: u64,
    /// Cancels that the gate refused.
    pub cancels_refused: u64,
}
