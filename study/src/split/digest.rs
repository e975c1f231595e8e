//! The name of a list of folds: equal digests mean equal folds.

use super::Fold;

/// The digest of folds, 64 hexadecimal digits: BLAKE3 in its key-derivation mode with the context
/// `foldwise 1 folds`, over the number of folds and then, for each fold, the number of training rows, those rows,
/// the number of validation rows and those rows. Numbers of things are little-endian `u64`, row numbers
/// little-endian `u32`. The order of rows counts.
#[must_use]
pub fn digest(folds: &[Fold]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("foldwise 1 folds");
    hasher.update(&(folds.len() as u64).to_le_bytes());
    for fold in folds {
        update_rows(&mut hasher, &fold.train);
        update_rows(&mut hasher, &fold.validation);
    }
    hasher.finalize().to_hex().to_string()
}

fn update_rows(hasher: &mut blake3::Hasher, rows: &[u32]) {
    hasher.update(&(rows.len() as u64).to_le_bytes());
    let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
    hasher.update(&bytes);
}
