//! A study file as it was given: read, and its problems shown where they stand.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Read};

use foldwise_proto::v1;
use foldwise_study::spec::scale::Scale;
use foldwise_study::spec::{Format, Problem, Problems, SPEC_BYTES_MAX, Spec, SpecFile};
use foldwise_study::trials::RowFacts;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;

use crate::arguments::{SpecArguments, SpecFormat};

/// A study file's text.
#[derive(Debug, Clone)]
pub(crate) struct SpecText {
    /// Its name, for messages.
    pub(crate) name: String,
    /// What it says.
    pub(crate) text: String,
    /// How it is written.
    pub(crate) format: Format,
    /// The parcel that its files were sent in.
    pub(crate) parcel: Option<String>,
}

/// Why a study file makes no study.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpecError {
    /// It cannot be read.
    #[error("cannot read the study file {name}: {source}")]
    Read {
        /// The file.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// Nobody says how it is written.
    #[error("cannot tell how {name} is written: say --spec-format toml, yaml or json")]
    Format {
        /// The file.
        name: String,
    },
    /// It is wrong.
    #[error("{0}")]
    Problems(Box<SpecProblems>),
}

/// Everything wrong with a study file.
#[derive(Debug)]
pub(crate) struct SpecProblems {
    spec: SpecText,
    problems: Problems,
}

/// A problem in JSON.
#[derive(Debug, Serialize)]
struct ProblemView<'a> {
    /// Empty for the whole file.
    path: &'a str,
    /// From 1, as is the column, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl SpecProblems {
    /// For programs.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let view = |problem: &Problem| {
            let view = ProblemView {
                path: &problem.path,
                line: problem.position.map(|(line, _)| line),
                column: problem.position.map(|(_, column)| column),
                message: &problem.message,
                hint: problem.hint.as_deref(),
            };
            serde_json::json!(view)
        };
        serde_json::json!({ "problems": self.problems.0.iter().map(view).collect::<Vec<_>>() })
    }
}

impl SpecText {
    /// Reads a study file.
    pub(crate) fn read(arguments: &SpecArguments) -> Result<Self, SpecError> {
        let (name, bytes) = match arguments.spec.as_str() {
            "-" => ("standard input".to_owned(), bounded(io::stdin().lock())),
            path => (path.to_owned(), File::open(path).and_then(bounded)),
        };
        let format = match arguments.spec_format {
            Some(SpecFormat::Toml) => Some(Format::Toml),
            Some(SpecFormat::Yaml) => Some(Format::Yaml),
            Some(SpecFormat::Json) => Some(Format::Json),
            None => Format::of_file(&arguments.spec),
        };
        match (bytes, format) {
            (Err(source), _) => Err(SpecError::Read { name, source }),
            (Ok(_), None) => Err(SpecError::Format { name }),
            (Ok(text), Some(format)) => Ok(Self { name, text, format, parcel: None }),
        }
    }

    /// Reads it as a spec.
    pub(crate) fn parse(&self) -> Result<SpecFile, SpecError> {
        SpecFile::read(&self.text, self.format).map_err(|problems| self.wrong(problems))
    }

    /// The study smaller, for rows like these; `spec` is what this text says.
    pub(crate) fn scaled(&self, spec: &Spec, scale: Scale, rows: &RowFacts) -> Self {
        Self {
            name: format!("{} scaled to {}", self.name, scale.percent()),
            text: format!("{:#}", spec.scaled(scale, rows)),
            format: Format::Json,
            parcel: None,
        }
    }

    /// These problems, as problems of this file.
    pub(crate) fn wrong(&self, problems: Problems) -> SpecError {
        SpecError::Problems(Box::new(SpecProblems { spec: self.clone(), problems }))
    }

    /// The format as the protocol says it.
    pub(crate) fn proto_format(&self) -> v1::SpecFormat {
        match self.format {
            Format::Toml => v1::SpecFormat::Toml,
            Format::Yaml => v1::SpecFormat::Yaml,
            Format::Json => v1::SpecFormat::Json,
        }
    }
}

/// A text that is one byte too long is read no further; the check says so.
fn bounded(reader: impl Read) -> io::Result<String> {
    let mut text = String::new();
    let limit = u64::try_from(SPEC_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

impl fmt::Display for SpecProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.0.len();
        let plural = if count == 1 { "" } else { "s" };
        writeln!(f, "{} has {count} problem{plural}", self.spec.name)?;
        let source = NamedSource::new(&self.spec.name, self.spec.text.clone());
        let handler = GraphicalReportHandler::new_themed(theme()).with_context_lines(1);
        for problem in &self.problems.0 {
            let mut text = String::new();
            handler.render_report(&mut text, &Placed { problem, source: &source })?;
            writeln!(f, "\n{}", text.trim_matches('\n'))?;
        }
        Ok(())
    }
}

fn theme() -> GraphicalTheme {
    if io::stderr().is_terminal() { GraphicalTheme::default() } else { GraphicalTheme::unicode_nocolor() }
}

/// A problem at its place.
#[derive(Debug)]
struct Placed<'a> {
    problem: &'a Problem,
    source: &'a NamedSource<String>,
}

impl std::error::Error for Placed<'_> {}

impl fmt::Display for Placed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.problem.path.is_empty() {
            write!(f, "{}: ", self.problem.path)?;
        }
        f.write_str(&self.problem.message)
    }
}

impl Diagnostic for Placed<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.problem.span.as_ref().map(|_| self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::underline(span))))
    }
}

#[cfg(test)]
mod tests {
    use foldwise_study::spec::Format;

    use super::SpecText;

    #[test]
    fn problems_point_at_their_place() {
        let spec = SpecText {
            name: "s.toml".to_owned(),
            text: "name = \"x\"\nsead = 3\n".to_owned(),
            format: Format::Toml,
            parcel: None,
        };
        let shown = spec.parse().unwrap_err().to_string();
        assert!(shown.starts_with("s.toml has "), "{shown}");
        assert!(shown.contains("[s.toml:2:1]"), "{shown}");
        assert!(shown.contains("sead"), "{shown}");
    }
}
