//! NumPy's archives: a zip of one `.npy` file per array.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::arrays::npy::{self, HEADER_BYTES_MAX};
use crate::arrays::{Array, ArrayProblem, known};
use crate::content::CONTENT_BYTES_MAX;

/// Reads the array of this name.
pub(super) fn read(content: &[u8], name: &str) -> Result<Array<'static>, ArrayProblem> {
    let failed = |error: ZipError| ArrayProblem::Format { reason: error.to_string() };
    let mut archive = ZipArchive::new(Cursor::new(content)).map_err(failed)?;
    let entry = format!("{name}.npy");
    let Some(place) = archive.index_for_name(&entry) else {
        let names = archive.file_names().filter_map(Result::ok);
        let names = names.map(|name| name.strip_suffix(".npy").unwrap_or(&name).to_owned());
        return Err(ArrayProblem::NoArray { known: known(names) });
    };
    let mut file = archive.by_index(place).map_err(failed)?;
    let cut = |error: std::io::Error| ArrayProblem::Format { reason: error.to_string() };
    // What the archive says of an entry's size is not believed: the array's header says how much is read.
    let mut bytes = Vec::new();
    file.by_ref().take(HEADER_BYTES_MAX).read_to_end(&mut bytes).map_err(cut)?;
    let header = npy::header(&bytes)?;
    bytes.drain(..header.len);
    let expected = header.byte_count()? as u64;
    if expected > CONTENT_BYTES_MAX {
        return Err(ArrayProblem::Overflow { shape: header.shape });
    }
    let rest = (expected + 1).saturating_sub(bytes.len() as u64);
    file.take(rest).read_to_end(&mut bytes).map_err(cut)?;
    Array::new(header.kind, header.shape, header.layout, bytes)
}
