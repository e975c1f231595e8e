//! A CSV file as text: named columns, and fields with the line that they came from.

use std::collections::{BTreeMap, BTreeSet};

use csv::{ReaderBuilder, StringRecord, Trim};
use foldwise_study::spec::data::{CsvSpec, Task};

use crate::tabular::CsvProblem;

/// Some editors begin a text with this mark; it is not part of the first column's name.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The fields of a CSV file.
#[derive(Debug)]
pub(super) struct Grid {
    header: Vec<String>,
    records: Vec<StringRecord>,
    /// The line of each record, from 1.
    lines: Vec<u64>,
}

/// A field, and the line that it came from, from 1.
pub(super) struct Field<'a> {
    pub(super) text: &'a str,
    pub(super) line: u64,
}

impl Grid {
    /// Reads a header line and at least one row.
    pub(super) fn parse(content: &[u8]) -> Result<Self, CsvProblem> {
        let content = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(content);
        let format = |error: csv::Error| CsvProblem::Format { reason: error.to_string() };
        let header: Vec<String> = reader.headers().map_err(format)?.iter().map(str::to_owned).collect();
        let mut seen = BTreeSet::new();
        if let Some(column) = header.iter().find(|&column| !seen.insert(column)) {
            return Err(CsvProblem::TwoColumns { column: column.clone() });
        }
        let records = reader.into_records().collect::<Result<Vec<_>, _>>().map_err(format)?;
        if records.is_empty() {
            return Err(CsvProblem::Empty);
        }
        let lines = records.iter().map(|record| line(record, content)).collect();
        Ok(Self { header, records, lines })
    }

    pub(super) fn rows(&self) -> usize {
        self.records.len()
    }

    /// The spec's feature columns, all of them checked.
    pub(super) fn feature_columns(&self, spec: &CsvSpec) -> Result<Vec<String>, CsvProblem> {
        for column in [Some(&spec.target), spec.group.as_ref()].into_iter().flatten() {
            self.place(column)?;
        }
        let role = |column: &String| match () {
            () if *column == spec.target => Some("target"),
            () if spec.group.as_ref() == Some(column) => Some("group"),
            () => None,
        };
        let columns: Vec<String> = match &spec.features {
            None => self.header.iter().filter(|&column| role(column).is_none()).cloned().collect(),
            Some(columns) => columns.clone(),
        };
        let mut seen = BTreeSet::new();
        for column in &columns {
            self.place(column)?;
            if let Some(role) = role(column) {
                return Err(CsvProblem::NotAFeature { column: column.clone(), role });
            }
            if !seen.insert(column) {
                return Err(CsvProblem::FeatureTwice { column: column.clone() });
            }
        }
        if columns.is_empty() {
            return Err(CsvProblem::NoFeatures);
        }
        let is_number = |column: &String| {
            seen.contains(column) || (spec.task == Task::Regression && *column == spec.target)
        };
        match spec.words.keys().find(|&column| !is_number(column)) {
            Some(column) => Err(CsvProblem::UselessWords { column: column.clone() }),
            None => Ok(columns),
        }
    }

    /// A column's fields, none of them empty.
    pub(super) fn fields(&self, column: &str) -> Result<Vec<Field<'_>>, CsvProblem> {
        let place = self.place(column)?;
        self.rows_of_text().map(|(record, line)| field(record, line, place, column)).collect()
    }

    /// The columns' numbers, row-major `[rows, columns]`.
    pub(super) fn numbers(
        &self,
        columns: &[String],
        words: &BTreeMap<String, BTreeMap<String, f32>>,
    ) -> Result<Vec<f32>, CsvProblem> {
        let places = columns
            .iter()
            .map(|column| Ok((self.place(column)?, column.as_str(), words.get(column))))
            .collect::<Result<Vec<_>, CsvProblem>>()?;
        let mut numbers = Vec::with_capacity(self.rows() * columns.len());
        for (record, line) in self.rows_of_text() {
            for &(place, column, words) in &places {
                numbers.push(number(&field(record, line, place, column)?, column, words)?);
            }
        }
        Ok(numbers)
    }

    fn rows_of_text(&self) -> impl Iterator<Item = (&StringRecord, u64)> {
        self.records.iter().zip(self.lines.iter().copied())
    }

    fn place(&self, column: &str) -> Result<usize, CsvProblem> {
        self.header.iter().position(|name| name == column).ok_or_else(|| CsvProblem::NoColumn {
            column: column.to_owned(),
            header: self.header.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        })
    }
}

/// The line of a record, from 1. The parser's own position is the end of the record before, so that empty lines
/// between the two are still to be counted.
fn line(record: &StringRecord, content: &[u8]) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let rest = usize::try_from(position.byte()).ok().and_then(|byte| content.get(byte..)).unwrap_or_default();
    let skipped =
        rest.iter().take_while(|&&byte| byte == b'\n' || byte == b'\r').filter(|&&byte| byte == b'\n');
    position.line() + skipped.count() as u64
}

fn field<'a>(
    record: &'a StringRecord,
    line: u64,
    place: usize,
    column: &str,
) -> Result<Field<'a>, CsvProblem> {
    match record.get(place) {
        Some(text) if !text.is_empty() => Ok(Field { text, line }),
        _ => Err(CsvProblem::Missing { line, column: column.to_owned() }),
    }
}

fn number(field: &Field<'_>, column: &str, words: Option<&BTreeMap<String, f32>>) -> Result<f32, CsvProblem> {
    let meant = words.and_then(|words| words.get(field.text).copied()).or_else(|| field.text.parse().ok());
    meant.filter(|number| number.is_finite()).ok_or_else(|| CsvProblem::NotANumber {
        line: field.line,
        column: column.to_owned(),
        found: field.text.to_owned(),
    })
}
