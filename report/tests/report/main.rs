//! The report from outside: built from small studies whose statistics are known, written, and read again.

#![expect(clippy::unwrap_used, reason = "a fixture that is not what it should be ends the test")]

mod build;
mod comparison;
mod components;
mod documentation;
mod exports;
mod figures;
mod fixture;
mod measured;
mod rendering;
mod schema;
mod sections;
mod summary;
mod unfinished;
