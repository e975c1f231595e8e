//! Uploads and downloads part by part: each part has its time, and each is asked whether its caller may still have it.

use std::time::Duration;

use tonic::{Status, Streaming};

use crate::access::Asker;

/// Time between two parts after which an upload is given up: a megabyte over a slow line. Its sender goes on with another.
const PART_PATIENCE: Duration = Duration::from_secs(60);

/// The next part of an upload.
pub(super) async fn next<T>(parts: &mut Streaming<T>, asker: &Asker) -> Result<Option<T>, Status> {
    asker.good()?;
    match tokio::time::timeout(PART_PATIENCE, parts.message()).await {
        Ok(part) => part,
        Err(_) => {
            let seconds = PART_PATIENCE.as_secs();
            Err(Status::deadline_exceeded(format!("no part of the upload came within {seconds} s")))
        }
    }
}
