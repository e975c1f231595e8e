//! libFuzzer's side of the target `arrays`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| foldwise_fuzz::arrays(input));
