//! What a study of many runs costs the coordinator: memory, and the time of one command, which must not grow with it.

use std::process::Command as Program;

use foldwise_coordinator::ledger::{
    Allowed, Command, LeaseGrant, Ledger, LedgerConfig, MemberResult, Now, Reply, SlotInfo, WorkerInfo,
};
use foldwise_coordinator::submission::prepare;
use foldwise_data::Cache;
use foldwise_study::outcome::{EpochRecord, RunEnd, RunOutcome};
use foldwise_study::plan::RunId;
use foldwise_study::spec::{DeviceKind, Format};

use crate::Outcome;
use crate::machine::now as instant;
use crate::section::Section;
use crate::served::resident_bytes;

/// Trials of each study; ten folds each.
const TRIALS: [usize; 4] = [100, 1_000, 10_000, 100_000];
const FOLDS: usize = 10;
/// Cohorts that are leased and completed to time a command.
const TIMED: u32 = 1_000;

/// The hidden command that measures one size: `ledger-size TRIALS`.
pub(crate) const PART: &str = "ledger-size";

/// Prints a table with a line for each size. Each is measured in a process of its own, so that none uses memory that
/// another gave back.
///
/// # Errors
/// When a measurement fails.
pub(crate) fn sizes(section: &mut Section) -> Outcome<()> {
    section.line(format!(
        "{FOLDS} folds a trial, the 64-32 network, cohorts as the shipped CPU profile plans them. Memory is what the process holds \
         more after the study was planned than before it was submitted.\n"
    ));
    section.table(&[
        "runs:",
        "submit, s:",
        "plan, ms:",
        "memory, MiB:",
        "bytes per run:",
        "lease + complete, µs:",
    ]);
    for trials in TRIALS {
        let own = std::env::current_exe()?;
        let measured = Program::new(own).args([PART, &trials.to_string()]).output()?;
        if !measured.status.success() {
            return Err(String::from_utf8_lossy(&measured.stderr).into_owned().into());
        }
        section.line(String::from_utf8_lossy(&measured.stdout).trim_end());
    }
    Ok(())
}

/// Prints the line of one size.
///
/// # Errors
/// When the study is refused.
pub(crate) fn part(arguments: &[String]) -> Outcome<()> {
    let trials: usize = arguments.first().ok_or("it needs a number of trials")?.parse()?;
    let before = resident_bytes("self")?;
    let now = Now { monotonic_ms: 0, unix_ms: 0 };
    let mut ledger = Ledger::new(LedgerConfig { lease_ms: 30_000, profiles: Vec::new() });
    let start = instant();
    let record = prepare("bench", &spec(trials), Format::Toml, &Cache::at("/nonexistent"));
    let record = record.map_err(|error| error.to_string())?;
    ledger.handle(Command::CreateStudy(Box::new(record)), now)?;
    let submit = start.elapsed();
    let slot = SlotInfo { device: DeviceKind::Cpu, model: String::new() };
    let worker = || "w".to_owned();
    let info =
        WorkerInfo { id: worker(), software: String::new(), slots: vec![slot], allowed: Allowed::default() };
    ledger.handle(Command::RegisterWorker(info), now)?;
    let start = instant();
    // The first lease plans the study.
    let mut grant = lease(&mut ledger, now)?;
    let plan = start.elapsed();
    let memory = resident_bytes("self")?.saturating_sub(before);
    let timed = TIMED.min(u32::try_from(ledger.studies()[&1].cohorts.len() - 1)?);
    let start = instant();
    for _ in 0..timed {
        let results = grant.runs.iter().map(|&run| result(run)).collect();
        ledger.handle(
            Command::Complete { worker: worker(), lease: grant.name, results, next_slot: None },
            now,
        )?;
        grant = lease(&mut ledger, now)?;
    }
    let each = start.elapsed() / timed.max(1);
    let runs = trials * FOLDS;
    println!(
        "| {runs} | {:.2} | {:.1} | {:.1} | {:.0} | {:.1} |",
        submit.as_secs_f64(),
        plan.as_secs_f64() * 1e3,
        memory as f64 / f64::from(1 << 20),
        memory as f64 / runs as f64,
        each.as_secs_f64() * 1e6,
    );
    Ok(())
}

fn lease(ledger: &mut Ledger, now: Now) -> Outcome<LeaseGrant> {
    match ledger.handle(Command::Lease { worker: "w".to_owned(), slot: 0 }, now)?.0 {
        Reply::Lease(grant) => Ok(*grant),
        other => Err(format!("no work: {other:?}").into()),
    }
}

fn spec(trials: usize) -> String {
    format!(
        "name = \"bench\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = {FOLDS} }}\n[network]\n\
         mlp = {{ hidden = [64, 32] }}\n[train]\nepochs = 10\nbatch_size = 64\noptimizer = {{ kind = \"adam\", lr = 0.001 }}\n[space]\n\
         \"train.optimizer.lr\" = {{ log = [1e-5, 1e-1], steps = {trials} }}\n"
    )
}

/// A result of ten epochs.
fn result(run: RunId) -> MemberResult {
    let epoch = |epoch: u32| EpochRecord {
        epoch,
        train_loss: 0.5,
        train_accuracy: Some(0.8),
        val_loss: Some(0.5),
        val_accuracy: Some(0.8 + f64::from(run.trial % 97) * 1e-3),
        lr: 1e-3,
    };
    MemberResult {
        run,
        outcome: RunOutcome {
            end: RunEnd::Finished,
            epochs: (1..=10).map(epoch).collect(),
            seconds: 1.0,
            test: None,
            measurements: None,
        },
        measurements: None,
        weights_digest: None,
        device_model: String::new(),
        software: String::new(),
    }
}
