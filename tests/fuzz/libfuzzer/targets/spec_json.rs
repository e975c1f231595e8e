//! libFuzzer's side of the target `spec_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| foldwise_fuzz::spec_json(input));
