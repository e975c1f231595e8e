//! libFuzzer's side of the target `idx`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| foldwise_fuzz::idx(input));
