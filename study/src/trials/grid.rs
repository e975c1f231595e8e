//! The grid of one spec: its points, and the trial at each.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::check::check_trial;
use super::{Described, Method, RowFacts, Trial};
use crate::command::CommandSpec;
use crate::network::NetworkSpec;
use crate::space::{Axis, settings};
use crate::spec::{Problem, Spec, set_json};
use crate::train::{Loss, TrainSpec};

/// What a trial is, whatever spec it was written in: a digest of how it trains and of its network.
pub(super) type Identity = [u8; 32];

/// The points of one spec's space.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    template: Json,
    axes: Vec<Axis>,
    /// Points of the full grid.
    pub(super) size: u32,
    /// Positions in the full grid that are trials of the study, ascending.
    pub(super) positions: Vec<u32>,
}

/// The part of a spec that a point overrides.
#[derive(Serialize, Deserialize)]
struct Searched {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<NetworkSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    train: Option<TrainSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<CommandSpec>,
}

impl Grid {
    /// The full grid of a spec, with no position taken yet.
    pub(super) fn of(spec: &Spec) -> Result<Self, Vec<Problem>> {
        let size = spec.space.points().map_err(|problem| vec![problem])?;
        let size = u32::try_from(size).expect("points are bounded far below 2^32");
        let axes = spec.space.axes();
        let mut template = spec.to_json();
        if let Some(object) = template.as_object_mut() {
            object.retain(|key, _| ["network", "train", "command"].contains(&key.as_str()));
        }
        let settings = settings(&template) + axes.iter().map(Axis::settings).sum::<usize>();
        spec.space.check_work(settings).map_err(|problem| vec![problem])?;
        Ok(Self { template, axes, size, positions: Vec::new() })
    }

    /// The searched values at a position, by path, in the order of the space.
    pub(super) fn parameters_at(&self, position: u32) -> IndexMap<String, Json> {
        let mut rest = position as usize;
        let mut points = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            points.push((axis, &axis.points[rest % axis.points.len()]));
            rest /= axis.points.len();
        }
        let values = points.into_iter().rev().flat_map(|(axis, point)| axis.paths.iter().zip(point));
        values.map(|(path, value)| (path.clone(), value.clone())).collect()
    }

    /// The trial at a position, as number `index` of the study.
    pub(super) fn build(
        &self,
        index: usize,
        position: u32,
        rows: &RowFacts,
        parameters_max: Option<u64>,
    ) -> Result<Trial, Vec<Problem>> {
        let parameters = self.parameters_at(position);
        let searched = self.searched(&parameters).map_err(|problem| vec![problem])?;
        let method = match searched {
            Searched { command: Some(command), .. } => Method::Command(command),
            Searched { network: Some(network), train: Some(train), .. } => {
                Method::Described(Box::new(described(&network, train, rows, parameters_max)?))
            }
            // Never so for a spec that was read.
            Searched { .. } => return Err(vec![Problem::new("", "has neither a network nor a command")]),
        };
        Ok(Trial { index, parameters, method })
    }

    /// What the trial at a position is.
    pub(super) fn identity(&self, position: u32) -> Identity {
        let searched = self.searched(&self.parameters_at(position));
        // Written by our own types, so that 1 and 1.0, and a default said or unsaid, are the same.
        let text = searched.ok().and_then(|searched| serde_json::to_vec(&searched).ok()).unwrap_or_default();
        blake3::derive_key("foldwise 1 trial identity", &text)
    }

    fn searched(&self, parameters: &IndexMap<String, Json>) -> Result<Searched, Problem> {
        let mut json = self.template.clone();
        for (path, value) in parameters {
            set_json(&mut json, path, value.clone())?;
        }
        serde_json::from_value(json).map_err(|error| Problem::new("space", error.to_string()))
    }
}

/// A network for rows like these, with how it is trained, checked whole.
fn described(
    network: &NetworkSpec,
    train: TrainSpec,
    rows: &RowFacts,
    parameters_max: Option<u64>,
) -> Result<Described, Vec<Problem>> {
    let loss = train.loss.unwrap_or(match rows.classes {
        Some(_) => Loss::CrossEntropy,
        None => Loss::MeanSquaredError,
    });
    let mut problems = check_trial(&train, loss, rows);
    match network.resolve(&rows.shape, rows.outputs(loss)) {
        Err(error) => problems.push(Problem::new("network", error.to_string())),
        Ok(network) => {
            let count = network.parameter_count().total;
            if let Some(most) = parameters_max.filter(|&most| count > most) {
                let message = format!("{count} parameters pass the budget of {most} (limits.parameters)");
                problems.push(Problem::new("network", message));
            }
            if problems.is_empty() {
                return Ok(Described { network, train, loss });
            }
        }
    }
    Err(problems)
}
