//! Reports as they are written: the one place that knows the report's crate.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use comfy_table::Table;
use foldwise_report::{Report, Shown};
pub(crate) use foldwise_report::{Section, TableOptions};
use serde_json::Value as Json;

use crate::environment;

pub(crate) mod files;

/// What asks for every section.
const ALL: &str = "all";

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    Table,
    /// Everything, for programs.
    Json,
    /// A line per trial and fold, or the lines of one section, for spreadsheets.
    Csv,
    /// Everything with its tables, as text; with --figures it shows them.
    Markdown,
    /// Everything with its tables and figures, as one page that needs nothing else.
    Html,
    /// A folder of three tables, for data frames: trials, folds and epochs.
    Parquet,
    /// A folder of event files, for TensorBoard.
    #[value(name = "tensorboard")]
    TensorBoard,
}

/// A part of a report, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SectionChoice {
    /// Every section.
    All,
    /// One.
    One(Section),
}

/// A report that cannot be read, or not be shown so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    /// It is not a report.
    #[error("cannot read the report that the coordinator sent: {0}; is it of another version?")]
    Report(#[from] serde_json::Error),
    /// It names weights by something else than a digest.
    #[error("the report's final weights have no digest but `{0}`")]
    Digest(String),
    /// There is no such trial.
    #[error("there is no trial {trial}: the study has {trials}, numbered from 0")]
    Trial {
        /// The trial that was asked for.
        trial: usize,
        /// How many there are.
        trials: usize,
    },
    /// CSV of several sections.
    #[error("--format csv writes one section at a time, and {0} are asked for")]
    OneSection(usize),
    /// A section of what has no sections.
    #[error("--format {0} writes the whole report; leave --section out")]
    WholeReport(&'static str),
    /// Several studies in a format of one.
    #[error("--format {format} writes one study, and {studies} are named")]
    OneReport {
        /// The format.
        format: &'static str,
        /// How many were named.
        studies: usize,
    },
    /// Figures of several studies.
    #[error("--figures draws one study, and {0} are named")]
    OneDrawn(usize),
    /// A folder without a name.
    #[error("--format {0} writes a folder; say which with --output FOLDER")]
    NoFolder(&'static str),
    /// A table that cannot be written.
    #[error("cannot write the tables: {0}")]
    Parquet(String),
    /// A figure that cannot be made a picture.
    #[error("cannot make a picture of the figure {name}: {source}")]
    Picture {
        /// The figure.
        name: String,
        /// Why.
        source: foldwise_report::PngError,
    },
    /// Sections of several studies.
    #[error("--section shows one study, and {0} are named")]
    OneStudy(usize),
}

impl RenderError {
    /// Whether something else should have been asked for.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::Trial { .. }
            | Self::OneSection(_)
            | Self::WholeReport(_)
            | Self::OneReport { .. }
            | Self::OneDrawn(_)
            | Self::NoFolder(_)
            | Self::OneStudy(_) => true,
            Self::Report(_) | Self::Digest(_) | Self::Parquet(_) | Self::Picture { .. } => false,
        }
    }
}

impl SectionChoice {
    /// Reads the words of sections.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        let one = Section::ALL.map(|section| PossibleValue::new(section.word()).help(section.about()));
        let all = PossibleValue::new(ALL).help("All of them");
        PossibleValuesParser::new(one.into_iter().chain([all])).map(|word| Self::of_word(&word))
    }

    fn of_word(word: &str) -> Self {
        Section::ALL.into_iter().find(|section| section.word() == word).map_or(Self::All, Self::One)
    }

    /// The sections that choices stand for, in their order, each once.
    pub(crate) fn sections(choices: &[Self]) -> Vec<Section> {
        let mut found = Vec::new();
        for choice in choices {
            let sections: &[Section] = match choice {
                Self::All => &Section::ALL,
                Self::One(section) => &[*section],
            };
            for section in sections {
                if !found.contains(section) {
                    found.push(*section);
                }
            }
        }
        found
    }
}

/// A report's JSON in a format. `to_terminal`: whether a person may be looking, at the standard output.
pub(crate) fn render(json: &[u8], format: ReportFormat, to_terminal: bool) -> Result<String, RenderError> {
    let report: Report = serde_json::from_slice(json)?;
    Ok(match format {
        ReportFormat::Table => foldwise_report::table(&report, options(to_terminal)),
        // As it was sent: fields that this version does not know stay in it.
        ReportFormat::Json => String::from_utf8_lossy(json).into_owned(),
        ReportFormat::Csv => foldwise_report::csv(&report),
        ReportFormat::Markdown => foldwise_report::markdown(&report, |_| None),
        ReportFormat::Html => foldwise_report::html(&report),
        ReportFormat::Parquet | ReportFormat::TensorBoard => {
            return Err(RenderError::NoFolder(format.word()));
        }
    })
}

/// What a report is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) studies: usize,
    pub(crate) sections: &'a [Section],
    pub(crate) format: ReportFormat,
    pub(crate) figures: bool,
    pub(crate) to_file: bool,
}

/// Whether all of it goes together.
pub(crate) fn check(asked: Asked<'_>) -> Result<(), RenderError> {
    let Asked { studies, sections, format, figures, to_file } = asked;
    if figures && studies > 1 {
        return Err(RenderError::OneDrawn(studies));
    }
    if format.is_folder() && !to_file {
        return Err(RenderError::NoFolder(format.word()));
    }
    match (sections, format) {
        ([], ReportFormat::Table | ReportFormat::Json | ReportFormat::Csv) => Ok(()),
        ([], _) if studies > 1 => Err(RenderError::OneReport { format: format.word(), studies }),
        ([], _) => Ok(()),
        _ if studies > 1 => Err(RenderError::OneStudy(studies)),
        (_, ReportFormat::Table) | ([_], ReportFormat::Csv) => Ok(()),
        (several, ReportFormat::Csv) => Err(RenderError::OneSection(several.len())),
        (_, format) => Err(RenderError::WholeReport(format.word())),
    }
}

impl ReportFormat {
    /// As it is asked for.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Parquet => "parquet",
            Self::TensorBoard => "tensorboard",
        }
    }

    /// Whether it is several files.
    pub(crate) fn is_folder(self) -> bool {
        matches!(self, Self::Parquet | Self::TensorBoard)
    }
}

/// Sections of a report's JSON in a way that [`check`] allows, of one trial where one is named.
pub(crate) fn render_sections(
    json: &[u8],
    sections: &[Section],
    trial: Option<usize>,
    format: ReportFormat,
    to_terminal: bool,
) -> Result<String, RenderError> {
    let report: Report = serde_json::from_slice(json)?;
    let trials = report.trials.len();
    if let Some(trial) = trial.filter(|&trial| trial >= trials) {
        return Err(RenderError::Trial { trial, trials });
    }
    let shown = Shown { trial, options: options(to_terminal) };
    Ok(match (format, sections) {
        (ReportFormat::Csv, [section]) => foldwise_report::section_csv(&report, *section, shown),
        (_, sections) => foldwise_report::sections(&report, sections, shown),
    })
}

/// Several studies side by side; as JSON, the list of their reports.
pub(crate) fn render_comparison(
    jsons: &[Vec<u8>],
    format: ReportFormat,
    to_terminal: bool,
) -> Result<String, RenderError> {
    if format == ReportFormat::Json {
        let reports: Result<Vec<Json>, _> = jsons.iter().map(|json| serde_json::from_slice(json)).collect();
        return Ok(serde_json::to_string_pretty(&reports?)?);
    }
    let reports: Result<Vec<Report>, _> = jsons.iter().map(|json| serde_json::from_slice(json)).collect();
    Ok(match format {
        ReportFormat::Csv => foldwise_report::comparison_csv(&reports?),
        ReportFormat::Table
        | ReportFormat::Json
        | ReportFormat::Markdown
        | ReportFormat::Html
        | ReportFormat::Parquet
        | ReportFormat::TensorBoard => foldwise_report::comparison(&reports?, options(to_terminal)),
    })
}

/// How text is written for whoever looks.
pub(crate) fn options(to_terminal: bool) -> TableOptions {
    if !to_terminal || !io::stdout().is_terminal() {
        return TableOptions::default();
    }
    TableOptions { width: Table::new().width().map(usize::from), color: environment::color_is_welcome() }
}

/// BLAKE3 of the final weights, once there are some, and how a file's name ends that holds them: what a command of the study's
/// own has written is known to nobody else.
pub(crate) fn weights(json: &[u8]) -> Result<Option<(blake3::Hash, &'static str)>, RenderError> {
    let report: Report = serde_json::from_slice(json)?;
    let ending = if report.spec.get("command").is_some() {
        "weights"
    } else if report.spec.pointer("/network/torchscript").is_some() {
        "pt"
    } else {
        "safetensors"
    };
    let Some(text) = report.final_stage.and_then(|stage| stage.weights_digest) else { return Ok(None) };
    let digest = blake3::Hash::from_hex(&text).map_err(|_| RenderError::Digest(text))?;
    Ok(Some((digest, ending)))
}

#[cfg(test)]
mod tests {
    use foldwise_report::Section;

    use super::SectionChoice;

    #[test]
    fn sections_are_shown_once_in_the_order_asked_for() {
        let choices = [SectionChoice::of_word("best"), SectionChoice::of_word("all")];
        let sections = SectionChoice::sections(&choices);
        assert_eq!((sections.len(), sections[0]), (Section::ALL.len(), Section::Best));
        assert_eq!(SectionChoice::sections(&choices[..1]), [Section::Best]);
    }
}
