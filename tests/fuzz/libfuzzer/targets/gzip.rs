//! libFuzzer's side of the target `gzip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| foldwise_fuzz::gzip(input));
