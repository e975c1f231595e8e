//! The coordinators that an agent may speak to, of which one leads: it speaks to one until that one does not answer or
//! stands by, and then to the next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::connection::{ConnectionError, Dial};

/// Largest message taken in.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Pause between signs of life, and time that one may take, where there is one coordinator: it is waited for anyway.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// The same where there are several: a leader that stands still must not keep its workers from the next for longer than
/// that one takes to lead.
const SIGN_OF_LIFE_OF_SEVERAL: Duration = Duration::from_secs(3);

/// A way to a coordinator.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) url: String,
    pub(super) client: WorkerServiceClient<Channel>,
    pub(super) files: StudyServiceClient<Channel>,
}

/// The ways to all coordinators.
#[derive(Debug)]
pub(super) struct Lines {
    all: Vec<Line>,
    current: AtomicUsize,
}

impl Lines {
    /// Of addresses with commas between them.
    pub(super) fn open(addresses: &str, dial: &Dial) -> Result<Self, ConnectionError> {
        let urls: Vec<String> = addresses.split(',').map(|address| with_scheme(address.trim())).collect();
        let sign = if urls.len() > 1 { SIGN_OF_LIFE_OF_SEVERAL } else { SIGN_OF_LIFE };
        let all = urls.into_iter().map(|url| open(url, sign, dial)).collect::<Result<_, _>>()?;
        Ok(Self { all, current: AtomicUsize::new(0) })
    }

    /// The one to speak to.
    pub(super) fn current(&self) -> &Line {
        &self.all[self.current.load(Ordering::Relaxed) % self.all.len()]
    }

    /// Speaks to the next one, unless somebody else has seen to it, after a call on a line failed so that another may do.
    pub(super) fn leave(&self, line: &Line, status: &Status) {
        let elsewhere = matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled);
        if self.all.len() > 1 && elsewhere && std::ptr::eq(self.current(), line) {
            self.current.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All addresses, for people.
    pub(super) fn urls(&self) -> String {
        self.all.iter().map(|line| line.url.as_str()).collect::<Vec<_>>().join(" or ")
    }
}

fn open(url: String, sign: Duration, dial: &Dial) -> Result<Line, ConnectionError> {
    if !url.starts_with("http://") {
        let reason = "only http:// addresses are understood".to_owned();
        return Err(ConnectionError::Url { url, reason });
    }
    let endpoint = Endpoint::from_shared(url.clone())
        .map_err(|error| ConnectionError::Url { url: url.clone(), reason: error.to_string() })?
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(sign)
        .keep_alive_timeout(sign)
        .keep_alive_while_idle(true);
    let channel = dial(&endpoint);
    let client = WorkerServiceClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let files = StudyServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    Ok(Line { url, client, files })
}

/// `host:port` means `http://host:port`, as for every other command.
fn with_scheme(url: &str) -> String {
    if url.contains("://") { url.to_owned() } else { format!("http://{url}") }
}
