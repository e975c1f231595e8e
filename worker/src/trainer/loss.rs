//! The loss of each row, and whether it was classified correctly.

use foldwise_study::train::Loss;
use tch::{Reduction, Tensor};

use super::TrainError;

/// What is computed from a model's outputs and the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Objective {
    pub(super) loss: Loss,
    /// Whether targets are classes.
    pub(super) classes: bool,
}

/// The target that `cross_entropy` ignores; no label is negative.
const NO_TARGET: i64 = -100;

impl Objective {
    /// The loss of each row, `[E, B]`, of outputs `[E, B, K]` and targets `[G·B]` or `[G·B, K]`.
    pub(super) fn losses(
        self,
        outputs: &Tensor,
        targets: &Tensor,
        streams: i64,
    ) -> Result<Tensor, TrainError> {
        let size = outputs.size();
        let (members, rows, width) = (size[0], size[1], size[2]);
        let targets = per_member(targets, streams, members)?;
        match self.loss {
            Loss::CrossEntropy => {
                let flat = outputs.f_reshape([members * rows, width])?;
                let none = None::<&Tensor>;
                let losses = flat.f_cross_entropy_loss(
                    &targets.f_reshape([-1])?,
                    none,
                    Reduction::None,
                    NO_TARGET,
                    0.0,
                )?;
                Ok(losses.f_view((members, rows))?)
            }
            Loss::MeanSquaredError => {
                let targets = if self.classes {
                    targets.f_one_hot(width)?.f_to_kind(outputs.f_kind()?)?
                } else {
                    targets
                };
                let squares =
                    outputs.f_mse_loss(&targets.f_view((members, rows, width))?, Reduction::None)?;
                Ok(squares.f_mean_dim([2_i64].as_slice(), false, None)?)
            }
        }
    }

    /// Whether each row's largest output is its class, `[E, B]`; nothing for targets that are numbers.
    pub(super) fn hits(
        self,
        outputs: &Tensor,
        targets: &Tensor,
        streams: i64,
    ) -> Result<Option<Tensor>, TrainError> {
        if !self.classes {
            return Ok(None);
        }
        let members = outputs.size()[0];
        let targets = per_member(targets, streams, members)?;
        Ok(Some(outputs.f_argmax(2, false)?.f_eq_tensor(&targets.f_view((members, -1))?)?))
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
    use foldwise_study::train::Loss;
    use tch::Tensor;

    use super::Objective;

    #[test]
    fn cross_entropy_is_finite_for_outputs_of_any_size() {
        let outputs = Tensor::from_slice(&[1e30_f32, -1e30, 0.0, 3e4, -3e4, 3e4]).view((1, 2, 3));
        let outputs = outputs.set_requires_grad(true);
        let objective = Objective { loss: Loss::CrossEntropy, classes: true };
        let losses = objective.losses(&outputs, &Tensor::from_slice(&[0_i64, 0]), 1).expect("losses");
        assert!(losses.isfinite().all().int64_value(&[]) == 1, "{losses:?}");
        losses.sum(tch::Kind::Float).backward();
        assert!(outputs.grad().isfinite().all().int64_value(&[]) == 1);
    }

    #[test]
    fn squared_error_of_classes_is_against_the_one_hot_vector() {
        let outputs = Tensor::from_slice(&[0.5_f32, 0.5, 0.0, 1.0]).view((1, 2, 2));
        let objective = Objective { loss: Loss::MeanSquaredError, classes: true };
        let targets = Tensor::from_slice(&[0_i64, 0]);
        let losses = objective.losses(&outputs, &targets, 1).expect("losses");
        assert_eq!(Vec::<f32>::try_from(losses.view(-1)).expect("floats"), [0.25, 1.0]);
        let hits = objective.hits(&outputs, &targets, 1).expect("hits").expect("classes");
        assert_eq!(Vec::<bool>::try_from(hits.view(-1)).expect("booleans"), [true, false]);
    }
}
