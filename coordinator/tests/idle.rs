//! A slot that waits has work at the very instant at which there is some: nothing on the way looks at intervals.
//!
//! Time stands still but for sleeps, so that any wait would be seen.

use std::time::Duration;

use foldwise_coordinator::artifacts::Artifacts;
use foldwise_coordinator::committer::Desk;
use foldwise_coordinator::ledger::{
    Allowed, Command, Failure, FailureKind, LeaseName, Reply, SlotInfo, WorkerInfo,
};
use foldwise_coordinator::service::Workers;
use foldwise_coordinator::submission::prepare;
use foldwise_coordinator::{Config, Coordinator};
use foldwise_data::Cache;
use foldwise_proto::v1::LeaseCohortRequest;
use foldwise_proto::v1::worker_service_server::WorkerService;
use foldwise_study::spec::{DeviceKind, Format};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tonic::Request;

/// Shorter than a lease.
const WAIT_SECONDS: f64 = 20.0;

/// One cohort, and no final stage.
const SPEC: &str = "name = \"idle\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = { folds = 2 }\n\
    [network]\nmlp = { hidden = [8] }\n[train]\nepochs = 1\nbatch_size = 100\n\
    optimizer = { kind = \"sgd\", lr = 0.1 }\n[plan]\nwidth = 2\n[final]\nskip = true\n";

/// A cohort for each fold, of a command.
const COMMAND: &str = "
    name = \"own\"
    [data]
    dataset = \"fashion-mnist\"
    [validation]
    k_fold = { folds = 2 }
    [command]
    program = [\"train.py\"]
    epochs = 1
";

/// A coordinator that nobody reaches but this test.
struct House {
    desk: Desk,
    folder: tempfile::TempDir,
}

/// What a slot was given, and when.
type Answer = (Instant, Option<LeaseName>);

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let config = Config { state: folder.path().to_owned(), ..Config::default() };
        let coordinator = Coordinator::open(&config, Cache::at("/nonexistent")).expect("opens");
        let desk = coordinator.desk();
        let nobody = tokio_stream::pending::<std::io::Result<DuplexStream>>();
        tokio::spawn(coordinator.serve(nobody, CancellationToken::new()));
        Self { desk, folder }
    }

    async fn tell(&self, command: Command) -> Reply {
        self.desk.command(command).await.expect("is done")
    }

    async fn register(&self, worker: &str) {
        self.register_with(worker, Allowed::default()).await;
    }

    async fn register_with(&self, worker: &str, allowed: Allowed) {
        let slots = vec![SlotInfo { device: DeviceKind::Cpu, model: String::new() }];
        self.tell(Command::RegisterWorker(WorkerInfo {
            id: worker.to_owned(),
            software: String::new(),
            slots,
            allowed,
        }))
        .await;
    }

    async fn submit(&self, request: &str) -> u64 {
        self.submit_spec(request, SPEC).await
    }

    async fn submit_spec(&self, request: &str, spec: &str) -> u64 {
        let record = prepare(request, spec, Format::Toml, &Cache::at("/nonexistent")).expect("a good spec");
        match self.tell(Command::CreateStudy(Box::new(record))).await {
            Reply::Study(study) => study,
            other => panic!("unexpected {other:?}"),
        }
    }

    /// A slot asks for work and waits.
    fn ask(&self, worker: &str) -> JoinHandle<Answer> {
        let workers = Workers {
            desk: self.desk.clone(),
            artifacts: Artifacts::open(self.folder.path()).expect("opens"),
            lease_seconds: 30.0,
            traced: false,
            stop: CancellationToken::new(),
        };
        let request = LeaseCohortRequest { worker: worker.to_owned(), slot: 0, wait_seconds: WAIT_SECONDS };
        tokio::spawn(async move {
            let answer = workers.lease_cohort(Request::new(request)).await.expect("is answered").into_inner();
            let name = answer.lease.and_then(|lease| lease.name).map(|name| LeaseName {
                study: name.study["studies/".len()..].parse().expect("a number"),
                cohort: name.cohort,
                attempt: name.attempt,
            });
            (Instant::now(), name)
        })
    }
}

/// Lets time pass in which nothing happens.
async fn pass() {
    sleep(Duration::from_millis(7_777)).await;
}

#[tokio::test(start_paused = true)]
async fn a_submission_reaches_a_slot_that_waits_at_once() {
    let house = House::open();
    house.register("a").await;
    let asked = house.ask("a");
    pass().await;
    assert!(!asked.is_finished());
    let ready = Instant::now();
    let study = house.submit("one").await;
    let (leased, lease) = asked.await.expect("ends");
    assert_eq!((leased, lease), (ready, Some(LeaseName { study, cohort: 0, attempt: 1 })));
}

#[tokio::test(start_paused = true)]
async fn a_cohort_that_failed_or_was_held_reaches_a_slot_that_waits_at_once() {
    let house = House::open();
    house.register("a").await;
    house.register("b").await;
    let study = house.submit("one").await;
    let (_, lease) = house.ask("a").await.expect("ends");
    let lease = lease.expect("there is work");

    let asked = house.ask("b");
    pass().await;
    let failure = Failure { kind: FailureKind::Crash, message: String::new() };
    let ready = Instant::now();
    house.tell(Command::Fail { worker: "a".to_owned(), lease, failure }).await;
    let (leased, lease) = asked.await.expect("ends");
    assert_eq!((leased, lease), (ready, Some(LeaseName { study, cohort: 0, attempt: 2 })));

    house.tell(Command::PauseStudy(study)).await;
    let failure = Failure { kind: FailureKind::Released, message: String::new() };
    let lease = lease.expect("there is work");
    house.tell(Command::Fail { worker: "b".to_owned(), lease, failure }).await;
    let asked = house.ask("a");
    pass().await;
    assert!(!asked.is_finished(), "the study is held");
    let ready = Instant::now();
    house.tell(Command::ResumeStudy(study)).await;
    let (leased, lease) = asked.await.expect("ends");
    assert_eq!((leased, lease), (ready, Some(LeaseName { study, cohort: 0, attempt: 3 })));
}

#[tokio::test(start_paused = true)]
async fn as_many_slots_as_there_is_work_for_have_it_at_once_and_the_others_wait_on() {
    let house = House::open();
    let workers = ["a", "b", "c"];
    for worker in workers {
        house.register(worker).await;
    }
    let asked = workers.map(|worker| house.ask(worker));
    pass().await;
    let ready = Instant::now();
    let (one, two) = tokio::join!(house.submit("one"), house.submit("two"));
    let mut given = Vec::new();
    let mut waited = Vec::new();
    for asked in asked {
        let (answered, lease) = asked.await.expect("ends");
        match lease {
            Some(lease) => given.push((answered, lease.study)),
            None => waited.push(answered),
        }
    }
    given.sort_by_key(|&(_, study)| study);
    assert_eq!(given, [(ready, one.min(two)), (ready, one.max(two))]);
    assert_eq!(waited.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_command_reaches_a_slot_that_may_run_it_and_no_other() {
    let house = House::open();
    house.register("plain").await;
    house.register_with("allowed", Allowed { commands: true }).await;
    let (refusing, asked) = (house.ask("plain"), house.ask("allowed"));
    pass().await;
    let ready = Instant::now();
    let study = house.submit_spec("own", COMMAND).await;
    let (leased, lease) = asked.await.expect("ends");
    assert_eq!((leased, lease), (ready, Some(LeaseName { study, cohort: 0, attempt: 1 })));
    let (_, nothing) = refusing.await.expect("ends");
    assert_eq!(nothing, None, "there is a second cohort, and it is not for this one");
    // The one that may run commands trains networks as well.
    let asked = house.ask("allowed");
    house.tell(Command::CancelStudy(study)).await;
    pass().await;
    let network = house.submit("one").await;
    assert_eq!(asked.await.expect("ends").1.expect("work").study, network);
}
