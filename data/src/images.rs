//! Folders of pictures, one folder per class, made into a dataset.

use std::fs;
use std::path::{Path, PathBuf};

use foldwise_study::spec::data::ImagesSpec;

use crate::content::{self, CONTENT_BYTES_MAX};
use crate::dataset::{Dataset, Facts, Features, Table, TargetKind, Targets};
use crate::digest::dataset_digest;
use crate::error::DataError;
use crate::tabular::CLASSES_MAX;

mod picture;
mod problem;
#[cfg(test)]
mod tests;

use picture::Picture;

pub use picture::{PICTURE_FILE_BYTES_MAX, PICTURE_SIDE_MAX};
pub use problem::ImageProblem;

/// A folder of one class.
struct Class {
    name: String,
    /// Sorted by name.
    files: Vec<PathBuf>,
}

/// The pictures of a part.
struct Part {
    table: Table,
    /// A name and a sha256 per file, in the order of the rows.
    files: Vec<(String, String)>,
}

/// Reads a dataset from the folders of a spec.
pub(crate) fn read(spec: &ImagesSpec) -> Result<Dataset, DataError> {
    let classes = classes(&spec.train)?;
    let names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
    let mut size = spec.size.map(|[height, width]| (height, width));
    let train = part("train", &spec.train, &classes, &names, spec, &mut size)?;
    let test = match &spec.test {
        Some(folder) => Some(part("test", folder, &self::classes(folder)?, &names, spec, &mut size)?),
        None => None,
    };
    let files = train.files.iter().chain(test.iter().flat_map(|test| &test.files));
    let digest = dataset_digest(files.map(|(name, sha256)| (name.as_str(), sha256.as_str())));
    let (train, test) = (train.table, test.map(|test| test.table));
    let facts = Facts {
        name: spec.train.file_name().unwrap_or(spec.train.as_os_str()).to_string_lossy().into_owned(),
        digest,
        train_rows: train.rows,
        test_rows: test.as_ref().map(|test| test.rows),
        shape: train.shape.clone(),
        target: TargetKind::Classes { names },
    };
    Ok(Dataset { facts, train, test })
}

/// The classes of a folder, sorted by name, none of them empty.
fn classes(folder: &Path) -> Result<Vec<Class>, DataError> {
    let wrong = |path: &Path, problem| Err(DataError::Image { path: path.to_owned(), problem });
    let mut classes = Vec::new();
    for (path, name) in entries(folder)? {
        if !path.is_dir() {
            return wrong(&path, ImageProblem::NotAFolder);
        }
        let mut files = Vec::new();
        for (file, name) in entries(&path)? {
            if file.is_dir() {
                return wrong(&file, ImageProblem::FolderInClass);
            }
            if !picture::is_named_like_one(&name) {
                return wrong(&file, ImageProblem::NotAPicture);
            }
            files.push(file);
        }
        if files.is_empty() {
            return wrong(&path, ImageProblem::EmptyClass);
        }
        classes.push(Class { name, files });
    }
    match classes.len() {
        0 => wrong(folder, ImageProblem::NoClasses),
        found if found > CLASSES_MAX => wrong(folder, ImageProblem::TooManyClasses { found }),
        _ => Ok(classes),
    }
}

/// What a folder holds, sorted by name. Hidden files, which systems leave in folders, are passed over.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, String)>, DataError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(DataError::read(folder))? {
        let path = entry.map_err(DataError::read(folder))?.path();
        // A name that is no text could not be the same on every machine.
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(DataError::Image { path, problem: ImageProblem::Name });
        };
        if !name.starts_with('.') {
            let name = name.to_owned();
            found.push((path, name));
        }
    }
    found.sort_unstable_by(|(_, a), (_, b)| a.cmp(b));
    Ok(found)
}

/// Reads every picture. `size` is that of all of them; where it is not given, the first picture gives it.
fn part(
    role: &str,
    folder: &Path,
    classes: &[Class],
    names: &[String],
    spec: &ImagesSpec,
    size: &mut Option<(u32, u32)>,
) -> Result<Part, DataError> {
    let mut values: Vec<u8> = Vec::new();
    let (mut targets, mut files) = (Vec::new(), Vec::new());
    for class in classes {
        let Some(number) = names.iter().position(|name| *name == class.name) else {
            let path = folder.join(&class.name);
            return Err(DataError::Image { path, problem: ImageProblem::UnknownClass });
        };
        for path in &class.files {
            let content = content::read(path, PICTURE_FILE_BYTES_MAX)?;
            let picture = Picture::decode(&content.bytes, spec.channels, spec.size)
                .and_then(|picture| {
                    let expected = *size.get_or_insert(picture.size());
                    picture.of_size(expected)
                })
                .map_err(|problem| DataError::Image { path: path.clone(), problem })?;
            if (values.len() + picture.values().len()) as u64 > CONTENT_BYTES_MAX {
                return Err(DataError::Image { path: folder.to_owned(), problem: ImageProblem::TooMuch });
            }
            values.extend(picture.values());
            targets.push(u32::try_from(number).unwrap_or(u32::MAX));
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // Quoted, so that no name can look like the end of another's line.
            files.push((format!("{role} {:?} {name:?}", class.name), content.sha256));
        }
    }
    let (height, width) = size.unwrap_or_default();
    let shape = [u32::from(spec.channels), height, width];
    let shape = shape.iter().map(|&length| usize::try_from(length).unwrap_or(usize::MAX)).collect();
    let rows = targets.len();
    let (features, targets) = (Features::Bytes(values), Targets::Classes(targets));
    Ok(Part { table: Table { rows, shape, features, targets, groups: None }, files })
}
