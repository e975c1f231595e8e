//! Which files of this machine studies may name: none but those in folders that the operator opened, where there are such
//! or where callers are told from each other. What a spec names is read with the coordinator's rights and told of in
//! messages and reports, so that whoever may submit could read it.

use std::path::{Path, PathBuf};

use foldwise_study::spec::data::DataSpec;
use foldwise_study::spec::{Format, SpecFile};

use super::SubmissionError;

/// Folders in which studies may name files; `None` where they may name any.
#[derive(Debug, Clone, Default)]
pub struct Folders(Option<Vec<PathBuf>>);

impl Folders {
    /// These alone. Those that are not there hold nothing.
    #[must_use]
    pub fn only(folders: &[PathBuf]) -> Self {
        Self(Some(folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect()))
    }

    /// Refuses a spec that names a file elsewhere, before anything of it is read. A spec that cannot be read is not refused
    /// here.
    ///
    /// # Errors
    /// The problem with its place. It does not tell whether the file is there.
    pub fn check(&self, text: &str, format: Format) -> Result<(), SubmissionError> {
        let Some(folders) = &self.0 else { return Ok(()) };
        let Ok(file) = SpecFile::read(text, format) else { return Ok(()) };
        // Links and `..` are followed first: what counts is where a path leads.
        let inside = |path: &Path| {
            path.canonicalize().is_ok_and(|path| folders.iter().any(|folder| path.starts_with(folder)))
        };
        let refuse = |message: String| Err(SubmissionError::Spec(file.problem("data", message)));
        for path in files(&file.spec.data) {
            if !inside(path) {
                return refuse(format!(
                    "{} is in no folder that studies may read here: the coordinator's operator opens folders with \
                     --data-folder",
                    path.display()
                ));
            }
            if let Some(link) = link_within(path, PICTURES_DEPTH) {
                return refuse(format!(
                    "{} is a link, which may lead out of the folders that studies may read here: put the file in its place",
                    link.display()
                ));
            }
        }
        Ok(())
    }
}

/// Folders of pictures have a folder for each class, and files in these.
const PICTURES_DEPTH: usize = 2;

/// The first link in a folder, so deep.
fn link_within(folder: &Path, depth: usize) -> Option<PathBuf> {
    let depth = depth.checked_sub(1)?;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_type().ok()?, entry.path()))).find_map(|(kind, path)| {
        if kind.is_symlink() {
            Some(path)
        } else if kind.is_dir() {
            link_within(&path, depth)
        } else {
            None
        }
    })
}

/// Every file or folder that the rows are read from. Each field is named, so that none that is added is forgotten.
fn files(data: &DataSpec) -> Vec<&Path> {
    let DataSpec {
        dataset: _,
        idx,
        csv,
        parquet,
        npz,
        safetensors,
        images,
        function: _,
        blobs: _,
        parcel: _,
        train_rows: _,
        test_rows: _,
        normalize: _,
        shuffle_labels: _,
    } = data;
    let mut files: Vec<&PathBuf> = Vec::new();
    if let Some(idx) = idx {
        files.extend([&idx.train_features, &idx.train_labels]);
        files.extend([&idx.test_features, &idx.test_labels].into_iter().flatten());
    }
    let tables = csv.iter().chain(parquet).map(|table| (&table.train, &table.test));
    let arrays = npz.iter().chain(safetensors).map(|arrays| (&arrays.train, &arrays.test));
    let pictures = images.iter().map(|images| (&images.train, &images.test));
    for (train, test) in tables.chain(arrays).chain(pictures) {
        files.push(train);
        files.extend(test);
    }
    files.into_iter().map(PathBuf::as_path).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use foldwise_study::spec::Format;

    use super::Folders;

    fn spec(path: &Path) -> String {
        format!(
            "name = \"own\"\n[data]\ncsv = {{ train = {:?}, target = \"y\" }}\n[validation]\nk_fold = {{ folds = 2 }}\n\
             [network]\nmlp = {{ hidden = [2] }}\n[train]\nepochs = 1\nbatch_size = 1\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}\n",
            path.display().to_string()
        )
    }

    #[test]
    fn only_what_lies_in_an_open_folder_is_read() {
        let home = tempfile::tempdir().unwrap();
        let (open, shut) = (home.path().join("open"), home.path().join("shut"));
        fs::create_dir_all(&open).unwrap();
        fs::create_dir_all(&shut).unwrap();
        for folder in [&open, &shut] {
            fs::write(folder.join("rows.csv"), "x,y\n1,a\n").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(shut.join("rows.csv"), open.join("link.csv")).unwrap();
        let folders = Folders::only(std::slice::from_ref(&open));
        let check = |path: &Path| folders.check(&spec(path), Format::Toml);
        check(&open.join("rows.csv")).unwrap();
        for path in [
            shut.join("rows.csv"),
            open.join("../shut/rows.csv"),
            open.join("link.csv"),
            open.join("missing.csv"),
            "/etc/shadow".into(),
            "/nowhere/at/all".into(),
            "rows.csv".into(),
        ] {
            let error = check(&path).unwrap_err().to_string();
            assert!(error.contains("--data-folder"), "{}: {error}", path.display());
        }
        assert!(Folders::only(&[]).check(&spec(&open.join("rows.csv")), Format::Toml).is_err());
        Folders::default().check(&spec(&shut.join("rows.csv")), Format::Toml).unwrap();
    }
}
