//! See `omni_fuzz::sessions`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| omni_fuzz::sessions(bytes));
