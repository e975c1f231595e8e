//! Foldwise's worker: the trainer that owns a device, and the only room that links libtorch.

pub mod cuda;
pub mod trainer;
