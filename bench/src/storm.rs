//! A coordinator under a storm: a thousand workers that train nothing ask it for work and hand results in as fast as it
//! answers, over real sockets and with its real store, while a person asks how the study stands.

use std::error::Error;
use std::time::{Duration, Instant};

use foldwise_coordinator::{Config, Coordinator, Listener};
use foldwise_data::Cache;
use foldwise_proto::PROTOCOL_VERSION;
use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use foldwise_proto::v1::{self as proto};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

const WORKERS: usize = 1_000;
const TRIALS: usize = 4_000;
const FOLDS: usize = 5;
/// Pause between two questions of the person.
const QUESTION_PAUSE: Duration = Duration::from_millis(50);

/// Times of one kind of call.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn line(&mut self, name: &str) -> String {
        self.0.sort_unstable();
        let at = |share: f64| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
            let place = (self.0.len() as f64 * share) as usize;
            self.0.get(place.min(self.0.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        format!("| {name} | {} | {:.1} | {:.1} | {:.1} |", self.0.len(), at(0.5), at(0.99), at(1.0))
    }
}

/// Prints a table of the times that calls took.
///
/// # Errors
/// When a call is refused for another reason than a full queue.
pub(crate) fn thousand_workers() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(storm())
}

#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
async fn storm() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let listen = "127.0.0.1:0".parse()?;
    let config = Config { listen, state: folder.path().to_owned(), ..Config::default() };
    let coordinator = Coordinator::open(&config, Cache::at("/nonexistent"))?;
    let listener = Listener::bind(&config).await?;
    let endpoint = Endpoint::from_shared(format!("http://{}", listener.address()))?;
    let stop = CancellationToken::new();
    let serving = tokio::spawn(coordinator.serve(listener.incoming(), stop.clone()));
    let mut person = StudyServiceClient::new(endpoint.connect().await?);
    let format = proto::SpecFormat::Toml.into();
    person
        .create_study(proto::CreateStudyRequest { request_id: "storm".to_owned(), spec: spec(), format })
        .await?;
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        let channel = endpoint.connect().await?;
        workers.spawn(work(WorkerServiceClient::new(channel), format!("w{number}")));
    }
    let (mut leases, mut completions, mut questions, mut refused) =
        (Times::default(), Times::default(), Times::default(), 0);
    let asking = tokio::spawn(ask(person, stop.clone()));
    while let Some(worked) = workers.join_next().await {
        let worked = worked?.map_err(|status| status.to_string())?;
        leases.0.extend(worked.leases);
        completions.0.extend(worked.completions);
        refused += worked.refused;
    }
    let elapsed = start.elapsed();
    stop.cancel();
    questions.0 = asking.await?;
    serving.await??;
    let cohorts = completions.0.len();
    println!(
        "{WORKERS} workers, {cohorts} cohorts in {:.1} s: {:.0} cohorts/s, {refused} calls told to come again",
        elapsed.as_secs_f64(),
        cohorts as f64 / elapsed.as_secs_f64()
    );
    println!("\n| call | calls | median, ms | 99 of 100 below, ms | longest, ms |\n|---|--:|--:|--:|--:|");
    println!("{}", leases.line("lease"));
    println!("{}", completions.line("complete (durable)"));
    println!("{}", questions.line("how the study stands"));
    Ok(())
}

fn spec() -> String {
    format!(
        "name = \"storm\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = {FOLDS} }}\n[network]\n\
         mlp = {{ hidden = [64, 32] }}\n[train]\nepochs = 10\nbatch_size = 64\noptimizer = {{ kind = \"adam\", lr = 0.001 }}\n[space]\n\
         \"train.optimizer.lr\" = {{ log = [1e-5, 1e-1], steps = {TRIALS} }}\n[plan]\nwidth = 1\n\
         [final]\nskip = true\n"
    )
}

#[derive(Default)]
struct Worked {
    leases: Vec<Duration>,
    completions: Vec<Duration>,
    refused: u64,
}

#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
async fn work(mut client: WorkerServiceClient<Channel>, worker: String) -> Result<Worked, tonic::Status> {
    let slot = proto::Slot { device: "cpu".to_owned(), ..proto::Slot::default() };
    let register = proto::RegisterWorkerRequest {
        worker: worker.clone(),
        protocol_version: PROTOCOL_VERSION,
        software: "storm".to_owned(),
        slots: vec![slot],
    };
    client.register_worker(register).await?;
    let mut worked = Worked::default();
    loop {
        let start = Instant::now();
        let ask = proto::LeaseCohortRequest { worker: worker.clone(), slot: 0, wait_seconds: 1.0 };
        let lease = match client.lease_cohort(ask).await {
            Ok(answer) => answer.into_inner().lease,
            Err(status) if status.code() == Code::ResourceExhausted => {
                worked.refused += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            Err(status) => return Err(status),
        };
        let Some(lease) = lease else { return Ok(worked) };
        worked.leases.push(start.elapsed());
        let outcomes = lease.runs.iter().map(outcome).collect();
        let complete = proto::CompleteCohortRequest {
            worker: worker.clone(),
            lease: lease.name,
            outcomes,
            ..proto::CompleteCohortRequest::default()
        };
        let start = Instant::now();
        client.complete_cohort(complete).await?;
        worked.completions.push(start.elapsed());
    }
}

fn outcome(run: &proto::RunId) -> proto::Outcome {
    let epoch = |epoch: u32| proto::Epoch {
        epoch,
        train_loss: 0.5,
        train_accuracy: Some(0.8),
        val_loss: Some(0.5),
        val_accuracy: Some(0.8),
        lr: 1e-3,
    };
    proto::Outcome {
        trial: run.trial,
        fold: run.fold,
        epochs: (1..=10).map(epoch).collect(),
        seconds: 1.0,
        ..proto::Outcome::default()
    }
}

#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
async fn ask(mut person: StudyServiceClient<Channel>, stop: CancellationToken) -> Vec<Duration> {
    let mut times = Vec::new();
    while !stop.is_cancelled() {
        let start = Instant::now();
        if person.get_study(proto::GetStudyRequest { name: "storm".to_owned() }).await.is_ok() {
            times.push(start.elapsed());
        }
        tokio::time::sleep(QUESTION_PAUSE).await;
    }
    times
}
