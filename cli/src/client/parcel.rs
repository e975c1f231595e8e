//! Parcels go to the coordinator in parts.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use foldwise_proto::v1::{FindParcelRequest, FindParcelResponse, UploadParcelRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{CallError, Client};

/// Bytes of a part.
const PART_BYTES: usize = 1 << 20;
/// Parts that are read ahead.
const PARTS_AHEAD: usize = 4;

impl Client {
    /// How much of a parcel the coordinator has.
    pub(crate) async fn find_parcel(&self, digest: &str) -> Result<FindParcelResponse, CallError> {
        let answer = self.studies.clone().find_parcel(FindParcelRequest { digest: digest.to_owned() }).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("look for the files of the study"))
    }

    /// Sends a parcel that lies in a file, without its first bytes.
    pub(crate) async fn upload_parcel(
        &self,
        digest: &str,
        path: &Path,
        offset: u64,
    ) -> Result<(), CallError> {
        const ATTEMPT: &str = "send the files of the study";
        let unreadable = |error: std::io::Error| {
            let status = Status::failed_precondition(format!("cannot read {}: {error}", path.display()));
            CallError::of_status(ATTEMPT, &self.url, &status)
        };
        let mut file = File::open(path).map_err(unreadable)?;
        file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
        let (parts, receiver) = mpsc::channel(PARTS_AHEAD);
        let first = UploadParcelRequest { digest: digest.to_owned(), offset, data: Vec::new() };
        // Ends when the call does, or the file. Where it cannot be read to its end, the coordinator keeps what it has and
        // refuses the rest.
        tokio::task::spawn_blocking(move || {
            let mut next = Some(first);
            while let Some(part) = next {
                if parts.blocking_send(part).is_err() {
                    return;
                }
                let mut data = Vec::with_capacity(PART_BYTES);
                let read = Read::by_ref(&mut file).take(PART_BYTES as u64).read_to_end(&mut data);
                next = (read.is_ok() && !data.is_empty())
                    .then(|| UploadParcelRequest { data, ..UploadParcelRequest::default() });
            }
        });
        let answer = self.studies.clone().upload_parcel(ReceiverStream::new(receiver)).await;
        answer.map(drop).map_err(self.failed(ATTEMPT))
    }
}
