//! What every byte that Foldwise reads must survive: the bodies of the fuzz targets.
//!
//! A body takes any bytes and panics where a promise is broken. `cargo xtask fuzz` drives the bodies with libFuzzer,
//! `tests/replay.rs` with every input that was worth keeping, in each test run.

mod arrays;
mod command;
mod csv;
mod expression;
mod folder;
mod gzip;
mod idx;
mod pipe;
mod rows;
mod spec;

pub use arrays::arrays;
pub use command::command;
pub use csv::csv;
pub use expression::expression;
pub use gzip::gzip;
pub use idx::idx;
pub use pipe::pipe;
pub use rows::rows;
pub use spec::{spec_json, spec_toml, spec_yaml};

/// A fuzz target: its name, which is also that of its folders of inputs, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 11] = [
    ("arrays", arrays),
    ("command", command),
    ("csv", csv),
    ("expression", expression),
    ("gzip", gzip),
    ("idx", idx),
    ("pipe", pipe),
    ("rows", rows),
    ("spec_json", spec_json),
    ("spec_toml", spec_toml),
    ("spec_yaml", spec_yaml),
];

/// Longer inputs are not tried: what they would find, shorter ones find as well.
pub const INPUT_BYTES_MAX: usize = 64 << 10;
