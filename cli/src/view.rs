//! The protocol's types as programs read them (JSON) and as people do (tables).

mod event;
mod run;
mod study;
mod worker;

pub(crate) use event::EventView;
pub(crate) use run::{RunView, troubled_runs};
pub(crate) use study::{StudyView, is_over, state_word, study_table};
pub(crate) use worker::{WorkerView, worker_table};
