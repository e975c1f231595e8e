//! What a cohort in training measures because its study asks for it.

use foldwise_study::measure::{Detail, MeasureSpec};
use foldwise_study::outcome::{EpochMeasurements, Measurements, SnapshotFile, StepMeasurements};
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::TrainError;
use super::checkpoint::CheckpointError;
use super::clip::squares;
use super::loss::Losses;
use super::meter::Meter;
use super::model::Model;
use super::parameters::to_pytorch;
use super::tally::Total;

/// What a cohort measures, slot by slot.
#[derive(Debug)]
pub(super) struct Recorder {
    spec: MeasureSpec,
    /// The layers that learn.
    layers: Vec<String>,
    /// For each parameter the position of its layer, `[P]`.
    layer_of: Tensor,
    /// Norms of the epoch under way.
    norms: Option<Norms>,
    pub(super) meter: Option<Meter>,
    slots: Vec<Slot>,
}

/// Norms of gradients of one epoch.
#[derive(Debug)]
struct Norms {
    /// Sums over steps of each layer's norm, `[L, E]`, and of the network's, `[E]`.
    layers: Tensor,
    network: Tensor,
    steps: u64,
    /// Each step's losses and norms, `[2, E]`, on the device until the epoch ends.
    series: Vec<Tensor>,
}

/// What one slot has measured so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    epochs: Vec<EpochMeasurements>,
    steps: Option<StepMeasurements>,
    snapshot_epochs: Vec<u32>,
    /// `[epochs, weights]`, row after row.
    #[serde(skip)]
    snapshots: Vec<f32>,
}

/// What a checkpoint holds of a recorder.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Recorded {
    /// The slots but their snapshots, as JSON.
    pub(super) text: Vec<u8>,
    /// Each slot's snapshots.
    pub(super) snapshots: Vec<Vec<f32>>,
}

impl Recorder {
    /// A recorder of `model`'s slots, whose epochs have `per_epoch` steps.
    pub(super) fn new(spec: &MeasureSpec, model: &Model, per_epoch: u64) -> Result<Self, TrainError> {
        let (mut layers, mut layer_of): (Vec<String>, Vec<i64>) = (Vec::new(), Vec::new());
        for block in model.parameters.blocks() {
            let layer = block.name.rsplit_once('.').map_or("", |(layer, _)| layer);
            if layers.last().is_none_or(|last| last != layer) {
                layers.push(layer.to_owned());
            }
            layer_of.push(layers.len() as i64 - 1);
        }
        let steps = (spec.gradients == Some(Detail::Step))
            .then(|| StepMeasurements { per_epoch, ..StepMeasurements::default() });
        let slot = Slot { steps, ..Slot::default() };
        let members = usize::try_from(model.parameters.members()).unwrap_or(0);
        Ok(Self {
            spec: spec.clone(),
            layers,
            layer_of: Tensor::f_from_slice(&layer_of)?.f_to(model.parameters.values().device())?,
            norms: None,
            meter: None,
            slots: vec![slot; members],
        })
    }

    /// Whether it wants the squares of each step's gradients.
    pub(super) fn needs_squares(&self) -> bool {
        self.spec.gradients.is_some()
    }

    /// Notes a step: its rows' losses, and the squares of its gradients `[P, E]`.
    pub(super) fn step(&mut self, losses: &Losses, squares: Option<&Tensor>) -> Result<(), TrainError> {
        let Some(squares) = squares.filter(|_| self.needs_squares()) else { return Ok(()) };
        let members = squares.size()[1];
        let options = (Kind::Float, squares.device());
        let zeros = Tensor::f_zeros([self.layers.len() as i64, members], options)?;
        let layers = zeros.f_index_add(0, &self.layer_of, squares)?.f_sqrt()?;
        let network = squares.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Float)?.f_sqrt()?;
        let norms = match &mut self.norms {
            Some(norms) => norms,
            None => self.norms.insert(Norms {
                layers: layers.f_zeros_like()?,
                network: network.f_zeros_like()?,
                steps: 0,
                series: Vec::new(),
            }),
        };
        let _ = norms.layers.f_add_(&layers)?;
        let _ = norms.network.f_add_(&network)?;
        norms.steps += 1;
        if self.spec.gradients == Some(Detail::Step) {
            norms.series.push(Tensor::f_stack(&[losses.means()?, network], 0)?);
        }
        Ok(())
    }

    /// Ends an epoch for the slots that went through it whole, for `stopped` ones their last; `training` are totals of
    /// all their training rows.
    pub(super) fn end_epoch(
        &mut self,
        (epoch, epochs): (u32, u32),
        (slots, stopped): (&[usize], &[usize]),
        training: Option<&[Total]>,
        model: &Model,
    ) -> Result<(), TrainError> {
        let norms = self.norms.take();
        let gradients = norms.as_ref().map(Norms::means).transpose()?;
        let series = norms.as_ref().map(Norms::series).transpose()?.unwrap_or_default();
        let weights = self.spec.weights.then(|| self.weight_norms(model)).transpose()?;
        let snapshots = self.spec.snapshots.as_ref();
        let wanted = gradients.is_some() || weights.is_some() || training.is_some();
        for &slot in slots {
            let of =
                |norms: &Option<LayerNorms>| norms.as_ref().map(|norms| norms.of(slot)).unwrap_or_default();
            let ((gradient_norm, layer_gradient_norms), (weight_norm, layer_weight_norms)) =
                (of(&gradients), of(&weights));
            let total = training.map(|training| training[slot]);
            let place = &mut self.slots[slot];
            if wanted {
                place.epochs.push(EpochMeasurements {
                    epoch,
                    training_loss: total.and_then(|total| finite(total.loss)),
                    training_accuracy: total.and_then(|total| total.accuracy),
                    gradient_norm,
                    layer_gradient_norms,
                    weight_norm,
                    layer_weight_norms,
                });
            }
            if let Some(steps) = &mut place.steps {
                let own = series.iter().map(|step| [step[slot], step[step.len() / 2 + slot]]);
                for [loss, norm] in own {
                    steps.losses.push(Some(loss).filter(|loss| loss.is_finite()));
                    steps.gradient_norms.push(Some(norm).filter(|norm| norm.is_finite()));
                }
            }
            // A member that stops early has its last epoch here.
            let last = if stopped.contains(&slot) { epoch } else { epochs };
            if snapshots.is_some_and(|snapshots| snapshots.is_due(epoch, last)) {
                place.snapshot_epochs.push(epoch);
                place.snapshots.extend(weights_of(model, slot as i64)?);
            }
        }
        Ok(())
    }

    /// What a slot has measured, and the file of its snapshots.
    pub(super) fn measured(&self, slot: usize) -> Result<(Measurements, Option<Vec<u8>>), TrainError> {
        let own = &self.slots[slot];
        let file = (!own.snapshot_epochs.is_empty()).then(|| snapshot_file(own)).transpose()?;
        let measurements = Measurements {
            layers: if own
                .epochs
                .iter()
                .any(|epoch| epoch.gradient_norm.is_some() || epoch.weight_norm.is_some())
            {
                self.layers.clone()
            } else {
                Vec::new()
            },
            epochs: own.epochs.clone(),
            steps: own.steps.clone(),
            predictions: Vec::new(),
            snapshots: file.as_ref().map(|file| SnapshotFile {
                digest: blake3::hash(file).to_hex().to_string(),
                epochs: own.snapshot_epochs.clone(),
                weights: (own.snapshots.len() / own.snapshot_epochs.len()) as u64,
            }),
            resources: self.meter.as_ref().map(|meter| meter.read(self.slots.len())),
        };
        Ok((measurements, file))
    }

    /// Everything that going on needs.
    pub(super) fn recorded(&self) -> Result<Recorded, CheckpointError> {
        Ok(Recorded {
            text: serde_json::to_vec(&self.slots).map_err(CheckpointError::Description)?,
            snapshots: self.slots.iter().map(|slot| slot.snapshots.clone()).collect(),
        })
    }

    /// Goes on from what was recorded.
    pub(super) fn resume(&mut self, recorded: &Recorded) -> Result<(), CheckpointError> {
        let mut slots: Vec<Slot> =
            serde_json::from_slice(&recorded.text).map_err(CheckpointError::Description)?;
        let (found, needed) = (slots.len(), self.slots.len());
        if found != needed || recorded.snapshots.len() != needed {
            return Err(CheckpointError::Size { what: "measured members", found, needed });
        }
        for (slot, snapshots) in slots.iter_mut().zip(&recorded.snapshots) {
            let count = slot.snapshot_epochs.len();
            if (count == 0) != snapshots.is_empty() || (count > 0 && snapshots.len() % count != 0) {
                let reason = "its copies of weights are no whole ones".to_owned();
                return Err(CheckpointError::Contents(reason));
            }
            slot.snapshots.clone_from(snapshots);
        }
        self.slots = slots;
        Ok(())
    }

    fn weight_norms(&self, model: &Model) -> Result<LayerNorms, TrainError> {
        let squares = tch::no_grad(|| squares(model.parameters.leaves()))?;
        let zeros =
            Tensor::f_zeros([self.layers.len() as i64, squares.size()[1]], (Kind::Float, squares.device()))?;
        let layers = zeros.f_index_add(0, &self.layer_of, &squares)?.f_sqrt()?;
        let network = squares.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Float)?.f_sqrt()?;
        LayerNorms::read(&layers, &network)
    }
}

/// Norms on the host: of each layer by slot, and of the network by slot.
struct LayerNorms {
    layers: Vec<Vec<f64>>,
    network: Vec<f64>,
}

impl LayerNorms {
    fn read(layers: &Tensor, network: &Tensor) -> Result<Self, TrainError> {
        Ok(Self {
            layers: Vec::try_from(layers.f_to_kind(Kind::Double)?)?,
            network: Vec::try_from(network.f_to_kind(Kind::Double)?)?,
        })
    }

    fn of(&self, slot: usize) -> (Option<f64>, Vec<Option<f64>>) {
        (finite(self.network[slot]), self.layers.iter().map(|layer| finite(layer[slot])).collect())
    }
}

impl Norms {
    fn means(&self) -> Result<LayerNorms, TrainError> {
        let steps = self.steps as f64;
        LayerNorms::read(&self.layers.f_div_scalar(steps)?, &self.network.f_div_scalar(steps)?)
    }

    /// Each step's losses of all slots and then their norms.
    fn series(&self) -> Result<Vec<Vec<f32>>, TrainError> {
        self.series.iter().map(|step| Ok(Vec::try_from(step.f_view([-1])?)?)).collect()
    }
}

/// All learned numbers of a slot in PyTorch's order and layout.
fn weights_of(model: &Model, slot: i64) -> Result<Vec<f32>, TrainError> {
    let parameters = &model.parameters;
    let mut all = Vec::new();
    for block in parameters.blocks() {
        let own = block.of(parameters.values(), parameters.members())?.f_select(0, slot)?;
        all.extend(Vec::<f32>::try_from(to_pytorch(block, &own)?)?);
    }
    Ok(all)
}

fn snapshot_file(slot: &Slot) -> Result<Vec<u8>, TrainError> {
    let bytes: Vec<u8> = slot.snapshots.iter().flat_map(|number| number.to_le_bytes()).collect();
    let epochs = slot.snapshot_epochs.len();
    let view = TensorView::new(Dtype::F32, vec![epochs, slot.snapshots.len() / epochs], &bytes)?;
    Ok(safetensors::serialize([("snapshots", view)], None)?)
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}
