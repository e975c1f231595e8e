//! The vocabulary of the end-to-end tests: real processes of the built binaries, on ports and folders of their own.
#![allow(
    clippy::unwrap_used,
    reason = "a test's helper fails by panicking, which is how a test says what failed"
)]

mod browser;
#[cfg(target_os = "linux")]
mod bucket;
mod chance;
mod cluster;
mod commands;
mod data;
mod disk;
mod namespace;
mod patience;
#[cfg(target_os = "linux")]
mod postgres;
mod process;
mod proxy;
mod recruit;
mod report;
mod skip;
mod study;
mod trainers;

pub use browser::Browser;
#[cfg(target_os = "linux")]
pub use bucket::BucketServer;
pub use chance::{Chance, rounds};
pub use cluster::Cluster;
pub use commands::Commands;
pub use data::small_pictures;
pub use disk::SmallDisk;
pub use namespace::Namespace;
pub use patience::{let_pass, until};
#[cfg(target_os = "linux")]
pub use postgres::PostgresServer;
pub use process::{Finished, Running, foldwise, worker_program};
pub use proxy::Proxy;
pub use recruit::Recruit;
pub use report::{StudyJson, assert_same, each_run_once};
pub use skip::skipped;
pub use study::{Pictures, Search, reference};
pub use trainers::Trainer;
