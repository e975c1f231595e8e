//! Digests: published checksums of files, and our own address of a dataset.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Lower-case hex sha256.
pub(crate) fn sha256_hex(content: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(content) {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// A dataset's digest from its files' roles and content checksums, in a fixed order of roles.
pub(crate) fn dataset_digest<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut hasher = blake3::Hasher::new();
    for (role, sha256) in files {
        hasher.update(format!("{role} {sha256}\n").as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::{dataset_digest, sha256_hex};

    #[test]
    fn sha256_is_the_published_one() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_dataset_digest_depends_on_roles_contents_and_order() {
        let digest = dataset_digest([("train", "aa"), ("test", "bb")]);
        assert_eq!(digest, blake3::hash(b"train aa\ntest bb\n").to_hex().to_string());
        assert_ne!(digest, dataset_digest([("train", "bb"), ("test", "aa")]));
        assert_ne!(digest, dataset_digest([("train", "aa")]));
    }
}
