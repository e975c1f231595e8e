//! `foldwise status`: how a study stands.

use clap::Args;
use serde::Serialize;

use crate::arguments::{StudyArguments, Target};
use crate::client::Client;
use crate::clock;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::view::{RunView, StudyView, troubled_runs};

/// What `foldwise status` is told.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    study: StudyArguments,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// A study with the runs that failed, or whose last attempt did.
#[derive(Serialize)]
struct StatusView {
    #[serde(flatten)]
    study: StudyView,
    troubled_runs: Vec<RunView>,
}

pub(super) async fn execute(arguments: &StatusArguments, coordinator: &Target) -> Result<(), CliError> {
    let client = Client::connect(coordinator).await?;
    let study = client.study(&arguments.study.study).await?;
    let runs = client.troubled_runs(&study.name).await?;
    match arguments.format {
        Format::Json => {
            let troubled_runs = runs.iter().map(RunView::new).collect();
            output::print_json(&StatusView { study: StudyView::new(&study), troubled_runs })?;
        }
        Format::Table => {
            let now = clock::unix_seconds();
            let page = StudyView::page(&study, now);
            output::print(&format!("{page}{}", troubled_runs(&runs, now)))?;
        }
    }
    Ok(())
}
