//! See `omni_fuzz::books`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| omni_fuzz::books(bytes));
