//! A run that a command of the study's own trains: from a lease to its result.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_study::outcome::RunEnd;
use tempfile::TempDir;

use super::dataset::Datasets;
use super::files::{Files, write_whole};
use super::job::Failed;
use super::study::Study;
use super::{StopSignal, TrainerConfig, outcome};
use crate::command::lines::{Account, Said};
use crate::command::{End, Errand, Heard, Process, Resume, Standby, read_checkpoint, write_checkpoint};
use crate::machine;

mod prepared;

use prepared::Prepared;

/// Time between two looks at whether the command is to stop.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// Time that a command is given to end at once, before it is killed; less than its trainer is given.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// What trains commands: the keeper that waits for the next.
#[derive(Debug, Default)]
pub(super) struct Commands {
    standby: Option<Standby>,
}

/// A command under way.
struct Run<'a> {
    lease: &'a proto::Lease,
    config: &'a TrainerConfig,
    stop: &'a StopSignal,
    tell: &'a mut dyn FnMut(Event),
    folder: TempDir,
    fingerprint: String,
    /// Whether it trains the study's final model, whose weights are kept.
    is_final: bool,
    interval: Option<Duration>,
    last_checkpoint: Instant,
    account: Account,
    asked: bool,
    /// Processes that this machine had killed for memory when it started.
    memory_kills: Option<u64>,
    /// When it is killed, once it was told to end.
    kill_at: Option<Instant>,
}

#[allow(clippy::disallowed_methods, reason = "a run's time is measured here and nowhere else")]
fn now() -> Instant {
    Instant::now()
}

fn training(message: String) -> Failed {
    Failed::new(FailureKind::Training, message)
}

impl Commands {
    /// Has the lease's run trained by its command; nothing if it was given up.
    pub(super) fn train(
        &mut self,
        order: &proto::Train,
        lease: &proto::Lease,
        study: &Study,
        datasets: &mut Datasets,
        (config, stop): (&TrainerConfig, &StopSignal),
        tell: &mut dyn FnMut(Event),
    ) -> Result<Option<proto::CohortDone>, Failed> {
        let rules = config.commands.as_ref().ok_or_else(|| {
            training("this worker allows no commands: start it with --allow-commands FOLDER".to_owned())
        })?;
        let begun = now();
        let prepared = Prepared::new(lease, study, datasets, config, rules)?;
        let mut epochs = Vec::new();
        let own = prepared.folder.path().join("checkpoint");
        if !order.checkpoint_path.is_empty() {
            // One that is of no use is no reason to fail: the command begins anew.
            match read_checkpoint(Path::new(&order.checkpoint_path), &prepared.fingerprint, &own) {
                Ok(kept) => epochs = kept,
                Err(error) => eprintln!("warning: the checkpoint is of no use, beginning anew: {error}"),
            }
        }
        let resume = epochs.last().map(|last| Resume { path: own, epoch: last.epoch });
        let errand = prepared.errand(resume, config, rules)?;
        let process = self.start(&errand).map_err(|error| {
            Failed::new(FailureKind::Crash, format!("cannot start the keeper of a command: {error}"))
        })?;
        let account = Account::new(prepared.expected(), epochs);
        let Prepared { folder, fingerprint, is_final, .. } = prepared;
        let run = Run {
            lease,
            config,
            stop,
            tell,
            folder,
            fingerprint,
            is_final,
            interval: study.spec.limits.checkpoint_interval(),
            last_checkpoint: now(),
            account,
            asked: false,
            memory_kills: machine::memory_kills(),
            kill_at: None,
        };
        run.watch(process, begun)
    }

    fn start(&mut self, errand: &Errand) -> io::Result<Process> {
        let standby = match self.standby.take() {
            Some(standby) => standby,
            None => Standby::start()?,
        };
        let process = standby.send(errand)?;
        // Without one the next run starts its own.
        self.standby = Standby::start().ok();
        Ok(process)
    }
}

impl Run<'_> {
    /// Takes in what the command says until it ends.
    fn watch(mut self, mut process: Process, begun: Instant) -> Result<Option<proto::CohortDone>, Failed> {
        (self.tell)(Event::Began(proto::Began { load: 0 }));
        let end = loop {
            match process.next(LOOK_PAUSE) {
                Some(Heard::Line(line)) => {
                    if let Err(failed) = self.take(&line) {
                        return Err(failed.with_printed(&end_and_read(process)));
                    }
                }
                Some(Heard::Ended(end)) => break end,
                None => {}
            }
            self.heed(&mut process);
        };
        let whole = self.account.end.is_some() && end == End::Code(0);
        if whole {
            return self.done((now() - begun).as_secs_f64()).map(Some);
        }
        if self.stop.now() || self.stop.after_epoch() {
            return Ok(None);
        }
        Err(failure(&end, self.memory_kills).with_printed(&process.printed()))
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Failed> {
        match self.account.take(line).map_err(|error| training(error.to_string()))? {
            Said::Nothing | Said::End => {}
            Said::Epoch(record) => {
                let run = self.lease.runs.first().copied();
                let epoch = Some(outcome::epoch(&record));
                (self.tell)(Event::Epoch(proto::MemberEpoch { run, epoch }));
            }
            Said::Checkpoint { path, epoch } => {
                let taken = self.take_file(&path, "checkpoint")?;
                let due = self.interval.is_some_and(|interval| now() - self.last_checkpoint >= interval);
                if due || self.asked {
                    // A checkpoint that cannot be kept costs nothing but itself.
                    if let Err(error) = self.keep(&taken, epoch) {
                        eprintln!("warning: no checkpoint is kept: {error}");
                    }
                    self.last_checkpoint = now();
                }
                remove(&taken);
            }
        }
        Ok(())
    }

    /// Passes on that the run is to stop: first the command is asked, then told, then killed.
    fn heed(&mut self, process: &mut Process) {
        if self.stop.now() && self.kill_at.is_none() {
            process.end();
            self.kill_at = Some(now() + END_PATIENCE);
        } else if self.stop.after_epoch() && !self.asked {
            process.ask();
            self.asked = true;
        }
        if self.kill_at.is_some_and(|at| now() >= at) {
            process.kill();
        }
    }

    /// Moves a file that the command names out of its reach. It must be one of its own.
    fn take_file(&self, name: &str, what: &str) -> Result<PathBuf, Failed> {
        let folder = self.folder.path();
        let path = folder.join(name);
        let wrong = |why: String| training(format!("the command's {what} file `{name}` {why}"));
        let real = path.canonicalize().map_err(|error| wrong(format!("cannot be had: {error}")))?;
        let own = folder.canonicalize().is_ok_and(|folder| real.starts_with(folder));
        if !own || !real.is_file() {
            return Err(wrong("is no file in the run's folder".to_owned()));
        }
        let taken = self.config.scratch.join(format!("{what}-of-command-{}", std::process::id()));
        std::fs::rename(&real, &taken).map_err(|error| wrong(format!("cannot be taken: {error}")))?;
        Ok(taken)
    }

    fn keep(&mut self, own: &Path, epoch: u32) -> io::Result<()> {
        let name = format!("checkpoint-{}-{epoch}.command", std::process::id());
        let path = self.config.scratch.join(name);
        let (fingerprint, epochs) = (&self.fingerprint, &self.account.epochs);
        write_whole(&path, |out| write_checkpoint(out, fingerprint, epochs, own))?;
        let path = path.display().to_string();
        (self.tell)(Event::Checkpoint(proto::CheckpointWritten { epoch, path }));
        Ok(())
    }

    fn done(self, seconds: f64) -> Result<proto::CohortDone, Failed> {
        let mut files = Files::new(&self.config.scratch);
        let mut done = proto::CohortDone::default();
        if let Some(name) = self.account.weights.as_ref().filter(|_| self.is_final) {
            let taken = self.take_file(name, "weights")?;
            done.weights_path = files.adopt(taken);
        }
        let run = self.lease.runs.first().copied().unwrap_or_default();
        let diverged_epoch = match self.account.end {
            Some(RunEnd::Diverged(epoch)) => epoch,
            Some(RunEnd::Finished) | None => 0,
        };
        let test = self.account.test;
        done.outcomes.push(proto::Outcome {
            trial: run.trial,
            fold: run.fold,
            epochs: self.account.epochs.iter().map(outcome::epoch).collect(),
            diverged_epoch,
            seconds,
            test: test.map(|test| proto::TestResult { loss: test.loss, accuracy: test.accuracy }),
            weights_digest: String::new(),
        });
        files.hand_over();
        Ok(done)
    }
}

/// Ends a command whose report is of no use; the last of what it printed.
fn end_and_read(mut process: Process) -> String {
    process.kill();
    while !matches!(process.next(LOOK_PAUSE), Some(Heard::Ended(_))) {}
    process.printed()
}

fn failure(end: &End, memory_kills: Option<u64>) -> Failed {
    const SIGKILL: i32 = 9;
    let message = match end {
        End::Signal(SIGKILL) if machine::memory_kills() > memory_kills => {
            let message = "the command was killed: the machine ran out of memory".to_owned();
            return Failed::new(FailureKind::OutOfMemory, message);
        }
        End::Code(0) => {
            "the command ended without saying {\"done\": true} or {\"diverged\": EPOCH}".to_owned()
        }
        End::Code(code) => format!("the command ended with exit code {code}"),
        End::Signal(signal) => format!("the command was killed by signal {signal}"),
        End::Unstarted(reason) => {
            let message = format!(
                "the command cannot be started: {reason} (is the interpreter of its first line there?)"
            );
            return training(message);
        }
        End::Lost => "the command's keeper was killed".to_owned(),
    };
    Failed::new(FailureKind::Crash, message)
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        eprintln!("warning: {} stays behind: {error}", path.display());
    }
}
