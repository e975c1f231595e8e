//! The kinds of values: what a schema expects, what a node is, and both in words.

use serde_json::Value as Json;

use super::{Node, Value};

/// The words that a schema allows, if it allows words alone.
pub(super) fn words(schema: &Json) -> Vec<&str> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(word), _) => word.as_str().into_iter().collect(),
        (None, Some(list)) => list.as_array().into_iter().flatten().filter_map(Json::as_str).collect(),
        (None, None) => Vec::new(),
    }
}

/// What was expected instead, if the node is of a type that the schema does not allow.
pub(super) fn wrong_type(node: &Node, schema: &Json) -> Option<String> {
    match node.value {
        Value::Null => None,
        Value::Bool(_) => wrong_type_name(schema, "boolean"),
        Value::Integer(_) => wrong_type_name(schema, "integer").and(wrong_type_name(schema, "number")),
        Value::Float(_) => wrong_type_name(schema, "number"),
        Value::Text(_) => wrong_type_name(schema, "string"),
        Value::List(_) => wrong_type_name(schema, "array"),
        Value::Table(_) => wrong_type_name(schema, "object"),
    }
}

pub(super) fn wrong_type_name(schema: &Json, name: &str) -> Option<String> {
    let allowed = match schema.get("type")? {
        Json::String(allowed) => allowed == name,
        Json::Array(list) => list.iter().any(|allowed| allowed == name),
        _ => true,
    };
    (!allowed).then(|| expected(schema))
}

pub(super) fn expected(schema: &Json) -> String {
    let words = words(schema);
    if let [word] = words[..] {
        return format!("\"{word}\"");
    }
    if let Some(key) = tag(schema) {
        return format!("`{{ {key} = … }}`");
    }
    let name = match schema.get("type") {
        Some(Json::Array(list)) => list.iter().find_map(|name| name.as_str().filter(|&name| name != "null")),
        Some(name) => name.as_str(),
        None => None,
    };
    match name.unwrap_or_default() {
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "text",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        _ => "something else",
    }
    .to_owned()
}

pub(super) fn found(node: &Node) -> String {
    match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => format!("the number {value}"),
        Value::Float(value) => format!("the number {value}"),
        Value::Text(value) => format!("the text \"{}\"", value.chars().take(60).collect::<String>()),
        Value::List(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

pub(super) fn one_of(expected: &[String]) -> String {
    match expected {
        [] => "something else".to_owned(),
        [only] => only.clone(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    }
}

/// The one key of an alternative that is a table with one entry, or the key that tells it from others where it may have
/// more.
pub(super) fn tag(schema: &Json) -> Option<&str> {
    if let Some(tag) = schema.get("x-tag") {
        return tag.as_str();
    }
    match schema.get("required")?.as_array()?.as_slice() {
        [key] if schema["properties"].as_object()?.len() == 1 => key.as_str(),
        _ => None,
    }
}
