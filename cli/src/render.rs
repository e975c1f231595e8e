//! Reports as they are written: the one place that knows the report's crate.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use comfy_table::Table;
use foldwise_report::{Report, TableOptions};

use crate::environment;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    Table,
    /// Everything, for programs.
    Json,
    /// A line per trial and fold, for spreadsheets.
    Csv,
}

/// A report that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    /// It is not a report.
    #[error("cannot read the report that the coordinator sent: {0}; is it of another version?")]
    Report(#[from] serde_json::Error),
    /// It names weights by something else than a digest.
    #[error("the report's final weights have no digest but `{0}`")]
    Digest(String),
}

/// A report's JSON in a format. `to_terminal`: whether a person may be looking, at the standard output.
pub(crate) fn render(json: &[u8], format: ReportFormat, to_terminal: bool) -> Result<String, RenderError> {
    let report: Report = serde_json::from_slice(json)?;
    Ok(match format {
        ReportFormat::Table => foldwise_report::table(&report, options(to_terminal)),
        // As it was sent: fields that this version does not know stay in it.
        ReportFormat::Json => String::from_utf8_lossy(json).into_owned(),
        ReportFormat::Csv => foldwise_report::csv(&report),
    })
}

fn options(to_terminal: bool) -> TableOptions {
    if !to_terminal || !io::stdout().is_terminal() {
        return TableOptions::default();
    }
    TableOptions { width: Table::new().width().map(usize::from), color: environment::color_is_welcome() }
}

/// BLAKE3 of the final weights, once there are some.
pub(crate) fn weights_digest(json: &[u8]) -> Result<Option<blake3::Hash>, RenderError> {
    let report: Report = serde_json::from_slice(json)?;
    let Some(text) = report.final_stage.and_then(|stage| stage.weights_digest) else { return Ok(None) };
    blake3::Hash::from_hex(&text).map(Some).map_err(|_| RenderError::Digest(text))
}
