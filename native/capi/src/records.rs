//! What crosses the border, byte by byte. The layout is fixed; the header and `docs/c-abi.md` repeat it.

use std::ffi::c_void;

/// Type of a message: a new order.
pub const OMNI_NEW_ORDER: u8 = 0;
/// Type of a message: a cancel.
pub const OMNI_CANCEL: u8 = 1;
/// Type of a message: a modify.
pub const OMNI_MODIFY: u8 = 2;

/// Type of a report: the order is in.
pub const OMNI_ACCEPTED: u8 = 0;
/// Type of a report: two orders met.
pub const OMNI_TRADE: u8 = 1;
/// Type of a report: the order is gone, canceled by its owner or as the rest of an immediate-or-cancel order.
pub const OMNI_CANCELED: u8 = 2;
/// Type of a report: the order says something else now.
pub const OMNI_MODIFIED: u8 = 3;
/// Type of a report: a new order or a cancel is refused and changed nothing.
pub const OMNI_REJECTED: u8 = 4;
/// Type of a report: a modify is refused and changed nothing.
pub const OMNI_MODIFY_REJECTED: u8 = 5;

/// A new limit order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct NewOrder {
    /// Any number that no waiting order has.
    pub id: u64,
    /// Copied into every report that this command causes.
    pub seq: u64,
    /// Limit in ticks, 1 to 2^50.
    pub px: i64,
    /// Lots, not 0.
    pub qty: u32,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// Not 0: what does not trade at once is canceled.
    pub ioc: u8,
    /// Not read.
    pub reserved: [u8; 2],
}

/// A cancel.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Cancel {
    /// The order.
    pub id: u64,
    /// Copied into the report.
    pub seq: u64,
}

/// A cancel and a new order under the same id: the priority is lost in any case.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Modify {
    /// The order.
    pub id: u64,
    /// Copied into every report that this command causes.
    pub seq: u64,
    /// New limit in ticks, 1 to 2^50.
    pub px: i64,
    /// New open quantity in lots, not 0.
    pub qty: u32,
    /// Not read: an order keeps its side.
    pub side: u8,
    /// Not read.
    pub reserved: [u8; 3],
}

/// A command of any type, for `engine_on_batch`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Message {
    /// 0 new order, 1 cancel, 2 modify; others are passed over.
    pub r#type: u8,
    /// Not read.
    pub reserved: [u8; 7],
    /// The command.
    pub body: Body,
}

/// The command in a message; its type says which.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Body {
    /// Type 0.
    pub new_order: NewOrder,
    /// Type 1.
    pub cancel: Cancel,
    /// Type 2.
    pub modify: Modify,
}

/// What became of a command.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One of the six types.
    pub r#type: u8,
    /// 0 buy, 1 sell; 0 in trades and rejects.
    pub side: u8,
    /// Zero.
    pub reserved: [u8; 6],
    /// That of the command.
    pub seq: u64,
    /// The order; 0 in trades.
    pub id: u64,
    /// Limit of the order, or price of the trade, which is that of the maker; 0 in rejects.
    pub px: i64,
    /// Lots accepted, traded, canceled or modified to; 0 in rejects.
    pub qty: u32,
    /// Zero.
    pub reserved2: u32,
    /// Trades: the order that waited; else 0.
    pub maker: u64,
    /// Trades: the order that came; else 0.
    pub taker: u64,
    /// Zero.
    pub reserved3: u64,
}

/// A queue for reports, made by the host. The engine calls `push` and nothing else.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Transport {
    /// For the host: make a queue for so many reports.
    pub create: Option<unsafe extern "C" fn(capacity: u32) -> *mut c_void>,
    /// Takes one report, which is the engine's again when it returns. 0 says that there is no room: the engine tries until there is.
    pub push: Option<unsafe extern "C" fn(sink: *mut c_void, report: *const Report) -> i32>,
    /// For the host: take out up to `max` reports; returns how many.
    pub drain: Option<unsafe extern "C" fn(sink: *mut c_void, reports: *mut Report, max: u32) -> u32>,
    /// For the host: let the other side see what was pushed.
    pub flush: Option<unsafe extern "C" fn(sink: *mut c_void)>,
    /// For the host: let the queue go.
    pub destroy: Option<unsafe extern "C" fn(sink: *mut c_void)>,
}

const _: () = {
    assert!(size_of::<NewOrder>() == 32 && size_of::<Cancel>() == 16 && size_of::<Modify>() == 32);
    assert!(size_of::<Message>() == 40 && size_of::<Report>() == 64 && size_of::<Transport>() == 5 * size_of::<usize>());
};
