#![no_main]

#[path = "../bodies/hint_walker.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
