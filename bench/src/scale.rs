//! What studies of a thousand to a million runs cost a coordinator from submission to report.

use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::{self as proto};
use tonic::transport::Channel;

use crate::Outcome;
use crate::machine::now;
use crate::noop::{Calls, Fleet, spec};
use crate::section::Section;
use crate::served::Served;

/// Trials of each study.
const TRIALS: [usize; 4] = [100, 1_000, 10_000, 100_000];
const FOLDS: usize = 10;
/// Cohorts as the shipped profile plans them, 16 runs of one epoch.
const FLEET: Fleet = Fleet { workers: 8, epochs: 1, calls: Calls::Together, patience_seconds: 0.0 };
const MIB: f64 = (1 << 20) as f64;

type Person = StudyServiceClient<Channel>;

/// Prints a table with a line for each size, each with a coordinator of its own.
///
/// # Errors
/// When the coordinator refuses something.
pub(crate) fn sizes(section: &mut Section) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    section.line("| runs | submit, s | first lease (plans), s | coordinator, CPU µs per run | memory, MiB | memory, bytes per run | \
         database, bytes per run | page, s | JSON report, s | JSON report, MiB |\n\
         |--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for trials in TRIALS {
        section.line(&runtime.block_on(one_size(trials))?);
    }
    section.line("");
    Ok(())
}

/// The line of one size.
async fn one_size(trials: usize) -> Outcome<String> {
    let served = Served::start()?;
    let endpoint = served.endpoint()?;
    let mut person = Person::new(endpoint.connect().await?);
    let empty = served.resident_bytes()?;
    let (spec, format) = (spec(trials, FOLDS, FLEET.epochs, None), proto::SpecFormat::Toml.into());
    let start = now();
    person
        .create_study(proto::CreateStudyRequest {
            request_id: "bench".to_owned(),
            spec,
            format,
            parcel: String::new(),
        })
        .await?;
    let submit = start.elapsed();
    let before = served.cpu_seconds()?;
    let mut worked = FLEET.work(&endpoint).await?;
    let cpu = served.cpu_seconds()? - before;
    worked.leases.sort();
    let plan_ms = worked.leases.at(1.0);
    let memory = served.resident_bytes()?.saturating_sub(empty) as f64;
    let database = std::fs::metadata(served.folder().join("foldwise.db"))?.len() as f64;
    let runs = (trials * FOLDS) as f64;
    let (page, _) = report(&mut person, proto::ReportForm::Page).await?;
    let (json, bytes) = report(&mut person, proto::ReportForm::Json).await?;
    served.stop()?;
    Ok(format!(
        "| {runs} | {:.2} | {:.2} | {:.1} | {:.0} | {:.0} | {:.0} | {page:.2} | {json:.2} | {:.1} |",
        submit.as_secs_f64(),
        plan_ms / 1e3,
        cpu * 1e6 / runs,
        memory / MIB,
        memory / runs,
        database / runs,
        bytes as f64 / MIB,
    ))
}

/// Seconds until a report is there whole, and its bytes.
async fn report(person: &mut Person, form: proto::ReportForm) -> Outcome<(f64, usize)> {
    let ask = proto::GetReportRequest {
        name: "bench".to_owned(),
        form: form.into(),
        ..proto::GetReportRequest::default()
    };
    let start = now();
    let mut chunks = person.get_report(ask).await?.into_inner();
    let mut bytes = 0;
    while let Some(chunk) = chunks.message().await? {
        bytes += chunk.data.len();
    }
    Ok((start.elapsed().as_secs_f64(), bytes))
}
