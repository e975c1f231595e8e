//! CSV files made into a dataset of numbers.

use std::path::Path;

use foldwise_study::spec::data::{CsvSpec, Task};

use crate::content::{self, CONTENT_BYTES_MAX};
use crate::dataset::{Dataset, Facts, Features, Table, TargetKind, Targets};
use crate::digest::dataset_digest;
use crate::error::DataError;

mod classes;
mod grid;
mod problem;
#[cfg(test)]
mod tests;

use classes::Classes;
use grid::Grid;

pub use classes::CLASSES_MAX;
pub use problem::CsvProblem;

/// A file that was read, and where it came from.
struct Sheet<'a> {
    path: &'a Path,
    grid: Grid,
    sha256: String,
}

/// Reads a dataset from the CSV files of a spec.
pub(crate) fn read(spec: &CsvSpec) -> Result<Dataset, DataError> {
    let train = Sheet::read(&spec.train)?;
    let test = spec.test.as_deref().map(Sheet::read).transpose()?;
    let columns = train.grid.feature_columns(spec).map_err(train.problem())?;
    let classes = match spec.task {
        Task::Classification => Some(Classes::of(&train.grid, &spec.target).map_err(train.problem())?),
        Task::Regression => None,
    };
    let digest = dataset_digest(
        [("train", Some(&train)), ("test", test.as_ref())]
            .into_iter()
            .filter_map(|(role, sheet)| Some((role, sheet?.sha256.as_str()))),
    );
    let mut train_table = train.table(spec, &columns, classes.as_ref())?;
    if let Some(group) = &spec.group {
        let groups = classes::numbers(&train.grid, group).map_err(train.problem())?;
        train_table.groups = Some(groups);
    }
    let test_table = test.map(|sheet| sheet.table(spec, &columns, classes.as_ref())).transpose()?;
    let facts = Facts {
        name: file_name(&spec.train),
        digest,
        train_rows: train_table.rows,
        test_rows: test_table.as_ref().map(|table| table.rows),
        shape: train_table.shape.clone(),
        target: classes
            .map_or(TargetKind::Value, |classes| TargetKind::Classes { names: classes.into_names() }),
    };
    Ok(Dataset { facts, train: train_table, test: test_table })
}

impl<'a> Sheet<'a> {
    fn read(path: &'a Path) -> Result<Self, DataError> {
        let content = content::read(path, CONTENT_BYTES_MAX)?;
        let grid = Grid::parse(&content.bytes)
            .map_err(|problem| DataError::Csv { path: path.to_owned(), problem })?;
        Ok(Self { path, grid, sha256: content.sha256 })
    }

    fn problem(&self) -> impl FnOnce(CsvProblem) -> DataError + use<> {
        let path = self.path.to_owned();
        move |problem| DataError::Csv { path, problem }
    }

    /// The rows without groups, `[rows, columns]`.
    fn table(
        &self,
        spec: &CsvSpec,
        columns: &[String],
        classes: Option<&Classes>,
    ) -> Result<Table, DataError> {
        let rows = self.grid.rows();
        let features = self.grid.numbers(columns, &spec.words).map_err(self.problem())?;
        let targets = match classes {
            Some(classes) => {
                Targets::Classes(classes.look_up(&self.grid, &spec.target).map_err(self.problem())?)
            }
            None => {
                let column = std::slice::from_ref(&spec.target);
                Targets::Values(self.grid.numbers(column, &spec.words).map_err(self.problem())?)
            }
        };
        Ok(Table {
            rows,
            shape: vec![columns.len()],
            features: Features::Floats(features),
            targets,
            groups: None,
        })
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.strip_suffix(".csv").unwrap_or(name).to_owned()
}
