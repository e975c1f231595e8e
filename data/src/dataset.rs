//! What a dataset is: its facts, its tables of rows, and the row limits of a spec.

use foldwise_study::spec::data::DataSpec;

use crate::error::DataError;

/// A dataset in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// What is known about it.
    pub facts: Facts,
    /// The rows that folds are made of.
    pub train: Table,
    /// The rows that are looked at once, at the end.
    pub test: Option<Table>,
}

/// Everything known about a dataset without holding its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Its name in the catalogue, or that of its training file.
    pub name: String,
    /// Hex blake3 over a line `role sha256\n` per file, the sha256 being that of the decompressed content.
    /// Row limits do not change it.
    pub digest: String,
    /// Training rows, after the spec's limit.
    pub train_rows: usize,
    /// Test rows, after the spec's limit; `None` where there is no test part.
    pub test_rows: Option<usize>,
    /// The shape of one row: `[C, H, W]` for images, `[F]` for tables.
    pub shape: Vec<usize>,
    /// What is predicted.
    pub target: TargetKind,
}

/// What is predicted.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetKind {
    /// One of several classes; a class's number is its place in `names`.
    Classes {
        /// The names, in the order of the numbers.
        names: Vec<String>,
    },
    /// A number.
    Value,
}

/// Rows: features and targets side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// How many rows.
    pub rows: usize,
    /// The shape of one row.
    pub shape: Vec<usize>,
    /// `[rows, …shape]`, row-major.
    pub features: Features,
    /// `[rows]`.
    pub targets: Targets,
    /// `[rows]`: a number per row; rows of one number must not be split between training and validation.
    pub groups: Option<Vec<u32>>,
}

/// Feature values, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Features {
    /// 0 to 255, as images are stored.
    Bytes(Vec<u8>),
    /// Finite numbers.
    Floats(Vec<f32>),
}

/// Target values, one per row.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// Class numbers, from 0.
    Classes(Vec<u32>),
    /// Finite numbers.
    Values(Vec<f32>),
}

impl Facts {
    /// These facts under the spec's row limits.
    pub(crate) fn limited(mut self, spec: &DataSpec) -> Result<Self, DataError> {
        self.train_rows = limit("train_rows", spec.train_rows, self.train_rows, &self.name)?;
        self.test_rows = match (spec.test_rows, self.test_rows) {
            (Some(_), None) => return Err(DataError::NoTestRows { name: self.name }),
            (asked, Some(rows)) => Some(limit("test_rows", asked, rows, &self.name)?),
            (None, None) => None,
        };
        Ok(self)
    }
}

impl Dataset {
    /// This dataset under the spec's row limits.
    pub(crate) fn limited(mut self, spec: &DataSpec) -> Result<Self, DataError> {
        self.facts = self.facts.limited(spec)?;
        self.train.truncate(self.facts.train_rows);
        if let (Some(test), Some(rows)) = (&mut self.test, self.facts.test_rows) {
            test.truncate(rows);
        }
        Ok(self)
    }
}

impl Table {
    /// Values in one row.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.shape.iter().product()
    }

    fn truncate(&mut self, rows: usize) {
        let values = rows * self.row_len();
        self.rows = rows;
        match &mut self.features {
            Features::Bytes(bytes) => bytes.truncate(values),
            Features::Floats(floats) => floats.truncate(values),
        }
        match &mut self.targets {
            Targets::Classes(classes) => classes.truncate(rows),
            Targets::Values(values) => values.truncate(rows),
        }
        if let Some(groups) = &mut self.groups {
            groups.truncate(rows);
        }
    }
}

fn limit(field: &'static str, asked: Option<usize>, rows: usize, name: &str) -> Result<usize, DataError> {
    match asked {
        None => Ok(rows),
        Some(0) => Err(DataError::NoRowsAsked { field }),
        Some(asked) if asked <= rows => Ok(asked),
        Some(asked) => Err(DataError::TooManyRowsAsked { field, asked, rows, name: name.to_owned() }),
    }
}
