//! What is left of a run on this machine: the reports, their tables and the final weights, in files.

use foldwise_proto::v1::Study;

use super::StateFolder;
use crate::client::Client;
use crate::command::artifact;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::render::{self, ReportFormat};
use crate::table;

/// The reports of the studies that have ended.
#[derive(Debug)]
pub(super) struct Shelf {
    format: Format,
    /// How many studies there are to be.
    studies: usize,
    reports: Vec<Vec<u8>>,
}

impl Shelf {
    pub(super) fn new(format: Format, studies: usize) -> Self {
        Self { format, studies, reports: Vec::new() }
    }

    /// Writes a study's files, says where they are, and shows its report. The JSON of several waits until the end,
    /// where it is one list.
    pub(super) async fn add(
        &mut self,
        client: &Client,
        study: &Study,
        state: &StateFolder,
    ) -> Result<(), CliError> {
        let json = client.report(&study.name).await?;
        let kept = keep(client, study, state, &json).await?;
        match self.format {
            Format::Table => {
                let shown = render::render(&json, ReportFormat::Table, true)?;
                let gap = if self.reports.is_empty() { "" } else { "\n" };
                output::print(&format!("{gap}{}\n\n{kept}", shown.trim_end()))?;
            }
            Format::Json => {
                if self.studies == 1 {
                    output::print(&render::render(&json, ReportFormat::Json, true)?)?;
                }
                eprint!("{kept}");
            }
        }
        self.reports.push(json);
        Ok(())
    }

    /// Compares several studies, those that were not begun left out.
    pub(super) fn close(&self) -> Result<(), CliError> {
        match (self.format, &self.reports[..]) {
            (Format::Table, [] | [_]) => {}
            (Format::Json, _) if self.studies == 1 => {}
            (Format::Table, reports) => {
                let shown = render::render_comparison(reports, ReportFormat::Table, true)?;
                output::print(&format!("\n{shown}"))?;
            }
            (Format::Json, reports) => {
                output::print(&render::render_comparison(reports, ReportFormat::Json, true)?)?;
            }
        }
        Ok(())
    }
}

/// Writes the files, and says where they are.
async fn keep(client: &Client, study: &Study, state: &StateFolder, json: &[u8]) -> Result<String, CliError> {
    let (json_path, csv_path) = (state.report_path(study, "json"), state.report_path(study, "csv"));
    output::write_file(&json_path, json)?;
    output::write_file(&csv_path, render::render(json, ReportFormat::Csv, false)?.as_bytes())?;
    let mut kept =
        vec![("report", json_path.display().to_string()), ("table", csv_path.display().to_string())];
    if let Some((digest, ending)) = render::weights(json)? {
        let path = state.report_path(study, ending);
        artifact::save(client, digest, &path).await?;
        kept.push(("weights", path.display().to_string()));
    }
    Ok(table::labelled(&kept))
}
