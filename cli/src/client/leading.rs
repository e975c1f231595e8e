//! Which of several coordinators leads.

use std::time::Duration;

use foldwise_line::{Credentials, Line};
use foldwise_proto::v1::ListStudiesRequest;
use tokio::time::Instant;
use tonic::transport::Channel;

use super::{CallError, Client};

/// Time that a standby may take to lead, and some more.
const TAKEOVER_PATIENCE: Duration = Duration::from_secs(15);
/// Pause between two rounds of questions.
const ROUND_PAUSE: Duration = Duration::from_millis(500);
/// A coordinator that does not answer a question in this time stands still.
const ANSWER_PATIENCE: Duration = Duration::from_secs(3);
/// Pause between signs of life on an idle connection, and time that one may take: a leader that stands still is left for
/// the next one.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// Connects to the first that leads. While one of them stands by, another is about to lead, and is waited for.
pub(super) async fn find(urls: &[&str], credentials: &Credentials) -> Result<(Line, Channel), CallError> {
    let deadline = Instant::now() + TAKEOVER_PATIENCE;
    loop {
        let mut away = None;
        let mut stands_by = None;
        for url in urls {
            match ask(url, credentials).await {
                Ok(connected) => return Ok(connected),
                Err(error @ CallError::StandsBy { .. }) => stands_by = Some(error),
                Err(error @ CallError::Unreachable { .. }) => away = Some(error),
                Err(error) => return Err(error),
            }
        }
        let waits = stands_by.is_some() && Instant::now() < deadline;
        if let (false, Some(error)) = (waits, stands_by.or(away)) {
            return Err(error.at(&urls.join(" or ")));
        }
        tokio::time::sleep(ROUND_PAUSE).await;
    }
}

/// A connection to a coordinator that leads.
async fn ask(url: &str, credentials: &Credentials) -> Result<(Line, Channel), CallError> {
    let line = Line::new(url, credentials)?;
    let endpoint = line.endpoint().http2_keep_alive_interval(SIGN_OF_LIFE).keep_alive_timeout(SIGN_OF_LIFE);
    let channel = line.lazy(&endpoint);
    let client = Client::over(&line, channel.clone());
    let request = ListStudiesRequest { page_size: 1, ..ListStudiesRequest::default() };
    let mut studies = client.studies.clone();
    match tokio::time::timeout(ANSWER_PATIENCE, studies.list_studies(request)).await {
        Ok(Ok(_)) => Ok((line, channel)),
        Ok(Err(status)) => match CallError::of_status("ask who leads", &client.url, &status) {
            error @ (CallError::StandsBy { .. } | CallError::Unreachable { .. }) => Err(error),
            // It leads, and will say itself what is wrong.
            _ => Ok((line, channel)),
        },
        Err(_) => Err(CallError::Unreachable {
            url: client.url,
            cause: format!("it did not answer within {} s", ANSWER_PATIENCE.as_secs()),
        }),
    }
}
