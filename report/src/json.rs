//! The report as JSON, and its schema.

use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use crate::Report;

/// The report as indented JSON, floats in full, with a line break at the end.
#[must_use]
pub fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report's keys are texts");
    text.push('\n');
    text
}

/// The schema of [`json`] (JSON Schema 2020-12).
#[must_use]
pub fn schema() -> Json {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Report>().to_value();
    schema["$id"] = Json::from("https://foldwise.dev/schema/report.json");
    schema["title"] = Json::from("Foldwise report");
    schema
}
