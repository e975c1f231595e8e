//! Numbers of tensors that lie in this process's memory, as slices.
#![allow(unsafe_code, reason = "libtorch hands out the address of a tensor's numbers and nothing safer")]

use rayon::ThreadPool;
use tch::{Device, Kind, Tensor};

use super::TrainError;
use super::number::Narrow;

/// A number as libtorch holds it.
///
/// # Safety
/// It must lie in memory as numbers of its kind do, and any bits must make one.
pub(super) unsafe trait Held: Copy {
    /// libtorch's name for it.
    const KIND: Kind;
}

// SAFETY: libtorch's numbers of these kinds are the machine's own.
unsafe impl Held for f32 {
    const KIND: Kind = Kind::Float;
}

// SAFETY: as above.
unsafe impl Held for i64 {
    const KIND: Kind = Kind::Int64;
}

// SAFETY: two bytes without a niche, as libtorch's.
unsafe impl Held for Narrow {
    const KIND: Kind = Kind::BFloat16;
}

/// All numbers of a contiguous tensor on a CPU.
///
/// # Errors
/// [`TrainError::Data`] for a tensor of another kind or elsewhere.
pub(super) fn numbers<T: Held>(tensor: &Tensor) -> Result<&[T], TrainError> {
    let count = count(tensor, T::KIND)?;
    // SAFETY: a contiguous tensor has as many numbers of its kind at its address as it has elements, for as long
    // as it is borrowed. No operator of libtorch runs meanwhile that writes to them.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<T>(), count) })
}

/// All numbers of a contiguous tensor on a CPU, to be written.
///
/// # Errors
/// [`TrainError::Data`] for a tensor of another kind or elsewhere.
pub(super) fn numbers_mut<T: Held>(tensor: &mut Tensor) -> Result<&mut [T], TrainError> {
    let count = count(tensor, T::KIND)?;
    // SAFETY: as in `numbers`. Other tensors may be views of the same memory, but no slice of it is alive: slices are
    // taken for the length of one pass, of buffers that do not overlap.
    Ok(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<T>(), count) })
}

/// [`numbers`] of 32-bit floats.
pub(super) fn floats(tensor: &Tensor) -> Result<&[f32], TrainError> {
    numbers(tensor)
}

/// [`numbers_mut`] of 32-bit floats.
pub(super) fn floats_mut(tensor: &mut Tensor) -> Result<&mut [f32], TrainError> {
    numbers_mut(tensor)
}

/// [`numbers`] of 64-bit integers.
pub(super) fn integers(tensor: &Tensor) -> Result<&[i64], TrainError> {
    numbers(tensor)
}

/// As many threads for passes over such numbers; none where one is enough.
///
/// # Errors
/// [`TrainError::Data`] when they cannot be started.
pub(super) fn threads(count: usize) -> Result<Option<ThreadPool>, TrainError> {
    let pool = || rayon::ThreadPoolBuilder::new().num_threads(count).build();
    let pool = (count > 1).then(pool).transpose();
    pool.map_err(|error| TrainError::Data(format!("threads could not be started: {error}")))
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
