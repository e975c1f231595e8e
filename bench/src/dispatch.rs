//! What it takes to hand out a run that trains nothing and to keep its result, beside the tools that people would pick.

use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::{self as proto};

use crate::Outcome;
use crate::noop::{Calls, Fleet, Worked, spec};
use crate::section::Section;
use crate::served::{self, Served, Shared};
use crate::tools;

pub(crate) const WORKERS: usize = 64;
const FOLDS: usize = 5;

/// One way to hand out runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) trials: usize,
    pub(crate) width: Option<usize>,
    pub(crate) calls: Calls,
}

/// The first is what others are compared with.
const CASES: [Case; 3] = [
    Case { name: "one run at a time", trials: 10_000, width: Some(1), calls: Calls::Together },
    Case { name: "one run at a time, in two calls", trials: 4_000, width: Some(1), calls: Calls::Apart },
    Case { name: "cohorts as planned", trials: 40_000, width: None, calls: Calls::Together },
];

/// What a case came to.
pub(crate) struct Measured {
    pub(crate) worked: Worked,
    /// Processor time of the coordinator and of its workers, s.
    pub(crate) cpu: [f64; 2],
    pub(crate) shared: Shared,
}

/// Prints a table of Foldwise's cases and one of the others.
///
/// # Errors
/// When the coordinator refuses something.
pub(crate) fn noop_runs(section: &mut Section) -> Outcome<()> {
    let rate = foldwise(section)?;
    tools::beside(section, rate)
}

/// Foldwise alone; runs per second of the first case.
///
/// # Errors
/// When the coordinator refuses something.
fn foldwise(section: &mut Section) -> Outcome<f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    section.line(format!(
        "| Foldwise, {WORKERS} workers | runs | runs/s | results + next lease, ms: median | 99 of 100 below | longest | \
         coordinator, CPU ms per 1,000 runs | workers, CPU ms per 1,000 runs | commands per transaction: mean | largest |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    ));
    let mut first = None;
    for case in CASES {
        let mut measured = runtime.block_on(measure(&case, None))?;
        let Measured { worked, cpu, shared } = &mut measured;
        let rate = worked.runs as f64 / worked.elapsed.as_secs_f64();
        worked.completions.sort();
        let [median, most, longest] = [0.5, 0.99, 1.0].map(|share| worked.completions.at(share));
        let [coordinator, workers] = cpu.map(|seconds| seconds * 1e6 / worked.runs as f64);
        section.line(format!(
            "| {} | {} | {rate:.0} | {median:.1} | {most:.1} | {longest:.1} | {coordinator:.0} | {workers:.0} | {:.1} | {} |",
            case.name,
            worked.runs,
            shared.commands as f64 / shared.batches.max(1) as f64,
            shared.largest,
        ));
        first.get_or_insert(rate);
    }
    section.line("");
    first.ok_or_else(|| "there is a case".into())
}

/// Has workers finish a case, on a coordinator with its state in a folder or in a database.
///
/// # Errors
/// When the coordinator refuses something.
pub(crate) async fn measure(case: &Case, store: Option<&str>) -> Outcome<Measured> {
    let served = Served::start_on(store)?;
    let endpoint = served.endpoint()?;
    let mut person = StudyServiceClient::new(endpoint.connect().await?);
    let (spec, format) = (spec(case.trials, FOLDS, 1, case.width), proto::SpecFormat::Toml.into());
    person
        .create_study(proto::CreateStudyRequest {
            request_id: "bench".to_owned(),
            spec,
            format,
            parcel: String::new(),
        })
        .await?;
    let before = [served.cpu_seconds()?, served::cpu_seconds("self")?];
    let fleet = Fleet { workers: WORKERS, epochs: 1, calls: case.calls, patience_seconds: 0.0 };
    let worked = fleet.work(&endpoint).await?;
    let cpu = [served.cpu_seconds()? - before[0], served::cpu_seconds("self")? - before[1]];
    let study = person.get_study(proto::GetStudyRequest { name: "bench".to_owned() }).await?.into_inner();
    if study.state() != proto::StudyState::Succeeded || worked.runs != case.trials * FOLDS {
        return Err(format!("{} of {} runs were finished", worked.runs, case.trials * FOLDS).into());
    }
    Ok(Measured { worked, cpu, shared: served.stop()? })
}
