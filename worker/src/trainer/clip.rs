//! Norms of gradients, and what keeps them from being too large; each member has its own.

use foldwise_study::train::{Clip, TrainSpec};
use tch::{Device, Kind, Tensor};

use super::TrainError;

/// What PyTorch adds to a norm before it divides by it.
const EPSILON: f64 = 1e-6;

/// The squares of each parameter's gradient summed per member, `[P, E]`.
pub(super) fn squares(gradients: &[Tensor]) -> Result<Tensor, TrainError> {
    let of = |gradient: &Tensor| {
        let flat = gradient.f_reshape([gradient.size()[0], -1])?;
        flat.f_mul(&flat)?.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Float)
    };
    Ok(Tensor::f_stack(&gradients.iter().map(of).collect::<Result<Vec<_>, _>>()?, 0)?)
}

/// A cohort's limits on gradients.
#[derive(Debug)]
pub(super) struct Clipping {
    clip: Clip,
    /// `[E]`.
    most: Tensor,
}

impl Clipping {
    /// The limits of slots that train like these; none where there are none. All are of one kind.
    pub(super) fn new<'a>(
        slots: impl Iterator<Item = &'a TrainSpec>,
        device: Device,
    ) -> Result<Option<Self>, TrainError> {
        let clips: Vec<Clip> = slots.filter_map(|train| train.clip).collect();
        let Some(&clip) = clips.first() else { return Ok(None) };
        let most: Vec<f64> = clips.iter().map(|&(Clip::Norm(most) | Clip::Value(most))| most).collect();
        let most = Tensor::f_from_slice(&most)?.f_to_kind(Kind::Float)?.f_to(device)?;
        Ok(Some(Self { clip, most }))
    }

    /// The gradients within the limits; `squares` are theirs.
    pub(super) fn clip(
        &self,
        gradients: &[Tensor],
        squares: Option<&Tensor>,
    ) -> Result<Vec<Tensor>, TrainError> {
        let over = |numbers: &Tensor, gradient: &Tensor| {
            let mut shape = vec![1; gradient.dim()];
            shape[0] = -1;
            numbers.f_view(&shape[..])
        };
        let within = |gradient: &Tensor| -> Result<Tensor, TrainError> {
            match (self.clip, squares) {
                (Clip::Norm(_), Some(squares)) => {
                    let norm = squares.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Float)?.f_sqrt()?;
                    let share = self.most.f_div(&norm.f_add_scalar(EPSILON)?)?.f_clamp_max(1.0)?;
                    Ok(gradient.f_mul(&over(&share, gradient)?)?)
                }
                _ => {
                    let most = over(&self.most, gradient)?;
                    Ok(gradient.f_minimum(&most)?.f_maximum(&most.f_neg()?)?)
                }
            }
        };
        gradients.iter().map(within).collect()
    }

    /// Whether it needs the gradients' squares.
    pub(super) fn needs_squares(&self) -> bool {
        matches!(self.clip, Clip::Norm(_))
    }
}
