//! libFuzzer's side of the target `csv`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| foldwise_fuzz::csv(input));
