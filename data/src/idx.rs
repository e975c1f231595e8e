//! The IDX format of MNIST (<https://yann.lecun.com/exdb/mnist/>): two zero bytes, a type byte, the number of
//! dimensions, their big-endian lengths, then the values, row-major. Only unsigned bytes are read, and strictly.

/// The type byte of unsigned bytes.
const TYPE_UNSIGNED_BYTE: u8 = 0x08;
/// The most dimensions that are read: rows of images with channels have four.
pub const DIMENSIONS_MAX: usize = 4;

/// An array of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// The length of every dimension, the rows first.
    pub shape: Vec<usize>,
    /// The values, row-major: as many as the product of `shape`.
    pub values: Vec<u8>,
}

/// Why a content is not an IDX array of bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdxProblem {
    /// It ends within the header.
    #[error("it ends within its header, after {len} bytes; the file is cut or of another format")]
    CutHeader {
        /// Its length.
        len: usize,
    },
    /// It does not begin with two zero bytes.
    #[error("it begins with {found:02x?} instead of two zero bytes; it is of another format")]
    Magic {
        /// Its first two bytes.
        found: [u8; 2],
    },
    /// Its values are not unsigned bytes.
    #[error(
        "its type byte is {found:#04x}; only unsigned bytes (0x08) are read, so convert it, or write it as CSV"
    )]
    Type {
        /// The type byte.
        found: u8,
    },
    /// No dimension, or too many.
    #[error("it has {found} dimensions; 1 to {DIMENSIONS_MAX} are read")]
    Dimensions {
        /// How many it says it has.
        found: u8,
    },
    /// Its size does not fit into memory.
    #[error("its shape {shape:?} has more values than this machine can address")]
    Overflow {
        /// The lengths it says it has.
        shape: Vec<usize>,
    },
    /// It has fewer or more values than its shape says.
    #[error(
        "its shape {shape:?} needs {expected} values, but {found} follow the header; the file is cut or spoiled"
    )]
    Length {
        /// The lengths it says it has.
        shape: Vec<usize>,
        /// Values that its shape needs.
        expected: usize,
        /// Values that there are.
        found: usize,
    },
}

/// Reads an IDX array of bytes. Every byte must be accounted for.
///
/// # Errors
/// [`IdxProblem`], for every content that is not exactly one array; no content makes it panic or allocate.
pub fn decode(mut content: Vec<u8>) -> Result<Idx, IdxProblem> {
    let cut = IdxProblem::CutHeader { len: content.len() };
    let Some((&[zero, also_zero, kind, dimensions], rest)) = content.split_first_chunk::<4>() else {
        return Err(cut);
    };
    if [zero, also_zero] != [0, 0] {
        return Err(IdxProblem::Magic { found: [zero, also_zero] });
    }
    if kind != TYPE_UNSIGNED_BYTE {
        return Err(IdxProblem::Type { found: kind });
    }
    let count = usize::from(dimensions);
    if count == 0 || count > DIMENSIONS_MAX {
        return Err(IdxProblem::Dimensions { found: dimensions });
    }
    let Some(lengths) = rest.get(..4 * count) else {
        return Err(cut);
    };
    // A length of 32 bits that usize cannot hold is too much for the product as well.
    let shape: Vec<usize> = lengths
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&bytes| usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX))
        .collect();
    let Some(expected) = shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length))
    else {
        return Err(IdxProblem::Overflow { shape });
    };
    let header = 4 + 4 * count;
    let found = content.len() - header;
    if found != expected {
        return Err(IdxProblem::Length { shape, expected, found });
    }
    content.drain(..header);
    Ok(Idx { shape, values: content })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Idx, IdxProblem, decode};

    fn encode(shape: &[u32], values: &[u8]) -> Vec<u8> {
        let mut content = vec![0, 0, 8, u8::try_from(shape.len()).unwrap()];
        content.extend(shape.iter().flat_map(|length| length.to_be_bytes()));
        content.extend(values);
        content
    }

    #[test]
    fn a_well_formed_array_is_read() {
        let idx = decode(encode(&[2, 3], &[1, 2, 3, 4, 5, 6])).unwrap();
        assert_eq!(idx, Idx { shape: vec![2, 3], values: vec![1, 2, 3, 4, 5, 6] });
    }

    #[test]
    fn every_other_content_says_what_is_wrong() {
        let whole = encode(&[2, 2], &[1, 2, 3, 4]);
        let with = |place: usize, byte: u8| {
            let mut content = whole.clone();
            content[place] = byte;
            decode(content).unwrap_err()
        };
        assert_eq!(with(1, 5), IdxProblem::Magic { found: [0, 5] });
        assert_eq!(with(2, 0x0d), IdxProblem::Type { found: 0x0d });
        assert_eq!(with(3, 0), IdxProblem::Dimensions { found: 0 });
        assert_eq!(with(3, 5), IdxProblem::Dimensions { found: 5 });
        assert_eq!(with(7, 3), IdxProblem::Length { shape: vec![3, 2], expected: 6, found: 4 });
        assert_eq!(decode(vec![]).unwrap_err(), IdxProblem::CutHeader { len: 0 });
        assert_eq!(decode(whole[..11].to_vec()).unwrap_err(), IdxProblem::CutHeader { len: 11 });
        assert!(matches!(decode(whole[..15].to_vec()).unwrap_err(), IdxProblem::Length { found: 3, .. }));
        let trailing = decode([whole.as_slice(), &[9]].concat()).unwrap_err();
        assert!(matches!(trailing, IdxProblem::Length { expected: 4, found: 5, .. }));
        let huge = decode(encode(&[u32::MAX; 4], &[])).unwrap_err();
        assert!(matches!(huge, IdxProblem::Overflow { .. }));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(content);
        }

        #[test]
        fn arbitrary_lengths_never_panic(
            shape in prop::collection::vec(any::<u32>(), 1..8),
            values in prop::collection::vec(any::<u8>(), 0..32),
        ) {
            let decoded = decode(encode(&shape, &values));
            prop_assert!(decoded.is_err() || decoded.unwrap().values == values);
        }

        #[test]
        fn what_is_written_is_read(rows in 0_u32..5, columns in 0_u32..5, filler in any::<u8>()) {
            let values = vec![filler; (rows * columns) as usize];
            let idx = decode(encode(&[rows, columns], &values)).unwrap();
            prop_assert_eq!(idx.shape, vec![rows as usize, columns as usize]);
            prop_assert_eq!(idx.values, values);
        }
    }
}
