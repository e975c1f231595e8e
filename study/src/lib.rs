//! Foldwise's pure ground floor: everything that can be known about a study without running it.
//!
//! No clock, no I/O, no randomness but keyed streams. A [`spec`] is read and checked; its [`space`] is enumerated
//! into [`trials`], each with a [`network`] whose shapes are known; [`split`] makes the folds, [`plan`] the cohorts,
//! [`seed`] the random streams, and [`selection`] chooses from what came back ([`outcome`]), beside what was asked to be
//! measured ([`measure`]). A [`command`] of one's own may train instead of a network.

pub mod command;
pub mod measure;
pub mod network;
pub mod outcome;
pub mod plan;
pub mod seed;
pub mod selection;
pub mod space;
pub mod spec;
pub mod split;
pub mod train;
pub mod trials;
