//! Foldwise's report: results in, tables and files out.
//!
//! [`Report::build`] turns what a coordinator knows of a study ([`input`]) into one model, and [`table`], [`csv`]
//! and [`json`] write it. Pure: no clock, no I/O. `docs/report.md` describes the model for its readers.

mod build;
mod comparison;
mod components;
mod csv;
mod dimension;
mod document;
mod export;
mod figure;
mod final_stage;
mod fold;
mod heading;
mod importance;
pub mod input;
mod json;
mod measurements;
mod nested;
mod number;
mod optimism;
mod page;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "png")]
mod png;
mod provenance;
mod ranking;
mod report;
mod section;
mod selection;
mod sheet;
mod state;
mod study;
mod summary;
mod table;
mod tensorboard;
mod time;
mod trial;
mod value;

pub use comparison::{comparison, comparison_csv};
pub use components::{ComponentPoint, ComponentsReport};
pub use csv::csv;
pub use document::{html, markdown};
pub use export::ExportedFile;
pub use figure::{Figure, FigureName, Look, Theme, figure, figure_names, figures, page_colors};
pub use final_stage::{FinalMode, FinalReport};
pub use fold::FoldReport;
pub use input::ReportInput;
pub use json::{json, schema};
pub use measurements::{ClassesReport, MeasurementsReport, PredictionsReport};
pub use nested::{NestedReport, OuterReport};
#[cfg(feature = "parquet")]
pub use parquet::parquet;
#[cfg(feature = "png")]
pub use png::{PngError, png};
pub use provenance::{DataReport, ProfileReport, Provenance};
pub use report::{Report, VERSION};
pub use section::{Section, Shown, section_csv, sections};
pub use selection::{Alternatives, Choice, Comparison, SelectionReport};
pub use state::{RunState, StudyState};
pub use study::StudyReport;
pub use summary::summary;
pub use table::{TableOptions, table};
pub use tensorboard::tensorboard;
pub use time::rfc_3339;
pub use trial::{CommonEpoch, TrialReport};
