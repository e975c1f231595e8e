//! Parcels of submitters' files: they come in once, lie with the kept files, and are unpacked on the shelf to be read.

use foldwise_proto::v1 as proto;
use foldwise_study::spec::Format;
use tonic::{Status, Streaming};

use super::status;
use super::study::Studies;
use crate::artifacts::{CHUNK_BYTES, Held};
use crate::blocking;
use crate::submission::SubmissionError;

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
        mut parts: Streaming<proto::UploadParcelRequest>,
    ) -> Result<proto::UploadParcelResponse, Status> {
        let first = parts.message().await?.ok_or_else(|| Status::invalid_argument("an empty upload"))?;
        let begun = self.artifacts.go_on(&first.digest, first.offset);
        let mut partial = begun.map_err(|error| status::of_artifact(&error))?;
        let mut part = Some(first);
        while let Some(bytes) = part {
            if bytes.data.len() > CHUNK_BYTES {
                return Err(Status::invalid_argument(format!("`data` has more than {CHUNK_BYTES} bytes")));
            }
            blocking::run(|| partial.write(&bytes.data)).map_err(|error| status::of_artifact(&error))?;
            part = parts.message().await?;
        }
        let size_bytes = blocking::run(|| partial.keep()).map_err(|error| status::of_artifact(&error))?;
        Ok(proto::UploadParcelResponse { size_bytes })
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
