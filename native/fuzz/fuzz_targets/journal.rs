//! See `omni_fuzz::journal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| omni_fuzz::journal(bytes));
