//! Workers that train nothing: they hand results in as fast as they are given cohorts.

use std::error::Error;
use std::time::{Duration, Instant};

use foldwise_proto::PROTOCOL_VERSION;
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use foldwise_proto::v1::{self as proto};
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

/// Pause after an answer that says to come again.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Times of one kind of call.
#[derive(Debug, Default)]
pub(crate) struct Times(pub(crate) Vec<Duration>);

impl Times {
    /// Puts them in order.
    pub(crate) fn sort(&mut self) {
        self.0.sort_unstable();
    }

    /// The time that a share of the calls did not exceed, ms; of times in order.
    pub(crate) fn at(&self, share: f64) -> f64 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
        let place = (self.0.len() as f64 * share) as usize;
        self.0.get(place.min(self.0.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    /// A line of a table: name, calls, median, 99 of 100, longest.
    pub(crate) fn line(&mut self, name: &str) -> String {
        self.sort();
        let [median, most, longest] = [0.5, 0.99, 1.0].map(|share| self.at(share));
        format!("| {name} | {} | {median:.1} | {most:.1} | {longest:.1} |", self.0.len())
    }
}

/// Whether results ask for the next cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calls {
    /// They do, as a worker's do.
    Together,
    /// A call of its own asks for it.
    Apart,
}

/// Workers with a slot and a connection each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fleet {
    /// How many.
    pub(crate) workers: usize,
    /// Epochs of each result.
    pub(crate) epochs: u32,
    /// How they ask.
    pub(crate) calls: Calls,
    /// Time that they wait for work before they go home, s.
    pub(crate) patience_seconds: f64,
}

/// What workers did.
#[derive(Debug, Default)]
pub(crate) struct Worked {
    /// Calls that asked for work alone.
    pub(crate) leases: Times,
    /// Calls that brought results.
    pub(crate) completions: Times,
    /// Runs that were finished.
    pub(crate) runs: usize,
    /// Calls that were told to come again.
    pub(crate) refused: u64,
    /// From the first call to the last answer.
    pub(crate) elapsed: Duration,
}

impl Fleet {
    /// Connects the workers and has them work until there is no more.
    ///
    /// # Errors
    /// When a call is refused for another reason than a full queue.
    #[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    pub(crate) async fn work(self, endpoint: &Endpoint) -> Result<Worked, Box<dyn Error>> {
        let mut clients = Vec::new();
        for number in 0..self.workers {
            let client =
                WorkerServiceClient::new(endpoint.connect().await?).max_decoding_message_size(1 << 30);
            let mut worker =
                Noop { client, name: format!("w{number}"), fleet: self, worked: Worked::default() };
            worker.register().await?;
            clients.push(worker);
        }
        let start = Instant::now();
        let mut working: JoinSet<_> = clients.into_iter().map(Noop::work).collect();
        let mut all = Worked::default();
        while let Some(worked) = working.join_next().await {
            let worked = worked?.map_err(|status| status.to_string())?;
            all.leases.0.extend(worked.leases.0);
            all.completions.0.extend(worked.completions.0);
            all.runs += worked.runs;
            all.refused += worked.refused;
        }
        all.elapsed = start.elapsed();
        Ok(all)
    }
}

struct Noop {
    client: WorkerServiceClient<Channel>,
    name: String,
    fleet: Fleet,
    worked: Worked,
}

impl Noop {
    async fn register(&mut self) -> Result<(), tonic::Status> {
        let slot = proto::Slot { device: "cpu".to_owned(), ..proto::Slot::default() };
        let register = proto::RegisterWorkerRequest {
            worker: self.name.clone(),
            protocol_version: PROTOCOL_VERSION,
            software: "bench".to_owned(),
            slots: vec![slot],
            allows_commands: false,
        };
        self.client.register_worker(register).await.map(drop)
    }

    async fn work(mut self) -> Result<Worked, tonic::Status> {
        let mut next = None;
        loop {
            let lease = match next.take() {
                Some(lease) => lease,
                None => match self.lease().await? {
                    Some(lease) => lease,
                    None => return Ok(self.worked),
                },
            };
            next = self.complete(lease).await?;
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    async fn lease(&mut self) -> Result<Option<proto::Lease>, tonic::Status> {
        loop {
            let start = Instant::now();
            let wait_seconds = self.fleet.patience_seconds;
            let ask = proto::LeaseCohortRequest { worker: self.name.clone(), slot: 0, wait_seconds };
            match self.client.lease_cohort(ask).await {
                Ok(answer) => {
                    let lease = answer.into_inner().lease;
                    if lease.is_some() {
                        self.worked.leases.0.push(start.elapsed());
                    }
                    return Ok(lease);
                }
                Err(status) if status.code() == Code::ResourceExhausted => {
                    self.worked.refused += 1;
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                Err(status) => return Err(status),
            }
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    async fn complete(&mut self, lease: proto::Lease) -> Result<Option<proto::Lease>, tonic::Status> {
        let complete = proto::CompleteCohortRequest {
            worker: self.name.clone(),
            lease: lease.name,
            outcomes: lease.runs.iter().map(|run| outcome(run, self.fleet.epochs)).collect(),
            next_slot: (self.fleet.calls == Calls::Together).then_some(0),
            ..proto::CompleteCohortRequest::default()
        };
        let start = Instant::now();
        let answer = self.client.complete_cohort(complete).await?.into_inner();
        self.worked.completions.0.push(start.elapsed());
        self.worked.runs += lease.runs.len();
        Ok(answer.next)
    }
}

/// A result of so many epochs. Its score is the run's own.
fn outcome(run: &proto::RunId, epochs: u32) -> proto::Outcome {
    let score = 0.8 + f64::from((run.trial * 31 + run.fold * 7) % 97) * 1e-3;
    let epoch = |epoch: u32| proto::Epoch {
        epoch,
        train_loss: 0.5,
        train_accuracy: Some(0.8),
        val_loss: Some(1.0 - score),
        val_accuracy: Some(score),
        lr: 1e-3,
    };
    proto::Outcome {
        trial: run.trial,
        fold: run.fold,
        epochs: (1..=epochs).map(epoch).collect(),
        seconds: 1.0,
        ..proto::Outcome::default()
    }
}

/// A study of so many trials on so many folds, whose networks are small. Its cohorts have `width` members, or as many as the
/// shipped profile says.
pub(crate) fn spec(trials: usize, folds: usize, epochs: u32, width: Option<usize>) -> String {
    let plan = width.map(|width| format!("[plan]\nwidth = {width}\n")).unwrap_or_default();
    format!(
        "name = \"bench\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = {folds} }}\n[network]\n\
         mlp = {{ hidden = [64, 32] }}\n[train]\nepochs = {epochs}\nbatch_size = 64\noptimizer = {{ kind = \"adam\", lr = 0.001 }}\n\
         [space]\n\"train.optimizer.lr\" = {{ log = [1e-5, 1e-1], steps = {trials} }}\n{plan}[final]\nskip = true\n"
    )
}
