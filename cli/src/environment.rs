//! What this process's surroundings say. The only file of this crate that reads the environment; variables that
//! stand for an option are read by clap.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use foldwise_traces::Way;

/// The variable that names the worker's program where it is neither beside this one nor in PATH.
pub(crate) const WORKER_VARIABLE: &str = "FOLDWISE_WORKER";

/// This program.
pub(crate) fn own_program() -> io::Result<PathBuf> {
    env::current_exe()
}

/// Whether nobody asked for plain text (<https://no-color.org>).
pub(crate) fn color_is_welcome() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether a browser has somewhere to open: elsewhere than on Linux and its like always.
pub(crate) fn has_screen() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(target_os = "macos", windows)) || ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"].into_iter().any(set)
}

/// What is said of S3-compatible stores: the variables that their own tools read.
pub(crate) fn bucket_settings() -> Vec<(String, String)> {
    let all = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    all.filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty()).collect()
}

/// Whether the surroundings name a database in place of a state folder.
pub(crate) fn store_is_shared() -> bool {
    env::var_os("FOLDWISE_STORE").is_some_and(|store| !store.is_empty())
}

/// How a collector of traces may be reached, as OpenTelemetry's own variables say.
pub(crate) fn traces_way() -> Way {
    Way {
        in_clear: env::var_os("OTEL_EXPORTER_OTLP_INSECURE").is_some_and(|value| value == "true"),
        ca: env::var_os("OTEL_EXPORTER_OTLP_CERTIFICATE").filter(|file| !file.is_empty()).map(PathBuf::from),
    }
}

/// Where PostgreSQL's own programs look for a password.
#[derive(Clone, Default)]
pub(crate) struct Passwords {
    /// `PGPASSWORD`.
    pub(crate) password: Option<String>,
    /// `PGPASSFILE`, or where it is without it.
    pub(crate) file: Option<PathBuf>,
}

impl Passwords {
    /// As they are now.
    pub(crate) fn read() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let password = set("PGPASSWORD").and_then(|password| password.into_string().ok());
        let home = || set("HOME").map(|home| PathBuf::from(home).join(".pgpass"));
        Self { password, file: set("PGPASSFILE").map(PathBuf::from).or_else(home) }
    }
}

/// Where programs may lie.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// This program's own folder.
    pub(crate) own_folder: Option<PathBuf>,
    /// `PATH`.
    pub(crate) path: Option<OsString>,
    /// [`WORKER_VARIABLE`].
    pub(crate) worker: Option<PathBuf>,
}

impl Surroundings {
    /// As they are now.
    pub(crate) fn read() -> Self {
        let own = own_program().ok().and_then(|program| program.canonicalize().ok());
        Self {
            own_folder: own.and_then(|program| program.parent().map(PathBuf::from)),
            path: env::var_os("PATH"),
            worker: env::var_os(WORKER_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from),
        }
    }

    /// The worker's program: beside this one, then in PATH, then where the variable says.
    pub(crate) fn worker_program(&self) -> Option<PathBuf> {
        let name = format!("foldwise-worker{}", env::consts::EXE_SUFFIX);
        let in_path = self.path.iter().flat_map(env::split_paths);
        let folders = self.own_folder.iter().cloned().chain(in_path);
        let mut places = folders.map(|folder| folder.join(&name)).chain(self.worker.clone());
        places.find(|place| place.is_file())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Surroundings;

    #[test]
    fn the_worker_is_looked_for_beside_then_in_path_then_where_the_variable_says() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let place = folder.path().join(name);
            fs::create_dir_all(&place).unwrap();
            place
        };
        let (own, path, other) = (make("own"), make("path"), make("other"));
        let named = other.join("anything");
        let surroundings = Surroundings {
            own_folder: Some(own.clone()),
            path: Some(path.clone().into()),
            worker: Some(named.clone()),
        };
        assert_eq!(surroundings.worker_program(), None);
        fs::write(&named, "").unwrap();
        assert_eq!(surroundings.worker_program(), Some(named));
        fs::write(path.join("foldwise-worker"), "").unwrap();
        assert_eq!(surroundings.worker_program(), Some(path.join("foldwise-worker")));
        fs::write(own.join("foldwise-worker"), "").unwrap();
        assert_eq!(surroundings.worker_program(), Some(own.join("foldwise-worker")));
    }
}
