//! Rows under named columns: numbers in full for programs, rounded for people.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle};
use foldwise_study::selection::Metric;

use crate::TableOptions;
use crate::number::{self, NONE};
use crate::page::{plain, wrap};

/// Only the header is set off, by a line.
pub(crate) const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
/// Characters of a text in a cell for people; longer ones are cut.
const TEXT_CHARS_MAX: usize = 72;

/// Characters of a line of a heading over numbers.
const HEADING_CHARS_MAX: usize = 10;

/// Rows that are equally long as the list of columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sheet {
    columns: Vec<String>,
    rows: Vec<Vec<Field>>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    /// Nothing.
    None,
    /// Words.
    Text(String),
    /// How many.
    Count(u64),
    /// A number that only names something, such as a trial.
    Index(u64),
    /// A share, 0 to 1.
    Share(f64),
    /// A loss, a norm or another number whose size is not known.
    Real(f64),
    /// A number that was chosen, and is shown as it is.
    Given(f64),
    /// Time, s.
    Seconds(f64),
    /// Memory.
    Bytes(u64),
}

impl Sheet {
    pub(crate) fn new<T: Into<String>>(columns: impl IntoIterator<Item = T>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<Field>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Without the columns that hold nothing in any row.
    pub(crate) fn without_empty_columns(mut self) -> Self {
        let keep: Vec<bool> = (0..self.columns.len())
            .map(|column| self.rows.iter().any(|row| row[column] != Field::None))
            .collect();
        let filter = |place: &mut usize| {
            *place += 1;
            keep[*place - 1]
        };
        let mut place = 0;
        self.columns.retain(|_| filter(&mut place));
        for row in &mut self.rows {
            let mut place = 0;
            row.retain(|_| filter(&mut place));
        }
        self
    }

    /// Comma-separated values under a header (RFC 4180, but with line feeds alone): numbers in full, what is absent
    /// empty.
    pub(crate) fn csv(&self) -> String {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns).expect("memory takes every write");
        for row in &self.rows {
            writer.write_record(row.iter().map(Field::full)).expect("every line has the header's length");
        }
        let bytes = writer.into_inner().expect("memory takes every write");
        String::from_utf8(bytes).expect("every field is text")
    }

    /// A table for people: column names in words, numbers rounded and to the right.
    pub(crate) fn text(&self, options: TableOptions) -> String {
        let mut table = Table::new();
        table.load_style(STYLE).force_no_tty();
        table.set_header(self.columns.iter().enumerate().map(|(place, name)| self.heading(place, name)));
        for row in &self.rows {
            table.add_row(row.iter().map(Field::short));
        }
        if let Some(width) = options.width {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        let last = self.columns.len().saturating_sub(1);
        for (position, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, u16::from(position != last)));
            if !self.holds_text(position) {
                column.set_cell_alignment(CellAlignment::Right);
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        table.trim_fmt()
    }

    /// The columns' names in words, each with whether it holds text.
    pub(crate) fn headings(&self) -> Vec<(String, bool)> {
        let names = self.columns.iter().enumerate();
        names.map(|(place, name)| (plain(name).replace('_', " "), self.holds_text(place))).collect()
    }

    /// The rows for people.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.rows.iter().map(|row| row.iter().map(Field::short).collect())
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A column's name in words; that of numbers is broken where it is long.
    fn heading(&self, place: usize, name: &str) -> String {
        let name = plain(name).replace('_', " ");
        if self.holds_text(place) { name } else { wrap(&name, Some(HEADING_CHARS_MAX)).join("\n") }
    }

    fn holds_text(&self, column: usize) -> bool {
        self.rows.iter().any(|row| matches!(row.get(column), Some(Field::Text(_))))
    }
}

impl Field {
    /// A value of a metric.
    pub(crate) fn metric(metric: Metric, value: f64) -> Self {
        match metric {
            Metric::ValAccuracy => Self::Share(value),
            Metric::ValLoss => Self::Real(value),
        }
    }

    /// A value that may be absent.
    pub(crate) fn or_none<T>(value: Option<T>, field: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::None, field)
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn index(index: usize) -> Self {
        Self::Index(index as u64)
    }

    /// For programs.
    pub(crate) fn full(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Text(text) => text.clone(),
            Self::Count(number) | Self::Index(number) | Self::Bytes(number) => number.to_string(),
            Self::Share(number) | Self::Real(number) | Self::Given(number) | Self::Seconds(number) => {
                number.to_string()
            }
        }
    }

    /// For people.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::None => NONE.to_owned(),
            Self::Text(text) => cut(text, TEXT_CHARS_MAX),
            Self::Count(number) => number::count(*number),
            Self::Index(number) => number.to_string(),
            Self::Share(share) => format!("{:.2} %", 100.0 * share),
            Self::Real(number) => number::loss(*number),
            Self::Given(number) => number::given(*number),
            Self::Seconds(seconds) => number::duration(*seconds),
            Self::Bytes(bytes) => number::bytes(*bytes),
        }
    }
}

/// A text on one line of at most so many characters.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= chars_max {
        return text;
    }
    let head: String = text.chars().take(chars_max - 1).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::{Field, Sheet};
    use crate::TableOptions;

    #[test]
    fn numbers_are_full_for_programs_and_short_for_people() {
        let mut sheet = Sheet::new(["part", "rows", "val_loss", "empty"]);
        let row = |name: &str, rows, loss| vec![Field::text(name), Field::Count(rows), loss, Field::None];
        sheet.push(row("a, \"b\"", 12_345, Field::Real(0.123_456_789)));
        sheet.push(row("c", 1, Field::None));
        let sheet = sheet.without_empty_columns();
        assert_eq!(sheet.csv(), "part,rows,val_loss\n\"a, \"\"b\"\"\",12345,0.123456789\nc,1,\n");
        let text = sheet.text(TableOptions::default());
        assert_eq!(text.lines().next().unwrap().trim(), "part      rows  val loss");
        assert!(text.contains("12,345    0.1235") && text.lines().last().unwrap().ends_with('–'), "{text}");
    }
}
