//! What makes two cohorts the same training.

use foldwise_study::network::LayerShape;
use foldwise_study::train::TrainSpec;
use serde::Serialize;

use super::{CheckpointError, Cohort, DeviceData, Member};

/// The context of BLAKE3's key derivation, which keeps this hash apart from all others.
const CONTEXT: &str = "foldwise 1 cohort of a checkpoint";

/// One member but its rows, in a fixed order of fields.
#[derive(Serialize)]
struct Described<'a> {
    input: &'a [usize],
    outputs: usize,
    layers: Vec<String>,
    /// The digest of what computes in place of layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a str>,
    initial: Vec<String>,
    train: &'a TrainSpec,
    study: u64,
    seed: Option<u64>,
    trial: Option<u32>,
    fold: u32,
}

impl<'a> Described<'a> {
    fn of(member: &'a Member, module: Option<&'a str>) -> Self {
        let Member { network, train, source, .. } = member;
        Self {
            input: &network.input,
            outputs: network.outputs,
            layers: network.layers.iter().map(|shaped| format!("{:?}", shaped.operation)).collect(),
            module,
            initial: network
                .layers
                .iter()
                .flat_map(LayerShape::initial)
                .map(|drawn| format!("{drawn:?}"))
                .collect(),
            train,
            study: source.study,
            seed: source.train,
            trial: source.trial,
            fold: source.fold,
        }
    }
}

/// BLAKE3, in hexadecimal digits, over everything that decides how a cohort trains: shape and number of the
/// rows, rule and purpose, the digest of a module's file, and each member's network, training, seeds and rows. The rows'
/// numbers are not in it; callers compare the digest of the data.
pub(super) fn fingerprint(
    data: &DeviceData,
    cohort: &Cohort,
    module: Option<&str>,
) -> Result<String, CheckpointError> {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    update(&mut hasher, &(data.shape(), data.classes(), data.train_rows(), data.test_rows()))?;
    update(&mut hasher, &cohort.measure)?;
    update(&mut hasher, &(cohort.selection, &cohort.test, cohort.keep_weights, cohort.members.len()))?;
    for member in &cohort.members {
        update(&mut hasher, &Described::of(member, module))?;
        for rows in [&member.train_rows, &member.validation_rows] {
            let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
            update_sized(&mut hasher, &bytes);
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn update(hasher: &mut blake3::Hasher, value: &impl Serialize) -> Result<(), CheckpointError> {
    update_sized(hasher, &serde_json::to_vec(value).map_err(CheckpointError::Description)?);
    Ok(())
}

/// With the length before it, so that no two sequences of parts give the same bytes.
fn update_sized(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}
