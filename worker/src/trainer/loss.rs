//! The loss of each row, and whether it was classified correctly.

use foldwise_study::train::{Loss, TrainSpec};
use tch::{Device, Kind, Reduction, Tensor};

use super::TrainError;

/// What is computed from a model's outputs and the targets.
#[derive(Debug)]
pub(super) struct Objective {
    pub(super) loss: Loss,
    /// Whether targets are classes.
    pub(super) classes: bool,
    label_smoothing: f64,
    huber_delta: f64,
    /// What each class counts, `[K]`.
    class_weights: Option<Tensor>,
}

/// The losses of rows.
#[derive(Debug)]
pub(super) struct Losses {
    /// `[E, B]`, each row's loss times its weight.
    pub(super) values: Tensor,
    /// `[E, B]`; absent where all rows weigh 1.
    pub(super) weights: Option<Tensor>,
}

/// The target that `cross_entropy` ignores; no label is negative.
const NO_TARGET: i64 = -100;

impl Objective {
    /// The objective of a cohort that trains like this; `classes` says whether targets are classes.
    pub(super) fn new(train: &TrainSpec, classes: bool, device: Device) -> Result<Self, TrainError> {
        let usual = if classes { Loss::CrossEntropy } else { Loss::MeanSquaredError };
        let weights =
            |weights: &Vec<f64>| Tensor::f_from_slice(weights)?.f_to_kind(Kind::Float)?.f_to(device);
        Ok(Self {
            loss: train.loss.unwrap_or(usual),
            classes,
            label_smoothing: train.label_smoothing.unwrap_or(0.0),
            huber_delta: train.huber_delta.unwrap_or(1.0),
            class_weights: train.class_weights.as_ref().map(weights).transpose()?,
        })
    }

    /// Whether rows weigh differently.
    pub(super) fn weighs(&self) -> bool {
        self.class_weights.is_some()
    }

    /// Whether each row's loss is the cross-entropy of its class and nothing else.
    pub(super) fn is_plain_cross_entropy(&self) -> bool {
        self.loss == Loss::CrossEntropy && self.class_weights.is_none() && self.label_smoothing == 0.0
    }

    /// Whether each row's loss is the mean squared error of numbers.
    pub(super) fn is_squared_error_of_numbers(&self) -> bool {
        self.loss == Loss::MeanSquaredError && !self.classes
    }

    /// The losses of outputs `[E, B, K]` for targets `[G·B]` or `[G·B, K]`.
    pub(super) fn losses(
        &self,
        outputs: &Tensor,
        targets: &Tensor,
        streams: i64,
    ) -> Result<Losses, TrainError> {
        let targets = per_member(targets, streams, outputs.size()[0])?;
        if self.loss == Loss::CrossEntropy {
            return self.cross_entropy(outputs, &targets);
        }
        let targets = self.numbers(outputs, &targets)?;
        let each = match self.loss {
            Loss::CrossEntropy | Loss::MeanSquaredError => outputs.f_mse_loss(&targets, Reduction::None)?,
            Loss::MeanAbsoluteError => outputs.f_l1_loss(&targets, Reduction::None)?,
            Loss::Huber => outputs.f_huber_loss(&targets, Reduction::None, self.huber_delta)?,
            Loss::BinaryCrossEntropy => {
                let none = None::<&Tensor>;
                outputs.f_binary_cross_entropy_with_logits(&targets, none, none, Reduction::None)?
            }
        };
        Ok(Losses { values: each.f_mean_dim([2_i64].as_slice(), false, None)?, weights: None })
    }

    fn cross_entropy(&self, outputs: &Tensor, targets: &Tensor) -> Result<Losses, TrainError> {
        let size = outputs.size();
        let (members, rows, width) = (size[0], size[1], size[2]);
        let flat = outputs.f_reshape([members * rows, width])?;
        let targets = targets.f_reshape([-1])?;
        let weights = self.class_weights.as_ref();
        let losses =
            flat.f_cross_entropy_loss(&targets, weights, Reduction::None, NO_TARGET, self.label_smoothing)?;
        let of_rows = |weights: &Tensor| weights.f_index_select(0, &targets)?.f_view((members, rows));
        Ok(Losses { values: losses.f_view((members, rows))?, weights: weights.map(of_rows).transpose()? })
    }

    /// Targets as numbers, `[E, B, K]`: a class as its one-hot vector, or with one output as 0 or 1.
    pub(super) fn numbers(&self, outputs: &Tensor, targets: &Tensor) -> Result<Tensor, TrainError> {
        let targets = match (self.classes, outputs.size()[2]) {
            (true, 1) => targets.f_to_kind(outputs.f_kind()?)?,
            (true, width) => targets.f_one_hot(width)?.f_to_kind(outputs.f_kind()?)?,
            (false, _) => targets.shallow_clone(),
        };
        Ok(targets.f_view(&outputs.size()[..])?)
    }

    /// The class that each row is taken for, `[E, B]`: the largest output, or with one output whether it is positive.
    pub(super) fn predicted(outputs: &Tensor) -> Result<Tensor, TrainError> {
        if outputs.size()[2] == 1 {
            return Ok(outputs.f_select(2, 0)?.f_gt(0.0)?.f_to_kind(Kind::Int64)?);
        }
        Ok(outputs.f_argmax(2, false)?)
    }

    /// The probability of the class that each row is taken for, `[E, B]`, where the loss is one of probabilities.
    pub(super) fn probability(&self, outputs: &Tensor) -> Result<Option<Tensor>, TrainError> {
        let outputs = outputs.f_to_kind(Kind::Float)?;
        let alone = outputs.size()[2] == 1;
        Ok(match self.loss {
            _ if !self.classes => None,
            Loss::CrossEntropy => Some(outputs.f_softmax(2, Kind::Float)?.f_amax([2_i64].as_slice(), false)?),
            Loss::BinaryCrossEntropy if alone => Some(outputs.f_select(2, 0)?.f_abs()?.f_sigmoid()?),
            Loss::BinaryCrossEntropy => Some(outputs.f_amax([2_i64].as_slice(), false)?.f_sigmoid()?),
            Loss::MeanSquaredError | Loss::MeanAbsoluteError | Loss::Huber => None,
        })
    }

    /// Whether each row is taken for its class, `[E, B]`; nothing for targets that are numbers.
    pub(super) fn hits(
        &self,
        outputs: &Tensor,
        targets: &Tensor,
        streams: i64,
    ) -> Result<Option<Tensor>, TrainError> {
        if !self.classes {
            return Ok(None);
        }
        let members = outputs.size()[0];
        let targets = per_member(targets, streams, members)?;
        Ok(Some(Self::predicted(outputs)?.f_eq_tensor(&targets.f_view((members, -1))?)?))
    }
}

impl Losses {
    /// The sum of the members' means: no member's gradient depends on another.
    pub(super) fn total(&self) -> Result<Tensor, TrainError> {
        match &self.weights {
            Some(_) => Ok(self.means()?.f_sum(Kind::Float)?),
            None => Ok(self.values.f_sum(Kind::Float)?.f_div_scalar(self.values.size()[1] as f64)?),
        }
    }

    /// The mean over each member's rows, `[E]`.
    pub(super) fn means(&self) -> Result<Tensor, TrainError> {
        let rows = self.values.size()[1] as f64;
        let sum = |values: &Tensor| values.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
        match &self.weights {
            Some(weights) => Ok(sum(&self.values)?.f_div(&sum(weights)?)?),
            None => Ok(sum(&self.values)?.f_div_scalar(rows)?),
        }
    }
}

/// `[G·B, …]` → `[E·B, …]`.
fn per_member(targets: &Tensor, streams: i64, members: i64) -> Result<Tensor, TrainError> {
    if streams == members {
        return Ok(targets.shallow_clone());
    }
    let mut shape = targets.size();
    shape[0] /= streams;
    shape.insert(0, streams);
    let wide = targets.f_view(&shape[..])?.f_repeat_interleave_self_int(members / streams, 0, None)?;
    shape.remove(0);
    shape[0] *= members;
    Ok(wide.f_view(&shape[..])?)
}

#[cfg(test)]
mod tests {
    use foldwise_study::train::{Loss, Optimizer, OptimizerKind, TrainSpec};
    use tch::{Device, Tensor};

    use super::Objective;

    fn objective(loss: Loss) -> Objective {
        let optimizer = Optimizer::new(OptimizerKind::Sgd, 0.1);
        let train = TrainSpec { loss: Some(loss), ..TrainSpec::new(1, 1, optimizer) };
        Objective::new(&train, true, Device::Cpu).expect("memory")
    }

    fn floats(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.reshape(-1)).expect("floats")
    }

    #[test]
    fn cross_entropy_is_finite_for_outputs_of_any_size() {
        let outputs = Tensor::from_slice(&[1e30_f32, -1e30, 0.0, 3e4, -3e4, 3e4]).view((1, 2, 3));
        let outputs = outputs.set_requires_grad(true);
        let losses = objective(Loss::CrossEntropy).losses(&outputs, &Tensor::from_slice(&[0_i64, 0]), 1);
        let losses = losses.expect("losses").values;
        assert!(losses.isfinite().all().int64_value(&[]) == 1, "{losses:?}");
        losses.sum(tch::Kind::Float).backward();
        assert!(outputs.grad().isfinite().all().int64_value(&[]) == 1);
    }

    #[test]
    fn squared_error_of_classes_is_against_the_one_hot_vector() {
        let outputs = Tensor::from_slice(&[0.5_f32, 0.5, 0.0, 1.0]).view((1, 2, 2));
        let objective = objective(Loss::MeanSquaredError);
        let targets = Tensor::from_slice(&[0_i64, 0]);
        let losses = objective.losses(&outputs, &targets, 1).expect("losses");
        assert_eq!(floats(&losses.values), [0.25, 1.0]);
        let hits = objective.hits(&outputs, &targets, 1).expect("hits").expect("classes");
        assert_eq!(Vec::<bool>::try_from(hits.view(-1)).expect("booleans"), [true, false]);
    }

    #[test]
    fn one_output_for_two_classes_hits_where_its_sign_is_right() {
        let outputs = Tensor::from_slice(&[2.0_f32, -1.0, 0.5]).view((1, 3, 1));
        let objective = objective(Loss::BinaryCrossEntropy);
        let targets = Tensor::from_slice(&[1_i64, 0, 0]);
        let losses = floats(&objective.losses(&outputs, &targets, 1).expect("losses").values);
        let expected = [2.0_f32, 1.0, -0.5].map(|margin| (1.0 + (-margin).exp()).ln());
        assert!(losses.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{losses:?}");
        let hits = objective.hits(&outputs, &targets, 1).expect("hits").expect("classes");
        assert_eq!(Vec::<bool>::try_from(hits.view(-1)).expect("booleans"), [true, true, false]);
    }
}
