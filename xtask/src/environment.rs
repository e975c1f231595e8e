//! What the environment says to the tasks. The only file of this crate that reads it.

use std::env;
use std::path::PathBuf;

/// The environment variable that names a libtorch.
pub(crate) const LIBTORCH: &str = "LIBTORCH";

/// The environment's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Environment {
    /// `LIBTORCH`, be it the user's or the default of `.cargo/config.toml`.
    pub(crate) libtorch: Option<PathBuf>,
    /// The user's cache folder.
    pub(crate) caches: Option<PathBuf>,
    /// Whether this is a CI machine, where warnings are errors.
    pub(crate) ci: bool,
}

impl Environment {
    pub(crate) fn read() -> Self {
        Self::from(|name| env::var_os(name).map(PathBuf::from))
    }

    fn from(variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.as_os_str().is_empty());
        Self {
            libtorch: set(LIBTORCH),
            caches: set("XDG_CACHE_HOME")
                .filter(|path| path.is_absolute())
                .or_else(|| set("HOME").map(|home| home.join(".cache"))),
            ci: set("CI").is_some_and(|value| value.as_os_str() == "true"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Environment;

    #[test]
    fn empty_variables_are_no_settings() {
        let read = |pairs: &[(&str, &str)]| {
            Environment::from(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
            })
        };
        let environment = read(&[("LIBTORCH", ""), ("HOME", "/me"), ("CI", "true")]);
        let expected = Environment { libtorch: None, caches: Some(PathBuf::from("/me/.cache")), ci: true };
        assert_eq!(environment, expected);
        assert_eq!(read(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/me")]).caches, Some(PathBuf::from("/c")));
        assert!(!read(&[("CI", "false")]).ci);
    }
}
