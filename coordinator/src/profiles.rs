//! The device profiles that a coordinator is given: files, or folders of them.

use std::path::{Path, PathBuf};
use std::{fs, io};

use foldwise_study::plan::DeviceProfile;
use foldwise_study::spec::Problems;

/// Why profiles cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A file or folder cannot be read.
    #[error("cannot read the device profile {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is wrong.
    #[error("the device profile {} is wrong: {problems}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Everything that is, with places.
        problems: Problems,
    },
    /// Two files have one name.
    #[error("two device profiles are named `{name}`: {} and {}; rename one of them", first.display(), second.display())]
    Twice {
        /// The name.
        name: String,
        /// The file that was read first.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
    },
}

/// Reads the profiles of files, and of folders all files that end in `.toml` in the order of their names.
///
/// # Errors
/// When one cannot be read or is wrong, or two have one name.
pub fn read(paths: &[PathBuf]) -> Result<Vec<DeviceProfile>, ProfileError> {
    let mut read: Vec<(PathBuf, DeviceProfile)> = Vec::new();
    for path in paths {
        for file in files(path)? {
            let unreadable = |source| ProfileError::Read { path: file.clone(), source };
            let text = fs::read_to_string(&file).map_err(unreadable)?;
            let wrong = |problems| ProfileError::Wrong { path: file.clone(), problems };
            let profile = DeviceProfile::read(&text).map_err(wrong)?;
            if let Some((first, _)) = read.iter().find(|(_, known)| known.name == profile.name) {
                return Err(ProfileError::Twice { name: profile.name, first: first.clone(), second: file });
            }
            read.push((file, profile));
        }
    }
    Ok(read.into_iter().map(|(_, profile)| profile).collect())
}

fn files(path: &Path) -> Result<Vec<PathBuf>, ProfileError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |source| ProfileError::Read { path: path.to_owned(), source };
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(unreadable)?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use foldwise_study::plan::DeviceProfile;
    use foldwise_study::spec::DeviceKind;

    use super::read;

    fn profile(name: &str) -> String {
        DeviceProfile { name: name.to_owned(), ..DeviceProfile::shipped(DeviceKind::Cpu) }.to_toml("")
    }

    #[test]
    fn files_and_folders_of_them_are_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("more")).unwrap();
        fs::write(at("one.toml"), profile("one")).unwrap();
        fs::write(at("more/z.toml"), profile("z")).unwrap();
        fs::write(at("more/a.toml"), profile("a")).unwrap();
        fs::write(at("more/notes.txt"), "nothing").unwrap();
        let names = |paths: &[&str]| {
            let paths: Vec<_> = paths.iter().map(|path| at(path)).collect();
            let profiles = read(&paths).map_err(|error| error.to_string())?;
            Ok::<_, String>(profiles.into_iter().map(|profile| profile.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["one.toml", "more"]).unwrap(), ["one", "a", "z"]);
        assert_eq!(names(&[]).unwrap(), Vec::<String>::new());
        let twice = names(&["one.toml", "one.toml"]).unwrap_err();
        assert!(twice.starts_with("two device profiles are named `one`"), "{twice}");
        assert!(names(&["none.toml"]).unwrap_err().starts_with("cannot read the device profile"));
        fs::write(at("one.toml"), profile("one").replace("slots", "slot")).unwrap();
        let wrong = names(&["one.toml"]).unwrap_err();
        assert!(wrong.contains("one.toml is wrong: line ") && wrong.contains("slots"), "{wrong}");
    }
}
