//! Searched values as text.

use serde_json::Value as Json;

/// A value of the space on one line: texts bare, everything else as JSON.
pub(crate) fn value_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}
