//! libFuzzer's side of the target `spec_yaml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| foldwise_fuzz::spec_yaml(input));
