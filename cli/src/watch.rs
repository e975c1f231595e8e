//! Following a study until it ends: events in, a screen kept up to date, the ended study out.
//!
//! A coordinator that restarts is waited for, and a stream that was cut goes on from its last event; where it cannot, the
//! first event of the new stream makes up for what was missed.

use std::time::Duration;

use foldwise_proto::v1::{Study, StudyEvent, StudyState};

use crate::client::{CallError, Client, Events};
use crate::error::CliError;
use crate::output::OutputError;
use crate::view::state_word;

mod board;
mod hand;
mod progress;
mod screen;

pub(crate) use screen::{Announcer, Screen};

use progress::Progress;

/// Pause between tries to reach a coordinator that went away.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// Tries before it is given up: a minute.
const RETRIES_MAX: u32 = 30;
/// Pause between two looks at who trains.
const WORKERS_PAUSE: Duration = Duration::from_secs(2);
/// Pause between two looks at the speed; [`Progress`] counts in it.
const TICK: Duration = Duration::from_secs(1);

/// Follows a study until it ends.
pub(crate) async fn follow(client: &Client, study: &str, mut screen: Screen) -> Result<Study, CliError> {
    let mut progress = Progress::default();
    let mut client = client.clone();
    let mut retries = 0;
    loop {
        let error = match client.watch(study, progress.resume_token()).await {
            Ok(mut events) => {
                match watch_once(&client, &mut events, &mut screen, &mut progress, &mut retries).await {
                    Ok(Some(study)) => return Ok(study),
                    // The stream ended although the study has not.
                    Ok(None) => None,
                    Err(Stop::Call(error)) => Some(error),
                    Err(Stop::Output(error)) => return Err(error.into()),
                }
            }
            Err(error) => Some(error),
        };
        retries += 1;
        match error {
            Some(error) if !error.may_pass() || retries > RETRIES_MAX => return Err(error.into()),
            Some(error) if retries == 1 => screen.announcer().say(&format!("{error}; trying again")),
            Some(_) | None => {}
        }
        tokio::time::sleep(RETRY_PAUSE).await;
        // Another coordinator may lead by now; where nobody does, the next try says so.
        if let Ok(other) = client.again().await {
            client = other;
        }
    }
}

enum Stop {
    Call(CallError),
    Output(OutputError),
}

/// One stream to its end; the study, if it ended.
async fn watch_once(
    client: &Client,
    events: &mut Events,
    screen: &mut Screen,
    progress: &mut Progress,
    retries: &mut u32,
) -> Result<Option<Study>, Stop> {
    let mut ticks = tokio::time::interval(TICK);
    let mut looks = tokio::time::interval(WORKERS_PAUSE);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                progress.tick();
                screen.tick(progress).map_err(Stop::Output)?;
            }
            _ = looks.tick(), if screen.shows_workers() => {
                // Who trains is good to know, and no reason to wait or to fail.
                if let Ok(Ok(workers)) = tokio::time::timeout(TICK, client.workers()).await {
                    screen.workers(&workers, progress);
                }
            }
            event = events.next() => {
                let Some(event) = event.map_err(Stop::Call)? else {
                    return Ok(progress.study().filter(|study| crate::view::is_over(study)).cloned());
                };
                *retries = 0;
                take(&event, screen, progress).map_err(Stop::Output)?;
            }
        }
    }
}

fn take(event: &StudyEvent, screen: &mut Screen, progress: &mut Progress) -> Result<(), OutputError> {
    progress.take(event);
    screen.event(event, progress)
}

/// A study that ended otherwise than well, as an error.
pub(crate) fn judge(study: &Study) -> Result<(), CliError> {
    let how = match study.state() {
        StudyState::Failed => "failed",
        StudyState::Cancelled => "was cancelled",
        StudyState::Succeeded
        | StudyState::Unspecified
        | StudyState::Searching
        | StudyState::Finishing
        | StudyState::Paused => return Ok(()),
    };
    let same = study.message == state_word(study.state());
    let message = if same { String::new() } else { study.message.clone() };
    Err(CliError::Study { name: format!("{} ({})", study.display_name, study.name), how, message })
}
