//! Files of named arrays, npz or safetensors, made into a dataset.

use std::path::Path;

use foldwise_study::spec::data::{ArraySpec, ChannelOrder, Task};

use crate::content::{self, CONTENT_BYTES_MAX};
use crate::dataset::{Dataset, Facts, Features, Table, TargetKind, Targets};
use crate::digest::dataset_digest;
use crate::error::DataError;
use crate::guard::guarded;
use crate::tabular::CLASSES_MAX;

mod array;
mod npy;
mod npz;
mod problem;
mod tensors;
#[cfg(test)]
mod tests;

use array::Array;

pub use problem::ArrayProblem;

/// Names of arrays that an error lists.
const NAMES_LISTED_MAX: usize = 20;

/// The most numbers to predict per row.
const OUTPUTS_MAX: usize = 65_536;

/// How arrays are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Npz,
    Safetensors,
}

/// Reads a dataset from the files of a spec. Classes are numbered as the targets are, from 0 to the largest of the
/// training rows; a class of the test rows beyond that is an error.
pub(crate) fn read(format: Format, spec: &ArraySpec) -> Result<Dataset, DataError> {
    let (train, train_sha256) = part(format, &spec.train, spec, None)?;
    let test = spec.test.as_deref().map(|path| part(format, path, spec, Some(&train))).transpose()?;
    let digest = dataset_digest(
        [("train", Some(&train_sha256)), ("test", test.as_ref().map(|(_, sha256)| sha256))]
            .into_iter()
            .filter_map(|(role, sha256)| Some((role, sha256?.as_str()))),
    );
    let test = test.map(|(table, _)| table);
    let target = match &train.targets {
        Targets::Classes(classes) => {
            TargetKind::Classes { names: (0..=largest(classes)).map(|class| class.to_string()).collect() }
        }
        Targets::Values(_) if train.outputs() == 1 => {
            TargetKind::Values { names: vec![spec.targets.clone()] }
        }
        Targets::Values(_) => TargetKind::Values {
            names: (0..train.outputs()).map(|output| format!("{}[{output}]", spec.targets)).collect(),
        },
    };
    let facts = Facts {
        name: file_name(&spec.train),
        digest,
        train_rows: train.rows,
        test_rows: test.as_ref().map(|test| test.rows),
        shape: train.shape.clone(),
        target,
    };
    Ok(Dataset { facts, train, test })
}

/// The rows of a file and its sha256. Test rows must fit the training rows.
fn part(
    format: Format,
    path: &Path,
    spec: &ArraySpec,
    train: Option<&Table>,
) -> Result<(Table, String), DataError> {
    let content = content::read(path, CONTENT_BYTES_MAX)?;
    let wrong = |array: &str| {
        let (path, array) = (path.to_owned(), array.to_owned());
        move |problem| DataError::Array { path, array, problem }
    };
    let (rows, shape, features) = array(format, &content.bytes, &spec.features)
        .and_then(|array| features(array, spec.channels))
        .map_err(wrong(&spec.features))?;
    if let Some(train) = train {
        fits(train, &features, &shape).map_err(wrong(&spec.features))?;
    }
    let targets = array(format, &content.bytes, &spec.targets)
        .and_then(|array| targets(&array, rows, spec.task, train));
    let targets = targets.map_err(wrong(&spec.targets))?;
    let table = Table { rows, shape, features, targets, groups: None };
    Ok((table, content.sha256))
}

fn array<'a>(format: Format, content: &'a [u8], name: &str) -> Result<Array<'a>, ArrayProblem> {
    let array = guarded(|| match format {
        Format::Npz => npz::read(content, name),
        Format::Safetensors => tensors::read(content, name),
    });
    array.unwrap_or_else(|| Err(ArrayProblem::Format { reason: "its reader failed".to_owned() }))
}

/// How many rows there are, the shape of one, and their features.
fn features(array: Array, order: ChannelOrder) -> Result<(usize, Vec<usize>, Features), ArrayProblem> {
    let shape = array.shape.clone();
    if shape.contains(&0) {
        return Err(ArrayProblem::Empty { shape });
    }
    let rows = shape.first().copied().unwrap_or(0);
    let (row, last) = match shape[..] {
        [_] => (vec![1], None),
        [_, width] => (vec![width], None),
        [_, height, width] => (vec![1, height, width], None),
        [_, channels, height, width] if order == ChannelOrder::First => (vec![channels, height, width], None),
        [_, height, width, channels] => (vec![channels, height, width], Some(channels)),
        _ => {
            let expected = "features have the shape [rows], [rows, F], [rows, H, W] or [rows, C, H, W]";
            return Err(ArrayProblem::Shape { shape, expected });
        }
    };
    let features = match array.into_bytes() {
        Ok(bytes) => Features::Bytes(channels_first(bytes, &row, last)),
        Err(array) => Features::Floats(channels_first(array.floats()?, &row, last)),
    };
    Ok((rows, row, features))
}

/// Brings `[rows, H, W, C]` into `[rows, C, H, W]`, where there are channels to bring.
fn channels_first<T: Copy>(values: Vec<T>, row: &[usize], channels: Option<usize>) -> Vec<T> {
    let Some(channels) = channels.filter(|&channels| channels > 1) else { return values };
    let mut ordered = Vec::with_capacity(values.len());
    for picture in values.chunks_exact(row.iter().product()) {
        for channel in 0..channels {
            ordered.extend(picture.iter().skip(channel).step_by(channels));
        }
    }
    ordered
}

fn fits(train: &Table, features: &Features, shape: &[usize]) -> Result<(), ArrayProblem> {
    if train.shape != shape {
        return Err(ArrayProblem::Parts { train: train.shape.clone(), test: shape.to_vec() });
    }
    match (&train.features, features) {
        (Features::Bytes(_), Features::Bytes(_)) | (Features::Floats(_), Features::Floats(_)) => Ok(()),
        (Features::Bytes(_), Features::Floats(_)) | (Features::Floats(_), Features::Bytes(_)) => {
            Err(ArrayProblem::Scales)
        }
    }
}

fn targets(
    array: &Array<'_>,
    rows: usize,
    task: Task,
    train: Option<&Table>,
) -> Result<Targets, ArrayProblem> {
    let shape = array.shape.clone();
    let (found, outputs) = match (&shape[..], task) {
        (&[found], _) => (found, 1),
        (&[found, outputs], _) if outputs == 1 || task == Task::Regression => (found, outputs),
        (_, Task::Classification) => {
            let expected = "classes have the shape [rows]: of one column per class, store argmax(axis=1)";
            return Err(ArrayProblem::Shape { shape, expected });
        }
        (_, Task::Regression) => {
            let expected = "numbers to predict have the shape [rows] or [rows, outputs]";
            return Err(ArrayProblem::Shape { shape, expected });
        }
    };
    if found != rows {
        return Err(ArrayProblem::Rows { features: rows, targets: found });
    }
    if outputs == 0 || outputs > OUTPUTS_MAX {
        return Err(ArrayProblem::Shape { shape, expected: "a row has 1 to 65,536 numbers to predict" });
    }
    if let Some(train) = train.filter(|train| task == Task::Regression && train.outputs() != outputs) {
        return Err(ArrayProblem::Parts { train: vec![train.outputs()], test: vec![outputs] });
    }
    match task {
        Task::Classification => {
            let most = match train.map(|train| &train.targets) {
                Some(Targets::Classes(classes)) => largest(classes),
                _ => u32::try_from(CLASSES_MAX - 1).unwrap_or(u32::MAX),
            };
            array.classes(most).map(Targets::Classes)
        }
        Task::Regression => array.floats().map(Targets::Values),
    }
}

fn largest(classes: &[u32]) -> u32 {
    classes.iter().copied().max().unwrap_or(0)
}

/// Names for an error, not more than a person reads.
fn known(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(NAMES_LISTED_MAX);
    names.truncate(NAMES_LISTED_MAX);
    match (names.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [".npz", ".safetensors"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name).to_owned()
}
