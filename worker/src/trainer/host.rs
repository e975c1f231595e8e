//! Numbers of tensors that lie in this process's memory, as slices.
#![allow(unsafe_code, reason = "libtorch hands out the address of a tensor's numbers and nothing safer")]

use tch::{Device, Kind, Tensor};

use super::TrainError;

/// All numbers of a contiguous tensor of 32-bit floats on a CPU.
///
/// # Errors
/// [`TrainError::Data`] for any other tensor.
pub(super) fn floats(tensor: &Tensor) -> Result<&[f32], TrainError> {
    let count = count(tensor, Kind::Float)?;
    // SAFETY: a contiguous tensor of 32-bit floats has as many of them at its address as it has elements, for as long
    // as it is borrowed. No operator of libtorch runs meanwhile that writes to them.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), count) })
}

/// All numbers of a contiguous tensor of 32-bit floats on a CPU, to be written.
///
/// # Errors
/// [`TrainError::Data`] for any other tensor.
pub(super) fn floats_mut(tensor: &mut Tensor) -> Result<&mut [f32], TrainError> {
    let count = count(tensor, Kind::Float)?;
    // SAFETY: as in `floats`. Other tensors may be views of the same memory, but no slice of it is alive: slices are
    // taken for the length of one pass, of buffers that do not overlap.
    Ok(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<f32>(), count) })
}

/// All numbers of a contiguous tensor of 64-bit integers on a CPU.
///
/// # Errors
/// [`TrainError::Data`] for any other tensor.
pub(super) fn integers(tensor: &Tensor) -> Result<&[i64], TrainError> {
    let count = count(tensor, Kind::Int64)?;
    // SAFETY: as in `floats`.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<i64>(), count) })
}

fn count(tensor: &Tensor, kind: Kind) -> Result<usize, TrainError> {
    let there = tensor.device() == Device::Cpu && tensor.numel() > 0;
    if there && tensor.f_kind()? == kind && tensor.is_contiguous() {
        return Ok(tensor.numel());
    }
    Err(TrainError::Data("a tensor's numbers do not lie one after another in memory".to_owned()))
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::{floats, floats_mut};

    #[test]
    fn numbers_are_read_and_written_where_they_lie() {
        let mut tensor = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).view((2, 2));
        floats_mut(&mut tensor).expect("contiguous")[2] = 7.0;
        assert_eq!(floats(&tensor).expect("contiguous"), [1.0, 2.0, 7.0, 4.0]);
        assert_eq!(floats(&tensor.select(0, 1)).expect("contiguous"), [7.0, 4.0]);
    }

    #[test]
    fn other_tensors_are_refused() {
        let tensor = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).view((2, 2));
        assert!(floats(&tensor.transpose(0, 1)).is_err());
        assert!(floats(&Tensor::from_slice(&[1.0_f64])).is_err());
        assert!(floats(&Tensor::from_slice::<f32>(&[])).is_err());
    }
}
