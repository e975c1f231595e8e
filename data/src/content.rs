//! A file's content in memory: plain or gzipped, within a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::digest::sha256_hex;
use crate::error::DataError;

/// The most bytes that one file may hold after decompression. Rows live in memory, in the coordinator and in every
/// trainer, so that a larger file would end the process instead of the study.
pub const CONTENT_BYTES_MAX: u64 = 8 << 30;

/// How gzip begins (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A file's decompressed content.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sha256: String,
}

/// Reads a file whole, decompressed where it begins like gzip, whatever its name.
pub(crate) fn read(path: &Path, limit_bytes: u64) -> Result<Content, DataError> {
    let file = File::open(path).map_err(DataError::read(path))?;
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(limit_bytes);
    match decompress_sized(file, limit_bytes, length) {
        Ok(Some(bytes)) => Ok(Content { sha256: sha256_hex(&bytes), bytes }),
        Ok(None) => Err(DataError::TooLarge { path: path.to_owned(), limit_bytes }),
        Err(reason) => Err(DataError::Read { path: path.to_owned(), reason }),
    }
}

/// The decompressed bytes, or `None` as soon as there are more than `limit_bytes`. Public for the tests of bad bytes
/// alone.
///
/// # Errors
/// When the input cannot be read, or begins like gzip and is not.
pub fn decompress(input: impl Read, limit_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    decompress_sized(input, limit_bytes, 0)
}

/// The same of an input of so many bytes, for which room is made at once.
fn decompress_sized(
    mut input: impl Read,
    limit_bytes: u64,
    length_bytes: u64,
) -> io::Result<Option<Vec<u8>>> {
    let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
    input.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic)?;
    let zipped = magic == GZIP_MAGIC;
    let whole = io::Cursor::new(magic).chain(input);
    // One more than there are: reading ends where there is room and nothing comes.
    let mut bytes = Vec::with_capacity(usize::try_from(length_bytes).unwrap_or(0) + 1);
    let read = if zipped {
        MultiGzDecoder::new(io::BufReader::new(whole))
            .take(limit_bytes.saturating_add(1))
            .read_to_end(&mut bytes)?
    } else {
        whole.take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes)?
    };
    Ok((read as u64 <= limit_bytes).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write as _};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::decompress;

    fn gzip(content: &mut impl Read) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        std::io::copy(content, &mut encoder).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_gzipped_content_are_the_same() {
        let zipped = gzip(&mut &b"four"[..]);
        assert_eq!(decompress(&b"four"[..], 4).unwrap().as_deref(), Some(&b"four"[..]));
        assert_eq!(decompress(&zipped[..], 4).unwrap().as_deref(), Some(&b"four"[..]));
        assert_eq!(decompress(&b""[..], 4).unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(decompress(&[0x1f_u8][..], 4).unwrap().as_deref(), Some(&[0x1f_u8][..]));
    }

    #[test]
    fn a_bomb_is_refused_before_it_fills_the_memory() {
        let bomb = gzip(&mut std::io::repeat(0).take(64 << 20));
        assert!(bomb.len() < 100_000, "the bomb is small: {}", bomb.len());
        assert!(decompress(&bomb[..], 1 << 20).unwrap().is_none());
        assert!(decompress(&[7_u8; 5][..], 4).unwrap().is_none());
    }

    #[test]
    fn a_gzip_stream_that_is_cut_or_spoiled_is_an_error() {
        let mut zipped = gzip(&mut &b"a text that is cut"[..]);
        assert!(decompress(&zipped[..zipped.len() - 4], 100).is_err());
        zipped.truncate(12);
        zipped.write_all(&[0xff; 20]).unwrap();
        assert!(decompress(&zipped[..], 100).is_err());
    }
}
