//! `foldwise status`: how a study stands.

use clap::Args;
use foldwise_proto::v1::RunState;
use serde::Serialize;

use crate::arguments::StudyArguments;
use crate::client::Client;
use crate::clock;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::view::{RunView, StudyView, failed_runs};

/// What `foldwise status` is told.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    study: StudyArguments,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// A study with the runs that failed.
#[derive(Serialize)]
struct StatusView {
    #[serde(flatten)]
    study: StudyView,
    failed_runs: Vec<RunView>,
}

pub(super) async fn execute(arguments: &StatusArguments, coordinator: &str) -> Result<(), CliError> {
    let client = Client::connect(coordinator).await?;
    let study = client.study(&arguments.study.study).await?;
    // Failures are rare; the runs are many.
    let none_failed = study.runs.is_some_and(|runs| runs.failed == 0);
    let runs = if none_failed { Vec::new() } else { client.runs(&study.name).await? };
    match arguments.format {
        Format::Json => {
            let failed = runs.iter().filter(|run| run.state() == RunState::Failed).map(RunView::new);
            output::print_json(&StatusView { study: StudyView::new(&study), failed_runs: failed.collect() })?;
        }
        Format::Table => {
            let page = StudyView::page(&study, clock::unix_seconds());
            output::print(&format!("{page}{}", failed_runs(&runs)))?;
        }
    }
    Ok(())
}
