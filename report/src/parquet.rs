//! The report as three tables of Parquet: trials, folds and epochs.

use std::sync::Arc;

use ::parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::Type;
use serde_json::Value as Json;

use crate::dimension::paths;
use crate::section::{Run, Scope, folds_of};
use crate::value::value_text;
use crate::{ExportedFile, Report, Shown, TrialReport};

/// A column, one entry per row.
enum Column {
    Whole(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Flag(Vec<Option<bool>>),
    Text(Vec<Option<String>>),
}

/// Columns by name.
type Table = Vec<(String, Column)>;

/// `trials.parquet`, `folds.parquet` and `epochs.parquet`, each with a column per searched path, so that none needs to
/// be joined. Numbers stay numbers; values that are lists or tables are JSON. Absent values are null. The final model's
/// fold is null.
///
/// # Errors
/// Where the tables are too large for the format.
pub fn parquet(report: &Report) -> Result<Vec<ExportedFile>, ParquetError> {
    let tables = [("trials", trials(report)), ("folds", folds(report)), ("epochs", epochs(report))];
    let file = |(name, table): (&str, Table)| {
        Ok(ExportedFile { path: format!("{name}.parquet"), bytes: write(table)? })
    };
    tables.into_iter().map(file).collect()
}

fn whole(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}

/// The number of the trial and its searched values, for each row the trial that `rows` names.
fn searched(report: &Report, rows: &[&TrialReport]) -> Table {
    let number = rows.iter().map(|trial| whole(trial.index as u64)).collect();
    let mut table = vec![("trial".to_owned(), Column::Whole(number))];
    for path in paths(report) {
        let values: Vec<Option<&Json>> = rows.iter().map(|trial| trial.params.get(path)).collect();
        table.push((path.to_owned(), column(&values)));
    }
    table
}

/// As narrow as all values fit.
fn column(values: &[Option<&Json>]) -> Column {
    let all = |fits: fn(&Json) -> bool| values.iter().flatten().all(|value| fits(value));
    if all(Json::is_i64) {
        Column::Whole(values.iter().map(|value| value.and_then(Json::as_i64)).collect())
    } else if all(Json::is_number) {
        Column::Real(values.iter().map(|value| value.and_then(Json::as_f64)).collect())
    } else if all(Json::is_boolean) {
        Column::Flag(values.iter().map(|value| value.and_then(Json::as_bool)).collect())
    } else {
        Column::Text(values.iter().map(|value| value.map(value_text)).collect())
    }
}

fn trials(report: &Report) -> Table {
    let rows: Vec<&TrialReport> = report.trials.iter().collect();
    let mut table = searched(report, &rows);
    let mut put = |name: &str, column: Column| table.push((name.to_owned(), column));
    put("parameters", Column::Whole(rows.iter().map(|trial| whole(trial.parameters)).collect()));
    put(
        "batch_norm_parameters",
        Column::Whole(rows.iter().map(|trial| whole(trial.batch_norm_parameters)).collect()),
    );
    put("mean", Column::Real(rows.iter().map(|trial| trial.mean).collect()));
    put("std", Column::Real(rows.iter().map(|trial| trial.std).collect()));
    put("std_error", Column::Real(rows.iter().map(|trial| trial.std_error).collect()));
    put("best_epoch_mean", Column::Real(rows.iter().map(|trial| trial.best_epoch_mean).collect()));
    put("last_epoch_mean", Column::Real(rows.iter().map(|trial| trial.last_epoch_mean).collect()));
    put("failed_folds", Column::Whole(rows.iter().map(|trial| whole(trial.failed_folds() as u64)).collect()));
    put("seconds", Column::Real(rows.iter().map(|trial| trial.seconds()).collect()));
    let winner = report.selection.winner;
    put(
        "winner",
        Column::Flag(rows.iter().map(|trial| winner.map(|winner| winner == trial.index)).collect()),
    );
    table
}

fn folds(report: &Report) -> Table {
    let folds: Vec<_> =
        report.trials.iter().flat_map(|trial| trial.folds.iter().map(move |fold| (trial, fold))).collect();
    let trials: Vec<&TrialReport> = folds.iter().map(|(trial, _)| *trial).collect();
    let mut table = searched(report, &trials);
    let mut put = |name: &str, column: Column| table.push((name.to_owned(), column));
    put("fold", Column::Whole(folds.iter().map(|(_, fold)| whole(fold.fold as u64)).collect()));
    put("state", Column::Text(folds.iter().map(|(_, fold)| Some(fold.state.word().to_owned())).collect()));
    put("score", Column::Real(folds.iter().map(|(_, fold)| fold.score).collect()));
    put("best_epoch", Column::Whole(folds.iter().map(|(_, fold)| fold.best_epoch.map(i64::from)).collect()));
    put("best_val_accuracy", Column::Real(folds.iter().map(|(_, fold)| fold.best_val_accuracy).collect()));
    put("best_val_loss", Column::Real(folds.iter().map(|(_, fold)| fold.best_val_loss).collect()));
    put("attempts", Column::Whole(folds.iter().map(|(_, fold)| Some(fold.attempts.into())).collect()));
    put("seconds", Column::Real(folds.iter().map(|(_, fold)| fold.seconds).collect()));
    put("worker", Column::Text(folds.iter().map(|(_, fold)| fold.worker.clone()).collect()));
    put("error", Column::Text(folds.iter().map(|(_, fold)| fold.error.clone()).collect()));
    table
}

fn epochs(report: &Report) -> Table {
    let of_folds = report.trials.iter().flat_map(|trial| folds_of(trial).map(move |run| (trial, run)));
    let last = Scope::new(report, Shown::default()).final_run();
    let last = last.and_then(|run| Some((report.trials.get(run.trial)?, run)));
    let runs: Vec<(&TrialReport, Run<'_>)> = of_folds.chain(last).collect();
    let rows: Vec<_> = runs
        .iter()
        .flat_map(|(trial, run)| run.epochs.iter().map(move |record| (*trial, run, record)))
        .collect();
    let trials: Vec<&TrialReport> = rows.iter().map(|(trial, _, _)| *trial).collect();
    let mut table = searched(report, &trials);
    let mut put = |name: &str, column: Column| table.push((name.to_owned(), column));
    put(
        "fold",
        Column::Whole(rows.iter().map(|(_, run, _)| run.fold.and_then(|fold| whole(fold as u64))).collect()),
    );
    put("final", Column::Flag(rows.iter().map(|(_, run, _)| Some(run.fold.is_none())).collect()));
    put("epoch", Column::Whole(rows.iter().map(|(_, _, record)| Some(record.epoch.into())).collect()));
    put("train_loss", Column::Real(rows.iter().map(|(_, _, record)| Some(record.train_loss)).collect()));
    put("train_accuracy", Column::Real(rows.iter().map(|(_, _, record)| record.train_accuracy).collect()));
    put("val_loss", Column::Real(rows.iter().map(|(_, _, record)| record.val_loss).collect()));
    put("val_accuracy", Column::Real(rows.iter().map(|(_, _, record)| record.val_accuracy).collect()));
    put("lr", Column::Real(rows.iter().map(|(_, _, record)| Some(record.lr)).collect()));
    let measured = rows.iter().map(|(_, run, record)| run.measured(record.epoch));
    let measured: Vec<_> = measured.collect();
    let mut put_measured =
        |name: &str, of: fn(&foldwise_study::outcome::EpochMeasurements) -> Option<f64>| {
            let values: Vec<Option<f64>> = measured.iter().map(|measured| measured.and_then(of)).collect();
            if values.iter().any(Option::is_some) {
                put(name, Column::Real(values));
            }
        };
    put_measured("training_loss", |measured| measured.training_loss);
    put_measured("training_accuracy", |measured| measured.training_accuracy);
    put_measured("gradient_norm", |measured| measured.gradient_norm);
    put_measured("weight_norm", |measured| measured.weight_norm);
    table
}

fn write(table: Table) -> Result<Vec<u8>, ParquetError> {
    let fields: Result<Vec<_>, _> = table.iter().map(|(name, column)| field(name, column)).collect();
    let schema = Type::group_type_builder("report").with_fields(fields?).build()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (_, column) in table {
        match column {
            Column::Whole(values) => put::<Int64Type>(&mut group, values)?,
            Column::Real(values) => put::<DoubleType>(&mut group, values)?,
            Column::Flag(values) => put::<BoolType>(&mut group, values)?,
            Column::Text(values) => {
                let bytes =
                    values.into_iter().map(|value| value.map(|text| ByteArray::from(text.into_bytes())));
                put::<ByteArrayType>(&mut group, bytes.collect())?;
            }
        }
    }
    group.close()?;
    writer.close()?;
    Ok(bytes)
}

fn field(name: &str, column: &Column) -> Result<Arc<Type>, ParquetError> {
    let (physical, converted) = match column {
        Column::Whole(_) => (Physical::INT64, ConvertedType::NONE),
        Column::Real(_) => (Physical::DOUBLE, ConvertedType::NONE),
        Column::Flag(_) => (Physical::BOOLEAN, ConvertedType::NONE),
        Column::Text(_) => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
    };
    let builder = Type::primitive_type_builder(name, physical);
    builder.with_repetition(Repetition::OPTIONAL).with_converted_type(converted).build().map(Arc::new)
}

fn put<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    values: Vec<Option<T::T>>,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| value.is_some().into()).collect();
    let present: Vec<T::T> = values.into_iter().flatten().collect();
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("there are fewer columns than values".to_owned()));
    };
    column.typed::<T>().write_batch(&present, Some(&levels), None)?;
    column.close()
}
