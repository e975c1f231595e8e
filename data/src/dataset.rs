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
    /// Hex blake3 over a line `role sha256\n` per file, the sha256 being that of the decompressed content; of generated
    /// rows, that of their settings. Row limits and shuffled labels do not change it.
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
    /// One or more numbers.
    Values {
        /// What they are called, in the order of the targets.
        names: Vec<String>,
    },
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
    /// `[rows]`, or `[rows, outputs]` for numbers.
    pub targets: Targets,
    /// `[rows]`: a number per row; rows of one number must not be split between training and validation.
    pub groups: Option<Vec<u32>>,
}

/// Feature values, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Features {
    /// 0 to 255, as images are stored.
    Bytes(Vec<u8>),
    /// Finite numbers; NaN where a value is missing that is to be filled with the mean of a run's training rows
    /// (`missing = "mean"`).
    Floats(Vec<f32>),
}

/// Target values, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// Class numbers, from 0: `[rows]`.
    Classes(Vec<u32>),
    /// Finite numbers: `[rows, outputs]`.
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

impl TargetKind {
    /// How many classes there are, where the target is a class.
    #[must_use]
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::Classes { names } => Some(names.len()),
            Self::Values { .. } => None,
        }
    }

    /// How many targets a row has: 1 where it is a class.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Classes { .. } => 1,
            Self::Values { names } => names.len(),
        }
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

    /// Targets of one row: 1 where they are classes.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match &self.targets {
            Targets::Classes(_) => 1,
            Targets::Values(values) => values.len() / self.rows.max(1),
        }
    }

    fn truncate(&mut self, rows: usize) {
        let values = rows * self.row_len();
        let targets = rows * self.outputs();
        self.rows = rows;
        match &mut self.features {
            Features::Bytes(bytes) => bytes.truncate(values),
            Features::Floats(floats) => floats.truncate(values),
        }
        match &mut self.targets {
            Targets::Classes(classes) => classes.truncate(rows),
            Targets::Values(values) => values.truncate(targets),
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
