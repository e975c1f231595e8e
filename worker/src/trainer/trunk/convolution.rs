//! A convolution's way back.
//!
//! libtorch computes it, but its C interface offers no more than autograd's calls of it. A few lines in libtorch's own
//! language (`convolution.py`, kept as it compiles them) call it for us.

use foldwise_study::network::Conv2d;
use tch::{CModule, IValue, Tensor};

use crate::trainer::TrainError;

const COMPILED: &[u8] = include_bytes!("convolution.pt");

/// The way back of convolutions.
#[derive(Debug)]
pub(super) struct Convolution {
    module: CModule,
}

/// A convolution's gradients: those that were asked for.
#[derive(Debug)]
pub(super) struct Gradients {
    pub(super) inputs: Option<Tensor>,
    /// `[O, I, kh, kw]`.
    pub(super) kernel: Tensor,
    pub(super) bias: Option<Tensor>,
}

impl Convolution {
    pub(super) fn new() -> Result<Self, TrainError> {
        Ok(Self { module: CModule::load_data(&mut &*COMPILED)? })
    }

    /// The gradients of a convolution of `inputs` `[B, I, H, W]` in `groups`, from that of its outputs.
    pub(super) fn backward(
        &self,
        (delta, inputs, kernel): (&Tensor, &Tensor, &Tensor),
        layer: &Conv2d,
        groups: i64,
        [inputs_too, bias_too]: [bool; 2],
    ) -> Result<Gradients, TrainError> {
        let sides = |[height, width]: [usize; 2]| IValue::IntList(vec![height as i64, width as i64]);
        let given = [
            IValue::Tensor(delta.shallow_clone()),
            IValue::Tensor(inputs.shallow_clone()),
            IValue::Tensor(kernel.shallow_clone()),
            sides(layer.stride.sides()),
            sides(layer.padding.sides()),
            IValue::Int(groups),
            IValue::BoolList(vec![inputs_too, true, bias_too]),
        ];
        let IValue::TensorList(found) = self.module.method_is("backward", &given)? else {
            return Err(missing());
        };
        let mut found = found.into_iter();
        Ok(Gradients {
            inputs: inputs_too.then(|| found.next()).flatten(),
            kernel: found.next().ok_or_else(missing)?,
            bias: bias_too.then(|| found.next()).flatten(),
        })
    }
}

fn missing() -> TrainError {
    TrainError::Data("libtorch gave other gradients of a convolution than it was asked for".to_owned())
}
