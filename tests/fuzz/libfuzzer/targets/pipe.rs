//! libFuzzer's side of the target `pipe`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| foldwise_fuzz::pipe(input));
