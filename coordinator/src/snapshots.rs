//! The file of copies of a run's weights: safetensors with one tensor `snapshots`, `[epochs, weights]`, of 32-bit floats.
//!
//! The format is a length (8 bytes, least significant first), a JSON header of that length and the numbers.

use std::io::{self, Read};

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The most bytes of copies that a study may keep, by the estimate at its submission, and that a report is made from.
pub(crate) const STUDY_BYTES_MAX: u64 = 1 << 30;
/// Longest header: one tensor takes about a hundred bytes, and metadata is short.
const HEADER_BYTES_MAX: u64 = 64 << 10;

/// Why a file is not one of copies of weights.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotsError {
    /// It is something else, or damaged.
    #[error("it is no file of copies of weights: {0}")]
    Damaged(String),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    snapshots: Tensor,
    #[serde(rename = "__metadata__")]
    _metadata: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: [u64; 2],
    data_offsets: [u64; 2],
}

/// A file whose header was read: how many copies of how many numbers come next.
#[derive(Debug)]
pub(crate) struct Copies<R> {
    input: R,
    /// Copies.
    pub(crate) epochs: u64,
    /// Numbers of each.
    pub(crate) weights: u64,
}

impl<R: Read> Copies<R> {
    /// Reads the header of a file of so many bytes.
    ///
    /// # Errors
    /// When it cannot be read, or does not say what the file's size says.
    pub(crate) fn open(mut input: R, bytes: u64) -> Result<Self, SnapshotsError> {
        let damaged = |reason: String| Err(SnapshotsError::Damaged(reason));
        let mut length = [0; 8];
        input.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > HEADER_BYTES_MAX {
            return damaged(format!("its header is said to have {length} bytes"));
        }
        let mut header = Vec::new();
        input.by_ref().take(length).read_to_end(&mut header)?;
        let header: Header = match serde_json::from_slice(&header) {
            Ok(header) => header,
            Err(error) => return damaged(format!("its header says something else: {error}")),
        };
        let Tensor { dtype, shape: [epochs, weights], data_offsets: [from, to] } = header.snapshots;
        let numbers = epochs.checked_mul(weights).and_then(|numbers| numbers.checked_mul(4));
        let all = numbers.and_then(|numbers| numbers.checked_add(8 + length));
        if dtype != "F32" || from != 0 || Some(to) != numbers || all != Some(bytes) {
            return damaged(format!("{dtype} of [{epochs}, {weights}] from {from} to {to} in {bytes} bytes"));
        }
        Ok(Self { input, epochs, weights })
    }

    /// The next copy. The caller knows how many there are, and that one fits in memory.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Vec<f32>> {
        let bytes = self.weights.saturating_mul(4);
        let mut copy = Vec::new();
        if self.input.by_ref().take(bytes).read_to_end(&mut copy)? as u64 != bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let numbers =
            copy.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        Ok(numbers.collect())
    }
}

/// A file of these copies, for tests.
#[cfg(test)]
pub(crate) fn file(copies: &[&[f32]]) -> Vec<u8> {
    let (epochs, weights) = (copies.len(), copies.first().map_or(0, |copy| copy.len()));
    let header = format!(
        r#"{{"__metadata__":{{"a":"b"}},"snapshots":{{"dtype":"F32","shape":[{epochs},{weights}],"data_offsets":[0,{}]}}}}"#,
        epochs * weights * 4
    );
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(copies.iter().copied().flatten().flat_map(|number| number.to_le_bytes()));
    file
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Copies, file};

    #[test]
    fn a_file_gives_back_its_copies() {
        let bytes = file(&[&[1.0, 2.0, f32::NAN], &[4.0, 5.0, 6.0]]);
        let mut copies = Copies::open(bytes.as_slice(), bytes.len() as u64).expect("is one");
        assert_eq!((copies.epochs, copies.weights), (2, 3));
        assert_eq!(copies.next().expect("reads")[..2], [1.0, 2.0]);
        assert_eq!(copies.next().expect("reads"), [4.0, 5.0, 6.0]);
        copies.next().expect_err("there are two");
    }

    #[test]
    fn another_file_is_refused() {
        let good = file(&[&[1.0, 2.0]]);
        let spoilt = |from: &str, to: &str| {
            let header = String::from_utf8_lossy(&good[8..good.len() - 8]).replace(from, to);
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            bytes.extend(&good[good.len() - 8..]);
            bytes
        };
        assert!(Copies::open(spoilt("", "").as_slice(), good.len() as u64).is_ok());
        let others = [
            Vec::new(),
            good[..20].to_vec(),
            good[..good.len() - 1].to_vec(),
            [good.as_slice(), &[0]].concat(),
            spoilt("F32", "F64"),
            spoilt("[1,2]", "[2,2]"),
            spoilt("[1,2]", "[4611686018427387904,4]"),
            spoilt("[0,8]", "[8,16]"),
            spoilt("snapshots", "snapshot"),
            spoilt("\"__metadata__\"", "\"more\""),
        ];
        for bytes in others {
            assert!(Copies::open(bytes.as_slice(), bytes.len() as u64).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), length in 0..300_u64) {
            if let Ok(mut copies) = Copies::open(bytes.as_slice(), bytes.len() as u64) {
                let _ = copies.next();
            }
            let framed = [&length.to_le_bytes()[..], &bytes].concat();
            let _ = Copies::open(framed.as_slice(), framed.len() as u64);
        }
    }
}
