//! What is left of a run on this machine: the report, its table and the final weights, in files.

use foldwise_proto::v1::Study;

use super::StateFolder;
use crate::client::Client;
use crate::command::artifact;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::render::{self, ReportFormat};
use crate::table;

/// Writes the files, shows the report and says where they are.
pub(super) async fn report(
    client: &Client,
    study: &Study,
    state: &StateFolder,
    format: Format,
) -> Result<(), CliError> {
    let json = client.report(&study.name).await?;
    let (json_path, csv_path) = (state.report_path(study, "json"), state.report_path(study, "csv"));
    output::write_file(&json_path, &json)?;
    output::write_file(&csv_path, render::render(&json, ReportFormat::Csv, false)?.as_bytes())?;
    let mut kept =
        vec![("report", json_path.display().to_string()), ("table", csv_path.display().to_string())];
    if let Some(digest) = render::weights_digest(&json)? {
        let path = state.report_path(study, "safetensors");
        artifact::save(client, digest, &path).await?;
        kept.push(("weights", path.display().to_string()));
    }
    let kept = table::labelled(&kept);
    match format {
        Format::Table => {
            let shown = render::render(&json, ReportFormat::Table, true)?;
            output::print(&format!("{}\n\n{kept}", shown.trim_end()))?;
        }
        Format::Json => {
            output::print(&render::render(&json, ReportFormat::Json, true)?)?;
            eprint!("{kept}");
        }
    }
    Ok(())
}
