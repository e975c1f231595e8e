//! How long a call may take to say what it asks, and how many calls of one caller are read at a time: what a caller began to
//! send lies in memory until it is whole.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Sleep;

use super::{Principal, Role};

/// Time in which a call must have said what it asks: a large message over a slow line.
const SAYING_PATIENCE: Duration = Duration::from_secs(60);
/// Calls whose body is an upload, of which each part has its own time (`service/parts`).
const UPLOADS: [&str; 2] =
    ["/foldwise.v1.StudyService/UploadParcel", "/foldwise.v1.WorkerService/UploadArtifact"];
/// Calls of one principal that reads or submits which are read or decided at a time. Workers wait in theirs for work, with every
/// slot.
const CALLS_MAX: usize = 64;

/// A body that ends with an error when it has not come in time.
struct Timed {
    body: Body,
    deadline: Pin<Box<Sleep>>,
}

/// The body of a call, with its time; an upload's as it is.
pub(super) fn timed(path: &str, body: Body) -> Body {
    if UPLOADS.contains(&path) || body.is_end_stream() {
        return body;
    }
    Body::new(Timed { body, deadline: Box::pin(tokio::time::sleep(SAYING_PATIENCE)) })
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_pending() && self.deadline.as_mut().poll(context).is_ready() {
            let late = format!("the call was not whole after {} s", SAYING_PATIENCE.as_secs());
            return Poll::Ready(Some(Err(axum::Error::new(late))));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How many calls of each caller are under way.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<HashMap<Principal, usize>>);

/// A call under way, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    calls: Arc<Calls>,
    principal: Principal,
}

impl Calls {
    /// A place for one more of a caller's calls, if there is one; those who need none are given none.
    pub(super) fn begin(calls: &Arc<Self>, principal: Option<&Principal>) -> Result<Option<UnderWay>, ()> {
        let Some(principal) =
            principal.filter(|principal| matches!(principal.role(), Role::Read | Role::Submit))
        else {
            return Ok(None);
        };
        let mut counts = calls.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(principal.clone()).or_default();
        if *count >= CALLS_MAX {
            return Err(());
        }
        *count += 1;
        drop(counts);
        Ok(Some(UnderWay { calls: Arc::clone(calls), principal: principal.clone() }))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut counts = self.calls.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.principal) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use axum::body::{Body, to_bytes};

    use super::{CALLS_MAX, Calls, SAYING_PATIENCE, UPLOADS, timed};
    use crate::access::{Principal, Role};

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_never_whole_ends_and_an_upload_goes_on() {
        let slow = || Body::from_stream(tokio_stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let begun = tokio::time::Instant::now();
        let read = to_bytes(timed("/foldwise.v1.StudyService/GetStudy", slow()), 100).await;
        assert!(read.is_err() && begun.elapsed() >= SAYING_PATIENCE);
        let upload = to_bytes(timed(UPLOADS[0], slow()), 100);
        assert!(tokio::time::timeout(SAYING_PATIENCE + Duration::from_secs(1), upload).await.is_err());
        let whole = to_bytes(timed("/x", Body::from("asked")), 100).await;
        assert_eq!(whole.expect("came"), "asked");
    }

    #[test]
    fn one_caller_does_not_take_every_place() {
        let calls = Arc::new(Calls::default());
        let who = |name, role| Principal::new(name, role).expect("a name");
        let (ann, ben) = (who("ann", Role::Read), who("ben", Role::Submit));
        let mut held: Vec<_> = (0..CALLS_MAX).map(|_| Calls::begin(&calls, Some(&ann))).collect();
        assert!(Calls::begin(&calls, Some(&ann)).is_err());
        assert!(Calls::begin(&calls, Some(&ben)).is_ok_and(|call| call.is_some()));
        assert!(Calls::begin(&calls, Some(&who("den", Role::Worker))).is_ok_and(|call| call.is_none()));
        held.pop();
        assert!(Calls::begin(&calls, Some(&ann)).is_ok(), "a place that is left is free again");
        drop(held);
        assert!(calls.0.lock().expect("whole").is_empty());
    }
}
