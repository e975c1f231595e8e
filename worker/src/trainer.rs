//! Trains cohorts: runs of one network shape, fused into one model with a leading member dimension.
//!
//! Rows lie on the device ([`DeviceData`]), runs are described ([`Cohort`]), and [`train`] gives back one
//! [`MemberOutcome`] per run, telling an [`Observer`] on the way, who may take a [`Checkpoint`] after an epoch. This
//! room knows nothing of leases, processes or messages.
//!
//! Dimensions in these pages: `E` members, `G` distinct row streams (`E` is a multiple of `G`), `B` rows of a
//! step, `F` features, `C × H × W` pictures, `K` outputs.

mod activation;
mod augment;
mod chain;
mod checkpoint;
mod clip;
mod clock;
mod cohort;
mod data;
mod dropout;
mod error;
mod evaluate;
mod fingerprint;
#[cfg(test)]
mod golden;
mod host;
mod init;
mod intake;
mod layers;
mod loss;
mod measure;
mod meter;
mod model;
mod module;
mod number;
mod observer;
mod optimizer;
mod parameters;
mod picture;
mod predictions;
mod progress;
mod resume;
mod run;
mod selected;
mod step;
mod streams;
mod tally;
mod trunk;
mod weights;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use cohort::{Cohort, EpochOfMember, Member, MemberOutcome, TestRows, compatible};
pub use data::{DeviceData, Features, Normalize, Part, Source, Targets};
pub use error::TrainError;
pub use intake::Fitted;
pub use observer::{AfterEpoch, Observer, Undisturbed};
pub use run::train;
pub use weights::{NamedTensor, Values, Weights};
