//! The stream of events that every feed becomes, in columns; `docs/feeds.md` says what each kind means.

use omni_types::Side;

/// Define the kinds of events with stable codes and names, and the way back from a code.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal $text:literal,)+) => {
        /// What happened. The codes are stable: they are in columns on disk.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum EventKind {
            $($(#[$doc])* $kind = $code,)+
        }

        impl EventKind {
            /// Every kind, by ascending code.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The stable code.
            #[inline]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The kind with this code.
            #[inline]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$kind),)+
                    _ => None,
                }
            }

            /// The name outside Rust.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $text,)+
                }
            }
        }
    };
}

kinds! {
    /// An order joins the end of its queue.
    Add = 1 "ADD",
    /// Part of an order is taken off; it keeps its place.
    Cancel = 2 "CANCEL",
    /// An order is gone.
    Delete = 3 "DELETE",
    /// An order is gone and another, on the same side, joins the end of its queue.
    Replace = 4 "REPLACE",
    /// A waiting order trades.
    Execute = 5 "EXECUTE",
    /// A trade that met no order of the displayed book.
    Trade = 6 "TRADE",
    /// The print of an auction.
    Cross = 7 "CROSS",
    /// A trade is undone in statistics.
    Break = 8 "BREAK",
    /// Trading of an instrument changes its state: `qty` is one of [`status`].
    Status = 9 "STATUS",
    /// What an auction would do now.
    Imbalance = 10 "IMBALANCE",
    /// Every order and level of the side is gone.
    Clear = 11 "CLEAR",
    /// A price level is replaced: the feed knows no orders.
    Level = 12 "LEVEL",
    /// An order has a new price or quantity under its old name.
    Modify = 13 "MODIFY",
    /// Something about the whole market: `qty` is the feed's code.
    System = 14 "SYSTEM",
}

/// Bits of the `flags` of an event.
pub mod flags {
    /// The trade counts in volume.
    pub const PRINTABLE: u8 = 1;
    /// The last event of its packet or transaction: the book is whole after it.
    pub const LAST: u8 = 2;
    /// Part of a picture of the book, not a change of it.
    pub const SNAPSHOT: u8 = 4;
    /// The order that was hit was not displayed.
    pub const HIDDEN: u8 = 8;
    /// The order names its market participant.
    pub const ATTRIBUTED: u8 = 16;
}

/// States of trading: the `qty` of an [`EventKind::Status`]. 0 is a state that has no name here.
pub mod status {
    /// Orders trade as they meet.
    pub const TRADING: i64 = 1;
    /// Nothing trades.
    pub const HALTED: i64 = 2;
    /// Nothing trades for a while.
    pub const PAUSED: i64 = 3;
    /// Orders are taken and do not trade yet.
    pub const QUOTING: i64 = 4;
}

/// Define the columns, and what is done to all of them alike.
macro_rules! columns {
    ($($(#[$doc:meta])* $column:ident: $value:ty,)+) => {
        /// Events, a column for each of their parts; all columns have the same length.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct EventColumns {
            $($(#[$doc])* pub $column: Vec<$value>,)+
        }

        impl EventColumns {
            /// No events, and room for `capacity` of them.
            pub fn with_capacity(capacity: usize) -> Self {
                Self { $($column: Vec::with_capacity(capacity),)+ }
            }

            /// `len` rows of zeros, for a decoder to write over.
            pub fn zeroed(len: usize) -> Self {
                Self { $($column: vec![0; len],)+ }
            }

            /// Rows of zeros up to `len`, or no more than `len` rows.
            pub fn resize(&mut self, len: usize) {
                $(self.$column.resize(len, 0);)+
            }

            /// Make room for `more` events.
            pub fn reserve(&mut self, more: usize) {
                $(self.$column.reserve(more);)+
            }

            /// Forget all events and keep the room.
            pub fn clear(&mut self) {
                $(self.$column.clear();)+
            }

            /// Keep the first `len` events.
            pub fn truncate(&mut self, len: usize) {
                $(self.$column.truncate(len);)+
            }

            /// Put the events of another table after these.
            pub fn extend(&mut self, more: &Self) {
                $(self.$column.extend_from_slice(&more.$column);)+
            }

            /// Whether the columns have one length.
            pub fn is_even(&self) -> bool {
                true $(& (self.$column.len() == self.len()))+
            }
        }
    };
}

columns! {
    /// Nanoseconds: since 1970 in UTC where the date is known, else since midnight at the venue.
    ts: i64,
    /// Code of the [`EventKind`].
    kind: u8,
    /// Code of the [`Side`] of the order that waits in the book; 0 for none.
    side: u8,
    /// Bits of [`flags`].
    flags: u8,
    /// Number of the instrument in its feed.
    instrument: u16,
    /// The feed's name for the order; 0 for none.
    order_id: u64,
    /// The new name of an order, or a match number; 0 for none.
    other_id: u64,
    /// Lots of the feed.
    qty: i64,
    /// Price in the feed's unit; 0 for none.
    price: i64,
}

impl EventColumns {
    /// Number of events.
    #[inline]
    pub fn len(&self) -> usize {
        self.ts.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ts.is_empty()
    }

    /// Put an event after the others.
    #[inline]
    pub fn push(&mut self, event: &MarketEvent) {
        self.ts.push(event.ts);
        self.kind.push(event.kind.code());
        self.side.push(event.side.map_or(0, Side::code));
        self.flags.push(event.flags);
        self.instrument.push(event.instrument);
        self.order_id.push(event.order_id);
        self.other_id.push(event.other_id);
        self.qty.push(event.qty);
        self.price.push(event.price);
    }

    /// The event at a place; `None` beyond the last, and where `kind` is no code.
    #[inline]
    pub fn get(&self, at: usize) -> Option<MarketEvent> {
        Some(MarketEvent {
            ts: *self.ts.get(at)?,
            kind: EventKind::from_code(*self.kind.get(at)?)?,
            side: Side::from_code(*self.side.get(at)?),
            flags: *self.flags.get(at)?,
            instrument: *self.instrument.get(at)?,
            order_id: *self.order_id.get(at)?,
            other_id: *self.other_id.get(at)?,
            qty: *self.qty.get(at)?,
            price: *self.price.get(at)?,
        })
    }
}

/// One event: a row of [`EventColumns`], whose fields have the same meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct MarketEvent {
    pub ts: i64,
    pub kind: EventKind,
    pub side: Option<Side>,
    pub flags: u8,
    pub instrument: u16,
    pub order_id: u64,
    pub other_id: u64,
    pub qty: i64,
    pub price: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXECUTION: MarketEvent = MarketEvent {
        ts: 1,
        kind: EventKind::Execute,
        side: Some(Side::Sell),
        flags: flags::PRINTABLE | flags::LAST,
        instrument: 7,
        order_id: u64::MAX,
        other_id: 9,
        qty: 100,
        price: -5,
    };

    #[test]
    fn an_event_comes_back_as_it_was_pushed() {
        let mut columns = EventColumns::with_capacity(2);
        let system = MarketEvent { kind: EventKind::System, side: None, qty: i64::from(b'O'), ..EXECUTION };
        columns.push(&EXECUTION);
        columns.push(&system);
        assert_eq!([columns.get(0), columns.get(1), columns.get(2)], [Some(EXECUTION), Some(system), None]);
        assert!(columns.is_even());
    }

    #[test]
    fn a_code_without_a_meaning_is_no_event() {
        let mut columns = EventColumns::default();
        columns.push(&EXECUTION);
        columns.kind[0] = 15;
        assert_eq!(columns.get(0), None);
    }

    #[test]
    fn what_is_done_is_done_to_every_column() {
        let mut columns = EventColumns::default();
        columns.push(&EXECUTION);
        columns.extend(&columns.clone());
        columns.extend(&columns.clone());
        columns.truncate(3);
        assert!(columns.is_even());
        assert_eq!((columns.len(), columns.get(2)), (3, Some(EXECUTION)));
        columns.clear();
        assert!(columns.is_even() & columns.is_empty());
    }

    #[test]
    fn codes_and_kinds_are_one_to_one() {
        for (at, kind) in EventKind::ALL.iter().enumerate() {
            assert_eq!((usize::from(kind.code()), EventKind::from_code(kind.code())), (at + 1, Some(*kind)));
        }
        assert_eq!((EventKind::from_code(0), EventKind::from_code(15)), (None, None));
    }
}
