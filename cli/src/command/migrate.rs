//! `foldwise migrate`: a state folder's way to PostgreSQL.

use std::path::PathBuf;

use clap::Args;
use foldwise_coordinator::store::StoreError;
use foldwise_coordinator::store::postgres::{Address, transfer};

use super::coordinator::{store_address, with_password};
use crate::error::CliError;
use crate::output::{self, Format};
use crate::quantity;

/// What `foldwise migrate` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
The coordinator of the folder must be stopped, and the database empty. Everything is copied in one
transaction and compared before it counts; the folder is left as it is. Kept files stay where they
are: start the coordinator with --artifacts on them, or on a copy.

Example:
  foldwise migrate --from /var/lib/foldwise --to postgres://foldwise@db/foldwise
  foldwise coordinator --store postgres://foldwise@db/foldwise --artifacts /var/lib/foldwise/artifacts")]
pub(crate) struct MigrateArguments {
    /// The state folder
    #[arg(long, env = "FOLDWISE_STATE", hide_env_values = true, value_name = "FOLDER")]
    from: PathBuf,
    /// The database: `postgres://user@host:5432/database`, with the password in PGPASSWORD or the password file
    #[arg(long, env = "FOLDWISE_STORE", hide_env_values = true, value_name = "URL", value_parser = store_address)]
    to: Address,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) fn execute(arguments: &MigrateArguments) -> Result<(), CliError> {
    let failed = |error: StoreError| CliError::Store(error);
    let to = with_password(arguments.to.clone()).map_err(|error| failed(error.into()))?;
    let transferred = transfer(&arguments.from, to).map_err(failed)?;
    match arguments.format {
        Format::Json => output::print_json(&transferred)?,
        Format::Table => {
            let tables = transferred.tables.iter().filter(|(name, _)| name != "last_study");
            let rows: Vec<String> =
                tables.map(|(name, rows)| format!("{} of {name}", quantity::counted(*rows, "row"))).collect();
            output::print(&format!(
                "{} holds {}, compared with {}\nkept files stay in {}: start the coordinator with --artifacts on them, \
                 or on a copy",
                arguments.to,
                rows.join(", "),
                arguments.from.display(),
                arguments.from.join("artifacts").display(),
            ))?;
        }
    }
    Ok(())
}
