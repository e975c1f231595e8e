//! `foldwise report`: a study's report, finished or not, or several studies side by side.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use foldwise_report::ExportedFile;

use crate::arguments::{Target, study_name};
use crate::client::Client;
use crate::error::CliError;
use crate::output::{self, OutputError};
use crate::render::files::{Drawn, ThemeChoice, render_figures, render_folder, render_markdown};
use crate::render::{self, Asked, ReportFormat, Section, SectionChoice};

/// The end of the name of a report that was kept as JSON.
const KEPT: &str = ".json";

/// What `foldwise report` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldwise report quickstart
  foldwise report quickstart --section curves,confusion
  foldwise report quickstart --section points --trial 2 --format csv -o points.csv
  foldwise report quickstart --format html -o quickstart.html
  foldwise report quickstart --format markdown -o quickstart.md --figures figures
  foldwise report quickstart --figures figures --png --theme dark
  foldwise report quickstart --format tensorboard -o runs/quickstart
  foldwise report quickstart.json            one that was kept, without a coordinator
  foldwise report mlp cnn deep               one line per study")]
pub(crate) struct ReportArguments {
    /// The studies: names if no other has them, or numbers (`studies/3` or `3`), or files that hold a
    /// report as JSON; several are compared
    #[arg(value_name = "STUDY", value_parser = study_or_file, required = true)]
    studies: Vec<String>,
    /// How to write it; by default a table
    #[arg(long, value_enum)]
    format: Option<ReportFormat>,
    /// The parts to show; by default a page with the trials and what was found
    #[arg(long = "section", value_name = "NAME", value_delimiter = ',', value_parser = SectionChoice::parser())]
    sections: Vec<SectionChoice>,
    /// Show this trial in them; by default the winner where a section shows one
    #[arg(long, value_name = "N", requires = "sections")]
    trial: Option<usize>,
    /// Write it into this file; Parquet and event files into this folder
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Draw every figure that there are numbers for into this folder, as SVG
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
    /// Make pictures (PNG) of the figures too
    #[arg(long, requires = "figures")]
    png: bool,
    /// What the figures are drawn on
    #[arg(long, value_enum, default_value_t, requires = "figures")]
    theme: ThemeChoice,
}

/// A study, or a file with a report.
fn study_or_file(text: &str) -> Result<String, String> {
    if text.ends_with(KEPT) { Ok(text.to_owned()) } else { study_name(text) }
}

pub(super) async fn execute(arguments: &ReportArguments, coordinator: &Target) -> Result<(), CliError> {
    let sections = SectionChoice::sections(&arguments.sections);
    let format = arguments.format.unwrap_or(ReportFormat::Table);
    render::check(Asked {
        studies: arguments.studies.len(),
        sections: &sections,
        format,
        figures: arguments.figures.is_some(),
        to_file: arguments.output.is_some(),
    })?;
    let source = Source::new(&arguments.studies, coordinator).await?;
    // Who asks for figures alone wants no table beside.
    let text_too = arguments.format.is_some() || !sections.is_empty() || arguments.output.is_some();
    if let Some(folder) = &arguments.figures {
        draw(arguments, folder, &source, !text_too).await?;
        if !text_too {
            return Ok(());
        }
    }
    if let (true, Some(folder), [study]) = (format.is_folder(), &arguments.output, &arguments.studies[..]) {
        return write_all(folder, &render_folder(&source.report(study).await?, format)?).map_err(Into::into);
    }
    let text = text(arguments, format, &sections, &source).await?;
    match &arguments.output {
        Some(path) => output::write_file(path, text.as_bytes())?,
        None => output::print(&text)?,
    }
    Ok(())
}

/// Where reports come from.
struct Source {
    /// None where every report is a file.
    client: Option<Client>,
}

impl Source {
    async fn new(studies: &[String], coordinator: &Target) -> Result<Self, CliError> {
        let all_kept = studies.iter().all(|study| study.ends_with(KEPT));
        Ok(Self { client: if all_kept { None } else { Some(Client::connect(coordinator).await?) } })
    }

    /// A report as JSON.
    async fn report(&self, study: &str) -> Result<Vec<u8>, CliError> {
        match &self.client {
            Some(client) if !study.ends_with(KEPT) => Ok(client.report(study).await?),
            _ => {
                let path = PathBuf::from(study);
                Ok(fs::read(&path).map_err(|source| OutputError::Read { path, source })?)
            }
        }
    }
}

/// Writes the figures; where nothing else is written, says which there are.
async fn draw(
    arguments: &ReportArguments,
    folder: &Path,
    source: &Source,
    tell: bool,
) -> Result<(), CliError> {
    let [study] = &arguments.studies[..] else { return Ok(()) };
    let drawn = Drawn { theme: arguments.theme, png: arguments.png };
    let figures = render_figures(&source.report(study).await?, drawn)?;
    if figures.is_empty() {
        eprintln!("no figure: nothing was measured yet");
    }
    for (figure, files) in figures {
        write_all(folder, &files)?;
        if tell {
            output::print(&format!(
                "{}  {}",
                folder.join(format!("{}.svg", figure.name)).display(),
                figure.title
            ))?;
        }
    }
    Ok(())
}

fn write_all(folder: &Path, files: &[ExportedFile]) -> Result<(), OutputError> {
    files.iter().try_for_each(|file| output::write_file(&folder.join(&file.path), &file.bytes))
}

async fn text(
    arguments: &ReportArguments,
    format: ReportFormat,
    sections: &[Section],
    source: &Source,
) -> Result<String, CliError> {
    let to_terminal = arguments.output.is_none();
    if let ([study], [], ReportFormat::Table, Some(client)) =
        (&arguments.studies[..], sections, format, &source.client)
    {
        // The coordinator writes the page, which is short, so that nobody waits for the JSON of a million runs.
        return Ok(client.page(study, render::options(to_terminal)).await?);
    }
    let mut jsons = Vec::new();
    for study in &arguments.studies {
        jsons.push(source.report(study).await?);
    }
    Ok(match (&jsons[..], sections, &arguments.figures) {
        ([json], [], Some(folder)) if format == ReportFormat::Markdown => {
            render_markdown(json, folder, arguments.output.as_deref())?
        }
        ([json], [], _) => render::render(json, format, to_terminal)?,
        ([json], sections, _) => {
            render::render_sections(json, sections, arguments.trial, format, to_terminal)?
        }
        (jsons, _, _) => render::render_comparison(jsons, format, to_terminal)?,
    })
}
