//! `foldwise artifact`: saves a kept file, and checks that it is the one that was asked for.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::arguments::Target;
use crate::client::Client;
use crate::error::CliError;
use crate::output::{self, OutputError};
use crate::quantity;

/// What `foldwise artifact` is told.
#[derive(Debug, Args)]
pub(crate) struct ArtifactArguments {
    /// BLAKE3 of the file, 64 hexadecimal digits; a report names those of its study
    #[arg(value_name = "DIGEST")]
    digest: String,
    /// Where to save it
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Why there is no file to save.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArtifactError {
    /// The digest.
    #[error("`{0}` is not a BLAKE3 digest: it has 64 hexadecimal digits")]
    NotADigest(String),
    /// What came is not what was asked for.
    #[error("the coordinator sent another file than {expected}: its BLAKE3 is {found}; nothing was saved")]
    Mismatch {
        /// Asked for.
        expected: String,
        /// Got.
        found: String,
    },
}

pub(super) async fn execute(arguments: &ArtifactArguments, coordinator: &Target) -> Result<(), CliError> {
    let digest = parse(&arguments.digest)?;
    let client = Client::connect(coordinator).await?;
    let bytes = save(&client, digest, &arguments.output).await?;
    eprintln!("saved {} ({})", arguments.output.display(), quantity::bytes(bytes));
    Ok(())
}

fn parse(text: &str) -> Result<blake3::Hash, ArtifactError> {
    blake3::Hash::from_hex(text).map_err(|_| ArtifactError::NotADigest(text.to_owned()))
}

/// Saves a kept file as a whole or not at all; its size.
pub(super) async fn save(client: &Client, digest: blake3::Hash, path: &Path) -> Result<u64, CliError> {
    let mut parts = client.artifact(digest.to_hex().as_str()).await?;
    let mut file = output::new_file(path)?;
    let mut hasher = blake3::Hasher::new();
    while let Some(part) = parts.next().await? {
        hasher.update(&part);
        let written = file.write_all(&part);
        written.map_err(|source| OutputError::File { path: path.to_owned(), source })?;
    }
    let found = hasher.finalize();
    if found != digest {
        let (expected, found) = (digest.to_string(), found.to_string());
        return Err(ArtifactError::Mismatch { expected, found }.into());
    }
    output::keep_file(file, path)?;
    Ok(hasher.count())
}
