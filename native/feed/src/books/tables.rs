//! What books give: tables of columns, `docs/feeds.md` section 2.

/// Define a table: its columns, and how a row is added.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$column_doc:meta])* $column:ident: $value:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$column_doc])* pub $column: Vec<$value>,)+
        }

        impl $name {
            #[allow(clippy::too_many_arguments)]
            #[inline]
            pub(super) fn push(&mut self, $($column: $value),+) {
                $(self.$column.push($column);)+
            }

            /// Number of rows.
            pub fn len(&self) -> usize {
                self.ts.len()
            }

            /// Whether there is no row.
            pub fn is_empty(&self) -> bool {
                self.ts.is_empty()
            }
        }
    };
}

table! {
    /// Best bid and ask, a row whenever one of the four numbers changed; 0 for a side that is empty.
    BboTable {
        /// Of the event after which it is so.
        ts: i64,
        /// Number of the instrument.
        instrument: u16,
        /// Highest bid.
        bid_price: i64,
        /// What is bid there.
        bid_qty: i64,
        /// Lowest ask.
        ask_price: i64,
        /// What is asked there.
        ask_qty: i64,
    }
}

table! {
    /// Trades with who took.
    TradeTable {
        /// Of the event.
        ts: i64,
        /// Number of the instrument.
        instrument: u16,
        /// Of the trade.
        price: i64,
        /// Traded.
        qty: i64,
        /// Code of the side that took; 0 where it is not known.
        aggressor: u8,
        /// The feed's number of the match.
        match_id: u64,
        /// Flags of the event.
        flags: u8,
        /// Kind of the event: `EXECUTE`, `TRADE` or `CROSS`.
        kind: u8,
    }
}

table! {
    /// Auctions: what one would do, and what it did.
    AuctionTable {
        /// Of the event.
        ts: i64,
        /// Number of the instrument.
        instrument: u16,
        /// Kind of the event: `IMBALANCE` or `CROSS`.
        kind: u8,
        /// Code of the side with too much; 0 for none.
        side: u8,
        /// Paired at the price, or traded.
        qty: i64,
        /// What is too much; 0 for a `CROSS`.
        imbalance: i64,
        /// Reference, or price of the cross.
        price: i64,
        /// The feed's number of the match; 0 for an `IMBALANCE`.
        match_id: u64,
    }
}

table! {
    /// States of trading, and what concerns the whole market.
    StatusTable {
        /// Of the event.
        ts: i64,
        /// Number of the instrument; 0 for the market.
        instrument: u16,
        /// Kind of the event: `STATUS` or `SYSTEM`.
        kind: u8,
        /// State of trading, or the feed's code.
        state: i64,
    }
}

table! {
    /// Trades that are undone in statistics.
    BreakTable {
        /// Of the event.
        ts: i64,
        /// Number of the instrument.
        instrument: u16,
        /// The feed's number of the match.
        match_id: u64,
    }
}

/// The best levels of books: a row a book, and `n_levels` numbers a row in each column of levels, best first; 0 where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepthTable {
    /// Of the event or of the picture.
    pub ts: Vec<i64>,
    /// Number of the instrument.
    pub instrument: Vec<u16>,
    /// Prices of bids.
    pub bid_price: Vec<i64>,
    /// Quantities of bids.
    pub bid_qty: Vec<i64>,
    /// Numbers of orders of bids.
    pub bid_orders: Vec<u32>,
    /// Prices of asks.
    pub ask_price: Vec<i64>,
    /// Quantities of asks.
    pub ask_qty: Vec<i64>,
    /// Numbers of orders of asks.
    pub ask_orders: Vec<u32>,
}

/// All tables since they were last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Tables {
    pub bbo: BboTable,
    pub depth: DepthTable,
    pub trades: TradeTable,
    pub auctions: AuctionTable,
    pub status: StatusTable,
    pub breaks: BreakTable,
}
