//! The parcels that studies' files were sent in: fetched once for this machine, whoever of its slots and workers asks.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use foldwise_data::{Cache, ShelfError};
use foldwise_proto::v1 as proto;
use tonic::Status;

use super::connection::{Connection, is_passing};

/// Where parcels lie on this machine.
#[derive(Debug, Clone)]
pub(super) struct Parcels {
    cache: Arc<Cache>,
}

impl Parcels {
    pub(super) fn new(cache: Arc<Cache>) -> Self {
        Self { cache }
    }

    /// Sees to it that a parcel is here, for the trainer to read. A transfer that was interrupted goes on.
    ///
    /// # Errors
    /// What a person is told: the coordinator has it no more, or this machine cannot keep it.
    pub(super) async fn see_to(&self, connection: &Connection, digest: &str) -> Result<(), String> {
        let shelf = self.cache.shelf();
        let told = |error: ShelfError| error.to_string();
        if shelf.files(digest).map_err(told)?.is_some() {
            return Ok(());
        }
        let path = shelf.partial(digest).map_err(told)?;
        let unwritable = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
        let opened = File::options().create(true).append(true).open(&path).map_err(unwritable)?;
        // One at a time on this machine; the others wait, and find it here.
        let locked = tokio::task::spawn_blocking(move || opened.lock().map(|()| opened)).await;
        let mut file = locked.map_err(|error| error.to_string())?.map_err(unwritable)?;
        if shelf.files(digest).map_err(told)?.is_some() {
            return Ok(());
        }
        tracing::info!(parcel = digest, "fetching the files of a study");
        connection.download_rest(digest, &mut file).await.map_err(|status| status.message().to_owned())?;
        file.sync_all().map_err(unwritable)?;
        let (shelf, name, parcel) = (shelf.clone(), digest.to_owned(), path.clone());
        let kept = tokio::task::spawn_blocking(move || shelf.keep(&name, &parcel)).await;
        let kept = kept.map_err(|error| error.to_string())?;
        // Whole or spoiled, nothing is to be added to it. Whoever waits for its lock looks at the shelf first.
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "a file that is not needed any more could not be removed");
        }
        kept.map(drop).map_err(told)
    }
}

impl Connection {
    /// Appends to a file what it lacks of a kept file, trying again from where it came to.
    async fn download_rest(&self, digest: &str, file: &mut File) -> Result<(), Status> {
        let unwritable = |error: std::io::Error| {
            Status::failed_precondition(format!("cannot write the files of a study: {error}"))
        };
        let mut pauses = self.pauses();
        loop {
            let offset = file.metadata().map_err(unwritable)?.len();
            let request = proto::GetArtifactRequest { digest: digest.to_owned(), offset };
            let fetched = async {
                let mut parts = self.get_artifact(request).await?;
                while let Some(proto::Chunk { data }) = parts.message().await? {
                    file.write_all(&data).map_err(unwritable)?;
                }
                Ok(())
            };
            match fetched.await {
                Ok(()) => return Ok(()),
                Err(status) => match pauses.next().filter(|_| is_passing(&status)) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(status),
                },
            }
        }
    }
}
