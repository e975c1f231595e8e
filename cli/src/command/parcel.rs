//! The files of a study's own data, on their way to the coordinator.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use foldwise_data::DataError;
use foldwise_study::spec::data::DataSpec;
use tempfile::NamedTempFile;

use crate::client::Client;
use crate::error::CliError;
use crate::quantity::{bytes, counted};
use crate::spec_file::SpecText;

/// Times that an interrupted upload goes on.
const TRIES: u32 = 5;
/// Bytes from which a person is told what is being sent.
const TOLD_FROM_BYTES: u64 = 16 << 20;

/// What is told of files.
#[derive(Debug, Args)]
pub(crate) struct UploadArguments {
    /// Send no files: coordinator and workers read the data at the paths that the study file names
    #[arg(long)]
    no_upload: bool,
}

/// Files cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParcelError {
    /// Some are here, others not.
    #[error(
        "{} is not here, but other files of [data] are: put it beside them, or submit with --no-upload where coordinator and \
         workers find all of them", .0.display()
    )]
    Partly(PathBuf),
    /// They cannot be read.
    #[error("the files of [data] cannot be sent: {0}")]
    Data(#[from] DataError),
    /// They cannot be put together.
    #[error("cannot put the files of [data] together in {}: {source}", folder.display())]
    Scratch {
        /// Where.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Sends the files that a study file names, if they are here, and notes their parcel in it.
pub(super) async fn send(
    client: &Client,
    text: SpecText,
    arguments: &UploadArguments,
) -> Result<SpecText, CliError> {
    let data = text.parse()?.spec.data;
    if arguments.no_upload || data.parcel.is_some() || !are_here(&data)? {
        return Ok(text);
    }
    let (file, digest) = packed(&data)?;
    let size = file.as_file().metadata().map_or(0, |metadata| metadata.len());
    let mut left = TRIES;
    loop {
        let found = client.find_parcel(&digest).await?;
        if found.kept {
            return Ok(SpecText { parcel: Some(digest), ..text });
        }
        if size >= TOLD_FROM_BYTES {
            let files = counted(data.paths().len() as u64, "path");
            let from = if found.partial_bytes > 0 { " (going on)" } else { "" };
            eprintln!("sending the files of {files} of [data]: {}{from}", bytes(size - found.partial_bytes));
        }
        left -= 1;
        match client.upload_parcel(&digest, file.path(), found.partial_bytes).await {
            Ok(()) => return Ok(SpecText { parcel: Some(digest), ..text }),
            Err(error) if left > 0 && error.is_passing() => tracing::warn!(%error, "going on"),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the files are here: all of them or none.
fn are_here(data: &DataSpec) -> Result<bool, ParcelError> {
    let (here, missing): (Vec<_>, Vec<_>) = data.paths().into_iter().partition(|path| path.exists());
    match (here.is_empty(), missing.first()) {
        (true, _) => Ok(false),
        (false, Some(missing)) => Err(ParcelError::Partly(missing.to_path_buf())),
        (false, None) => Ok(true),
    }
}

/// The parcel in a file that goes when it is dropped, and its digest.
fn packed(data: &DataSpec) -> Result<(NamedTempFile, String), ParcelError> {
    let failed = |source| ParcelError::Scratch { folder: std::env::temp_dir(), source };
    let file = NamedTempFile::with_prefix("foldwise-parcel-").map_err(failed)?;
    let mut out =
        Hashed { file: BufWriter::new(file.reopen().map_err(failed)?), hasher: blake3::Hasher::new() };
    foldwise_data::pack(data, &mut out)?;
    out.flush().map_err(failed)?;
    Ok((file, out.hasher.finalize().to_hex().to_string()))
}

/// Writes and digests.
struct Hashed {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
