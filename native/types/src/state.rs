//! The life of an order as a table: states, what can happen in each, and what follows. The table is that of `docs/oms.md` section 3.

use self::OrderState as S;

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OrderState {
    /// Sent, not answered.
    PendingNew = 0,
    /// In, nothing filled.
    New = 1,
    /// Something filled, something left.
    PartiallyFilled = 2,
    /// Nothing left: all filled.
    Filled = 3,
    /// Gone before it was filled.
    Canceled = 4,
    /// In with other terms than at first, nothing filled.
    Replaced = 5,
    /// Never was in.
    Rejected = 6,
    /// Its time ran out.
    Expired = 7,
    /// A cancel is on its way.
    PendingCancel = 8,
    /// A replacement is on its way.
    PendingReplace = 9,
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The book took it.
    Accept,
    /// Refused.
    Reject,
    /// Traded, and something is left.
    FillPart,
    /// Traded, and nothing is left.
    FillRest,
    /// The owner asked for a cancel.
    RequestCancel,
    /// The owner asked for a replacement.
    RequestReplace,
    /// Canceled.
    Cancel,
    /// Expired.
    Expire,
    /// Replaced.
    Replace,
    /// The request was refused.
    RejectRequest,
}

/// What a state depends on besides the last action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Something was filled.
    pub filled: bool,
    /// It was replaced before.
    pub replaced: bool,
}

impl OrderState {
    /// Every state, by ascending code.
    pub const ALL: [Self; 10] = [
        S::PendingNew,
        S::New,
        S::PartiallyFilled,
        S::Filled,
        S::Canceled,
        S::Replaced,
        S::Rejected,
        S::Expired,
        S::PendingCancel,
        S::PendingReplace,
    ];

    /// The stable code.
    #[inline]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The name outside Rust.
    pub const fn name(self) -> &'static str {
        match self {
            S::PendingNew => "PENDING_NEW",
            S::New => "NEW",
            S::PartiallyFilled => "PARTIALLY_FILLED",
            S::Filled => "FILLED",
            S::Canceled => "CANCELED",
            S::Replaced => "REPLACED",
            S::Rejected => "REJECTED",
            S::Expired => "EXPIRED",
            S::PendingCancel => "PENDING_CANCEL",
            S::PendingReplace => "PENDING_REPLACE",
        }
    }

    /// Whether the order can still trade.
    #[inline]
    pub const fn is_live(self) -> bool {
        !self.is_done() && !matches!(self, S::PendingNew)
    }

    /// Whether nothing can happen to it any more.
    #[inline]
    pub const fn is_done(self) -> bool {
        matches!(self, S::Filled | S::Canceled | S::Rejected | S::Expired)
    }

    /// The state after `action`, or `None` where it cannot happen.
    #[inline]
    pub const fn after(self, action: Action, past: Past) -> Option<Self> {
        match (action, self) {
            (Action::Accept, S::PendingNew) => Some(S::New),
            (Action::Reject, S::PendingNew) => Some(S::Rejected),
            (Action::FillPart, S::New | S::PartiallyFilled | S::Replaced) => Some(S::PartiallyFilled),
            (Action::FillPart, S::PendingCancel | S::PendingReplace) => Some(self),
            (Action::FillRest, state) if state.is_live() => Some(S::Filled),
            (Action::RequestCancel, S::New | S::PartiallyFilled | S::Replaced) => Some(S::PendingCancel),
            (Action::RequestReplace, S::New | S::PartiallyFilled | S::Replaced) => Some(S::PendingReplace),
            (Action::Cancel, state) if state.is_live() => Some(S::Canceled),
            (Action::Expire, state) if state.is_live() => Some(S::Expired),
            (Action::Replace, S::PendingReplace) => Some(if past.filled { S::PartiallyFilled } else { S::Replaced }),
            (Action::RejectRequest, S::PendingCancel | S::PendingReplace) => Some(if past.filled {
                S::PartiallyFilled
            } else if past.replaced {
                S::Replaced
            } else {
                S::New
            }),
            _ => None,
        }
    }
}
