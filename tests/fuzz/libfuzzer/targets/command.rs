//! libFuzzer's side of the target `command`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| foldwise_fuzz::command(input));
