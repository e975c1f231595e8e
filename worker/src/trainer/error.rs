//! Why a cohort could not be trained.

use tch::TchError;

use super::CheckpointError;

/// Why a cohort could not be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A cohort without members.
    #[error("a cohort needs at least one member")]
    Empty,
    /// Two members cannot be fused, or a member does not fit the data.
    #[error("member {member} cannot be trained in this cohort: {reason}")]
    Incompatible {
        /// Position in the cohort, from 0.
        member: usize,
        /// What differs or does not fit.
        reason: String,
    },
    /// Rows that do not make a dataset.
    #[error("the data cannot be held on the device: {0}")]
    Data(String),
    /// The last batch of an epoch has one row, of which batch normalization can take no variance.
    #[error(
        "{rows} training rows in batches of {batch_size} leave one row over, which batch normalization \
         cannot use: change the batch size"
    )]
    LoneRow {
        /// Training rows of each member.
        rows: usize,
        /// Rows per step.
        batch_size: usize,
    },
    /// The device has too little memory left; a smaller cohort may fit.
    #[error("the device ran out of memory: {0}")]
    OutOfMemory(String),
    /// The caller asked to stop.
    #[error("training was stopped before it ended")]
    Stopped,
    /// Weights could not be written.
    #[error("the weights cannot be written as safetensors")]
    Weights(#[from] safetensors::SafeTensorError),
    /// A checkpoint that cannot be gone on from, or could not be written or kept. The cohort can be trained from
    /// its beginning.
    #[error("the checkpoint is of no use")]
    Checkpoint(#[from] CheckpointError),
    /// libtorch failed otherwise.
    #[error("libtorch failed")]
    Torch(#[source] TchError),
}

/// Parts of the messages that libtorch, CUDA and cuDNN give when memory runs out, in lower case.
const OUT_OF_MEMORY: [&str; 5] = [
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
];

impl From<TchError> for TrainError {
    fn from(error: TchError) -> Self {
        let message = error.to_string();
        let lower = message.to_ascii_lowercase();
        if OUT_OF_MEMORY.iter().any(|part| lower.contains(part)) {
            return Self::OutOfMemory(message.lines().next().unwrap_or_default().to_owned());
        }
        Self::Torch(error)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, TchError, Tensor};

    use super::TrainError;

    #[test]
    fn memory_that_runs_out_is_recognised_on_the_cpu() {
        let too_large = Tensor::f_empty([1 << 50], (Kind::Float, Device::Cpu)).expect_err("four petabytes");
        assert!(matches!(TrainError::from(too_large), TrainError::OutOfMemory(_)));
    }

    #[test]
    fn memory_that_runs_out_is_recognised_on_cuda() {
        let message = "CUDA out of memory. Tried to allocate 2.00 GiB\nException raised from malloc";
        let error = TrainError::from(TchError::Torch(message.to_owned()));
        assert!(matches!(error, TrainError::OutOfMemory(first) if first.ends_with("2.00 GiB")));
    }

    #[test]
    fn other_failures_stay_what_they_are() {
        let error = TrainError::from(TchError::Torch("shape mismatch".to_owned()));
        assert!(matches!(error, TrainError::Torch(_)));
    }
}
