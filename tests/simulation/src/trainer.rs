//! A trainer whose results are known: each epoch's follow from the state before it, as in life, and from the run alone.
//!
//! It speaks the real protocol over an in-memory pipe, writes real files, and fails as its dice say.

use std::future::{Future, pending};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::trainer_order::Order;
use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_worker::agent::{Ending, Launch, Launched, Life};
use foldwise_worker::pipe;
use tokio::io::{DuplexStream, WriteHalf};
use tokio::sync::{mpsc, oneshot};

use crate::scenario::{Dice, EPOCHS, TrainerFaults};

/// Cohorts with more members than this do not fit this device.
const MEMBERS_MAX: usize = 4;
/// The run with this trial and fold diverges in this epoch, whoever trains it.
const DIVERGES: (u32, u32, u32) = (1, 1, 3);

/// Starts trainers of one worker.
#[derive(Debug)]
pub(crate) struct StubLauncher {
    pub(crate) faults: TrainerFaults,
    pub(crate) dice: Mutex<Dice>,
    /// Faults so far.
    pub(crate) failed: Arc<AtomicU64>,
}

struct StubLife(oneshot::Receiver<Ending>);

impl Life for StubLife {
    fn end(&mut self) -> Pin<Box<dyn Future<Output = Ending> + Send + '_>> {
        Box::pin(async {
            let ended = (&mut self.0).await;
            ended.unwrap_or(Ending { reason: "the trainer ended".to_owned(), out_of_memory: false })
        })
    }
}

impl Launch for StubLauncher {
    fn launch(&self, slot: u32, scratch: &Path) -> Result<Launched, String> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (ours_events, theirs_events) = tokio::io::duplex(1 << 16);
        let (end, life) = oneshot::channel();
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let seed = u64::from(dice.below(u32::MAX));
        let stub = Stub {
            faults: self.faults,
            dice: Dice::new(seed, "trainer"),
            scratch: scratch.to_owned(),
            output: tokio::io::split(theirs_events).1,
            failed: Arc::clone(&self.failed),
        };
        tokio::spawn(async move {
            let reason = format!("the trainer of slot {slot} {}", stub.live(theirs).await);
            let _ = end.send(Ending { reason, out_of_memory: false });
        });
        Ok(Launched { orders: Box::new(ours), events: Box::new(ours_events), life: Box::new(StubLife(life)) })
    }
}

struct Stub {
    faults: TrainerFaults,
    dice: Dice,
    scratch: PathBuf,
    output: WriteHalf<DuplexStream>,
    failed: Arc<AtomicU64>,
}

/// Why a stub ends.
type Death = &'static str;

impl Stub {
    async fn live(mut self, mut input: DuplexStream) -> Death {
        let (sender, mut orders) = mpsc::channel(8);
        tokio::spawn(async move {
            while let Ok(Some(order)) = pipe::read_async::<proto::TrainerOrder>(&mut input).await {
                if let Some(order) = order.order
                    && sender.send(order).await.is_err()
                {
                    return;
                }
            }
        });
        let ready = proto::Ready { torch_version: "none".to_owned(), device_model: "simulated".to_owned() };
        if self.tell(Event::Ready(ready)).await.is_err() {
            return "was left";
        }
        while let Some(order) = orders.recv().await {
            let Order::Train(train) = order else { continue };
            let Some(lease) = train.lease else { continue };
            if let Err(death) = self.train(&lease, &train.checkpoint_path, &mut orders).await {
                return death;
            }
        }
        "was left"
    }

    async fn tell(&mut self, event: Event) -> Result<(), Death> {
        let told = pipe::write_async(&mut self.output, &proto::TrainerEvent { event: Some(event) }).await;
        told.map_err(|_| "was left")
    }

    async fn train(
        &mut self,
        lease: &proto::Lease,
        checkpoint: &str,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<(), Death> {
        if lease.runs.len() > MEMBERS_MAX {
            self.failed.fetch_add(1, Ordering::Relaxed);
            let (kind, message) = (FailureKind::OutOfMemory.into(), "does not fit".to_owned());
            return self.tell(Event::Failed(proto::CohortFailed { kind, message })).await;
        }
        let epochs = lease.final_stage.as_ref().map_or(EPOCHS, |stage| stage.epochs);
        let mut cohort = Cohort::begin(lease, checkpoint);
        let mut stopping = false;
        while cohort.epoch < epochs {
            let pause = Duration::from_millis(20 + u64::from(self.dice.below(400)));
            let slept = tokio::time::sleep(pause);
            tokio::pin!(slept);
            loop {
                tokio::select! {
                    biased;
                    () = &mut slept => break,
                    order = orders.recv() => match order {
                        None => return Err("was left"),
                        Some(Order::Stop(stop)) if !stop.keep_checkpoint => {
                            return self.tell(Event::Stopped(proto::Stopped {})).await;
                        }
                        Some(_) => stopping = true,
                    }
                }
            }
            self.misfortune().await?;
            for epoch in cohort.step() {
                self.tell(Event::Epoch(epoch)).await?;
            }
            if cohort.epoch < epochs && (stopping || self.dice.happens(self.faults.checkpoints)) {
                let path = cohort.write(&self.scratch).display().to_string();
                self.tell(Event::Checkpoint(proto::CheckpointWritten { epoch: cohort.epoch, path })).await?;
                if stopping {
                    return self.tell(Event::Stopped(proto::Stopped {})).await;
                }
            }
        }
        let spoils = self.spoils(lease, &cohort);
        let done = cohort.done(&self.scratch);
        if spoils {
            self.failed.fetch_add(1, Ordering::Relaxed);
            std::fs::write(&done.measurements_path, "{\"layers\":7}\n").expect("it was written before");
        }
        self.tell(Event::Done(done)).await
    }

    /// Whether what this attempt measured is not what a coordinator takes: of every cohort the same attempts, so that this
    /// takes no throw of the dice.
    fn spoils(&self, lease: &proto::Lease, cohort: &Cohort) -> bool {
        let attempt = lease.name.as_ref().map_or(0, |name| name.attempt);
        let chosen = cohort.members.first().is_some_and(|member| member.state[0] < 64);
        self.faults.spoils && attempt % 2 == 1 && chosen
    }

    async fn misfortune(&mut self) -> Result<(), Death> {
        if self.dice.happens(self.faults.crashes) {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return Err("crashed");
        }
        if self.dice.happens(self.faults.hangs) {
            self.failed.fetch_add(1, Ordering::Relaxed);
            pending::<()>().await;
        }
        Ok(())
    }
}

/// A cohort in training: the state of each member after its epochs.
struct Cohort {
    runs: Vec<proto::RunId>,
    /// Whether it is a last training, and whether of the winner.
    is_last: bool,
    is_final: bool,
    epoch: u32,
    members: Vec<Member>,
}

#[derive(Clone)]
struct Member {
    state: [u8; 32],
    epochs: Vec<proto::Epoch>,
    diverged: u32,
    /// The state after each epoch, which copies of weights are made of.
    states: Vec<[u8; 32]>,
}

impl Cohort {
    /// From the beginning, or from a checkpoint of these very runs.
    fn begin(lease: &proto::Lease, checkpoint: &str) -> Self {
        let start = |run: &proto::RunId| {
            let name = format!("{} {} {}", run.trial, run.fold, lease.final_stage.is_some());
            Member {
                state: *blake3::hash(name.as_bytes()).as_bytes(),
                epochs: Vec::new(),
                diverged: 0,
                states: Vec::new(),
            }
        };
        let mut cohort = Self {
            runs: lease.runs.clone(),
            is_last: lease.final_stage.is_some(),
            is_final: lease.final_stage.is_some_and(|stage| stage.outer_fold.is_none()),
            epoch: 0,
            members: lease.runs.iter().map(start).collect(),
        };
        if !checkpoint.is_empty() {
            let kept = std::fs::read(checkpoint).expect("the agent downloaded it");
            cohort.go_on(&kept);
        }
        cohort
    }

    /// Takes a kept state over; what was computed before it is computed again, which must lead to the same state.
    fn go_on(&mut self, kept: &[u8]) {
        let (head, states) = kept.split_at(4);
        let epoch = u32::from_le_bytes(head.try_into().expect("four bytes"));
        while self.epoch < epoch {
            self.step();
        }
        let here: Vec<u8> = self.members.iter().flat_map(|member| member.state).collect();
        assert_eq!(here, states, "a checkpoint of another cohort");
    }

    /// One epoch of every member that has not diverged.
    fn step(&mut self) -> Vec<proto::MemberEpoch> {
        self.epoch += 1;
        let mut told = Vec::new();
        for (run, member) in self.runs.iter().zip(&mut self.members) {
            if member.diverged > 0 {
                continue;
            }
            member.state = *blake3::hash(&member.state).as_bytes();
            if !self.is_last && (run.trial, run.fold, self.epoch) == DIVERGES {
                member.diverged = self.epoch;
                continue;
            }
            let value = f64::from(u16::from_le_bytes([member.state[0], member.state[1]])) / 65_536.0;
            let epoch = proto::Epoch {
                epoch: self.epoch,
                train_loss: 1.0 - value,
                train_accuracy: Some(value),
                val_loss: (!self.is_last).then_some(1.0 - value),
                val_accuracy: (!self.is_last).then_some(value),
                lr: 0.1,
            };
            member.epochs.push(epoch);
            member.states.push(member.state);
            told.push(proto::MemberEpoch { run: Some(*run), epoch: Some(epoch) });
        }
        told
    }

    fn write(&self, scratch: &Path) -> PathBuf {
        let mut bytes = self.epoch.to_le_bytes().to_vec();
        bytes.extend(self.members.iter().flat_map(|member| member.state));
        let path = scratch.join(format!("checkpoint-{}", self.epoch));
        std::fs::write(&path, bytes).expect("the scratch folder can be written to");
        path
    }

    fn done(self, scratch: &Path) -> proto::CohortDone {
        let write = |name: String, bytes: &[u8]| {
            let path = scratch.join(name);
            std::fs::write(&path, bytes).expect("the scratch folder can be written to");
            path.display().to_string()
        };
        let mut weights_path = String::new();
        let (mut lines, mut snapshot_paths) = (String::new(), Vec::new());
        let mut outcomes = Vec::new();
        for (number, (run, member)) in self.runs.iter().zip(&self.members).enumerate() {
            if !self.is_last || self.is_final {
                let (measured, copies) = member.measured();
                lines.push_str(&measured);
                snapshot_paths.push(write(format!("snapshots-{number}"), &copies));
            }
            lines.push('\n');
            if self.is_final {
                weights_path = write("weights".to_owned(), &member.state);
            }
            outcomes.push(proto::Outcome {
                trial: run.trial,
                fold: run.fold,
                epochs: member.epochs.clone(),
                diverged_epoch: member.diverged,
                seconds: 1.0,
                test: self.is_last.then_some(proto::TestResult { loss: 0.5, accuracy: Some(0.5) }),
                weights_digest: String::new(),
            });
        }
        let measurements_path = write("measurements".to_owned(), lines.as_bytes());
        proto::CohortDone { outcomes, weights_path, measurements_path, snapshot_paths }
    }
}

impl Member {
    /// What it measured as JSON, and the file of copies that this names: of the start, every second epoch and the last.
    fn measured(&self) -> (String, Vec<u8>) {
        let last = self.states.len();
        let epochs: Vec<usize> = (0..=last).filter(|&epoch| epoch % 2 == 0 || epoch == last).collect();
        let copies: Vec<[u8; 32]> =
            epochs.iter().map(|&epoch| if epoch == 0 { [0; 32] } else { self.states[epoch - 1] }).collect();
        let numbers = |copy: &[u8; 32]| copy.map(|byte| f32::from(byte).to_le_bytes()).concat();
        let (shape, bytes) = (format!("[{},32]", copies.len()), copies.len() * 32 * 4);
        let header =
            format!(r#"{{"snapshots":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{bytes}]}}}}"#);
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend(copies.iter().flat_map(numbers));
        let norms = (1..=last).map(|epoch| {
            let norm = f64::from(self.states[epoch - 1][0]);
            serde_json::json!({ "epoch": epoch, "weight_norm": norm })
        });
        let measured = serde_json::json!({
            "epochs": norms.collect::<Vec<_>>(),
            "snapshots": { "digest": blake3::hash(&file).to_hex().to_string(), "epochs": epochs, "weights": 32 },
        });
        (measured.to_string(), file)
    }
}
