//! Pairs of IDX files, features and labels, made into a dataset of classes.

use std::path::Path;

use foldwise_study::spec::data::IdxSpec;

use crate::content::{self, CONTENT_BYTES_MAX, Content};
use crate::dataset::{Dataset, Facts, Features, Table, TargetKind, Targets};
use crate::digest::dataset_digest;
use crate::error::DataError;
use crate::idx::{self, Idx};

/// A decoded file and where it came from.
struct Part<'a> {
    path: &'a Path,
    idx: Idx,
    sha256: String,
}

/// Reads a dataset from the IDX files of a spec. Classes are numbered as the labels are, from 0 to the largest
/// training label; a label of the test part beyond that is an error.
pub(crate) fn read(spec: &IdxSpec) -> Result<Dataset, DataError> {
    let mut files =
        vec![("train_features", part(&spec.train_features)?), ("train_labels", part(&spec.train_labels)?)];
    match (&spec.test_features, &spec.test_labels) {
        (Some(features), Some(labels)) => {
            files.extend([("test_features", part(features)?), ("test_labels", part(labels)?)]);
        }
        (None, None) => {}
        _ => return Err(DataError::HalfTestPair),
    }
    let digest = dataset_digest(files.iter().map(|(role, part)| (*role, part.sha256.as_str())));
    let mut parts = files.into_iter().map(|(_, part)| part);
    let mut tables = Vec::new();
    while let (Some(features), Some(labels)) = (parts.next(), parts.next()) {
        tables.push(table(features, labels)?);
    }
    let mut tables = tables.into_iter();
    let train = tables.next().expect("the training pair is always there");
    let test = tables.next();
    let classes = largest(&train) + 1;
    if let (Some(test), Some(path)) = (&test, &spec.test_features) {
        check_test(&train, test, classes, &spec.train_features, path)?;
    }
    let facts = Facts {
        name: file_name(&spec.train_features),
        digest,
        train_rows: train.rows,
        test_rows: test.as_ref().map(|test| test.rows),
        shape: train.shape.clone(),
        target: TargetKind::Classes { names: (0..classes).map(|class| class.to_string()).collect() },
    };
    Ok(Dataset { facts, train, test })
}

/// Makes a table from the contents of a pair. `features` and `labels` name them in errors.
pub(crate) fn from_contents(
    (features, features_content): (&Path, Content),
    (labels, labels_content): (&Path, Content),
) -> Result<Table, DataError> {
    table(decode(features, features_content)?, decode(labels, labels_content)?)
}

fn part(path: &Path) -> Result<Part<'_>, DataError> {
    decode(path, content::read(path, CONTENT_BYTES_MAX)?)
}

fn decode(path: &Path, content: Content) -> Result<Part<'_>, DataError> {
    let idx =
        idx::decode(content.bytes).map_err(|problem| DataError::Idx { path: path.to_owned(), problem })?;
    Ok(Part { path, idx, sha256: content.sha256 })
}

fn table(features: Part<'_>, labels: Part<'_>) -> Result<Table, DataError> {
    let misfit = |problem: String| DataError::Pair {
        features: features.path.to_owned(),
        labels: labels.path.to_owned(),
        problem,
    };
    let [rows] = labels.idx.shape[..] else {
        return Err(misfit(format!("labels have shape [rows], these have {:?}", labels.idx.shape)));
    };
    let shape = row_shape(&features.idx.shape);
    if features.idx.shape[0] != rows {
        return Err(misfit(format!("{} rows of features and {rows} labels", features.idx.shape[0])));
    }
    if rows == 0 || shape.contains(&0) {
        return Err(misfit(format!(
            "they hold no values: the shape of the features is {:?}",
            features.idx.shape
        )));
    }
    let targets = Targets::Classes(labels.idx.values.into_iter().map(u32::from).collect());
    Ok(Table { rows, shape, features: Features::Bytes(features.idx.values), targets, groups: None })
}

/// One row's shape: images without channels get one, lone numbers become tables with one column.
fn row_shape(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [_] => vec![1],
        [_, height, width] => vec![1, height, width],
        [_, ref row @ ..] => row.to_vec(),
        [] => Vec::new(),
    }
}

fn largest(table: &Table) -> u32 {
    match &table.targets {
        Targets::Classes(classes) => classes.iter().copied().max().unwrap_or(0),
        Targets::Values(_) => 0,
    }
}

fn check_test(
    train: &Table,
    test: &Table,
    classes: u32,
    train_path: &Path,
    test_path: &Path,
) -> Result<(), DataError> {
    let problem = if train.shape != test.shape {
        format!("training rows have shape {:?}, test rows {:?}", train.shape, test.shape)
    } else if largest(test) >= classes {
        format!("a test label is {}, but training labels end at {}", largest(test), classes - 1)
    } else {
        return Ok(());
    };
    Err(DataError::Pair { features: train_path.to_owned(), labels: test_path.to_owned(), problem })
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".gz").unwrap_or(&name).to_owned()
}
