//! `foldwise health`: whether a coordinator serves, for what watches over it.

use clap::Args;

use crate::arguments::Target;
use crate::client::Client;
use crate::error::CliError;
use crate::output;

/// What `foldwise health` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Ends with 0 where the coordinator serves, with 1 where it does not, and with 3 where none answers.")]
pub(crate) struct HealthArguments {
    /// Say nothing where it serves
    #[arg(long, short)]
    quiet: bool,
}

pub(super) async fn execute(arguments: &HealthArguments, coordinator: &Target) -> Result<(), CliError> {
    Client::connect(coordinator).await?.health().await?;
    if !arguments.quiet {
        output::print("serving")?;
    }
    Ok(())
}
