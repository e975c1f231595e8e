//! The ends of the run, of the real programs: from `foldwise run` to the first epoch and from the last result to the
//! report, from one cohort to the next on a slot, and from work becoming ready to an idle slot that has it.
//!
//! Times are those of the programs' own logs.

use std::fs;

use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::{self as proto, StudyState};
use tonic::transport::Channel;

mod log;
mod programs;

use crate::Outcome;
use crate::section::Section;
use log::{Line, read, seconds_of_day};
use programs::{House, Programs};

/// Runs from start to report; the table shows medians.
const STARTS: usize = 5;
/// Trials of the study whose changeovers are counted.
const TRIALS: usize = 60;
/// Submissions to an idle worker.
const SUBMISSIONS: usize = 50;
/// Times that a study is paused and resumed.
const RESUMPTIONS: usize = 20;

/// Prints the tables, of the programs in a folder, or of those beside this one.
///
/// # Errors
/// When a program does not start, or a study fails.
pub(crate) fn ends(section: &mut Section) -> Outcome<()> {
    let programs = Programs::beside()?;
    start(section, &programs)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(changeover(section, &programs))?;
    runtime.block_on(idle(section, &programs))
}

/// A study of so many trials on two folds, one run to a cohort.
fn spec(name: &str, dataset: &str, train_rows: usize, trials: usize) -> String {
    format!(
        "name = \"{name}\"\n[data]\ndataset = \"{dataset}\"\ntrain_rows = {train_rows}\n\
         normalize = {{ mean = [0.2860], std = [0.3530] }}\n[validation]\nk_fold = {{ folds = 2 }}\n[network]\n\
         mlp = {{ hidden = [64, 32] }}\n[train]\nepochs = 1\nbatch_size = 256\noptimizer = {{ kind = \"adam\" }}\n\
         [space]\n\"train.optimizer.lr\" = {{ log = [1e-4, 1e-2], steps = {} }}\n[plan]\nwidth = 1\n\
         [final]\nrefit = {{ epochs = 1 }}\n",
        // A range has two steps at least.
        trials.max(2)
    )
}

fn start(section: &mut Section, programs: &Programs) -> Outcome<()> {
    section.line("\n### From `run` to the first epoch, and from the last result to the report\n");
    let opened = (0..STARTS).map(|_| programs.open_libtorch()).collect::<Outcome<Vec<f64>>>()?;
    let marks = (0..STARTS).map(|_| start_once(programs)).collect::<Outcome<Vec<_>>>()?;
    section.line(format!(
        "Medians of {STARTS}, Fashion-MNIST cached, one slot, one epoch of 30,000 rows to a run.\n"
    ));
    section.line("| until | ms since the start |\n|---|--:|");
    for (place, (what, _)) in marks[0].iter().enumerate() {
        let times = marks.iter().filter_map(|marks| marks[place].1).collect();
        section.line(format!("| {what} | {} |", ms(&Times::of(times), 0.5)));
    }
    section.line(format!(
        "\nA process that opens libtorch and does nothing else: {} ms.",
        ms(&Times::of(opened), 0.5)
    ));
    Ok(())
}

/// What happened when, in seconds from the start of the process.
fn start_once(programs: &Programs) -> Outcome<Vec<(&'static str, Option<f64>)>> {
    let folder = tempfile::tempdir()?;
    let (study, state) = (folder.path().join("study.toml"), folder.path().join("state"));
    fs::write(&study, spec("start", "fashion-mnist", 60_000, 2))?;
    let run = programs.run(&study, &state)?;
    let (coordinator, worker) = (read(&state.join("coordinator.log"))?, read(&state.join("worker.log"))?);
    let first = |lines: &[Line], what: &str| {
        lines.iter().find(|line| line.says(what)).map(|line| line.after(run.started))
    };
    let last = |lines: &[Line], what: &str| {
        lines.iter().rev().find(|line| line.says(what)).map(|line| line.after(run.started))
    };
    Ok(vec![
        ("the study is submitted", first(&coordinator, "study submitted")),
        ("the worker is registered", first(&coordinator, "worker registered")),
        ("a slot has a cohort", first(&worker, "training slot=")),
        ("the first step", first(&worker, "training begins")),
        ("the first epoch is trained (one epoch to a cohort)", first(&worker, " trained slot=")),
        ("the study has ended", last(&coordinator, "study ended")),
        ("the report is printed", Some(run.printed)),
        ("the program has ended", Some(run.ended)),
    ])
}

async fn changeover(section: &mut Section, programs: &Programs) -> Outcome<()> {
    section.line("\n### From one cohort to the next on a slot\n");
    section.line(format!(
        "One slot, {TRIALS} trials of two folds, one run of 1,000 rows to a cohort; two studies take turns.\n"
    ));
    section.line(
        "| | cohorts | median, ms | 99 of 100 below, ms | lease to lease, median, ms | loads of data |",
    );
    section.line("|---|--:|--:|--:|--:|--:|");
    let cases = [
        ("one study", vec!["fashion-mnist"]),
        ("two studies of the same data", vec!["fashion-mnist", "fashion-mnist"]),
        ("two studies of other data", vec!["fashion-mnist", "mnist"]),
    ];
    for (name, datasets) in cases {
        let house = House::open(programs).await?;
        let mut client = house.client().await?;
        for (number, dataset) in datasets.iter().enumerate() {
            let name = format!("study-{number}");
            submit(&mut client, &name, spec(&name, dataset, 1_000, TRIALS / datasets.len())).await?;
        }
        let worker = house.worker()?;
        for number in 1..=datasets.len() {
            until(&mut client, number, |study| study.state() == StudyState::Succeeded).await?;
        }
        let lines = read(&house.worker_log())?;
        drop(worker);
        let (mut gaps, mut periods, mut loads) = (Vec::new(), Vec::new(), 0);
        let (mut trained, mut leased) = (None, None);
        for line in &lines {
            if line.says(" trained slot=") {
                trained = Some(line.at);
            } else if line.says("training begins") {
                gaps.extend(trained.take().map(|trained| line.after(trained)));
                loads = loads.max(line.number("load").unwrap_or(0));
            } else if line.says("training slot=") {
                periods.extend(leased.replace(line.at).map(|leased| line.after(leased)));
            }
        }
        let (count, gaps, periods) = (periods.len() + 1, Times::of(gaps), Times::of(periods));
        let loads = if loads == 0 { "–".to_owned() } else { loads.to_string() };
        let [median, most, period] = [ms(&gaps, 0.5), ms(&gaps, 0.99), ms(&periods, 0.5)];
        section.line(format!("| {name} | {count} | {median} | {most} | {period} | {loads} |"));
    }
    Ok(())
}

async fn idle(section: &mut Section, programs: &Programs) -> Outcome<()> {
    section.line("\n### From work to an idle slot that has it\n");
    section.line("| from | times | median, ms | 99 of 100 below, ms |\n|---|--:|--:|--:|");
    let house = House::open(programs).await?;
    let mut client = house.client().await?;
    let worker = house.worker()?;
    house.wait_for_worker(&mut client).await?;
    section.line(format!("<!-- an idle worker: {} -->", worker.memory()?));
    let mut acknowledged = Vec::new();
    for number in 1..=SUBMISSIONS {
        submit(&mut client, &format!("s{number}"), spec("small", "fashion-mnist", 1_000, 1)).await?;
        acknowledged.push((number, seconds_of_day()));
        until(&mut client, number, |study| study.state() == StudyState::Succeeded).await?;
    }
    section.line(format!("<!-- after {SUBMISSIONS} studies: {} -->", worker.memory()?));
    let lines = read(&house.worker_log())?;
    let waits = acknowledged.iter().filter_map(|(number, at)| {
        let of = format!("study=\"studies/{number}\"");
        let line = lines.iter().find(|line| line.says("training slot=") && line.says(&of))?;
        Some(line.after(*at))
    });
    row(section, "a submission's acknowledgement to the lease", &Times::of(waits.collect()));
    let large = SUBMISSIONS + 1;
    submit(&mut client, "large", spec("large", "fashion-mnist", 1_000, 2_000)).await?;
    let mut resumed = Vec::new();
    for _ in 0..RESUMPTIONS {
        let name = format!("studies/{large}");
        client.pause_study(proto::PauseStudyRequest { name: name.clone() }).await?;
        until(&mut client, large, |study| study.runs.is_some_and(|runs| runs.leased == 0)).await?;
        client.resume_study(proto::ResumeStudyRequest { name }).await?;
        resumed.push(seconds_of_day());
        until(&mut client, large, |study| study.runs.is_some_and(|runs| runs.leased > 0)).await?;
    }
    let lines = read(&house.worker_log())?;
    let leases = || lines.iter().filter(|line| line.says("training slot="));
    // The lease may be on its way before the acknowledgement is here.
    const EARLY: f64 = 0.02;
    let waits = resumed
        .iter()
        .filter_map(|&at| leases().find(|line| line.at > at - EARLY).map(|line| line.after(at)));
    row(section, "a resumption's acknowledgement to the lease", &Times::of(waits.collect()));
    Ok(())
}

async fn submit(client: &mut StudyServiceClient<Channel>, request: &str, spec: String) -> Outcome<()> {
    let (request_id, format) = (request.to_owned(), proto::SpecFormat::Toml.into());
    client
        .create_study(proto::CreateStudyRequest { request_id, spec, format, parcel: String::new() })
        .await?;
    Ok(())
}

/// Waits until a study stands as wished.
async fn until(
    client: &mut StudyServiceClient<Channel>,
    number: usize,
    wished: impl Fn(&proto::Study) -> bool,
) -> Outcome<()> {
    let name = format!("studies/{number}");
    let mut events =
        client.watch_study(proto::WatchStudyRequest { name, ..Default::default() }).await?.into_inner();
    while let Some(event) = events.message().await? {
        if let Some(proto::study_event::Event::Study(study)) = event.event {
            if matches!(study.state(), StudyState::Failed | StudyState::Cancelled) {
                return Err(format!("study {number}: {}", study.message).into());
            }
            if wished(&study) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Times in order, s.
struct Times(Vec<f64>);

impl Times {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }
}

/// The time that a share of them is below, in ms; a dash where there are none, as of programs that do not log it.
fn ms(times: &Times, share: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
    let place = (times.0.len() as f64 * share) as usize;
    let time = times.0.get(place.min(times.0.len().saturating_sub(1)));
    time.map_or_else(|| "–".to_owned(), |time| format!("{:.1}", time * 1e3))
}

fn row(section: &mut Section, name: &str, times: &Times) {
    section.line(format!("| {name} | {} | {} | {} |", times.0.len(), ms(times, 0.5), ms(times, 0.99)));
}
