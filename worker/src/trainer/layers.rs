//! The layers of a cohort: each computes all members at once from parameters with a leading dimension `E`.

use foldwise_study::network::{Conv2d, Pool2d};
use foldwise_study::train::Precision;
use tch::{Kind, Tensor};

use super::TrainError;
use super::activation::{Activation, Form};

/// PyTorch's epsilon of batch norm.
pub(super) const EPSILON: f64 = 1e-5;
/// PyTorch's momentum of batch norm's running statistics.
pub(super) const MOMENTUM: f64 = 0.1;

/// A linear layer with weights `[E, O, F]` and, with a bias, `[E, O]`: one matrix product per row stream.
pub(super) fn linear(
    x: &Activation,
    weight: &Tensor,
    bias: Option<&Tensor>,
    precision: Precision,
) -> Result<Activation, TrainError> {
    if precision == Precision::Bf16 {
        let narrow = Activation { values: bf16(&x.values)?, ..*x };
        let bias = bias.map(bf16).transpose()?;
        let wide = linear(&narrow, &bf16(weight)?, bias.as_ref(), Precision::Fp32)?;
        return Ok(Activation { values: wide.values.f_to_kind(Kind::Float)?, ..wide });
    }
    let size = weight.size();
    let (members, outputs, features) = (size[0], size[1], size[2]);
    let (streams, width) = (x.copies, members / x.copies);
    if streams == 1 {
        let rows = x.values.f_reshape([-1, features])?;
        let weight = weight.f_view((members * outputs, features))?;
        let bias = bias.map(|bias| bias.f_view([members * outputs])).transpose()?;
        return Ok(Activation::with(rows.f_linear(&weight, bias)?, Form::Columns, members));
    }
    // Weights first, so that their gradients lie in memory as they do.
    let rows = x.batches()?.f_transpose(1, 2)?;
    let weight = weight.f_view((streams, width * outputs, features))?;
    let values = match bias {
        Some(bias) => bias.f_view((streams, width * outputs, 1))?.f_baddbmm(&weight, &rows, 1.0, 1.0)?,
        None => weight.f_bmm(&rows)?,
    };
    if width == 1 {
        return Ok(Activation::with(values.f_transpose(1, 2)?, Form::Batches, members));
    }
    let count = values.size()[2];
    let columns = values.f_permute([2, 0, 1])?.f_reshape([count, members * outputs])?;
    Ok(Activation::with(columns, Form::Columns, members))
}

/// A convolution with kernels `[E, O, kh, kw, I]` and, with a bias, `[E, O]`: one group per row stream, or as many as
/// the layer has of its own per member, which then needs its own copy of the rows.
pub(super) fn conv2d(
    x: &Activation,
    layer: &Conv2d,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    precision: Precision,
) -> Result<Activation, TrainError> {
    if precision == Precision::Bf16 {
        let narrow = Activation { values: bf16(&x.values)?, ..*x };
        let bias = bias.map(bf16).transpose()?;
        let wide = conv2d(&narrow, layer, &bf16(kernel)?, bias.as_ref(), Precision::Fp32)?;
        return Ok(Activation { values: wide.values.f_to_kind(Kind::Float)?, ..wide });
    }
    let size = kernel.size();
    let (members, channels) = (size[0], size[0] * size[1]);
    let kernel = kernel.f_view((channels, size[2], size[3], size[4]))?.f_permute([0, 3, 1, 2])?;
    let bias = bias.map(|bias| bias.f_view([channels])).transpose()?;
    let values = x.values.f_conv2d(
        &kernel,
        bias,
        sides(layer.stride.sides()),
        sides(layer.padding.sides()),
        [1, 1],
        x.copies * layer.groups as i64,
    )?;
    Ok(Activation::with(values, Form::Pictures, members))
}

/// Running mean and variance of one batch norm, `[E·C]` each.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) mean: Tensor,
    pub(super) variance: Tensor,
}

impl Running {
    /// The same statistics, in the same memory.
    pub(super) fn shared(&self) -> Self {
        Self { mean: self.mean.shallow_clone(), variance: self.variance.shallow_clone() }
    }
}

/// Batch norm over all members' channels side by side; scale and shift are `[E, C]`.
pub(super) fn batch_norm(
    x: Activation,
    [scale, shift]: [&Tensor; 2],
    running: &Running,
    training: bool,
) -> Result<Activation, TrainError> {
    let x = x.channels_second()?;
    let channels = running.mean.size()[0];
    let values = x.values.f_batch_norm(
        Some(&scale.f_view([channels])?),
        Some(&shift.f_view([channels])?),
        Some(&running.mean),
        Some(&running.variance),
        training,
        MOMENTUM,
        EPSILON,
        true,
    )?;
    Ok(Activation::with(values, x.form, x.copies))
}

/// Layer norm of each member's rows: over all numbers of a row, with scale and shift `[E, …]` of its shape.
pub(super) fn layer_norm(x: &Activation, [scale, shift]: [&Tensor; 2]) -> Result<Activation, TrainError> {
    let norm = |values: &Tensor, shape: &[i64]| {
        values.f_layer_norm(shape, None::<&Tensor>, None::<&Tensor>, EPSILON, true)
    };
    if x.form != Form::Pictures {
        let rows = x.batches()?;
        let normal = norm(&rows, &rows.size()[2..])?;
        let values = shift.f_unsqueeze(1)?.f_addcmul(&normal, &scale.f_unsqueeze(1)?)?;
        return Ok(Activation::with(values, Form::Batches, x.copies));
    }
    let size = x.values.size();
    let split = x.values.f_reshape(&[size[0], x.copies, -1, size[2], size[3]][..])?;
    let normal = norm(&split, &split.size()[2..])?;
    let values = shift.f_unsqueeze(0)?.f_addcmul(&normal, &scale.f_unsqueeze(0)?)?;
    Ok(Activation::with(values.f_reshape(&size[..])?, Form::Pictures, x.copies))
}

/// The sum of two values of one shape, one copy per member each.
pub(super) fn add(a: &Activation, b: &Activation) -> Result<Activation, TrainError> {
    let (values, form) = match (a.form, b.form) {
        (a_form, b_form) if a_form == b_form => (a.values.f_add(&b.values)?, a_form),
        _ => (a.batches()?.f_add(&b.batches()?)?, Form::Batches),
    };
    Ok(Activation::with(values, form, a.copies))
}

/// Values in 16 bits.
pub(super) fn bf16(values: &Tensor) -> Result<Tensor, TrainError> {
    Ok(values.f_to_kind(Kind::BFloat16)?)
}

/// A function of each value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Function {
    Relu,
    /// With the slope below zero.
    LeakyRelu(f64),
    Gelu,
    Sigmoid,
    Tanh,
}

/// Applies a function to each value, in place where no backward pass reads them.
pub(super) fn apply(mut x: Activation, function: Function) -> Result<Activation, TrainError> {
    let values = match (function, x.reusable) {
        (Function::Relu, true) => x.values.f_relu_(),
        (Function::Relu, false) => x.values.f_relu(),
        (Function::Sigmoid, true) => x.values.f_sigmoid_(),
        (Function::Sigmoid, false) => x.values.f_sigmoid(),
        (Function::Tanh, true) => x.values.f_tanh_(),
        (Function::Tanh, false) => x.values.f_tanh(),
        (Function::LeakyRelu(slope), _) => leaky_relu(&x.values, slope),
        (Function::Gelu, _) => x.values.f_gelu("none"),
    }?;
    // The backward passes of most read what comes out.
    Ok(Activation { values, reusable: false, ..x })
}

/// By hand, because the binding of `leaky_relu` takes no slope.
fn leaky_relu(values: &Tensor, slope: f64) -> Result<Tensor, tch::TchError> {
    values.f_where_self(&values.f_gt(0.0)?, &values.f_mul_scalar(slope)?)
}

/// The largest value of each window.
pub(super) fn max_pool(x: &Activation, pool: &Pool2d) -> Result<Activation, TrainError> {
    let [kernel, stride, padding] = windows(pool);
    let values = x.values.f_max_pool2d(kernel, stride, padding, [1, 1], false)?;
    Ok(Activation::with(values, Form::Pictures, x.copies))
}

/// The mean of each window, padding counted as zeros.
pub(super) fn avg_pool(x: &Activation, pool: &Pool2d) -> Result<Activation, TrainError> {
    let [kernel, stride, padding] = windows(pool);
    let values = x.values.f_avg_pool2d(kernel, stride, padding, false, true, None)?;
    Ok(Activation::with(values, Form::Pictures, x.copies))
}

/// The mean of each channel, `[B, E·C]`.
pub(super) fn global_avg_pool(x: &Activation) -> Result<Activation, TrainError> {
    let values = x.values.f_mean_dim([2_i64, 3].as_slice(), false, None)?;
    Ok(Activation::with(values, Form::Columns, x.copies))
}

fn windows(pool: &Pool2d) -> [[i64; 2]; 3] {
    [pool.kernel, pool.stride.unwrap_or(pool.kernel), pool.padding].map(|square| sides(square.sides()))
}

fn sides([height, width]: [usize; 2]) -> [i64; 2] {
    [height as i64, width as i64]
}
