//! `foldwise drain`: empties a worker, as before its machine is switched off.

use clap::Args;

use crate::arguments::Target;
use crate::client::Client;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::view::WorkerView;

/// What `foldwise drain` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
The worker lets what it has come to its end, or to a checkpoint within its grace period, hands the
rest back and ends. `foldwise workers` shows how far it is.")]
pub(crate) struct DrainArguments {
    /// The worker, as `foldwise workers` names it
    #[arg(value_name = "WORKER")]
    worker: String,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) async fn execute(arguments: &DrainArguments, coordinator: &Target) -> Result<(), CliError> {
    let worker = Client::connect(coordinator).await?.drain(&arguments.worker).await?;
    match arguments.format {
        Format::Json => output::print_json(&WorkerView::new(&worker))?,
        Format::Table => {
            let held = worker.slots.iter().filter(|slot| !slot.lease.is_empty()).count();
            output::print(&format!("{} hands back {held} cohort(s) and ends", worker.id))?;
        }
    }
    Ok(())
}
