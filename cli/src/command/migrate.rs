//! `foldwise migrate`: a state folder's way to PostgreSQL, and its kept files' way to another place.

use std::path::PathBuf;

use clap::Args;
use foldwise_coordinator::artifacts::{Artifacts, Copied, Place};
use foldwise_coordinator::store::postgres::{Address, Transferred, transfer};
use foldwise_coordinator::store::{StoreError, needed_files};
use serde::Serialize;

use super::coordinator::{CoordinatorError, Opaque, place, with_bucket_settings, with_password};
use crate::error::CliError;
use crate::output::{self, Format};
use crate::quantity;

/// What `foldwise migrate` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
The coordinator of the folder must be stopped, and the database empty. Rows are copied in one transaction
and compared before they count; kept files are read and compared with their digests, and those that are
there already are passed over, so that an interrupted copy goes on. The folder is left as it is.

Without --artifacts kept files stay where they are: start the coordinator with --artifacts on them, or on a
copy.

Example:
  foldwise migrate --from /var/lib/foldwise --to postgres://foldwise@db/foldwise --artifacts s3://foldwise/files
  foldwise coordinator --store postgres://foldwise@db/foldwise --artifacts s3://foldwise/files")]
pub(crate) struct MigrateArguments {
    /// The state folder
    #[arg(long, env = "FOLDWISE_STATE", hide_env_values = true, value_name = "FOLDER")]
    from: PathBuf,
    /// The database: `postgres://user@host:5432/database`, with the password in PGPASSWORD or the password file
    #[arg(long, env = "FOLDWISE_STORE", hide_env_values = true, value_name = "URL")]
    #[arg(required_unless_present = "artifacts")]
    to: Option<Opaque>,
    /// Where to copy kept files: a folder, or a bucket as `s3://bucket/prefix`, reached as the AWS_… variables say
    #[arg(long, value_name = "PLACE")]
    artifacts: Option<Opaque>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What was copied.
#[derive(Serialize)]
struct Migrated {
    #[serde(flatten)]
    rows: Option<Transferred>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Copied>,
}

pub(super) fn execute(arguments: &MigrateArguments) -> Result<(), CliError> {
    let failed = |error: StoreError| CliError::Store(error);
    let read = |text: &Opaque| text.store().and_then(with_password);
    let to = arguments.to.as_ref().map(read).transpose().map_err(CoordinatorError::Address)?;
    let to_place = place(arguments.artifacts.as_ref())?;
    // Files first: what a row names is there when the row is.
    let files = to_place.clone().map(|place| copy(arguments, place)).transpose()?;
    let rows = to.clone().map(|to| transfer(&arguments.from, to)).transpose().map_err(failed)?;
    let migrated = Migrated { rows, files };
    match arguments.format {
        Format::Json => output::print_json(&migrated)?,
        Format::Table => output::print(&told(arguments, (to.as_ref(), to_place.as_ref()), &migrated))?,
    }
    Ok(())
}

/// Copies kept files, and sees that all are there that the rows name.
fn copy(arguments: &MigrateArguments, place: Place) -> Result<Copied, CliError> {
    let needed = needed_files(&arguments.from).map_err(CliError::Store)?;
    let copied = || {
        let to = Artifacts::open_at(&with_bucket_settings(place), &arguments.from.join("near"))?;
        let copied = to.copy_from(&arguments.from.join("artifacts"))?;
        Ok((copied, to.missing(&needed)?))
    };
    let (copied, missing) = copied().map_err(CliError::Artifacts)?;
    match missing.first() {
        None => Ok(copied),
        Some(first) => Err(CliError::Files {
            missing: missing.len(),
            first: first.clone(),
            folder: arguments.from.join("artifacts"),
        }),
    }
}

fn told(
    arguments: &MigrateArguments,
    (to, place): (Option<&Address>, Option<&Place>),
    migrated: &Migrated,
) -> String {
    let mut lines = Vec::new();
    if let (Some(to), Some(rows)) = (to, &migrated.rows) {
        let tables = rows.tables.iter().filter(|(name, _)| name != "last_study");
        let rows: Vec<String> =
            tables.map(|(name, rows)| format!("{} of {name}", quantity::counted(*rows, "row"))).collect();
        lines.push(format!("{to} holds {}, compared with {}", rows.join(", "), arguments.from.display()));
    }
    lines.push(match (place, &migrated.files) {
        (Some(place), Some(files)) => format!(
            "{place} holds the kept files: {} copied, {} there already",
            quantity::counted(files.copied, "file"),
            quantity::count(files.there_already),
        ),
        _ => format!(
            "kept files stay in {}: start the coordinator with --artifacts on them, or on a copy",
            arguments.from.join("artifacts").display(),
        ),
    });
    lines.join("\n")
}
