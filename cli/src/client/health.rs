//! Whether a coordinator serves, asked as gRPC's own health protocol has it.

use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use super::{CallError, Client};

const ATTEMPT: &str = "ask the coordinator whether it serves";

impl Client {
    /// Fails unless it serves workers and studies.
    pub(crate) async fn health(&self) -> Result<(), CallError> {
        for service in ["foldwise.v1.StudyService", "foldwise.v1.WorkerService"] {
            let request = HealthCheckRequest { service: service.to_owned() };
            let answer = self.health.clone().check(request).await.map_err(self.failed(ATTEMPT))?.into_inner();
            if answer.status() != ServingStatus::Serving {
                let status = Status::new(Code::Unavailable, format!("{service} does not serve now"));
                return Err(CallError::of_status(ATTEMPT, &self.url, &status));
            }
        }
        Ok(())
    }
}
