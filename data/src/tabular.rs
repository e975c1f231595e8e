//! Tables, CSV or Parquet, made into a dataset of numbers.

use std::path::Path;

use foldwise_study::spec::data::{Missing, TableSpec, Task};

use crate::content::{self, CONTENT_BYTES_MAX};
use crate::dataset::{Dataset, Facts, Features, Table, TargetKind, Targets};
use crate::digest::dataset_digest;
use crate::error::DataError;

mod cell;
mod classes;
#[cfg(feature = "parquet")]
mod columns;
mod features;
mod grid;
mod lines;
mod problem;
mod roles;
#[cfg(test)]
mod tests;

use classes::Classes;
use features::Encoding;
use grid::Grid;
use roles::Roles;

pub use classes::CLASSES_MAX;
pub use features::{CATEGORIES_MAX, ENCODED_NUMBERS_MAX};
pub use problem::{Spot, TableProblem};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Parquet,
}

/// A file that was read, and where it came from.
struct Sheet<'a> {
    path: &'a Path,
    grid: Grid,
    roles: Roles,
    sha256: String,
}

/// Reads a dataset from the tables of a spec.
pub(crate) fn read(format: Format, spec: &TableSpec) -> Result<Dataset, DataError> {
    let train = Sheet::read(format, &spec.train, spec, |header| Roles::of(header, spec))?;
    let test = spec
        .test
        .as_deref()
        .map(|path| Sheet::read(format, path, spec, |_| Ok(train.roles.without_group())))
        .transpose()?;
    let digest = dataset_digest(
        [("train", Some(&train)), ("test", test.as_ref())]
            .into_iter()
            .filter_map(|(role, sheet)| Some((role, sheet?.sha256.as_str()))),
    );
    let encoding = Encoding::of(&train.grid, &train.roles, spec).map_err(train.problem())?;
    let classes = match spec.task {
        Task::Classification => {
            Some(Classes::of(&train.grid, &train.roles.targets[0]).map_err(train.problem())?)
        }
        Task::Regression => None,
    };
    let mut train_table = train.table(spec, &encoding, classes.as_ref()).map_err(train.problem())?;
    if let Some(group) = &train.roles.group {
        train_table.groups = Some(classes::numbers(&train.grid, group).map_err(train.problem())?);
    }
    let test_table = match &test {
        Some(test) => Some(test.table(spec, &encoding, classes.as_ref()).map_err(test.problem())?),
        None => None,
    };
    let names = |classes: Option<Classes>| match classes {
        Some(classes) => TargetKind::Classes { names: classes.into_names() },
        None => TargetKind::Values { names: train.roles.targets.clone() },
    };
    let facts = Facts {
        name: file_name(&spec.train),
        digest,
        train_rows: train_table.rows,
        test_rows: test_table.as_ref().map(|table| table.rows),
        shape: train_table.shape.clone(),
        target: names(classes),
    };
    Ok(Dataset { facts, train: train_table, test: test_table })
}

impl<'a> Sheet<'a> {
    fn read(
        format: Format,
        path: &'a Path,
        spec: &TableSpec,
        roles: impl FnOnce(&[String]) -> Result<Roles, TableProblem>,
    ) -> Result<Self, DataError> {
        let content = content::read(path, CONTENT_BYTES_MAX)?;
        let sha256 = content.sha256;
        let (grid, roles) = Self::grid(format, content.bytes, spec, roles)
            .map_err(|problem| DataError::Table { path: path.to_owned(), problem })?;
        Ok(Self { path, grid, roles, sha256 })
    }

    fn grid(
        format: Format,
        content: Vec<u8>,
        spec: &TableSpec,
        roles: impl FnOnce(&[String]) -> Result<Roles, TableProblem>,
    ) -> Result<(Grid, Roles), TableProblem> {
        let (header, body, roles) = match format {
            Format::Csv => {
                let (header, body) = lines::parse(&content)?;
                drop(content);
                let roles = roles(&header)?;
                (header, body, roles)
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => columns::parse(content, roles)?,
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Err(TableProblem::NoParquet),
        };
        let mut grid = Grid::new(header, body, &spec.missing_words)?;
        if spec.missing == Missing::Drop {
            grid.drop_missing(&roles)?;
        }
        Ok((grid, roles))
    }

    fn problem(&self) -> impl FnOnce(TableProblem) -> DataError + use<> {
        let path = self.path.to_owned();
        move |problem| DataError::Table { path, problem }
    }

    /// The rows without groups, `[rows, width]`.
    fn table(
        &self,
        spec: &TableSpec,
        encoding: &Encoding<'_>,
        classes: Option<&Classes>,
    ) -> Result<Table, TableProblem> {
        let features = encoding.features(&self.grid)?;
        let targets = match classes {
            Some(classes) => Targets::Classes(classes.look_up(&self.grid, &self.roles.targets[0])?),
            None => Targets::Values(features::numbers(&self.grid, &self.roles.targets, &spec.words)?),
        };
        Ok(Table {
            rows: self.grid.rows(),
            shape: vec![encoding.width()],
            features: Features::Floats(features),
            targets,
            groups: None,
        })
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".csv", ".parquet"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name).to_owned()
}
