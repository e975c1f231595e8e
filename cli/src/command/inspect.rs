//! `foldwise inspect`: what a state folder holds, without a coordinator and without changing anything.

use std::path::PathBuf;

use clap::Args;
use foldwise_coordinator::store::{Inspection, inspect};

use crate::error::CliError;
use crate::output::{self, Format};
use crate::quantity;
use crate::table::{self, Column};

/// What `foldwise inspect` is told.
#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The folder that a coordinator keeps everything in
    #[arg(
        env = "FOLDWISE_STATE",
        hide_env_values = true,
        value_name = "FOLDER",
        default_value = ".foldwise"
    )]
    state: PathBuf,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) fn execute(arguments: &InspectArguments) -> Result<(), CliError> {
    let found = inspect(&arguments.state).map_err(CliError::Store)?;
    match arguments.format {
        Format::Json => output::print_json(&found)?,
        Format::Table => output::print(&page(&found))?,
    }
    if found.problems.is_empty() { Ok(()) } else { Err(CliError::Damaged(arguments.state.clone())) }
}

fn page(found: &Inspection) -> String {
    let columns = [
        Column::Text("study"),
        Column::Text("name"),
        Column::Text("ended as"),
        Column::Number("cohorts"),
        Column::Number("done"),
        Column::Number("leased"),
        Column::Number("results"),
    ];
    let rows = found.studies.iter().map(|study| {
        vec![
            format!("studies/{}", study.number),
            study.name.clone(),
            study.ended_as.clone().unwrap_or_default(),
            quantity::count(study.cohorts),
            quantity::count(study.done),
            quantity::count(study.leased),
            quantity::count(study.results),
        ]
    });
    let mut text = format!(
        "schema version  {}\ndatabase        {}\nkept files      {} ({})\nin use          {}\nintegrity       {}\n",
        found.schema_version,
        quantity::bytes(found.database_bytes),
        quantity::count(found.artifacts as u64),
        quantity::bytes(found.artifact_bytes),
        if found.in_use { "yes, by a coordinator" } else { "no" },
        if found.problems.is_empty() { "ok" } else { "damaged" },
    );
    for problem in &found.problems {
        text.push_str(&format!("  {problem}\n"));
    }
    if !found.studies.is_empty() {
        text.push_str(&format!("\n{}", table::table(&columns, rows)));
    }
    text.trim_end().to_owned()
}
