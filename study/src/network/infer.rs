//! Shape inference of one layer.

use super::NetworkError;
use super::layer::{Conv2d, Layer, Pool2d};

/// More numbers than this in one layer's input, output or weights cannot be meant.
const LAYER_NUMBERS_MAX: usize = 1 << 32;

/// What a layer at `at` makes of rows of shape `input`.
pub(super) fn infer(at: &str, layer: &Layer, input: &[usize]) -> Result<Vec<usize>, NetworkError> {
    let name = layer.name();
    let overflow = NetworkError::Overflow { at: at.to_owned(), layer: name };
    let output = match layer {
        Layer::Linear(linear) => {
            let &[features] = input else {
                return Err(NetworkError::Rank {
                    at: at.to_owned(),
                    layer: name,
                    needs: "a vector [F]",
                    got: input.to_vec(),
                    hint: "put `\"flatten\"` or `\"global_avg_pool\"` before it",
                });
            };
            bounded(&[features, linear.units], &overflow)?;
            vec![linear.units]
        }
        Layer::Conv2d(conv) => {
            let [channels, height, width] = picture(at, layer, input)?;
            let Conv2d { kernel, stride, padding, groups, .. } = conv;
            if *groups == 0 || channels % groups != 0 || conv.channels % groups != 0 {
                let (at, input, output, groups) = (at.to_owned(), channels, conv.channels, *groups);
                return Err(NetworkError::Groups { at, input, output, groups });
            }
            let sides = [kernel.sides(), stride.sides(), padding.sides()];
            let [height, width] = windows(at, layer, [channels, height, width], sides)?;
            let [kernel_height, kernel_width] = kernel.sides();
            bounded(&[conv.channels, channels, kernel_height, kernel_width], &overflow)?;
            vec![conv.channels, height, width]
        }
        Layer::MaxPool(pool) | Layer::AvgPool(pool) => {
            let [channels, height, width] = picture(at, layer, input)?;
            let Pool2d { kernel, stride, padding } = pool;
            let sides = [kernel.sides(), stride.unwrap_or(*kernel).sides(), padding.sides()];
            let [height, width] = windows(at, layer, [channels, height, width], sides)?;
            vec![channels, height, width]
        }
        Layer::GlobalAvgPool => vec![picture(at, layer, input)?[0]],
        Layer::Flatten => vec![input.iter().product()],
        Layer::Output
        | Layer::BatchNorm
        | Layer::LayerNorm
        | Layer::Relu
        | Layer::LeakyRelu(_)
        | Layer::Gelu
        | Layer::Sigmoid
        | Layer::Tanh
        | Layer::Dropout(_)
        | Layer::Repeat(_)
        | Layer::Residual(_) => input.to_vec(),
    };
    bounded(&output, &overflow)?;
    Ok(output)
}

/// Refuses shapes of too many numbers.
pub(super) fn bounded(shape: &[usize], overflow: &NetworkError) -> Result<(), NetworkError> {
    let numbers = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    match numbers {
        Some(numbers) if numbers <= LAYER_NUMBERS_MAX => Ok(()),
        _ => Err(overflow.clone()),
    }
}

fn picture(at: &str, layer: &Layer, input: &[usize]) -> Result<[usize; 3], NetworkError> {
    <[usize; 3]>::try_from(input).map_err(|_| NetworkError::Rank {
        at: at.to_owned(),
        layer: layer.name(),
        needs: "pictures [C, H, W]",
        got: input.to_vec(),
        hint: "use it before `\"flatten\"`, on data whose rows are pictures",
    })
}

fn windows(
    at: &str,
    layer: &Layer,
    input: [usize; 3],
    [kernel, stride, padding]: [[usize; 2]; 3],
) -> Result<[usize; 2], NetworkError> {
    let misfit = || {
        let (at, got) = (at.to_owned(), input.to_vec());
        NetworkError::Window { at, layer: layer.name(), kernel, stride, padding, got }
    };
    // PyTorch asks of pooling that the padding be at most half the kernel.
    let pooling = matches!(layer, Layer::MaxPool(_) | Layer::AvgPool(_));
    let side = |axis: usize| {
        let padded = padding[axis].checked_mul(2)?.checked_add(input[axis + 1])?;
        if pooling && padding[axis] * 2 > kernel[axis] {
            return None;
        }
        let room = padded.checked_sub(kernel[axis])?;
        (kernel[axis] > 0).then_some(())?;
        Some(room.checked_div(stride[axis])? + 1)
    };
    Ok([side(0).ok_or_else(misfit)?, side(1).ok_or_else(misfit)?])
}
