//! A coordinator under a storm: a thousand workers that train nothing ask it for work and hand results in as fast as it
//! answers, over real sockets and with its real store, while a person asks how the study stands.

use std::time::Duration;

use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::{self as proto};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::Outcome;
use crate::machine::now;
use crate::noop::{Calls, Fleet, Times, spec};
use crate::section::Section;
use crate::served::Served;

const FLEET: Fleet = Fleet { workers: 1_000, epochs: 10, calls: Calls::Together, patience_seconds: 1.0 };
const TRIALS: usize = 4_000;
const FOLDS: usize = 5;
/// Pause between two questions of the person.
const QUESTION_PAUSE: Duration = Duration::from_millis(50);

/// Prints a table of the times that calls took.
///
/// # Errors
/// When a call is refused for another reason than a full queue.
pub(crate) fn thousand_workers(section: &mut Section) -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(storm(section))
}

async fn storm(section: &mut Section) -> Outcome<()> {
    let served = Served::start()?;
    let endpoint = served.endpoint()?;
    let mut person = StudyServiceClient::new(endpoint.connect().await?);
    let (spec, format) = (spec(TRIALS, FOLDS, FLEET.epochs, Some(1)), proto::SpecFormat::Toml.into());
    person
        .create_study(proto::CreateStudyRequest {
            request_id: "storm".to_owned(),
            spec,
            format,
            parcel: String::new(),
        })
        .await?;
    let stop = CancellationToken::new();
    let asking = tokio::spawn(ask(person, stop.clone()));
    let mut worked = FLEET.work(&endpoint).await?;
    stop.cancel();
    let mut questions = Times(asking.await?);
    served.stop()?;
    section.line(format!(
        "{} workers, {} cohorts in {:.1} s: {:.0} cohorts/s, {} calls told to come again",
        FLEET.workers,
        worked.completions.0.len(),
        worked.elapsed.as_secs_f64(),
        worked.completions.0.len() as f64 / worked.elapsed.as_secs_f64(),
        worked.refused
    ));
    section.line("");
    section.line("| call | calls | median, ms | 99 of 100 below, ms | longest, ms |\n|---|--:|--:|--:|--:|");
    section.line(worked.leases.line("first lease"));
    section.line(worked.completions.line("results (durable), with the next lease"));
    section.line(questions.line("how the study stands"));
    Ok(())
}

async fn ask(mut person: StudyServiceClient<Channel>, stop: CancellationToken) -> Vec<Duration> {
    let mut times = Vec::new();
    while !stop.is_cancelled() {
        let start = now();
        if person.get_study(proto::GetStudyRequest { name: "bench".to_owned() }).await.is_ok() {
            times.push(start.elapsed());
        }
        tokio::time::sleep(QUESTION_PAUSE).await;
    }
    times
}
