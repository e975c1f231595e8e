//! Parquet: columns of one type each, of which only those are read that are asked for.

use bytes::Bytes;
use half::f16;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::content::CONTENT_BYTES_MAX;
use crate::guard::guarded;
use crate::tabular::grid::{Body, Column};
use crate::tabular::roles::{Roles, place};
use crate::tabular::{Spot, TableProblem};

/// Values that are read at once.
const BATCH_ROWS: usize = 1 << 16;

/// What one value takes in memory at most, but for texts.
const VALUE_BYTES_MAX: u64 = 16;

/// Reads the names of the columns, and the columns that `roles` makes of them.
pub(super) fn parse(
    content: Vec<u8>,
    roles: impl FnOnce(&[String]) -> Result<Roles, TableProblem>,
) -> Result<(Vec<String>, Body, Roles), TableProblem> {
    let panicked = || unreadable(&"its reader failed");
    guarded(|| read(Bytes::from(content), roles)).unwrap_or_else(|| Err(panicked()))
}

fn read(
    content: Bytes,
    roles: impl FnOnce(&[String]) -> Result<Roles, TableProblem>,
) -> Result<(Vec<String>, Body, Roles), TableProblem> {
    let file = SerializedFileReader::new(content).map_err(|error| unreadable(&error))?;
    let metadata = file.metadata().file_metadata();
    let schema = metadata.schema_descr();
    let header: Vec<String> =
        schema.root_schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
    let roles = roles(&header)?;
    let rows =
        usize::try_from(metadata.num_rows()).map_err(|_| unreadable(&"its number of rows is negative"))?;
    let wanted: Vec<&String> = roles.columns().collect();
    let bytes = (rows as u64).saturating_mul(wanted.len() as u64).saturating_mul(VALUE_BYTES_MAX);
    // Rows that are all equal take next to nothing in the file, so that its size says nothing about theirs.
    if bytes > CONTENT_BYTES_MAX {
        return Err(TableProblem::TooWide { rows, width: wanted.len() });
    }
    let mut columns: Vec<Option<Column>> = header.iter().map(|_| None).collect();
    let mut text_bytes_left = CONTENT_BYTES_MAX;
    for name in wanted {
        let leaf = leaf(schema, name)?;
        let mut column = Reading { name, column: empty(&schema.column(leaf))?, rows, text_bytes_left };
        for group in 0..file.num_row_groups() {
            let group = file.get_row_group(group).map_err(|error| unreadable(&error))?;
            column.read(group.as_ref(), leaf)?;
        }
        if column.column.len() != rows {
            return Err(unreadable(&format!("column `{name}` has {} rows of {rows}", column.column.len())));
        }
        text_bytes_left = column.text_bytes_left;
        columns[place(&header, name)?] = Some(column.column);
    }
    Ok((header, Body::Columns { columns, rows }, roles))
}

fn unreadable(reason: &impl ToString) -> TableProblem {
    TableProblem::Parquet { reason: reason.to_string() }
}

/// The column of values that a name of the header stands for.
fn leaf(schema: &SchemaDescriptor, name: &str) -> Result<usize, TableProblem> {
    let column = schema.columns().iter().position(|column| match column.path().parts() {
        [only] => only == name && column.max_rep_level() == 0 && column.max_def_level() <= 1,
        _ => false,
    });
    column.ok_or_else(|| TableProblem::Unreadable {
        column: name.to_owned(),
        kind: "lists or records".to_owned(),
    })
}

/// A column without values, of the type that this one's values become.
fn empty(column: &ColumnDescriptor) -> Result<Column, TableProblem> {
    let refuse = |kind: String| Err(TableProblem::Unreadable { column: column.name().to_owned(), kind });
    let logical = column.logical_type_ref();
    match (column.physical_type(), logical) {
        (Physical::BOOLEAN, _) => Ok(Column::Truths(Vec::new())),
        (Physical::INT32 | Physical::INT64, None | Some(LogicalType::Integer(_))) => {
            match column.converted_type() {
                kind @ (ConvertedType::DECIMAL
                | ConvertedType::DATE
                | ConvertedType::TIME_MILLIS
                | ConvertedType::TIME_MICROS
                | ConvertedType::TIMESTAMP_MILLIS
                | ConvertedType::TIMESTAMP_MICROS) => refuse(format!("values of the type {kind}")),
                _ => Ok(Column::Integers(Vec::new())),
            }
        }
        (Physical::FLOAT | Physical::DOUBLE, _)
        | (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Float16)) => Ok(Column::Numbers(Vec::new())),
        (Physical::BYTE_ARRAY, None | Some(LogicalType::String | LogicalType::Enum | LogicalType::Json))
            if column.converted_type() != ConvertedType::DECIMAL =>
        {
            Ok(Column::Texts(Vec::new()))
        }
        (physical, logical) => refuse(match logical {
            Some(logical) => format!("values of the type {}", word(&format!("{logical:?}"))),
            None => format!("values of the type {physical}"),
        }),
    }
}

/// The name of a type without its settings.
fn word(debug: &str) -> String {
    debug.chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// A column that is read, row group after row group.
struct Reading<'a> {
    name: &'a str,
    column: Column,
    /// Rows that the file says it has.
    rows: usize,
    text_bytes_left: u64,
}

impl Reading<'_> {
    fn read(&mut self, group: &dyn RowGroupReader, leaf: usize) -> Result<(), TableProblem> {
        let unsigned = unsigned(&group.metadata().schema_descr().column(leaf));
        let reader = group.get_column_reader(leaf).map_err(|error| unreadable(&error))?;
        let (rows, name, left) = (self.rows, self.name, &mut self.text_bytes_left);
        match (&mut self.column, reader) {
            (Column::Truths(values), ColumnReader::BoolColumnReader(reader)) => {
                each(reader, rows, values, |value| Ok(value.copied()))
            }
            (Column::Integers(values), ColumnReader::Int32ColumnReader(reader)) => {
                each(reader, rows, values, |value| {
                    Ok(value.map(|&value| match unsigned {
                        true => i64::from(value.cast_unsigned()),
                        false => i64::from(value),
                    }))
                })
            }
            (Column::Integers(values), ColumnReader::Int64ColumnReader(reader)) => {
                let name = name.to_owned();
                each(reader, rows, values, |value| match value {
                    Some(&value) if unsigned && value < 0 => Err(TableProblem::Unreadable {
                        column: name.clone(),
                        kind: "whole numbers of 2^63 and more".to_owned(),
                    }),
                    value => Ok(value.copied()),
                })
            }
            (Column::Numbers(values), ColumnReader::FloatColumnReader(reader)) => {
                each(reader, rows, values, |value| Ok(value.map_or(f64::NAN, |&value| f64::from(value))))
            }
            (Column::Numbers(values), ColumnReader::DoubleColumnReader(reader)) => {
                each(reader, rows, values, |value| Ok(value.map_or(f64::NAN, |&value| value)))
            }
            (Column::Numbers(values), ColumnReader::FixedLenByteArrayColumnReader(reader)) => {
                each(reader, rows, values, |value| value.map_or(Ok(f64::NAN), half))
            }
            (Column::Texts(values), ColumnReader::ByteArrayColumnReader(reader)) => {
                let mut row = values.len() as u64;
                each(reader, rows, values, |value| {
                    row += 1;
                    let text = |value| text(value, Spot::Row(row), name, left);
                    value.map(text).transpose()
                })
            }
            _ => Err(unreadable(&format!("the type of column `{name}` changes within the file"))),
        }
    }
}

/// Whether whole numbers are stored without a sign.
fn unsigned(column: &ColumnDescriptor) -> bool {
    match column.logical_type_ref() {
        Some(LogicalType::Integer(kind)) => !kind.is_signed,
        _ => matches!(column.converted_type(), ConvertedType::UINT_32 | ConvertedType::UINT_64),
    }
}

fn half(value: &FixedLenByteArray) -> Result<f64, TableProblem> {
    match *value.data() {
        [low, high] => Ok(f64::from(f16::from_le_bytes([low, high]))),
        _ => Err(unreadable(&"a number of 16 bits has another size")),
    }
}

fn text(value: &ByteArray, spot: Spot, column: &str, bytes_left: &mut u64) -> Result<Box<str>, TableProblem> {
    let text = std::str::from_utf8(value.data());
    let text = text.map_err(|_| TableProblem::NotText { spot, column: column.to_owned() })?;
    let left = bytes_left.checked_sub(text.len() as u64);
    *bytes_left = left.ok_or_else(|| {
        unreadable(&format!("the texts of column `{column}` take more than {CONTENT_BYTES_MAX} bytes"))
    })?;
    Ok(text.into())
}

/// Appends every value of a row group; `None` is a null.
fn each<T: DataType, V>(
    mut reader: ColumnReaderImpl<T>,
    rows_max: usize,
    values: &mut Vec<V>,
    mut value: impl FnMut(Option<&T::T>) -> Result<V, TableProblem>,
) -> Result<(), TableProblem> {
    let failed = |error: ParquetError| unreadable(&error);
    let (mut levels, mut found) = (Vec::new(), Vec::new());
    loop {
        levels.clear();
        found.clear();
        let (records, _, _) =
            reader.read_records(BATCH_ROWS, Some(&mut levels), None, &mut found).map_err(failed)?;
        if records == 0 {
            return Ok(());
        }
        if values.len().saturating_add(records) > rows_max {
            return Err(unreadable(&format!("it has more rows than the {rows_max} that it says")));
        }
        let mut present = found.iter();
        if levels.is_empty() {
            for found in present {
                values.push(value(Some(found))?);
            }
        } else {
            for &level in &levels {
                let found = if level == 0 { None } else { present.next() };
                values.push(value(found)?);
            }
        }
    }
}
