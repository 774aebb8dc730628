//! See `omni_fuzz::commands`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| omni_fuzz::commands(bytes));
