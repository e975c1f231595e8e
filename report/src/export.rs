//! Files that a rendering consists of.

/// One of the files of a rendering that is no single text; whoever has a disk writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFile {
    /// Its path inside the folder, with forward slashes.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}
