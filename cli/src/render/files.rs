//! Reports that are several files: tables, event files, and figures beside a text.

use std::path::Path;

use clap::ValueEnum;
use foldwise_report::{
    ExportedFile, Figure, Look, Report, Theme, figures, markdown, parquet, png, tensorboard,
};

use super::{RenderError, ReportFormat};

/// Pixels of a picture for each of a figure's: fit for print.
const PICTURE_SCALE: f32 = 2.0;

/// The ground that figures are drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ThemeChoice {
    /// White.
    #[default]
    Light,
    /// Nearly black.
    Dark,
}

/// Figures as they are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn {
    pub(crate) theme: ThemeChoice,
    /// Whether each is a picture of pixels too.
    pub(crate) png: bool,
}

/// The files of a format that is a folder.
pub(crate) fn render_folder(json: &[u8], format: ReportFormat) -> Result<Vec<ExportedFile>, RenderError> {
    let report: Report = serde_json::from_slice(json)?;
    match format {
        ReportFormat::Parquet => parquet(&report).map_err(|error| RenderError::Parquet(error.to_string())),
        ReportFormat::TensorBoard => Ok(tensorboard(&report)),
        ReportFormat::Table
        | ReportFormat::Json
        | ReportFormat::Csv
        | ReportFormat::Markdown
        | ReportFormat::Html => Ok(Vec::new()),
    }
}

/// Every figure, and the files that they become.
pub(crate) fn render_figures(
    json: &[u8],
    drawn: Drawn,
) -> Result<Vec<(Figure, Vec<ExportedFile>)>, RenderError> {
    let report: Report = serde_json::from_slice(json)?;
    let theme = match drawn.theme {
        ThemeChoice::Light => Theme::Light,
        ThemeChoice::Dark => Theme::Dark,
    };
    let files = |figure: Figure| {
        let mut files = vec![ExportedFile {
            path: format!("{}.svg", figure.name),
            bytes: figure.svg.clone().into_bytes(),
        }];
        if drawn.png {
            let picture = png(&figure.svg, PICTURE_SCALE);
            let bytes =
                picture.map_err(|source| RenderError::Picture { name: figure.name.clone(), source })?;
            files.push(ExportedFile { path: format!("{}.png", figure.name), bytes });
        }
        Ok((figure, files))
    };
    figures(&report, Look::on(theme)).into_iter().map(files).collect()
}

/// The report as Markdown that shows the figures in `folder`, as seen from the file that it is written into.
pub(crate) fn render_markdown(
    json: &[u8],
    folder: &Path,
    output: Option<&Path>,
) -> Result<String, RenderError> {
    let report: Report = serde_json::from_slice(json)?;
    let beside = output.and_then(Path::parent).and_then(|parent| folder.strip_prefix(parent).ok());
    let seen = beside.unwrap_or(folder).to_string_lossy().into_owned();
    Ok(markdown(&report, |figure| Some(format!("{}/{}.svg", seen.trim_end_matches('/'), figure.name))))
}
