//! Parcels of submitters' files: they come in once, lie with the kept files, and are unpacked on the shelf to be read.

use std::sync::{Arc, PoisonError};

use foldwise_proto::v1 as proto;
use foldwise_study::spec::Format;
use tonic::{Status, Streaming};

use super::study::Studies;
use super::{parts, status};
use crate::access::Asker;
use crate::artifacts::{ArtifactError, CHUNK_BYTES, Held, is_digest};
use crate::blocking;
use crate::submission::SubmissionError;

/// Parcels that may lie here, or be on their way, without a study that needs them; and for how long, ms.
const UNNAMED_MAX: usize = 32;
const UNNAMED_MS_MAX: u64 = 24 * 60 * 60 * 1000;

impl Studies {
    /// Refuses a spec that names files which studies may not read here. Those that were sent lie in their parcel alone.
    pub(super) fn confine(
        &self,
        text: &str,
        format: Format,
        parcel: Option<&str>,
    ) -> Result<(), SubmissionError> {
        if parcel.is_some() { Ok(()) } else { self.folders.check(text, format) }
    }

    pub(super) fn find_parcel(&self, digest: &str) -> Result<proto::FindParcelResponse, Status> {
        let partial = self.artifacts.partial_bytes(digest).map_err(|error| status::of_artifact(&error))?;
        Ok(proto::FindParcelResponse { kept: partial.is_none(), partial_bytes: partial.unwrap_or(0) })
    }

    pub(super) async fn take_parcel(
        &self,
        asker: &Asker,
        mut parts: Streaming<proto::UploadParcelRequest>,
    ) -> Result<proto::UploadParcelResponse, Status> {
        let first = parts::next(&mut parts, asker).await?;
        let first = first.ok_or_else(|| Status::invalid_argument("an empty upload"))?;
        let digest = first.digest.to_ascii_lowercase();
        if !is_digest(&digest) {
            return Err(status::of_artifact(&ArtifactError::NotADigest(first.digest)));
        }
        self.make_room_for_parcel(digest.clone()).await?;
        let begun = self.artifacts.go_on(&first.digest, first.offset);
        let mut partial = begun.map_err(|error| status::of_artifact(&error))?;
        let mut part = Some(first);
        while let Some(bytes) = part {
            if bytes.data.len() > CHUNK_BYTES {
                return Err(Status::invalid_argument(format!("`data` has more than {CHUNK_BYTES} bytes")));
            }
            blocking::run(|| partial.write(&bytes.data)).map_err(|error| status::of_artifact(&error))?;
            part = parts::next(&mut parts, asker).await?;
        }
        let kept = blocking::run(|| partial.keep());
        if kept.is_err() {
            // It lies nowhere, and takes nobody's place.
            self.unnamed.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest);
        }
        let size_bytes = kept.map_err(|error| status::of_artifact(&error))?;
        Ok(proto::UploadParcelResponse { size_bytes })
    }

    /// Counts a parcel among those that no study needs yet, of which there are so many at most. Those that nobody named in a
    /// day go.
    async fn make_room_for_parcel(&self, digest: String) -> Result<(), Status> {
        let (artifacts, unnamed) = (self.artifacts.clone(), Arc::clone(&self.unnamed));
        let made = self.desk.read(move |ledger, now| {
            let mut unnamed = unnamed.lock().unwrap_or_else(PoisonError::into_inner);
            unnamed.retain(|name, since_ms| {
                let forgotten = now.monotonic_ms.saturating_sub(*since_ms) > UNNAMED_MS_MAX;
                if forgotten && !ledger.needs(name) {
                    artifacts.remove(name);
                }
                !forgotten && !ledger.needs(name)
            });
            let room = unnamed.len() < UNNAMED_MAX || unnamed.contains_key(&digest);
            if room {
                unnamed.entry(digest).or_insert(now.monotonic_ms);
            }
            room
        });
        if made.await.map_err(|refusal| status::of_refusal(&refusal))? {
            return Ok(());
        }
        Err(status::of_artifact(&ArtifactError::TooManyPartial))
    }

    /// Puts a parcel that a study is to be made with on the shelf, and holds its file meanwhile. None where none is named.
    pub(super) async fn shelve(&self, digest: &str) -> Result<Option<Held>, Status> {
        if digest.is_empty() {
            return Ok(None);
        }
        let held = self.artifacts.hold([digest.to_owned()]).await;
        let of_artifact = |error| status::of_artifact(&error);
        if !self.artifacts.has(digest).map_err(of_artifact)? {
            let message = format!("the parcel {digest} is not here: upload it first");
            return Err(Status::failed_precondition(message));
        }
        let shelf = self.cache.shelf();
        let of_shelf = |error: foldwise_data::ShelfError| Status::invalid_argument(error.to_string());
        if shelf.files(digest).map_err(of_shelf)?.is_none() {
            let path = blocking::run(|| self.artifacts.path(digest)).map_err(of_artifact)?;
            blocking::run(|| shelf.keep(digest, &path)).map_err(of_shelf)?;
        }
        Ok(Some(held))
    }
}
