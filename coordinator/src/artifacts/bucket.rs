//! A bucket of an S3-compatible store. Files are put there whole, by their digest under a prefix.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
    WriteMultipart,
};
use tokio::sync::Semaphore;

use super::uses::Going;
use super::{BucketAddress, is_digest};
use crate::aside::Aside;
use crate::machine;

/// Bytes that are asked for, or put, at a time: a request's own time hardly counts, and a slow line ends it in time. A file of
/// the largest size has far fewer parts than the 10,000 that S3 takes.
const PART_BYTES: usize = 8 << 20;
/// Parts of a file on their way at a time.
const PARTS_AT_A_TIME: usize = 4;
/// Files that are removed at a time.
const REMOVED_AT_A_TIME: usize = 8;
/// Time in which a request must be answered, for a part included: about 1 Mbit/s.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
/// Time in which the store must take a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// How often, and how long, what failed is tried again. Whoever waits tries again on his own.
const TRIES_MAX: usize = 5;
const TRYING_MAX: Duration = Duration::from_secs(20);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// The variable that names a file of CAs for the store, as its own tools read it.
const CA_VARIABLE: &str = "AWS_CA_BUNDLE";
/// The variables that name the store, the more particular first.
const ENDPOINT_VARIABLES: [&str; 2] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];

/// What S3 calls the reasons to let nobody in.
const REFUSALS: [&str; 5] =
    ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"];

/// Why a bucket cannot be used. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// A setting.
    #[error("the bucket {bucket} cannot be used as it is set: {reason}")]
    Settings {
        /// Which bucket.
        bucket: String,
        /// Why.
        reason: String,
    },
    /// What is sent could be read.
    #[error(
        "the bucket {bucket} would be reached in clear at {endpoint}: name it with https://, or set AWS_ALLOW_HTTP=true \
         if the network is trusted"
    )]
    Clear {
        /// Which bucket.
        bucket: String,
        /// Where.
        endpoint: String,
    },
    /// Who asks.
    #[error(
        "the bucket {bucket} does not let this coordinator in: {reason}; who asks is read from AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY, or from the machine's role"
    )]
    Refused {
        /// Which bucket.
        bucket: String,
        /// What the store said.
        reason: String,
    },
    /// Anything else.
    #[error(
        "the bucket {bucket} failed: {reason}; where it is is read from AWS_ENDPOINT_URL (for a store that is not \
         Amazon's) and AWS_REGION"
    )]
    Failed {
        /// Which bucket.
        bucket: String,
        /// Why.
        reason: String,
    },
    /// A file of this machine, between the bucket and whoever asked.
    #[error("a file on its way to or from the bucket {bucket} failed on this machine: {source}")]
    Here {
        /// Which bucket.
        bucket: String,
        /// Why.
        source: io::Error,
    },
}

impl BucketError {
    /// Whether what is set is wrong, so that no other try helps.
    pub(crate) fn is_setting(&self) -> bool {
        matches!(self, Self::Settings { .. } | Self::Clear { .. })
    }
}

/// A bucket, and the thread that talks to it.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Whether it failed when it was asked last, which is told once.
    away: AtomicBool,
    store: Arc<AmazonS3>,
    address: BucketAddress,
    aside: Aside,
    removing: Arc<Semaphore>,
}

impl Bucket {
    /// A bucket that can be used: it was asked for its files.
    pub(super) fn open(address: &BucketAddress) -> Result<Self, BucketError> {
        let here = |source| BucketError::Here { bucket: address.to_string(), source };
        let bucket = Self {
            away: AtomicBool::new(false),
            store: Arc::new(client(address)?),
            address: address.clone(),
            aside: Aside::start("bucket").map_err(here)?,
            removing: Arc::new(Semaphore::new(REMOVED_AT_A_TIME)),
        };
        bucket.wait(bucket.names().next()).transpose()?;
        Ok(bucket)
    }

    /// Waits for an answer. Inside a task this needs a runtime of several threads.
    pub(super) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.aside.wait(answer)
    }

    /// Puts a file whole: until this returns nobody finds it.
    pub(super) fn put(&self, digest: &str, file: &FilePath) -> Result<(), BucketError> {
        let bytes = fs::metadata(file).map_err(|source| self.here(source))?.len();
        let small = usize::try_from(bytes).ok().filter(|bytes| *bytes <= PART_BYTES);
        if small.is_some() {
            let all = fs::read(file).map_err(|source| self.here(source))?;
            let put = self.wait(self.store.put(&self.path(digest), PutPayload::from(all)));
            return self.told(put.map(|_| ()).map_err(|error| self.failed(&error)));
        }
        let file = File::open(file).map_err(|source| self.here(source))?;
        self.told(self.wait(self.put_parts(digest, file)))
    }

    async fn put_parts(&self, digest: &str, mut file: File) -> Result<(), BucketError> {
        let begun = self.store.put_multipart(&self.path(digest)).await;
        let upload = begun.map_err(|error| self.failed(&error))?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        loop {
            let mut part = Vec::new();
            let read = Read::by_ref(&mut file).take(PART_BYTES as u64).read_to_end(&mut part);
            let next = match read {
                Ok(0) => break,
                Ok(_) => parts.wait_for_capacity(PARTS_AT_A_TIME).await.map_err(|error| self.failed(&error)),
                Err(source) => Err(self.here(source)),
            };
            if let Err(error) = next {
                // What came of it goes with the store's own rules if this fails too.
                let _ = parts.abort().await;
                return Err(error);
            }
            parts.put(Bytes::from(part));
        }
        parts.finish().await.map(|_| ()).map_err(|error| self.failed(&error))
    }

    /// How many bytes a file has; `None` where there is none.
    pub(super) fn bytes(&self, digest: &str) -> Result<Option<u64>, BucketError> {
        self.told(match self.wait(self.store.head(&self.path(digest))) {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        })
    }

    /// The first bytes of a range of a file: as many as come in one part.
    pub(super) fn part(&self, digest: &str, range: Range<u64>) -> Result<Bytes, BucketError> {
        let end = range.end.min(range.start + PART_BYTES as u64);
        let part = self.wait(self.store.get_range(&self.path(digest), range.start..end));
        let part = self.told(part.map_err(|error| self.failed(&error)))?;
        if part.is_empty() {
            return Err(self.said("it answers with nothing".to_owned()));
        }
        Ok(part)
    }

    /// Writes a file's bytes to one here. Their digest; it is for the caller to compare.
    pub(super) fn fetch(&self, digest: &str, mut to: &File) -> Result<blake3::Hash, super::ArtifactError> {
        let missing = || super::ArtifactError::Missing(digest.to_owned());
        let mut rest = 0..self.bytes(digest)?.ok_or_else(missing)?;
        let mut hasher = blake3::Hasher::new();
        while !rest.is_empty() {
            let part = self.part(digest, rest.clone())?;
            rest.start += part.len() as u64;
            hasher.update(&part);
            to.write_all(&part).map_err(|source| self.here(source))?;
        }
        Ok(hasher.finalize())
    }

    /// Removes a file by and by. It is marked as going until then.
    pub(super) fn remove(&self, digest: String, going: Going) {
        let (store, path, bucket) = (Arc::clone(&self.store), self.path(&digest), self.address.to_string());
        let removing = Arc::clone(&self.removing);
        self.aside.spawn(async move {
            // Never closed.
            let _turn = removing.acquire().await;
            match store.delete(&path).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => {
                    let error = said(&error);
                    tracing::warn!(digest, bucket, error, "a file that is not needed could not be removed");
                }
            }
            drop(going);
        });
    }

    /// The digests of the files that have been there for so long, by this machine's clock.
    pub(super) fn older_than(&self, age: Duration) -> Result<Vec<String>, BucketError> {
        let before = now() - age;
        let old =
            self.names().try_filter_map(|(name, put)| async move { Ok((put < before).then_some(name)) });
        self.wait(old.try_collect())
    }

    /// The digests under the prefix, and when each was put. What has another name is nobody's business.
    fn names(&self) -> futures_util::stream::BoxStream<'_, Result<(String, SystemTime), BucketError>> {
        let prefix = Path::from(self.address.prefix.as_str());
        let prefix = Some(&prefix).filter(|prefix| !prefix.as_ref().is_empty());
        let listed = self.store.list(prefix).map_err(|error| self.failed(&error));
        let digests = listed.try_filter_map(move |object| async move {
            let name = object.location.filename().filter(|name| is_digest(name)).map(ToOwned::to_owned);
            let ours = name.filter(|name| self.path(name) == object.location);
            Ok(ours.map(|name| (name, object.last_modified.into())))
        });
        digests.boxed()
    }

    fn path(&self, digest: &str) -> Path {
        match self.address.prefix.as_str() {
            "" => Path::from(digest),
            prefix => Path::from(format!("{prefix}/{digest}")),
        }
    }

    /// Says once that the bucket does not answer as it should, and once that it does again.
    fn told<T>(&self, answer: Result<T, BucketError>) -> Result<T, BucketError> {
        let away = answer.is_err();
        if self.away.swap(away, Ordering::Relaxed) != away {
            match &answer {
                Err(error) => {
                    tracing::warn!(%error, "kept files cannot be reached; whoever needs one is told to try again");
                }
                Ok(_) => tracing::info!(bucket = %self.address, "kept files can be reached again"),
            }
        }
        answer
    }

    fn here(&self, source: io::Error) -> BucketError {
        BucketError::Here { bucket: self.address.to_string(), source }
    }

    fn said(&self, reason: String) -> BucketError {
        BucketError::Failed { bucket: self.address.to_string(), reason }
    }

    fn failed(&self, error: &Error) -> BucketError {
        let (bucket, reason) = (self.address.to_string(), said(error));
        let refused = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. })
            || REFUSALS.iter().any(|code| reason.starts_with(code));
        match refused {
            true => BucketError::Refused { bucket, reason },
            false => BucketError::Failed { bucket, reason },
        }
    }
}

/// How the store is talked to.
pub(super) fn client(address: &BucketAddress) -> Result<AmazonS3, BucketError> {
    // For the client of HTTPS, which takes what the process has; another that is there will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bucket = address.to_string();
    let set = |reason: String| BucketError::Settings { bucket: bucket.clone(), reason };
    let setting = |name: &str| address.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let mut options =
        ClientOptions::new().with_timeout(ANSWER_PATIENCE).with_connect_timeout(CONNECT_PATIENCE);
    if let Some(file) = setting(CA_VARIABLE) {
        let pem = fs::read(file).map_err(|error| set(format!("{CA_VARIABLE} names {file}: {error}")))?;
        let wrong = |error: Error| set(format!("{CA_VARIABLE} names {file}: {}", said(&error)));
        for certificate in Certificate::from_pem_bundle(&pem).map_err(wrong)? {
            options = options.with_root_certificate(certificate);
        }
    }
    let endpoint = named(&setting).map(|(_, endpoint)| endpoint);
    let allowed = setting("AWS_ALLOW_HTTP").is_some_and(|value| value == "true");
    if let Some((name, _)) = named(&setting).filter(|(_, endpoint)| !is_address(endpoint)) {
        // It is not shown: it may hold a secret.
        let reason =
            format!("{name} is no address: write it as https://machine:port, or http:// for this machine");
        return Err(set(reason));
    }
    match endpoint {
        Some(endpoint) if endpoint.starts_with("http://") && !allowed && !is_loopback(endpoint) => {
            return Err(BucketError::Clear { bucket, endpoint: endpoint.clone() });
        }
        Some(endpoint) => options = options.with_allow_http(endpoint.starts_with("http://")),
        None => {}
    }
    let mut builder = AmazonS3Builder::new().with_client_options(options);
    for (name, value) in &address.settings {
        // What this client does not know is for others.
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    let backoff = BackoffConfig { init_backoff: PAUSE_MIN, max_backoff: PAUSE_MAX, base: 2.0 };
    let retry = RetryConfig { backoff, max_retries: TRIES_MAX, retry_timeout: TRYING_MAX };
    let built = builder.with_bucket_name(&address.bucket).with_retry(retry).build();
    built.map_err(|error| set(said(&error)))
}

/// The variable that names the store, if one does, and what it says.
fn named<'a>(setting: &impl Fn(&str) -> Option<&'a String>) -> Option<(&'static str, &'a String)> {
    ENDPOINT_VARIABLES.iter().find_map(|name| setting(name).map(|endpoint| (*name, endpoint)))
}

/// Whether a text is the address of a store, without a name or a secret in it.
fn is_address(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<axum::http::Uri>() else { return false };
    let machine =
        uri.authority().is_some_and(|machine| !machine.host().is_empty() && !machine.as_str().contains('@'));
    machine && matches!(uri.scheme_str(), Some("http" | "https"))
}

/// Whether an address is this machine's own.
fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    machine::is_this(host.trim_start_matches('[').trim_end_matches(']'))
}

/// What the store said, where it said something in S3's way; else the cause of causes: what it is wrapped in names the request,
/// and no way out.
fn said(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    let between = |open: &str, close: &str| Some(text.split_once(open)?.1.split_once(close)?.0);
    match (between("<Code>", "</Code>"), between("<Message>", "</Message>")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => text,
    }
}

#[allow(clippy::disallowed_methods, reason = "the age of a file, which decides whether a sweep looks at it")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::{BucketError, client, is_loopback};
    use crate::artifacts::{BucketAddress, Place};

    fn address(settings: &[(&str, &str)]) -> BucketAddress {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        match Place::read("s3://foldwise/x").expect("a bucket").with_settings(settings) {
            Place::Bucket(address) => address,
            Place::Folder(_) => unreachable!("it is a bucket"),
        }
    }

    #[test]
    fn nothing_is_sent_in_clear_to_another_machine_unasked() {
        let clear = ("AWS_ENDPOINT_URL", "http://store.example:9000");
        let error = client(&address(&[clear])).expect_err("in clear");
        assert!(matches!(error, BucketError::Clear { .. }), "{error}");
        client(&address(&[clear, ("AWS_ALLOW_HTTP", "true")])).expect("asked for");
        client(&address(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")])).expect("this machine");
        for (endpoint, expected) in
            [("http://[::1]:9", true), ("http://localhost/x", true), ("http://127.0.0.1.example:9", false)]
        {
            assert_eq!(is_loopback(endpoint), expected, "{endpoint}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_shown() {
        for wrong in ["store.example:9000", "nonsense", "http://", "ftp://store", "http://u:hush@127.0.0.1:9"]
        {
            let error = client(&address(&[("AWS_ENDPOINT_URL", wrong)])).expect_err(wrong);
            assert!(error.is_setting(), "{error}");
            let text = error.to_string();
            assert!(text.contains("AWS_ENDPOINT_URL is no address") && !text.contains("hush"), "{text}");
        }
    }

    #[test]
    fn a_ca_that_is_not_there_is_named() {
        let error = client(&address(&[("AWS_CA_BUNDLE", "/nowhere/ca.pem")])).expect_err("no file");
        assert!(error.to_string().contains("AWS_CA_BUNDLE names /nowhere/ca.pem"), "{error}");
    }
}
