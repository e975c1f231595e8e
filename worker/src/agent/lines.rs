//! The coordinators that an agent may speak to, of which one leads: it speaks to one until that one does not answer or
//! stands by, and then to the next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldwise_line::{Bearer, Credentials, Line};
use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::connection::{Client, ConnectionError, Dial};

/// Largest message taken in.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Pause between signs of life, and time that one may take, where there is one coordinator: it is waited for anyway.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// The same where there are several: a leader that stands still must not keep its workers from the next for longer than
/// that one takes to lead.
const SIGN_OF_LIFE_OF_SEVERAL: Duration = Duration::from_secs(3);

/// A way to a coordinator.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) url: String,
    pub(super) client: Client,
    pub(super) files: StudyServiceClient<InterceptedService<Channel, Bearer>>,
}

/// The ways to all coordinators.
#[derive(Debug)]
pub(super) struct Lines {
    all: Vec<Way>,
    current: AtomicUsize,
}

impl Lines {
    /// Of addresses with commas between them.
    pub(super) fn open(
        addresses: &str,
        credentials: &Credentials,
        dial: &Dial,
    ) -> Result<Self, ConnectionError> {
        let addresses: Vec<&str> = addresses.split(',').map(str::trim).collect();
        let sign = if addresses.len() > 1 { SIGN_OF_LIFE_OF_SEVERAL } else { SIGN_OF_LIFE };
        let ways = addresses.into_iter().map(|address| open(address, credentials, sign, dial));
        let all = ways.collect::<Result<_, _>>()?;
        Ok(Self { all, current: AtomicUsize::new(0) })
    }

    /// The one to speak to.
    pub(super) fn current(&self) -> &Way {
        &self.all[self.current.load(Ordering::Relaxed) % self.all.len()]
    }

    /// Speaks to the next one, unless somebody else has seen to it, after a call on a line failed so that another may do.
    pub(super) fn leave(&self, line: &Way, status: &Status) {
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

fn open(
    address: &str,
    credentials: &Credentials,
    sign: Duration,
    dial: &Dial,
) -> Result<Way, ConnectionError> {
    let line = Line::new(address, credentials)?;
    let (url, bearer) = (line.url().to_owned(), line.bearer());
    let endpoint = line.endpoint().http2_keep_alive_interval(sign).keep_alive_timeout(sign);
    let channel = dial(&line, &endpoint);
    let client = WorkerServiceClient::with_interceptor(channel.clone(), bearer.clone())
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let files =
        StudyServiceClient::with_interceptor(channel, bearer).max_decoding_message_size(MESSAGE_BYTES_MAX);
    Ok(Way { url, client, files })
}
