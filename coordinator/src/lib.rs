//! Foldwise's coordinator: it keeps the truth about every study and hands out the work.
//!
//! Data walks one way: [`service`] parses a call, [`committer`] lets the [`ledger`] decide and the [`store`] keep,
//! [`events`] tell who watches, and [`reporting`] makes the report. [`access`] says who may.

pub mod access;
pub mod artifacts;
mod aside;
mod bell;
mod blocking;
mod chronicle;
pub mod clock;
pub mod committer;
pub mod config;
pub mod events;
pub mod leadership;
pub mod ledger;
mod machine;
pub mod measurements;
mod metrics;
mod page;
mod port;
mod private;
pub mod profiles;
pub mod reporting;
mod server;
pub mod service;
mod snapshots;
pub mod store;
pub mod submission;

pub use config::Config;
pub use port::{Connection, Listener, TlsError};
pub use server::{Coordinator, FirstTokenError, ServeError, StartError};
