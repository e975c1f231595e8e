//! libFuzzer's side of the target `expression`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| foldwise_fuzz::expression(input));
