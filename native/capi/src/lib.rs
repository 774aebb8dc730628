//! The matching engine behind a C ABI; `docs/c-abi.md` is the contract, `include/omni_engine.h` the header.
//!
//! One engine of one instrument per process, as the callers of this ABI expect: commands by pointer, reports through the transport given at
//! the start. Build it with `cargo build --release -p omni-capi --features capi`.
#![cfg(feature = "capi")]

mod abi;
mod engine;
mod records;

pub use abi::{
    engine_flush, engine_init, engine_on_batch, engine_on_cancel, engine_on_modify, engine_on_new_order, engine_query_best_ask,
    engine_query_best_bid, engine_query_depth_at, engine_shutdown,
};
pub use records::*;

#[global_allocator]
static ALLOCATOR: omni_memory::HugePages = omni_memory::HugePages;
