//! Bounded decompression: gzip must not fill the memory, whatever it says of itself.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use foldwise_data::decompress;

/// The limit that is tried: small, so that inputs of a few bytes reach it.
const LIMIT_BYTES: u64 = 10_000;

/// A file's content: given back whole, or inflated, or refused for its size or its form.
pub fn gzip(input: &[u8]) {
    let found = decompress(input, LIMIT_BYTES);
    let mut expected = Vec::new();
    let whole = if input.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(input).take(LIMIT_BYTES + 1).read_to_end(&mut expected)
    } else {
        expected.extend(input);
        Ok(input.len())
    };
    match found {
        Ok(Some(bytes)) => assert!(whole.is_ok() && bytes == expected && bytes.len() as u64 <= LIMIT_BYTES),
        Ok(None) => assert!(whole.is_ok_and(|length| length as u64 > LIMIT_BYTES)),
        Err(_) => assert!(whole.is_err()),
    }
}
