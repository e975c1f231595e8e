//! `foldwise report`: a study's report, finished or not, or several studies side by side.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::study_name;
use crate::client::Client;
use crate::error::CliError;
use crate::output;
use crate::render::{self, ReportFormat, Section, SectionChoice};

/// What `foldwise report` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldwise report quickstart
  foldwise report quickstart --section curves,confusion
  foldwise report quickstart --section points --trial 2 --format csv -o points.csv
  foldwise report mlp cnn deep               one line per study")]
pub(crate) struct ReportArguments {
    /// The studies: names if no other has them, or numbers (`studies/3` or `3`); several are compared
    #[arg(value_name = "STUDY", value_parser = study_name, required = true)]
    studies: Vec<String>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    format: ReportFormat,
    /// The parts to show; by default a page with the trials and what was found
    #[arg(long = "section", value_name = "NAME", value_delimiter = ',', value_parser = SectionChoice::parser())]
    sections: Vec<SectionChoice>,
    /// Show this trial in them; by default the winner where a section shows one
    #[arg(long, value_name = "N", requires = "sections")]
    trial: Option<usize>,
    /// Write it into this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn execute(arguments: &ReportArguments, coordinator: &str) -> Result<(), CliError> {
    let sections = SectionChoice::sections(&arguments.sections);
    render::check(arguments.studies.len(), &sections, arguments.format)?;
    let client = Client::connect(coordinator).await?;
    let text = text(arguments, &sections, &client).await?;
    match &arguments.output {
        Some(path) => output::write_file(path, text.as_bytes())?,
        None => output::print(&text)?,
    }
    Ok(())
}

async fn text(
    arguments: &ReportArguments,
    sections: &[Section],
    client: &Client,
) -> Result<String, CliError> {
    let (format, to_terminal) = (arguments.format, arguments.output.is_none());
    if let ([study], [], ReportFormat::Table) = (&arguments.studies[..], sections, format) {
        // The coordinator writes the page, which is short, so that nobody waits for the JSON of a million runs.
        return Ok(client.page(study, render::options(to_terminal)).await?);
    }
    let mut jsons = Vec::new();
    for study in &arguments.studies {
        jsons.push(client.report(study).await?);
    }
    Ok(match (&jsons[..], sections) {
        ([json], []) => render::render(json, format, to_terminal)?,
        ([json], sections) => render::render_sections(json, sections, arguments.trial, format, to_terminal)?,
        (jsons, _) => render::render_comparison(jsons, format, to_terminal)?,
    })
}
