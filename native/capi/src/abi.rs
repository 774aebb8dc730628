//! The functions that C calls. They check pointers and pass on; what happens is in `engine.rs`.
//!
//! # Safety
//!
//! It is the same for all of them. The caller makes one call at a time, none of them from inside `push`; a pointer is null or points to what its
//! type says for the length of the call, that of `engine_on_batch` to `n` of them; and `push` may be called with the sink, by whichever
//! thread calls the engine, until `engine_shutdown`. Nothing unwinds into the caller: a panic would be a bug, and it aborts.
#![allow(unsafe_code)]
// Said once, above: the comments of the functions become those of the header.
#![allow(clippy::missing_safety_doc)]

use std::cell::UnsafeCell;
use std::ffi::c_void;

use omni_types::Side;

use crate::engine::Host;
use crate::records::{Cancel, Message, Modify, NewOrder, OMNI_CANCEL, OMNI_MODIFY, OMNI_NEW_ORDER, Transport};

/// The one engine of the process. The ABI carries no handle, so it can live nowhere else.
struct Only(UnsafeCell<Option<Host>>);

// SAFETY: the contract is one call at a time.
unsafe impl Sync for Only {}

static ONLY: Only = Only(UnsafeCell::new(None));

/// The engine, between `engine_init` and `engine_shutdown`.
#[inline]
fn host<'a>() -> Option<&'a mut Host> {
    // SAFETY: one call at a time, and no reference outlives its call.
    unsafe { (*ONLY.0.get()).as_mut() }
}

fn set_host(host: Option<Host>) {
    // SAFETY: as above. The engine before is dropped here.
    unsafe { *ONLY.0.get() = host };
}

/// Start with an empty book; a second call starts over. `seed` changes nothing: the engine has nothing random.
///
/// Without a transport or its `push` there is no engine, and what is called then does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_init(seed: u64, transport: Option<&Transport>, sink: *mut c_void) {
    let _ = seed;
    // First gives its memory back, so that there are never two books.
    set_host(None);
    set_host(transport.and_then(|transport| transport.push).map(|push| Host::new(push, sink)));
}

/// A new order: accepted, then a trade for each maker it meets, then canceled if it is immediate-or-cancel and something is left; or rejected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_new_order(order: Option<&NewOrder>) {
    if let (Some(host), Some(order)) = (host(), order) {
        host.new_order(order);
    }
}

/// A cancel: canceled, or rejected if no such order waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_cancel(cancel: Option<&Cancel>) {
    if let (Some(host), Some(cancel)) = (host(), cancel) {
        host.cancel(cancel);
    }
}

/// A modify: modified, then a trade for each maker it meets; or modify rejected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_modify(modify: Option<&Modify>) {
    if let (Some(host), Some(modify)) = (host(), modify) {
        host.modify(modify);
    }
}

/// `n` commands, one after the other, with the same reports as from as many calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_batch(messages: *const Message, n: u32) {
    if messages.is_null() {
        return;
    }
    // SAFETY: the caller's promise, and every field of every command is a number, so that the bytes are one of each.
    unsafe {
        for message in std::slice::from_raw_parts(messages, n as usize) {
            // Through the functions above, so that each command is compiled into one of them and not called from two.
            match message.r#type {
                OMNI_NEW_ORDER => engine_on_new_order(Some(&message.body.new_order)),
                OMNI_CANCEL => engine_on_cancel(Some(&message.body.cancel)),
                OMNI_MODIFY => engine_on_modify(Some(&message.body.modify)),
                _ => {}
            }
        }
    }
}

/// Return when every command is done and every report pushed. That is so after every call.
#[unsafe(no_mangle)]
pub extern "C" fn engine_flush() {}

/// Forget the book and the transport. Until the next `engine_init` there is no engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_shutdown() {
    set_host(None);
}

/// Best bid in ticks, `INT64_MIN` if nobody bids.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_query_best_bid() -> i64 {
    host().and_then(|host| host.best(Side::Buy)).unwrap_or(i64::MIN)
}

/// Best ask in ticks, `INT64_MAX` if nobody asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_query_best_ask() -> i64 {
    host().and_then(|host| host.best(Side::Sell)).unwrap_or(i64::MAX)
}

/// Lots that wait at a price of a side, 0 buy, 1 sell.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_query_depth_at(px: i64, side: u8) -> u64 {
    host().map_or(0, |host| host.depth_at(px, side))
}
