//! The one event stream of an open page: what it shows, as it changes, as server-sent events.
//!
//! Each event's id is a watch token; a page that comes back with it is told what it missed, or to look at everything
//! again. A page that does not read is dropped.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{HeaderMap, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::api::curves::RunCurve;
use super::api::studies::StudyView;
use super::api::study::StudyDetail;
use super::asked::Asked;
use super::gathered::{Gathered, STUDIES_MAX};
use super::problem::Problem;
use super::{LISTENERS_MAX, Page, access, api};
use crate::events::Watcher;
use crate::ledger::StudyId;

/// Time between two events of what happened: fine enough for a person, and a bound on what it costs.
const EVENT_PAUSE: Duration = Duration::from_millis(500);
/// Time between two looks at the workers, which nobody tells of.
const WORKERS_PAUSE: Duration = Duration::from_secs(2);
/// Time between two looks whether whoever looks may still do so.
const STANDING_PAUSE: Duration = Duration::from_secs(2);
/// Silence after which a line without meaning is sent, so that a page that has gone is noticed.
const ALIVE_PAUSE: Duration = Duration::from_secs(15);
/// Time that a page may take to make room for an event before it is dropped.
const SLOW_PATIENCE: Duration = Duration::from_secs(10);
/// Events that may wait for a slow page; what happens meanwhile is gathered.
const QUEUE_MAX: usize = 4;
/// What a page that found no room is asked to wait, s.
const FULL_RETRY_SECONDS: &str = "10";

/// What is watched.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    /// One study; otherwise all of them.
    study: Option<StudyId>,
    /// Whether the workers are watched instead.
    #[serde(default)]
    workers: bool,
    /// The id of the last event that the page had; `Last-Event-ID` says the same.
    since: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum Shown {
    Studies,
    Study(StudyId),
    Workers,
}

/// `GET /api/events`.
pub(super) async fn open(
    State(page): State<Arc<Page>>,
    Asked(wish): Asked<Wish>,
    Extension(by): Extension<access::Shown>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Ok(permit) = Arc::clone(&page.listeners).try_acquire_owned() else {
        let message = format!("{LISTENERS_MAX} pages are open already: close one, or try again later");
        let mut answer = Problem::new(StatusCode::SERVICE_UNAVAILABLE, message).into_response();
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(FULL_RETRY_SECONDS));
        return Ok(answer);
    };
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let token = last.or(wish.since).unwrap_or_default();
    // Subscribed before anything is read, so that nothing falls between.
    let watcher = page.events.watch(&token);
    let shown = match (wish.workers, wish.study) {
        (true, _) => Shown::Workers,
        (false, Some(study)) => Shown::Study(study),
        (false, None) => Shown::Studies,
    };
    if let Shown::Study(study) = shown {
        page.of_study(study, |_, _| ()).await?;
    }
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    tokio::spawn(Listener { page, shown, by, sender, _permit: permit }.run(watcher));
    Ok(Sse::new(ReceiverStream::new(receiver)).into_response())
}

/// One open page.
struct Listener {
    page: Arc<Page>,
    shown: Shown,
    /// How whoever looks said who that is.
    by: access::Shown,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    _permit: OwnedSemaphorePermit,
}

/// The page has gone, reads too slowly, or shows what is no more.
struct Gone;

impl From<Problem> for Gone {
    fn from(_: Problem) -> Self {
        Self
    }
}

impl Listener {
    async fn run(self, watcher: Watcher) {
        let stop = self.page.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.sender.closed() => {}
            // Nobody is left to be told why.
            _ = self.tell_all(watcher) => {}
        }
    }

    async fn tell_all(&self, mut watcher: Watcher) -> Result<(), Gone> {
        let mut gathered = Gathered::after(watcher.sequence);
        let missed = watcher.missed.take();
        self.tell(gathered.sequence, "hello", &json!({ "resumed": missed.is_some() })).await?;
        missed.into_iter().flatten().for_each(|told| gathered.take(told, self.study()));
        let mut pause = tokio::time::interval(EVENT_PAUSE);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut workers = tokio::time::interval(WORKERS_PAUSE);
        workers.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut alive = tokio::time::interval(ALIVE_PAUSE);
        let mut standing = tokio::time::interval(STANDING_PAUSE);
        loop {
            tokio::select! {
                biased;
                // A token that was revoked, or a session that was ended, sees no more.
                _ = standing.tick() => {
                    if !access::still(&self.page.access, &self.page.sessions, &self.by) {
                        return Err(Gone);
                    }
                }
                _ = workers.tick(), if matches!(self.shown, Shown::Workers) => {
                    let workers = api::workers::read(&self.page).await?;
                    self.tell(gathered.sequence, "workers", &workers).await?;
                }
                _ = pause.tick(), if !gathered.is_empty() => self.tell_gathered(gathered.hand_over()).await?,
                _ = alive.tick() => self.send(Event::default().comment("alive")).await?,
                told = watcher.happenings.recv() => match told {
                    Ok(told) => gathered.take(told, self.study()),
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        // What was missed is not known any more: the page looks at everything again.
                        self.tell(gathered.sequence, "hello", &json!({ "resumed": false })).await?;
                    }
                    Err(broadcast::error::RecvError::Closed) => return Err(Gone),
                },
            }
        }
    }

    fn study(&self) -> Option<StudyId> {
        match self.shown {
            Shown::Study(study) => Some(study),
            Shown::Studies | Shown::Workers => None,
        }
    }

    async fn tell_gathered(&self, gathered: Gathered) -> Result<(), Gone> {
        let sequence = gathered.sequence;
        match self.shown {
            Shown::Workers => Ok(()),
            Shown::Study(id) => {
                if !gathered.epochs.is_empty() {
                    let runs = gathered.epochs.iter().map(|(run, epochs)| RunCurve::live(*run, epochs));
                    let runs: Vec<RunCurve> = runs.collect();
                    let event = json!({ "runs": runs, "left_out": gathered.left_out });
                    self.tell(sequence, "epochs", &event).await?;
                }
                match self.page.of_study(id, |study, _| StudyDetail::of(study)).await {
                    Ok(study) => self.tell(sequence, "study", &study).await,
                    Err(_) => {
                        self.tell(sequence, "gone", &json!({ "study": id })).await?;
                        Err(Gone)
                    }
                }
            }
            Shown::Studies if gathered.changed.len() > STUDIES_MAX => {
                self.tell(sequence, "hello", &json!({ "resumed": false })).await
            }
            Shown::Studies => {
                let changed = gathered.changed;
                let read = self.page.read(move |ledger, _| {
                    let (there, gone): (Vec<_>, Vec<_>) =
                        changed.into_iter().partition(|study| ledger.studies().contains_key(study));
                    let there = there.iter().filter_map(|study| ledger.studies().get(study));
                    (there.map(StudyView::of).collect::<Vec<_>>(), gone)
                });
                let (studies, gone) = read.await?;
                self.tell(sequence, "studies", &json!({ "studies": studies, "gone": gone })).await
            }
        }
    }

    async fn tell(&self, sequence: u64, name: &str, data: &impl Serialize) -> Result<(), Gone> {
        let event = Event::default().id(self.page.events.token(sequence)).event(name);
        self.send(event.json_data(data).map_err(|_| Gone)?).await
    }

    async fn send(&self, event: Event) -> Result<(), Gone> {
        self.sender.send_timeout(Ok(event), SLOW_PATIENCE).await.map_err(|_| Gone)
    }
}
