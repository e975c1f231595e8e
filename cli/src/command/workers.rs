//! `foldwise workers`: who trains.

use clap::Args;

use crate::arguments::Target;
use crate::client::Client;
use crate::clock;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::view::{WorkerView, worker_table};

/// What `foldwise workers` is told.
#[derive(Debug, Args)]
pub(crate) struct WorkersArguments {
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) async fn execute(arguments: &WorkersArguments, coordinator: &Target) -> Result<(), CliError> {
    let workers = Client::connect(coordinator).await?.workers().await?;
    match arguments.format {
        Format::Json => {
            let views: Vec<WorkerView> = workers.iter().map(WorkerView::new).collect();
            output::print_json(&views)?;
        }
        Format::Table if workers.is_empty() => {
            output::print("no workers since the coordinator started: start one with `foldwise worker`")?;
        }
        Format::Table => output::print(&worker_table(&workers, clock::unix_seconds()))?,
    }
    Ok(())
}
