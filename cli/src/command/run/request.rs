//! The request id of a run on this machine: made from the study's content, so that the same file is the same study.

use foldwise_proto::v1::{Study, StudyState};
use foldwise_study::spec::Spec;

use crate::client::{CallError, Client};
use crate::spec_file::SpecText;

/// A study that failed or was cancelled is begun anew at most so many times, then shown as it is.
const TAKES_MAX: u32 = 100;

/// Submits a study, or finds the one that the same file made before. One that failed is begun anew.
pub(super) async fn submit(client: &Client, text: &SpecText, spec: &Spec) -> Result<Study, CallError> {
    let mut take = 1;
    loop {
        let study = client.create_study(&request_id(spec, take), text).await?;
        let lost = matches!(study.state(), StudyState::Failed | StudyState::Cancelled);
        if !lost || take == TAKES_MAX {
            return Ok(study);
        }
        take += 1;
    }
}

fn request_id(spec: &Spec, take: u32) -> String {
    let digest = blake3::hash(spec.to_json().to_string().as_bytes());
    if take == 1 { format!("run-{digest}") } else { format!("run-{digest}-{take}") }
}

#[cfg(test)]
mod tests {
    use foldwise_study::spec::{Format, Spec};

    use super::request_id;

    const SPEC: &str = include_str!("../../../../studies/quickstart.toml");

    #[test]
    fn the_same_study_has_the_same_id_however_it_is_written() {
        let spec = Spec::read(SPEC, Format::Toml).unwrap();
        let json = Spec::read(&spec.to_json().to_string(), Format::Json).unwrap();
        assert_eq!(request_id(&spec, 1), request_id(&json, 1));
        assert_ne!(request_id(&spec, 1), request_id(&spec, 2));
        assert!(request_id(&spec, 100).len() <= 100);
        let other = Spec { seed: 43, ..spec.clone() };
        assert_ne!(request_id(&spec, 1), request_id(&other, 1));
    }
}
