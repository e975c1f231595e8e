//! Which kept files are needed: parcels of data, checkpoints of open cohorts, the weights of final stages, and copies of weights that
//! runs with a result kept.

use super::{Change, Ledger};

impl Ledger {
    /// The digests of all files that some study needs.
    pub fn artifacts(&self) -> impl Iterator<Item = &str> {
        self.artifacts.keys().map(String::as_str)
    }

    /// Whether some study needs a file.
    #[must_use]
    pub fn needs(&self, digest: &str) -> bool {
        self.artifacts.contains_key(digest)
    }

    /// One more place needs a file.
    pub(super) fn need(&mut self, digest: &str) {
        *self.artifacts.entry(digest.to_owned()).or_default() += 1;
    }

    /// One place less needs a file.
    pub(super) fn unneed(&mut self, digest: &str, changes: &mut Vec<Change>) {
        let Some(places) = self.artifacts.get_mut(digest) else { return };
        *places -= 1;
        if *places == 0 {
            self.artifacts.remove(digest);
            changes.push(Change::ArtifactUnneeded { digest: digest.to_owned() });
        }
    }
}
