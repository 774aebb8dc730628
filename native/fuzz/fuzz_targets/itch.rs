//! See `omni_fuzz::itch`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| omni_fuzz::itch(bytes));
