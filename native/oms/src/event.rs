//! What came of the commands, one flat record for everything; `docs/oms.md` section 6.

use omni_types::{InstrumentId, Nanos, OrderId};

/// What an event says, and with which code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// The order is in.
    Accepted = 1,
    /// The order is refused.
    Rejected = 2,
    /// The order traded.
    Filled = 3,
    /// The order is gone.
    Canceled = 4,
    /// The order's time is over.
    Expired = 5,
    /// The order says something else now.
    Replaced = 6,
    /// A stop was elected.
    Triggered = 7,
    /// The order stands at another price.
    Repriced = 8,
    /// An iceberg shows its next slice.
    Refreshed = 9,
    /// Self-trade prevention took quantity away.
    Decremented = 10,
    /// A cancel was refused.
    CancelRejected = 11,
    /// A replacement was refused.
    ReplaceRejected = 12,
    /// A market does something else now.
    PhaseChanged = 13,
    /// An auction found its price.
    Auction = 14,
    /// The state of an order that was sent again.
    Status = 15,
    /// A register of the gate was written.
    RegisterWritten = 16,
    /// A reference price was set.
    Marked = 17,
    /// An order or a cancel passed the gate with a warning.
    Warned = 18,
    /// A kill switch was thrown or reset, or somebody asked for its reset.
    KillSwitch = 19,
}

/// Whether a fill took or gave liquidity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Liquidity {
    /// No fill.
    None = 0,
    /// It rested.
    Maker = 1,
    /// It arrived.
    Taker = 2,
    /// Both met in an auction.
    Auction = 3,
}

/// An event. What does not apply is 0; prices are ticks, quantities lots. The widest field comes first so that the record has no gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct OmsEvent {
    /// The owner's own id.
    pub client_order_id: u128,
    /// Frame of the command.
    pub seq: u64,
    /// The clock.
    pub ts: i64,
    /// The order.
    pub order_id: u64,
    /// Price, value of a register, or scope of a kill switch.
    pub price: i64,
    /// Quantity, phase, address of a register, or what became of a kill switch.
    pub qty: i64,
    /// What the order may still trade; the surplus of an auction.
    pub leaves: i64,
    /// What it has traded.
    pub cum: i64,
    /// Which trade.
    pub trade_id: u64,
    /// Owner.
    pub account: u32,
    /// What is traded.
    pub instrument: u32,
    /// Code of the [`EventKind`].
    pub kind: u8,
    /// Code of the side.
    pub side: u8,
    /// Code of the state after the event.
    pub state: u8,
    /// Code of the reason, of a reject or of a cancel.
    pub reason: u8,
    /// Code of the [`Liquidity`].
    pub liquidity: u8,
    /// Zero.
    pub padding: [u8; 3],
}

impl EventKind {
    /// Every kind, by ascending code.
    pub const ALL: [Self; 19] = [
        Self::Accepted,
        Self::Rejected,
        Self::Filled,
        Self::Canceled,
        Self::Expired,
        Self::Replaced,
        Self::Triggered,
        Self::Repriced,
        Self::Refreshed,
        Self::Decremented,
        Self::CancelRejected,
        Self::ReplaceRejected,
        Self::PhaseChanged,
        Self::Auction,
        Self::Status,
        Self::RegisterWritten,
        Self::Marked,
        Self::Warned,
        Self::KillSwitch,
    ];

    /// The stable code.
    #[inline]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        usize::from(code).checked_sub(1).and_then(|index| Self::ALL.get(index)).copied()
    }

    /// The name outside Rust.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::Rejected => "REJECTED",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Expired => "EXPIRED",
            Self::Replaced => "REPLACED",
            Self::Triggered => "TRIGGERED",
            Self::Repriced => "REPRICED",
            Self::Refreshed => "REFRESHED",
            Self::Decremented => "DECREMENTED",
            Self::CancelRejected => "CANCEL_REJECTED",
            Self::ReplaceRejected => "REPLACE_REJECTED",
            Self::PhaseChanged => "PHASE_CHANGED",
            Self::Auction => "AUCTION",
            Self::Status => "STATUS",
            Self::RegisterWritten => "REGISTER_WRITTEN",
            Self::Marked => "MARKED",
            Self::Warned => "WARNED",
            Self::KillSwitch => "KILL_SWITCH",
        }
    }
}

impl OmsEvent {
    /// What it says.
    ///
    /// # Panics
    ///
    /// If `kind` is no code.
    pub fn event_kind(&self) -> EventKind {
        EventKind::from_code(self.kind).expect("events are made with a kind")
    }

    /// An event about an order, or about nothing if `order_id` is 0.
    #[inline]
    pub(crate) fn new(kind: EventKind, seq: u64, ts: Nanos, order_id: OrderId) -> Self {
        Self { kind: kind.code(), seq, ts: ts.0, order_id: order_id.0, ..Self::default() }
    }

    /// An event about an instrument.
    #[inline]
    pub(crate) fn of_instrument(kind: EventKind, seq: u64, ts: Nanos, instrument: InstrumentId) -> Self {
        Self { instrument: instrument.0, ..Self::new(kind, seq, ts, OrderId(0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back() {
        for code in 0..=u8::MAX {
            assert!(EventKind::from_code(code).is_none_or(|kind| kind.code() == code));
        }
        assert!(EventKind::ALL.iter().all(|&kind| EventKind::from_code(kind.code()) == Some(kind)));
    }

    #[test]
    fn the_record_has_no_gaps() {
        assert_eq!(size_of::<OmsEvent>(), 16 + 8 * 8 + 2 * 4 + 8);
    }
}
