//! libFuzzer's side of the target `rows`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| foldwise_fuzz::rows(input));
