//! One table from our errors to gRPC statuses.

use foldwise_proto::WORKER_NOT_REGISTERED;
use foldwise_study::spec::Problems;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::artifacts::ArtifactError;
use crate::committer::Refusal;
use crate::ledger::Rejection;
use crate::measurements::MeasurementsError;
use crate::store::StoreError;
use crate::submission::SubmissionError;

pub(super) fn of_refusal(refusal: &Refusal) -> Status {
    let code = match refusal {
        Refusal::Rejected(rejection) => of_rejection(rejection),
        Refusal::Store(_) | Refusal::Blind(_) | Refusal::Stopping => Code::Unavailable,
        Refusal::Busy => Code::ResourceExhausted,
    };
    let message = refusal.to_string();
    if matches!(refusal, Refusal::Rejected(Rejection::NoWorker(_))) {
        let details = ErrorDetails::with_error_info(
            WORKER_NOT_REGISTERED,
            "foldwise",
            std::collections::HashMap::new(),
        );
        return Status::with_error_details(code, message, details);
    }
    Status::new(code, message)
}

fn of_rejection(rejection: &Rejection) -> Code {
    match rejection {
        Rejection::NoStudy(_)
        | Rejection::NoWorker(_)
        | Rejection::UnknownWorker(_)
        | Rejection::NoToken(_)
        | Rejection::NoCohort { .. } => Code::NotFound,
        Rejection::SeveralStudies { .. } | Rejection::Over { .. } | Rejection::NotOver(_) => {
            Code::FailedPrecondition
        }
        Rejection::Overtaken(_) => Code::Aborted,
        Rejection::RequestReused { .. } | Rejection::TokenExists(_) => Code::AlreadyExists,
        Rejection::TooManyTokens(_) => Code::ResourceExhausted,
        Rejection::NoSlot { .. } | Rejection::WrongResults { .. } | Rejection::Profile(_) => {
            Code::InvalidArgument
        }
    }
}

pub(super) fn of_submission(error: &SubmissionError) -> Status {
    match error {
        SubmissionError::Spec(problems) => of_problems(problems),
        SubmissionError::RequestId => Status::invalid_argument(error.to_string()),
        SubmissionError::Data(_) => Status::failed_precondition(error.to_string()),
    }
}

/// One field violation per problem.
fn of_problems(problems: &Problems) -> Status {
    let mut details = ErrorDetails::new();
    for problem in &problems.0 {
        details.add_bad_request_violation(problem.path.clone(), problem.to_string());
    }
    let message = format!("the spec has {} problem(s)", problems.0.len());
    Status::with_error_details(Code::InvalidArgument, message, details)
}

pub(super) fn of_artifact(error: &ArtifactError) -> Status {
    let code = match error {
        ArtifactError::NotADigest(_) | ArtifactError::TooLarge | ArtifactError::ParcelTooLarge => {
            Code::InvalidArgument
        }
        ArtifactError::Busy(_) => Code::Aborted,
        ArtifactError::Offset { .. } => Code::OutOfRange,
        ArtifactError::TooManyPartial => Code::ResourceExhausted,
        ArtifactError::Missing(_) => Code::NotFound,
        ArtifactError::Mismatch { .. } | ArtifactError::Damaged { .. } => Code::DataLoss,
        ArtifactError::Io { .. } | ArtifactError::Bucket(_) => Code::Unavailable,
    };
    Status::new(code, error.to_string())
}

pub(super) fn of_measurements(error: &MeasurementsError) -> Status {
    let code = match error {
        MeasurementsError::Wrong { .. } => Code::InvalidArgument,
        MeasurementsError::Io(_) => Code::Unavailable,
    };
    Status::new(code, error.to_string())
}

pub(super) fn of_store(error: &StoreError) -> Status {
    Status::unavailable(error.to_string())
}
