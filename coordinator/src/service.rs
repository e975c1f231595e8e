//! The gRPC services: parse at the edge, ask the desk, answer in the protocol's types.

mod convert;
mod hand_in;
mod status;
mod study;
mod watch;
mod worker;

pub(crate) use convert::{positions, run, run_state, study};
pub use study::Studies;
pub use worker::Workers;
