//! The vocabulary of the end-to-end tests: real processes of the built binaries, on ports and folders of their own.
#![allow(
    clippy::unwrap_used,
    reason = "a test's helper fails by panicking, which is how a test says what failed"
)]

mod cluster;
mod data;
mod process;

pub use cluster::{Cluster, StudyJson};
pub use data::small_pictures;
pub use process::{Finished, Running, foldwise, worker_program};
