//! The header of a `.npy` file (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>): a magic
//! string, a version, a length, and a Python dictionary of `descr`, `fortran_order` and `shape`.
//!
//! Read by hand, as IDX is: of Python's literals these three are all that is needed, and a reader of all of them can be
//! led into recursion and overflow by a few bytes.

use crate::arrays::ArrayProblem;
use crate::arrays::array::{Kind, Layout, byte_count};

/// How a `.npy` file begins.
const MAGIC: &[u8] = b"\x93NUMPY";

/// The most bytes that are looked at for a header. NumPy itself refuses more than 10,000.
pub(super) const HEADER_BYTES_MAX: u64 = 16 << 10;

/// The most dimensions.
const DIMENSIONS_MAX: usize = 32;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Its own bytes; values follow.
    pub(super) len: usize,
    pub(super) kind: Kind,
    pub(super) layout: Layout,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Bytes of the values.
    pub(super) fn byte_count(&self) -> Result<usize, ArrayProblem> {
        byte_count(&self.shape, self.kind)
    }
}

/// Reads the header that a content begins with.
pub(super) fn header(content: &[u8]) -> Result<Header, ArrayProblem> {
    let wrong = |reason| ArrayProblem::Header { reason };
    let rest = content.strip_prefix(MAGIC).ok_or(wrong("it does not begin with \\x93NUMPY"))?;
    let cut = || wrong("it ends within its header");
    let (&[major, _minor], rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (text_len, text) = match major {
        1 => {
            let (&len, text) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
            (usize::from(u16::from_le_bytes(len)), text)
        }
        2 | 3 => {
            let (&len, text) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
            (usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX), text)
        }
        _ => return Err(wrong("its version is not 1, 2 or 3")),
    };
    let start = content.len() - text.len();
    let text =
        text.get(..text_len).ok_or(wrong("its header is cut, or longer than any that NumPy writes"))?;
    let text = std::str::from_utf8(text).map_err(|_| wrong("its header is not a text"))?;
    let descr = value(text, "descr").ok_or(wrong("it has no `descr`"))?;
    let (kind, big_endian) = kind(descr)?;
    let order = value(text, "fortran_order").ok_or(wrong("it has no `fortran_order`"))?;
    let first_fastest = match order {
        order if order.starts_with("True") => true,
        order if order.starts_with("False") => false,
        _ => return Err(wrong("its `fortran_order` is neither True nor False")),
    };
    let shape = value(text, "shape").and_then(shape).ok_or(wrong("its `shape` is no tuple of lengths"))?;
    Ok(Header { len: start + text_len, kind, layout: Layout { big_endian, first_fastest }, shape })
}

/// What follows a key of the dictionary.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let quoted = format!("'{key}'");
    let (_, rest) = text.split_once(&quoted)?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

/// The type of a text such as `'<f4'`, and whether its most significant byte comes first.
fn kind(descr: &str) -> Result<(Kind, bool), ArrayProblem> {
    let quoted = descr.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
    let Some((name, _)) = quoted else {
        return Err(ArrayProblem::Type { found: "a record of several values".to_owned() });
    };
    let (order, word) = match name.split_at_checked(1) {
        Some((order @ ("<" | ">" | "|" | "="), word)) => (order, word),
        _ => ("<", name),
    };
    let kind = match word {
        "b1" => Kind::Bool,
        "u1" => Kind::U8,
        "i1" => Kind::I8,
        "u2" => Kind::U16,
        "i2" => Kind::I16,
        "u4" => Kind::U32,
        "i4" => Kind::I32,
        "u8" => Kind::U64,
        "i8" => Kind::I64,
        "f2" => Kind::F16,
        "f4" => Kind::F32,
        "f8" => Kind::F64,
        _ => {
            return Err(ArrayProblem::Type {
                found: format!("'{}'", name.chars().take(20).collect::<String>()),
            });
        }
    };
    Ok((kind, order == ">"))
}

fn shape(text: &str) -> Option<Vec<usize>> {
    let (inside, _) = text.strip_prefix('(')?.split_once(')')?;
    let inside = inside.trim();
    let inside = inside.strip_suffix(',').unwrap_or(inside);
    if inside.is_empty() {
        return Some(Vec::new());
    }
    let lengths = inside.split(',').map(|length| length.trim().parse().ok());
    lengths.collect::<Option<Vec<usize>>>().filter(|lengths| lengths.len() <= DIMENSIONS_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Header, Kind, Layout, header};
    use crate::arrays::ArrayProblem;

    fn with(dictionary: &str) -> Vec<u8> {
        let mut content = b"\x93NUMPY\x01\x00".to_vec();
        content.extend(u16::try_from(dictionary.len()).unwrap().to_le_bytes());
        content.extend(dictionary.bytes());
        content
    }

    #[test]
    fn what_numpy_writes_is_read() {
        let content = with("{'descr': '>f8', 'fortran_order': True, 'shape': (3, 4), }          \n");
        let layout = Layout { big_endian: true, first_fastest: true };
        let expected = Header { len: content.len(), kind: Kind::F64, layout, shape: vec![3, 4] };
        assert_eq!(header(&content).unwrap(), expected);
        let one = with("{'shape': (5,), 'fortran_order': False, 'descr': '|u1'}");
        assert_eq!(header(&one).unwrap().shape, [5]);
        let scalar = header(&with("{'descr': '<i8', 'fortran_order': False, 'shape': ()}")).unwrap();
        assert_eq!((scalar.shape, scalar.kind), (vec![], Kind::I64));
        let mut second = b"\x93NUMPY\x02\x00".to_vec();
        second.extend(one[8..10].iter().chain(&[0, 0]).chain(&one[10..]));
        assert_eq!(header(&second).unwrap().shape, [5]);
    }

    #[test]
    fn every_other_header_says_what_is_wrong() {
        let reason = |content: &[u8]| header(content).unwrap_err().to_string();
        assert!(reason(b"PK").contains("does not begin"));
        assert!(reason(b"\x93NUMPY\x01").contains("ends within"));
        assert!(reason(b"\x93NUMPY\x04\x00\x00\x00").contains("version"));
        assert!(reason(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}").contains("cut"));
        assert!(reason(&with("{}")).contains("descr"));
        let of = |descr: &str, shape: &str| {
            reason(&with(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}")))
        };
        assert!(of("'|O'", "(1,)").contains("its type is '|O'"));
        assert!(of("'<U7'", "(1,)").contains("its type is '<U7'"));
        assert!(of("[('a', '<f4')]", "(1,)").contains("record"));
        for shape in ["5", "(a,)", "(-1,)", "(1", "(99999999999999999999,)"] {
            assert!(of("'<f4'", shape).contains("no tuple"), "{shape}");
        }
        let huge = format!("({})", "1,".repeat(33));
        assert!(of("'<f4'", &huge).contains("no tuple"));
        let vast =
            header(&with("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999999)}"));
        assert!(matches!(vast.unwrap().byte_count(), Err(ArrayProblem::Overflow { .. })));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(rest in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = header(&[b"\x93NUMPY\x01\x00".as_slice(), &rest].concat());
            let _ = header(&rest);
        }

        #[test]
        fn arbitrary_texts_never_panic(text in "[{}'descrshapefortranorder:,() 0-9<>|é]{0,80}") {
            let _ = header(&with(&text));
        }
    }
}
