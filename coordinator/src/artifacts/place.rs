//! Where files are kept: a folder, or `s3://bucket/prefix`.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an address of a bucket begins with.
const SCHEME: &str = "s3://";

/// Where files are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine, or one that several share.
    Folder(PathBuf),
    /// A bucket of an S3-compatible store.
    Bucket(BucketAddress),
}

/// A bucket, and what its files' names begin with.
#[derive(Clone, PartialEq, Eq)]
pub struct BucketAddress {
    pub(super) bucket: String,
    /// Without slashes at its ends; may be empty.
    pub(super) prefix: String,
    /// How it is reached and by whom: `AWS_…` variables. Never shown.
    pub(super) settings: Vec<(String, String)>,
}

/// Not a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Another scheme.
    #[error(
        "files cannot be kept at `{0}`: name a folder, or a bucket of an S3-compatible store as s3://bucket/prefix"
    )]
    Scheme(String),
    /// The bucket's name.
    #[error(
        "`{0}` is no name of a bucket: expected 3 to 63 small letters, digits, dots and hyphens, as in \
         s3://foldwise/artifacts"
    )]
    Bucket(String),
    /// The prefix.
    #[error(
        "`{0}` cannot stand before the names of files: letters, digits and `.-_/`, without empty parts or `..`"
    )]
    Prefix(String),
}

impl Place {
    /// Reads a place.
    ///
    /// # Errors
    /// When it is an address, and not that of a bucket.
    pub fn read(text: &str) -> Result<Self, PlaceError> {
        match text.strip_prefix(SCHEME) {
            Some(rest) => BucketAddress::read(rest).map(Self::Bucket),
            // Its scheme alone: the rest may hold a password.
            None => match text.split_once("://") {
                Some((scheme, _)) => Err(PlaceError::Scheme(format!("{scheme}://…"))),
                None if text.to_ascii_lowercase().starts_with("s3:") => {
                    Err(PlaceError::Scheme("s3:…".to_owned()))
                }
                None => Ok(Self::Folder(PathBuf::from(text))),
            },
        }
    }

    /// The same with what `AWS_…` variables say, where it is a bucket.
    #[must_use]
    pub fn with_settings(self, settings: impl IntoIterator<Item = (String, String)>) -> Self {
        match self {
            Self::Folder(folder) => Self::Folder(folder),
            Self::Bucket(address) => {
                Self::Bucket(BucketAddress { settings: settings.into_iter().collect(), ..address })
            }
        }
    }
}

impl BucketAddress {
    fn read(rest: &str) -> Result<Self, PlaceError> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(letter) {
            // What stands before an @ may be a secret.
            let shown = bucket.rsplit('@').next().unwrap_or_default();
            return Err(PlaceError::Bucket(shown.to_owned()));
        }
        let prefix = prefix.trim_end_matches('/');
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(letter);
        if !prefix.is_empty() && !prefix.split('/').all(part) {
            return Err(PlaceError::Prefix(prefix.to_owned()));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned(), settings: Vec::new() })
    }
}

impl fmt::Display for BucketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "{SCHEME}{}{slash}{}", self.bucket, self.prefix)
    }
}

impl fmt::Debug for BucketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BucketAddress({self})")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket(address) => address.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Place, PlaceError};

    #[test]
    fn folders_and_buckets_are_told_apart() {
        assert_eq!(Place::read("/shared/files"), Ok(Place::Folder(PathBuf::from("/shared/files"))));
        for (text, shown) in [
            ("s3://foldwise", "s3://foldwise"),
            ("s3://foldwise/", "s3://foldwise"),
            ("s3://den.example/a/b_1/", "s3://den.example/a/b_1"),
        ] {
            assert_eq!(Place::read(text).expect(text).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_place_is_refused_without_showing_secrets() {
        for text in ["s3://", "s3://ab", "s3://Upper/x", "s3://has space", "s3://a_b_c"] {
            assert!(matches!(Place::read(text), Err(PlaceError::Bucket(_))), "{text}");
        }
        for text in ["s3://abc//x", "s3://abc/../x", "s3://abc/x y", "s3://abc/ä"] {
            assert!(matches!(Place::read(text), Err(PlaceError::Prefix(_))), "{text}");
        }
        let error = Place::read("https://key:secret@store/bucket").expect_err("no bucket");
        assert!(matches!(error, PlaceError::Scheme(_)) && !error.to_string().contains("secret"), "{error}");
        assert!(matches!(Place::read("s3:/foldwise/x"), Err(PlaceError::Scheme(_))));
        let error = Place::read("s3://key:secret@foldwise/x").expect_err("no bucket");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn nothing_shows_the_settings() {
        let place = Place::read("s3://foldwise/x").expect("a bucket");
        let place = place.with_settings([("AWS_SECRET_ACCESS_KEY".to_owned(), "hush".to_owned())]);
        let shown = format!("{place} {place:?} {}", serde_json::to_string(&place).expect("a text"));
        assert!(shown.contains("s3://foldwise/x") && !shown.contains("hush"), "{shown}");
    }
}
