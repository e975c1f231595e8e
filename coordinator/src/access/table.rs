//! What each call needs: one table. What is not in it is denied.

use super::Role;

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: it tells nobody anything that a connection does not.
    Nothing,
    /// Somebody, whoever it is.
    Anybody,
    /// A principal whose role includes this one.
    Role(Role),
    /// The same, of two.
    Either(Role, Role),
}

/// A call: what it needs, and what the audit log calls it, if it is written down whenever it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) path: &'static str,
    pub(super) need: Need,
    pub(super) action: Option<&'static str>,
}

const fn quiet(path: &'static str, need: Need) -> Call {
    Call { path, need, action: None }
}

const fn noted(path: &'static str, need: Role, action: &'static str) -> Call {
    Call { path, need: Need::Role(need), action: Some(action) }
}

const READ: Need = Need::Role(Role::Read);
const WORKER: Need = Need::Role(Role::Worker);

#[rustfmt::skip]
pub(super) const CALLS: [Call; 34] = [
    noted("/foldwise.v1.StudyService/CreateStudy", Role::Submit, "study.submit"),
    quiet("/foldwise.v1.StudyService/GetStudy", READ),
    quiet("/foldwise.v1.StudyService/ListStudies", READ),
    noted("/foldwise.v1.StudyService/CancelStudy", Role::Submit, "study.cancel"),
    noted("/foldwise.v1.StudyService/PauseStudy", Role::Submit, "study.pause"),
    noted("/foldwise.v1.StudyService/ResumeStudy", Role::Submit, "study.resume"),
    noted("/foldwise.v1.StudyService/PrioritizeStudy", Role::Submit, "study.prioritize"),
    noted("/foldwise.v1.StudyService/RetryStudy", Role::Submit, "study.retry"),
    noted("/foldwise.v1.StudyService/ExtendStudy", Role::Submit, "study.extend"),
    noted("/foldwise.v1.StudyService/DeleteStudy", Role::Admin, "study.delete"),
    quiet("/foldwise.v1.StudyService/WatchStudy", READ),
    quiet("/foldwise.v1.StudyService/ListRuns", READ),
    quiet("/foldwise.v1.StudyService/GetReport", READ),
    quiet("/foldwise.v1.StudyService/FindParcel", Need::Role(Role::Submit)),
    noted("/foldwise.v1.StudyService/UploadParcel", Role::Submit, "parcel.upload"),
    // Workers fetch the checkpoints that they go on from, and parcels.
    quiet("/foldwise.v1.StudyService/GetArtifact", Need::Either(Role::Read, Role::Worker)),
    quiet("/foldwise.v1.StudyService/ListWorkers", READ),
    noted("/foldwise.v1.StudyService/DrainWorker", Role::Admin, "worker.drain"),
    noted("/foldwise.v1.WorkerService/RegisterWorker", Role::Worker, "worker.register"),
    quiet("/foldwise.v1.WorkerService/LeaseCohort", WORKER),
    quiet("/foldwise.v1.WorkerService/ReportProgress", WORKER),
    quiet("/foldwise.v1.WorkerService/CompleteCohort", WORKER),
    quiet("/foldwise.v1.WorkerService/FailCohort", WORKER),
    quiet("/foldwise.v1.WorkerService/KeepCheckpoint", WORKER),
    quiet("/foldwise.v1.WorkerService/UploadArtifact", WORKER),
    noted("/foldwise.v1.WorkerService/DeregisterWorker", Role::Worker, "worker.leave"),
    noted("/foldwise.v1.AccessService/CreateToken", Role::Admin, "token.create"),
    quiet("/foldwise.v1.AccessService/ListTokens", Need::Role(Role::Admin)),
    noted("/foldwise.v1.AccessService/RevokeToken", Role::Admin, "token.revoke"),
    quiet("/foldwise.v1.AccessService/GetCaller", Need::Anybody),
    // What watches over the coordinator has no secret; it learns that it answers. What never ends is for those who are known.
    quiet("/grpc.health.v1.Health/Check", Need::Nothing),
    quiet("/grpc.health.v1.Health/List", Need::Nothing),
    quiet("/grpc.health.v1.Health/Watch", Need::Anybody),
    quiet("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Need::Anybody),
];

/// The call with a path.
pub(super) fn call(path: &str) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.path == path)
}

impl Need {
    /// Whether a role satisfies it.
    pub(super) fn met_by(self, role: Role) -> bool {
        match self {
            Self::Nothing | Self::Anybody => true,
            Self::Role(needed) => role.includes(needed),
            Self::Either(one, other) => role.includes(one) || role.includes(other),
        }
    }

    /// In words.
    pub(super) fn words(self) -> String {
        match self {
            Self::Nothing | Self::Anybody => "anybody".to_owned(),
            Self::Role(role) => role.to_string(),
            Self::Either(one, other) => format!("{one} or {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::{CALLS, Need, Role, call};

    #[test]
    fn every_call_that_there_is_has_its_line() {
        let files = FileDescriptorSet::decode(foldwise_proto::DESCRIPTORS).unwrap().file;
        let mut there = BTreeSet::new();
        for file in &files {
            for service in &file.service {
                for method in &service.method {
                    there.insert(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
                }
            }
        }
        let listed: BTreeSet<String> = CALLS
            .iter()
            .map(|call| call.path.to_owned())
            .filter(|path| path.starts_with("/foldwise"))
            .collect();
        assert_eq!(there, listed);
    }

    #[test]
    fn what_changes_something_needs_more_than_reading() {
        for call in CALLS.iter().filter(|call| call.action.is_some()) {
            assert!(!call.need.met_by(Role::Read), "{}", call.path);
        }
        assert!(
            CALLS.iter().filter(|call| call.need == Need::Nothing).all(|call| call.path.contains("Health"))
        );
        assert!(call("/foldwise.v1.StudyService/Nothing").is_none());
    }
}
