//! Foldwise's worker: the agent of a machine and the trainers it starts. The only room that links libtorch.
//!
//! The [`agent`] leases cohorts and keeps a trainer [`process`] busy in each slot; the process trains them with
//! [`trainer`]. [`calibrate`] measures with the same trainer what a device profile says.

pub mod agent;
pub mod calibrate;
pub mod cuda;
pub mod machine;
mod memory;
pub mod metrics;
pub mod pipe;
pub mod process;
pub mod trainer;

/// The version of libtorch that this worker is built against.
pub const TORCH_VERSION: &str = "2.11.0";

/// Versions, for people and reports.
#[must_use]
pub fn software() -> String {
    format!("foldwise {} with libtorch {TORCH_VERSION}", env!("CARGO_PKG_VERSION"))
}
