//! CSV: a header line, and lines with as many fields.

use std::collections::BTreeSet;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::tabular::TableProblem;
use crate::tabular::grid::Body;

/// Some editors begin a text with this mark; it is not part of the first column's name.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the names of the columns and every line.
pub(super) fn parse(content: &[u8]) -> Result<(Vec<String>, Body), TableProblem> {
    let content = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(content);
    let format = |error: csv::Error| TableProblem::Format { reason: error.to_string() };
    let header: Vec<String> = reader.headers().map_err(format)?.iter().map(str::to_owned).collect();
    let mut seen = BTreeSet::new();
    if let Some(column) = header.iter().find(|&column| !seen.insert(column)) {
        return Err(TableProblem::TwoColumns { column: column.clone() });
    }
    let records = reader.into_records().collect::<Result<Vec<_>, _>>().map_err(format)?;
    if records.is_empty() {
        return Err(TableProblem::Empty);
    }
    let lines = records.iter().map(|record| line(record, content)).collect();
    Ok((header, Body::Lines { records, lines }))
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
