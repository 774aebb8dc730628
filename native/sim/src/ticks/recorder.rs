//! What a run leaves behind: every message about our orders, and samples of the account.

use super::orders::{Answer, Status, reason};

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageKind {
    /// We sent an order.
    Sent = 0,
    /// Our gate refused it: it was never sent.
    Denied = 1,
    /// We asked for a cancel.
    CancelSent = 2,
    /// We asked for a replacement.
    ReplaceSent = 3,
    /// The venue took the order in.
    Accepted = 4,
    /// It has other terms.
    Replaced = 5,
    /// Lots traded.
    Fill = 6,
    /// It was taken back.
    Canceled = 7,
    /// Its time in force ended it.
    Expired = 8,
    /// The venue refused it, or it was lost.
    Rejected = 9,
    /// A cancel or replacement came too late, was lost, or cannot be.
    RequestRefused = 10,
    /// A stop was elected.
    Triggered = 11,
    /// It stands at another price, 0 for none.
    Repriced = 12,
    /// An iceberg shows lots anew.
    Refreshed = 13,
    /// It has lots less, because it met one of its own.
    Decremented = 14,
}

/// One message, a row of the journal of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message {
    /// When we said or heard it.
    pub ts: i64,
    /// When the venue said it; 0 for what we say.
    pub ts_venue: i64,
    /// The order, by its place.
    pub order: u32,
    /// What it says.
    pub kind: MessageKind,
    /// Whether the fill was of an order that had waited.
    pub is_maker: bool,
    /// Why; see [`reason`].
    pub reason: u16,
    /// Lots of the order or the fill; of a replacement the new total.
    pub qty: i64,
    /// Ticks, likewise.
    pub price: i64,
    /// Lots before the order when it was taken in; NaN elsewhere.
    pub ahead: f64,
    /// Fee of a fill, currency.
    pub fee: f64,
}

impl Message {
    /// What the venue answered, as we heard it.
    pub(crate) fn heard(ts: i64, ts_venue: i64, order: u32, answer: Answer) -> Self {
        let kind = match answer {
            Answer::Accepted { .. } => MessageKind::Accepted,
            Answer::Replaced { .. } => MessageKind::Replaced,
            Answer::Fill { .. } => MessageKind::Fill,
            Answer::TooLate | Answer::Refused { .. } => MessageKind::RequestRefused,
            Answer::Triggered => MessageKind::Triggered,
            Answer::Repriced { .. } => MessageKind::Repriced,
            Answer::Refreshed { .. } => MessageKind::Refreshed,
            Answer::Decremented { .. } => MessageKind::Decremented,
            Answer::Ended { status: Status::Canceled, .. } => MessageKind::Canceled,
            Answer::Ended { status: Status::Expired, .. } => MessageKind::Expired,
            Answer::Ended { .. } => MessageKind::Rejected,
        };
        let mut message = Self::sent(ts, order, kind, 0, 0);
        message.ts_venue = ts_venue;
        match answer {
            Answer::Accepted { ahead } => message.ahead = ahead,
            Answer::Replaced { price, qty, ahead } => (message.price, message.qty, message.ahead) = (price, qty, ahead),
            Answer::Fill { qty, price, is_maker, .. } => (message.price, message.qty, message.is_maker) = (price, qty, is_maker),
            Answer::Ended { reason, .. } | Answer::Refused { reason } => message.reason = reason,
            // A request that was lost never met the venue's clock.
            Answer::TooLate => message.reason = if ts_venue == 0 { reason::LOST } else { reason::TOO_LATE },
            Answer::Triggered => {}
            Answer::Repriced { price, ahead } => (message.price, message.ahead) = (price, ahead),
            Answer::Refreshed { qty, ahead } => (message.qty, message.ahead) = (qty, ahead),
            Answer::Decremented { qty } => message.qty = qty,
        }
        message
    }

    /// What we say.
    pub(crate) fn sent(ts: i64, order: u32, kind: MessageKind, price: i64, qty: i64) -> Self {
        Self { ts, ts_venue: 0, order, kind, is_maker: false, reason: reason::NONE, qty, price, ahead: f64::NAN, fee: 0.0 }
    }
}

/// The account at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub ts: i64,
    /// Cash plus positions at their mids, currency.
    pub equity: f64,
    /// Cash, currency.
    pub cash: f64,
    /// Signed lots of the first instrument.
    pub position: i64,
    /// Bid plus ask of the first instrument, ticks; 0 before both were known.
    pub twice_mid: i64,
}

/// Keeps what is to be kept.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    /// Every message.
    pub messages: Vec<Message>,
    /// The account at regular times.
    pub samples: Vec<Sample>,
}
