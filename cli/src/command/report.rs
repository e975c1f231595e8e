//! `foldwise report`: a study's report, finished or not.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::StudyArguments;
use crate::client::Client;
use crate::error::CliError;
use crate::output;
use crate::render::{self, ReportFormat};

/// What `foldwise report` is told.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    study: StudyArguments,
    /// How to write it
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    format: ReportFormat,
    /// Write it into this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn execute(arguments: &ReportArguments, coordinator: &str) -> Result<(), CliError> {
    let json = Client::connect(coordinator).await?.report(&arguments.study.study).await?;
    let text = render::render(&json, arguments.format, arguments.output.is_none())?;
    match &arguments.output {
        Some(path) => output::write_file(path, text.as_bytes())?,
        None => output::print(&text)?,
    }
    Ok(())
}
