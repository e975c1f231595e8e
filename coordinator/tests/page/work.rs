//! Studies on a coordinator, and a worker that trains nothing.

use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use foldwise_proto::{PROTOCOL_VERSION, v1};

use crate::server::Server;

/// A study of so many trials on three folds, without a final stage.
pub(crate) fn spec(trials: usize) -> String {
    format!(
        "name = \"grid\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = 3 }}\n[network]\n\
         mlp = {{ hidden = [8] }}\n[train]\nepochs = 2\nbatch_size = 100\noptimizer = {{ kind = \"sgd\" }}\n[space]\n\
         \"train.optimizer.lr\" = {{ linear = [0.001, 1.0], steps = {trials} }}\n[plan]\nwidth = 3\n[final]\nskip = true\n"
    )
}

pub(crate) async fn submit(server: &Server, trials: usize) {
    submit_spec(server, spec(trials)).await;
}

pub(crate) async fn submit_spec(server: &Server, spec: String) {
    let mut studies = StudyServiceClient::new(server.channel.clone());
    let digest = blake3::hash(spec.as_bytes()).to_hex().to_string();
    let (request_id, format) = (digest, v1::SpecFormat::Toml.into());
    let request = v1::CreateStudyRequest { request_id, spec, format, parcel: String::new() };
    studies.create_study(request).await.expect("is taken");
}

/// A worker with one slot.
pub(crate) struct Worker {
    client: WorkerServiceClient<tonic::transport::Channel>,
}

impl Worker {
    pub(crate) async fn register(server: &Server) -> Self {
        let mut client = WorkerServiceClient::new(server.channel.clone());
        let slot = v1::Slot { device: "cpu".to_owned(), model: "test".to_owned(), ..v1::Slot::default() };
        let (worker, software) = ("w".to_owned(), "test".to_owned());
        let register = v1::RegisterWorkerRequest {
            worker,
            protocol_version: PROTOCOL_VERSION,
            software,
            slots: vec![slot],
            allows_commands: false,
        };
        client.register_worker(register).await.expect("registers");
        Self { client }
    }

    pub(crate) async fn lease(&mut self) -> v1::Lease {
        let request = v1::LeaseCohortRequest { worker: "w".to_owned(), slot: 0, wait_seconds: 5.0 };
        self.client.lease_cohort(request).await.expect("answered").into_inner().lease.expect("there is work")
    }

    /// Tells of an epoch of every run of a lease.
    pub(crate) async fn report(&mut self, lease: &v1::Lease, epoch: u32) {
        let epochs =
            lease.runs.iter().map(|run| v1::MemberEpoch { run: Some(*run), epoch: Some(value(run, epoch)) });
        let request = v1::ReportProgressRequest {
            worker: "w".to_owned(),
            lease: lease.name.clone(),
            epochs: epochs.collect(),
        };
        self.client.report_progress(request).await.expect("answered");
    }

    pub(crate) async fn complete(&mut self, lease: &v1::Lease) {
        let outcome = |run: &v1::RunId| v1::Outcome {
            trial: run.trial,
            fold: run.fold,
            epochs: (1..=2).map(|epoch| value(run, epoch)).collect(),
            seconds: 1.0,
            ..v1::Outcome::default()
        };
        let request = v1::CompleteCohortRequest {
            worker: "w".to_owned(),
            lease: lease.name.clone(),
            outcomes: lease.runs.iter().map(outcome).collect(),
            ..v1::CompleteCohortRequest::default()
        };
        self.client.complete_cohort(request).await.expect("is taken");
    }

    pub(crate) async fn fail(&mut self, lease: &v1::Lease, message: &str) {
        let request = v1::FailCohortRequest {
            worker: "w".to_owned(),
            lease: lease.name.clone(),
            kind: v1::FailureKind::Training.into(),
            message: message.to_owned(),
        };
        self.client.fail_cohort(request).await.expect("answered");
    }
}

/// Later trials are better.
fn value(run: &v1::RunId, epoch: u32) -> v1::Epoch {
    let accuracy =
        0.5 + f64::from(run.trial) * 0.01 + f64::from(run.fold) * 0.001 + f64::from(epoch) * 0.0001;
    v1::Epoch {
        epoch,
        train_loss: 1.0 - accuracy,
        train_accuracy: Some(accuracy),
        val_loss: Some(1.0 - accuracy),
        val_accuracy: Some(accuracy),
        lr: 0.1,
    }
}
