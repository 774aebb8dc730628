//! Our orders, and what is heard of them.

use omni_types::{PostOnly, SelfTrade, Side, Terms};

/// What decides the price of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderType {
    /// The best price there is.
    Market = 0,
    /// A price or a better one.
    Limit = 1,
    /// A market order once a price is reached.
    Stop = 2,
    /// A limit order once a price is reached.
    StopLimit = 3,
    /// A stop whose price follows the market at a distance.
    TrailingStop = 4,
    /// A hidden order whose price follows the best bid or ask.
    Pegged = 5,
}

impl OrderType {
    /// Whether it waits for a price that elects it.
    #[inline]
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit | Self::TrailingStop)
    }
}

/// How long an order waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TimeInForce {
    /// Until it is canceled.
    Gtc = 0,
    /// What is not filled at once expires.
    Ioc = 1,
    /// All at once or nothing.
    Fok = 2,
    /// Until it is canceled, and only as a maker: it expires where it would take.
    PostOnly = 3,
    /// Until the end of its day.
    Day = 4,
    /// In the opening auction.
    AtOpen = 5,
    /// Until a time.
    Gtd = 6,
    /// In the closing auction.
    AtClose = 7,
}

/// What few orders say beyond price, quantity and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// Stops, pegs, what is shown, minimum, end.
    pub terms: Terms,
    /// Whether it must not take.
    pub post_only: PostOnly,
    /// On meeting one of ours.
    pub self_trade: SelfTrade,
}

impl Instructions {
    /// None.
    pub const NONE: Self = Self { terms: Terms::PLAIN, post_only: PostOnly::No, self_trade: SelfTrade::Allow };
}

/// Where an order is in its life, as far as we have heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// On its way to the venue.
    PendingNew = 0,
    /// Waits in the book.
    New = 1,
    /// Waits, and was filled in part.
    PartiallyFilled = 2,
    /// Done.
    Filled = 3,
    /// Taken back.
    Canceled = 4,
    /// Ended by its time in force.
    Expired = 5,
    /// Refused by our gate, by the venue, or lost on its way.
    Rejected = 6,
}

impl Status {
    /// Whether nothing can happen to the order any more.
    #[inline]
    pub const fn is_final(self) -> bool {
        self as u8 >= Self::Filled as u8
    }
}

/// An order as we know it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// Place of the instrument in the feed.
    pub instrument: u16,
    /// Buy or sell.
    pub side: Side,
    /// What decides its price.
    pub kind: OrderType,
    /// How long it waits.
    pub time_in_force: TimeInForce,
    /// Ticks, where it stands if it was repriced; 0 without a limit.
    pub price: i64,
    /// Lots.
    pub qty: i64,
    /// Lots filled, as far as we have heard.
    pub filled: i64,
    /// What we know.
    pub status: Status,
    /// Requests that were not answered yet.
    pub n_pending: u8,
    /// Why it ended without being filled; [`reason`].
    pub reason: u16,
    /// When it was sent.
    pub ts_sent: i64,
    /// When the venue last said something of it, by the venue's clock.
    pub ts_venue: i64,
    /// When we last heard of it.
    pub ts_heard: i64,
    /// Best bid and ask that we knew when we sent it, ticks; 0 for an empty side.
    pub seen: (i64, i64),
}

impl Order {
    /// Lots that are not filled.
    #[inline]
    pub fn leaves(&self) -> i64 {
        self.qty - self.filled
    }

    /// Whether it waits at the venue and no request about it is on its way.
    #[inline]
    pub fn is_cancelable(&self) -> bool {
        !self.status.is_final() && self.n_pending == 0
    }

    /// Take note of an answer.
    pub(crate) fn hear(&mut self, now: i64, ts_venue: i64, answer: Answer) {
        (self.ts_heard, self.ts_venue) = (now, ts_venue);
        let answers_a_request = match answer {
            Answer::Accepted { .. } => {
                if self.status == Status::PendingNew {
                    self.status = Status::New;
                    true
                } else {
                    // It rests again after a replacement, or with what it could not take.
                    false
                }
            }
            Answer::Fill { qty, is_last, .. } => {
                self.filled += qty;
                let is_first_word = self.status == Status::PendingNew;
                self.status = if is_last { Status::Filled } else { Status::PartiallyFilled };
                is_first_word
            }
            Answer::Replaced { price, qty, .. } => {
                self.qty = qty;
                // Of a stop it is the stop price, of a peg its cap.
                if !matches!(self.kind, OrderType::Stop | OrderType::TrailingStop | OrderType::Pegged) {
                    self.price = price;
                }
                true
            }
            Answer::Repriced { price, .. } => {
                self.price = price;
                false
            }
            Answer::Decremented { qty } => {
                self.qty -= qty;
                false
            }
            Answer::Triggered | Answer::Refreshed { .. } => false,
            Answer::Ended { status, reason } => {
                (self.status, self.reason) = (status, reason);
                true
            }
            Answer::TooLate | Answer::Refused { .. } => true,
        };
        if answers_a_request {
            self.n_pending = self.n_pending.saturating_sub(1);
        }
    }
}

/// Why an order ended. From 1 to 999 they are the codes of the risk gate and its system.
pub mod reason {
    /// It did not end, or was filled.
    pub const NONE: u16 = 0;
    /// There was nothing on the other side.
    pub const NO_LIQUIDITY: u16 = 1_001;
    /// It would have taken, and must not.
    pub const WOULD_TAKE: u16 = 1_002;
    /// Its time in force was over.
    pub const NOT_FILLED_AT_ONCE: u16 = 1_003;
    /// The instrument does not trade.
    pub const HALTED: u16 = 1_004;
    /// It never reached the venue.
    pub const LOST: u16 = 1_005;
    /// There was no such order any more.
    pub const TOO_LATE: u16 = 1_006;
    /// The data ended first.
    pub const END_OF_DATA: u16 = 1_007;
    /// Its day was over.
    pub const DAY_OVER: u16 = 1_008;
    /// Its time was over.
    pub const TIME_OVER: u16 = 1_009;
    /// Its auction printed, and had nothing for it.
    pub const NOT_IN_AUCTION: u16 = 1_010;
    /// No auction came.
    pub const NO_AUCTION: u16 = 1_011;
    /// A split changed what its price means.
    pub const CORPORATE_ACTION: u16 = 1_020;
    /// The order met another one of its own account, and gave way.
    pub const SELF_TRADE: u16 = 1_101;
}

/// What we ask of the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    New,
    Cancel,
    Replace { price: i64, qty: i64, stop_price: i64 },
}

/// What the venue answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    /// The order waits, with so many lots before it.
    Accepted { ahead: f64 },
    /// It was refused or ended with a reason.
    Ended { status: Status, reason: u16 },
    /// Lots traded.
    Fill { qty: i64, price: i64, is_maker: bool, is_last: bool },
    /// It waits under new terms.
    Replaced { price: i64, qty: i64, ahead: f64 },
    /// A cancel or a replacement came too late.
    TooLate,
    /// A replacement cannot be.
    Refused { reason: u16 },
    /// A stop was elected.
    Triggered,
    /// It stands at another price, 0 for none, with so many lots before it.
    Repriced { price: i64, ahead: f64 },
    /// An iceberg shows so many lots anew.
    Refreshed { qty: i64, ahead: f64 },
    /// It has so many lots less, because it met one of its own.
    Decremented { qty: i64 },
}

impl Answer {
    /// The same for a strategy.
    pub fn notice(self, fee: f64) -> NoticeKind {
        match self {
            Self::Accepted { .. } => NoticeKind::Accepted,
            Self::Replaced { .. } => NoticeKind::Replaced,
            Self::Fill { qty, price, is_maker, .. } => NoticeKind::Fill { qty, price, is_maker, fee },
            Self::Ended { .. } => NoticeKind::Ended,
            Self::TooLate | Self::Refused { .. } => NoticeKind::RequestRefused,
            Self::Triggered => NoticeKind::Triggered,
            Self::Repriced { price, .. } => NoticeKind::Repriced { price },
            Self::Refreshed { qty, .. } => NoticeKind::Refreshed { qty },
            Self::Decremented { qty } => NoticeKind::Decremented { qty },
        }
    }
}

/// What happened to an order, for a strategy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Notice {
    /// The order, by its place.
    pub order: u32,
    /// What.
    pub kind: NoticeKind,
    /// When, by the venue's clock.
    pub ts_venue: i64,
}

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoticeKind {
    /// The order waits in the book.
    Accepted,
    /// It has other terms.
    Replaced,
    /// Lots traded.
    Fill {
        /// Lots.
        qty: i64,
        /// Ticks.
        price: i64,
        /// Whether it had waited.
        is_maker: bool,
        /// Fee in currency, negative for a rebate.
        fee: f64,
    },
    /// It ended without being filled whole.
    Ended,
    /// A cancel or a replacement came too late, was lost, or cannot be.
    RequestRefused,
    /// A stop was elected.
    Triggered,
    /// It stands at another price.
    Repriced {
        /// Ticks; 0 where it has none.
        price: i64,
    },
    /// An iceberg shows lots anew.
    Refreshed {
        /// Lots.
        qty: i64,
    },
    /// It has lots less, because it met one of its own.
    Decremented {
        /// Lots.
        qty: i64,
    },
}
