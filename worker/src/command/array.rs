//! NumPy's files of one array (`.npy`, version 1.0), which most languages read in a few lines.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Where the values begin is divided by this.
const ALIGNMENT: usize = 64;
/// How a file begins: its kind and version.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// A number as it lies in a file.
pub(crate) trait Number: Copy {
    /// NumPy's name of the type.
    const DESCR: &str;
    /// Writes it, its lowest byte first.
    fn put(self, out: &mut impl Write) -> io::Result<()>;
}

impl Number for u8 {
    const DESCR: &str = "|u1";
    fn put(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&[self])
    }
}

impl Number for f32 {
    const DESCR: &str = "<f4";
    fn put(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.to_le_bytes())
    }
}

/// Whole numbers are written with 64 bits, which is what libraries index and count classes with.
impl Number for u32 {
    const DESCR: &str = "<i8";
    fn put(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&i64::from(self).to_le_bytes())
    }
}

/// Writes an array of this shape, row-major.
pub(crate) fn write<T: Number>(path: &Path, shape: &[usize], values: &[T]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(&header(T::DESCR, shape))?;
    values.iter().try_for_each(|value| value.put(&mut out))?;
    out.flush()
}

fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let sides = match shape {
        [only] => format!("{only},"),
        sides => sides.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sides}), }}");
    let before = MAGIC.len() + size_of::<u16>();
    let length = (before + text.len() + 1).next_multiple_of(ALIGNMENT) - before;
    text.push_str(&" ".repeat(length - text.len() - 1));
    text.push('\n');
    // Shapes have a few sides, so that a header is far below 64 KiB.
    let length = u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    [MAGIC, &length, text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::{header, write};

    #[test]
    fn files_are_as_numpy_writes_them() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.npy");
        write(&path, &[2, 1], &[1_u32, 7]).expect("writes");
        let bytes = std::fs::read(&path).expect("reads");
        assert_eq!(bytes.len(), 128 + 16);
        assert!(bytes.starts_with(
            b"\x93NUMPY\x01\x00\x76\x00{'descr': '<i8', 'fortran_order': False, 'shape': (2, 1), }"
        ));
        assert_eq!(bytes[127..], [&b"\n"[..], &1_i64.to_le_bytes(), &7_i64.to_le_bytes()].concat());
        assert_eq!(header("|u1", &[3]).len() % 64, 0);
    }
}
