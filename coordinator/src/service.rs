//! The gRPC services: parse at the edge, ask the desk, answer in the protocol's types.

mod access;
mod caller;
mod convert;
mod hand_in;
mod parcel;
mod parts;
mod status;
mod study;
mod watch;
mod worker;

pub use access::Keys;
pub(crate) use convert::{positions, run, run_state, study};
pub use study::Studies;
pub use worker::Workers;
