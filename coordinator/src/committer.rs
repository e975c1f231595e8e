//! The one task that owns the ledger and the store.
//!
//! Commands queue. The committer drains the queue, lets the ledger decide each command, writes all their changes in
//! one transaction and only then releases the replies: acknowledged means durable, and one fsync serves many workers.

use std::sync::Arc;

use foldwise_traces::Traces;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::access::Tokens;
use crate::artifacts::Artifacts;
use crate::bell::Bell;
use crate::blocking;
use crate::chronicle::Chronicle;
use crate::clock::{Clock, Stopwatch};
use crate::events::{Events, Happening};
use crate::ledger::{Change, Command, LeaseName, Ledger, LedgerConfig, Now, Rejection, Reply, SlotKind};
use crate::metrics::Counters;
use crate::store::{Store, StoreError};

mod batches;
#[cfg(test)]
mod tests;

pub use batches::Batches;
use batches::Counter;

/// Commands that one transaction takes at most: a batch this large writes 100,000 rows a second, and a larger one
/// would only make the first of its replies wait.
const BATCH_MAX: usize = 256;
/// Commands that may wait; more are refused, so that memory stays bounded under a storm.
const QUEUE_MAX: usize = 65_536;
/// Kept files that are looked for at the start: enough to see that a place is another.
const LOOKED_FOR: usize = 8;
/// Time between looks at lost leases, ms: fine enough for leases of seconds.
const TICK_MS: u64 = 200;

/// Why a command had no effect.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// The ledger said no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The store could not keep it; the ledger is as before.
    #[error("the coordinator could not use its store: {0}")]
    Store(Arc<StoreError>),
    /// The store could be neither written nor read, so that nobody can tell what is true.
    #[error("the coordinator cannot read its store: {0}")]
    Blind(Arc<StoreError>),
    /// The coordinator stops.
    #[error("the coordinator is stopping")]
    Stopping,
    /// Too many commands wait.
    #[error("the coordinator has {QUEUE_MAX} commands waiting; try again")]
    Busy,
}

impl Refusal {
    /// A word for it.
    fn word(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "rejected",
            Self::Store(_) => "not_written",
            Self::Blind(_) => "not_read",
            Self::Stopping => "stopping",
            Self::Busy => "busy",
        }
    }
}

type Answer = Result<Reply, Refusal>;
type Read = Box<dyn FnOnce(Result<(&Ledger, Now), Refusal>) + Send>;

enum Message {
    Command(Command, oneshot::Sender<Answer>),
    Read(Read),
}

/// Where commands and questions are handed in.
#[derive(Debug, Clone)]
pub struct Desk {
    queue: mpsc::Sender<Message>,
    bell: Arc<Bell>,
    counter: Arc<Counter>,
    counters: Arc<Counters>,
}

impl Desk {
    /// Hands in a command and waits until its effect is durable.
    ///
    /// # Errors
    /// When it had no effect.
    pub async fn command(&self, command: Command) -> Result<Reply, Refusal> {
        let (word, watch) = (command.word(), Stopwatch::start());
        let answer = self.hand_in(command).await;
        let outcome = answer.as_ref().err().map_or("done", Refusal::word);
        self.counters.command(word, outcome, watch.seconds());
        answer
    }

    async fn hand_in(&self, command: Command) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Message::Command(command, reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::Busy,
            mpsc::error::TrySendError::Closed(_) => Refusal::Stopping,
        })?;
        answer.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Reads from the ledger.
    ///
    /// # Errors
    /// When the coordinator stops, or cannot tell what is true.
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Ledger, Now) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let ask = move |known: Result<(&Ledger, Now), Refusal>| {
            // Whoever asked may have gone.
            let _ = reply.send(known.map(|(ledger, now)| question(ledger, now)));
        };
        self.queue.send(Message::Read(Box::new(ask))).await.map_err(|_| Refusal::Stopping)?;
        answer.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Waits until there may be work for a slot of this kind that was not there before.
    pub async fn work(&self, kind: SlotKind) {
        self.bell.wait(kind).await;
    }

    /// Commands that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How commands shared transactions so far.
    #[must_use]
    pub fn batches(&self) -> Batches {
        self.counter.read()
    }
}

/// The task that owns the ledger and the store.
#[derive(Debug)]
pub struct Committer {
    ledger: Ledger,
    store: Box<dyn Store>,
    config: LedgerConfig,
    clock: Clock,
    queue: mpsc::Receiver<Message>,
    bell: Arc<Bell>,
    counter: Arc<Counter>,
    counters: Arc<Counters>,
    artifacts: Artifacts,
    events: Events,
    /// Why the ledger is not what the store says: a write failed, and reading back did too.
    blind: Option<Arc<StoreError>>,
    tokens: Tokens,
    chronicle: Chronicle,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Command(command, _) => f.debug_tuple("Command").field(command).finish(),
            Self::Read(_) => f.write_str("Read"),
        }
    }
}

impl Committer {
    /// Rebuilds the ledger from the store, and removes files of this machine that no study needs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(
        store: Box<dyn Store>,
        config: LedgerConfig,
        clock: Clock,
        artifacts: Artifacts,
        events: Events,
    ) -> Result<(Self, Desk), StoreError> {
        let ledger = Ledger::rebuild(config.clone(), store.load()?, clock.now());
        warn_of_missing(&artifacts, &ledger);
        artifacts.clear(&ledger.artifacts().collect(), !ledger.studies().is_empty());
        let tokens = Tokens::default();
        ledger.tokens().for_each(|record| tokens.put(record.clone()));
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let bell = Arc::new(Bell::default());
        let counter = Arc::new(Counter::default());
        let counters = Arc::new(Counters::default());
        let desk = Desk {
            queue: sender,
            bell: Arc::clone(&bell),
            counter: Arc::clone(&counter),
            counters: Arc::clone(&counters),
        };
        let committer = Self {
            ledger,
            store,
            config,
            clock,
            queue,
            bell,
            counter,
            counters,
            artifacts,
            events,
            blind: None,
            tokens,
            chronicle: Chronicle::default(),
        };
        Ok((committer, desk))
    }

    /// The same, which tells a collector of traces what becomes durable.
    #[must_use]
    pub fn told_to(mut self, traces: Traces) -> Self {
        self.chronicle = Chronicle::new(traces, self.clock.now().unix_ms);
        self
    }

    /// The tokens that are durable, as they change.
    pub(crate) fn tokens(&self) -> Tokens {
        self.tokens.clone()
    }

    /// Works until told to stop, then answers what waits.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(TICK_MS));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = tick.tick() => {
                    batch.push(Message::Command(Command::Tick, oneshot::channel().0));
                    self.commit_batch(&mut batch);
                }
                received = self.queue.recv_many(&mut batch, BATCH_MAX) => {
                    if received == 0 {
                        break;
                    }
                    self.commit_batch(&mut batch);
                }
            }
        }
        self.queue.close();
        while self.queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.commit_batch(&mut batch);
        }
    }

    /// Decides what waits, makes it durable and answers. The list is empty after that, with its room kept.
    fn commit_batch(&mut self, batch: &mut Vec<Message>) {
        if self.blind.is_some() {
            self.roll_back();
        }
        if let Some(error) = &self.blind {
            batch.drain(..).for_each(|message| message.refuse(&Refusal::Blind(Arc::clone(error))));
            return;
        }
        // Another may lead by now, with a ledger of its own: neither a command nor a question is answered by this one's.
        if let Err(error) = self.store.assured() {
            let refusal = Refusal::Store(Arc::new(error));
            batch.drain(..).for_each(|message| message.refuse(&refusal));
            return;
        }
        let mut changes = Vec::new();
        let mut happenings = Vec::new();
        let mut replies = Vec::with_capacity(batch.len());
        let mut reads = Vec::new();
        for message in batch.drain(..) {
            let (command, reply) = match message {
                Message::Read(read) => {
                    reads.push(read);
                    continue;
                }
                Message::Command(command, reply) => (command, reply),
            };
            let told = Happening::of_command(&command);
            if matches!(command, Command::DrainWorker(_)) {
                self.bell.ring_all();
            }
            let now = self.clock.now();
            let reported = epochs_of(&command);
            match self.ledger.handle(command, now) {
                Ok((answer, new)) => {
                    if let Some((lease, folds)) = reported {
                        self.counters.epochs(&self.ledger, lease, &folds);
                    }
                    happenings.extend(told);
                    changes.extend(new);
                    replies.push((reply, Ok(answer)));
                }
                Err(rejection) => replies.push((reply, Err(Refusal::Rejected(rejection)))),
            }
        }
        let watch = Stopwatch::start();
        match self.write(&changes) {
            Ok(()) => {
                if !changes.is_empty() {
                    self.counter.note(replies.len());
                    self.counters.commit(replies.len(), watch.seconds());
                }
                let told = changes.iter().flat_map(|change| Happening::of_change(change, &self.ledger));
                happenings.extend(told);
                self.release(replies, happenings, &changes);
            }
            Err(error) => {
                let error = Arc::new(error);
                tracing::error!(%error, "could not write; the commands that waited are refused");
                for (reply, _) in replies {
                    let _ = reply.send(Err(Refusal::Store(Arc::clone(&error))));
                }
                self.roll_back();
            }
        }
        let now = self.clock.now();
        for read in reads {
            read(match &self.blind {
                None => Ok((&self.ledger, now)),
                Some(error) => Err(Refusal::Blind(Arc::clone(error))),
            });
        }
    }

    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() { Ok(()) } else { blocking::run(|| self.store.commit(changes)) }
    }

    fn release(
        &mut self,
        replies: Vec<(oneshot::Sender<Answer>, Answer)>,
        happenings: Vec<Happening>,
        changes: &[Change],
    ) {
        // Before the replies: who is told that a study is deleted finds none of its files, and that a token is revoked, that
        // it is of no use.
        for change in changes {
            match change {
                Change::ArtifactUnneeded { digest } => self.artifacts.remove(digest),
                Change::TokenCreated(record) | Change::TokenRevoked(record) => {
                    self.tokens.put(record.clone());
                }
                _ => {}
            }
        }
        for (reply, answer) in replies {
            // Whoever asked may have gone; the effect stays.
            let _ = reply.send(answer);
        }
        happenings.into_iter().for_each(|happening| self.events.tell(happening));
        let now_unix_ms = self.clock.now().unix_ms;
        for change in changes {
            log(change);
            self.chronicle.tell(change, &self.ledger, now_unix_ms);
            self.counters.change(change, &self.ledger);
            // One slot for each piece of work that came up; and a slot that was given work wakes the next.
            let study = change.study().and_then(|study| self.ledger.studies().get(&study));
            if let Some(study) = study.filter(|study| study.is_hungry()) {
                self.bell.ring(study.record.spec.own_code(), study.device_wanted());
            }
        }
    }

    /// Makes the ledger again what the store says, after a write failed. Workers that the ledger forgets so register
    /// again when they are told that they are not known. Where the store cannot be read either, nothing is answered until
    /// it can.
    fn roll_back(&mut self) {
        match blocking::run(|| self.store.load()) {
            Ok(snapshot) => {
                self.ledger = Ledger::rebuild(self.config.clone(), snapshot, self.clock.now());
                if self.blind.take().is_some() {
                    tracing::info!("the store can be read again");
                }
                // What was refused may have been written all the same, when only the answer was lost: whoever follows the
                // ledger is brought up to date, whatever became of it.
                self.ledger.tokens().for_each(|record| self.tokens.put(record.clone()));
                self.ledger.studies().keys().for_each(|&study| self.events.tell(Happening::Changed(study)));
                self.bell.ring_all();
            }
            Err(error) => {
                if self.blind.is_none() {
                    tracing::error!(%error, "could not read the store either; trying again");
                }
                self.blind = Some(Arc::new(error));
            }
        }
    }
}

impl Message {
    /// Answers that nothing came of it.
    fn refuse(self, refusal: &Refusal) {
        match self {
            // Whoever asked may have gone.
            Self::Command(_, reply) => drop(reply.send(Err(refusal.clone()))),
            Self::Read(read) => read(Err(refusal.clone())),
        }
    }
}

/// Says so where kept files are not where they are looked for, as when another place was meant.
fn warn_of_missing(artifacts: &Artifacts, ledger: &Ledger) {
    let some: Vec<String> = ledger.artifacts().take(LOOKED_FOR).map(str::to_owned).collect();
    match artifacts.missing(&some) {
        Ok(missing) if missing.is_empty() => {}
        Ok(missing) => tracing::warn!(
            missing = missing.len(),
            of = some.len(),
            first = missing.first(),
            "files that studies need are not kept here: is --artifacts (or --state) the right one?"
        ),
        Err(error) => tracing::warn!(%error, "kept files could not be looked for"),
    }
}

/// The lease that a command reports epochs of, and the folds of their runs.
fn epochs_of(command: &Command) -> Option<(LeaseName, Vec<u32>)> {
    let Command::Progress { lease, epochs, .. } = command else { return None };
    Some((*lease, epochs.iter().map(|(run, _)| run.fold).collect()))
}

fn log(change: &Change) {
    match change {
        Change::StudyCreated { study, record } => {
            tracing::info!(study, name = record.spec.name, trials = record.trials.len(), "study submitted");
        }
        Change::StudyPlanned { study, plan, .. } => {
            let (profile, cohorts) = (&plan.profile, plan.cohorts.len());
            tracing::info!(
                study,
                device = profile.kind.word(),
                profile = profile.name,
                cohorts,
                "study planned"
            );
        }
        Change::CohortAdded { study, cohort, runs, .. } => {
            tracing::info!(study, cohort, runs = runs.len(), "cohort added");
        }
        Change::CohortLeased { study, cohort, attempt, worker, slot } => {
            tracing::info!(study, cohort, attempt, worker, slot, "cohort leased");
        }
        Change::CohortReturned { study, cohort, failures, failure } => {
            tracing::warn!(study, cohort, failures, worker = failure.worker, %failure, "cohort waits again");
        }
        Change::CohortFailed { study, cohort, failure, split } => {
            tracing::warn!(study, cohort, worker = failure.worker, %failure, split, "cohort given up");
        }
        Change::CohortRetried { study, cohort } => tracing::info!(study, cohort, "cohort tried again"),
        Change::CohortCheckpointed { study, cohort, checkpoint } => {
            let epoch = checkpoint.as_ref().map(|checkpoint| checkpoint.epoch);
            tracing::debug!(study, cohort, epoch, "checkpoint");
        }
        Change::StudyExtended { study, record } => {
            tracing::info!(study, trials = record.trials.len(), folds = record.folds(), "study extended");
        }
        Change::StudyPaused { study, paused } => tracing::info!(study, paused, "study held or released"),
        Change::StudyPrioritized { study, priority } => {
            tracing::info!(study, priority, "study has another priority");
        }
        Change::StudyReopened { study, .. } => tracing::info!(study, "study goes on"),
        Change::StudyDeleted { study } => tracing::info!(study, "study deleted"),
        Change::TokenCreated(token) => {
            tracing::info!(token = token.id, principal = %token.principal, "token made");
        }
        Change::TokenRevoked(token) => {
            tracing::info!(token = token.id, principal = %token.principal, "token revoked");
        }
        Change::ArtifactUnneeded { digest } => tracing::debug!(digest, "file no longer needed"),
        Change::CohortDone { study, cohort, attempt, worker, .. } => {
            tracing::info!(study, cohort, attempt, worker, "cohort done");
        }
        Change::StudyEnded { study, end, message, .. } => {
            tracing::info!(study, end = end.word(), message, "study ended");
        }
    }
}
