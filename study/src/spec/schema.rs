//! The JSON Schema of a spec, and the check of a placed tree against it.
//!
//! The schema is derived from the spec's types, so a new field is documented, checked and hinted at without
//! another line. The check differs from a general validator in that it points at the file, names the nearest
//! known key and finds everything at once.

use std::collections::HashSet;
use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::Spec;
use super::problem::{PROBLEMS_LISTED_MAX, Problem, nearest};
use super::source::{Entry, Node, Value};

mod field;
mod kinds;

pub(crate) use field::field;
use kinds::{expected, found, one_of, tag, words, wrong_type, wrong_type_name};

/// The schema of a study file (JSON Schema 2020-12).
#[must_use]
pub fn json_schema() -> Json {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Spec>().to_value();
    schema["$id"] = Json::from("https://foldwise.dev/schema/spec.json");
    schema["title"] = Json::from("Foldwise study file");
    schema
}

/// The schema with every reference replaced by what it refers to, but for those of types that contain themselves,
/// which [`resolved`] follows.
pub(crate) fn inlined() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        settings.into_generator().into_root_schema_for::<Spec>().to_value()
    })
}

/// What a schema refers to, or the schema itself.
fn resolved(schema: &Json) -> &Json {
    let pointer = schema.get("$ref").and_then(Json::as_str).and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| inlined().pointer(pointer)).unwrap_or(schema)
}

/// Adds everything wrong with `node`, which stands at `path`.
pub(crate) fn check(node: &Node, schema: &Json, path: &str, problems: &mut Vec<Problem>) {
    let schema = resolved(schema);
    if let Some(alternatives) = alternatives(schema) {
        return check_alternatives(node, &alternatives, path, problems);
    }
    if let Some(expected) = wrong_type(node, schema) {
        return problems.push(fault(node, path, format!("expected {expected}, found {}", found(node))));
    }
    match &node.value {
        Value::Table(entries) => check_table(node, entries, schema, path, problems),
        Value::List(items) => check_list(node, items, schema, path, problems),
        Value::Text(text) => check_text(node, text, schema, path, problems),
        Value::Integer(_) | Value::Float(_) => check_number(node, schema, path, problems),
        Value::Bool(_) | Value::Null => {}
    }
}

fn fault(node: &Node, path: &str, message: String) -> Problem {
    Problem::new(path, message).at(node.span.clone())
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The alternatives of `oneOf` and `anyOf`, nested ones included, without "null".
fn alternatives(schema: &Json) -> Option<Vec<&Json>> {
    let list = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    let mut flat = Vec::new();
    for alternative in list.iter().map(resolved) {
        match alternatives(alternative) {
            Some(nested) => flat.extend(nested),
            None if alternative.get("type") == Some(&Json::from("null")) => {}
            None => flat.push(alternative),
        }
    }
    Some(flat)
}

fn check_alternatives(node: &Node, alternatives: &[&Json], path: &str, problems: &mut Vec<Problem>) {
    if let [only] = alternatives {
        return check(node, only, path, problems);
    }
    match &node.value {
        Value::Text(text) if has_words(alternatives) && !accepts_any_text(alternatives) => {
            check_word(node, text, alternatives, path, problems);
        }
        Value::Table(entries) => check_tagged(node, entries, alternatives, path, problems),
        _ => match alternatives.iter().find(|schema| wrong_type(node, schema).is_none()) {
            Some(schema) => check(node, schema, path, problems),
            None => {
                let expected: Vec<_> = alternatives.iter().map(|schema| expected(schema)).collect();
                let message = format!("expected {}, found {}", one_of(&expected), found(node));
                problems.push(fault(node, path, message));
            }
        },
    }
}

fn has_words(alternatives: &[&Json]) -> bool {
    alternatives.iter().any(|schema| !words(schema).is_empty() || tag(schema).is_some())
}

fn accepts_any_text(alternatives: &[&Json]) -> bool {
    alternatives.iter().any(|schema| words(schema).is_empty() && wrong_type_name(schema, "string").is_none())
}

fn check_word(node: &Node, text: &str, alternatives: &[&Json], path: &str, problems: &mut Vec<Problem>) {
    let known: Vec<&str> = alternatives.iter().flat_map(|schema| words(schema)).collect();
    if known.contains(&text) {
        return;
    }
    let tags: Vec<&str> = alternatives.iter().filter_map(|schema| tag(schema)).collect();
    if tags.contains(&text) {
        let message = format!("`{text}` needs settings");
        return problems
            .push(fault(node, path, message).hint(format!("write it as `{{ {text} = {{ … }} }}`")));
    }
    let all: Vec<&str> = known.into_iter().chain(tags).collect();
    problems.push(unknown_word(node, text, &all, path));
}

fn unknown_word(node: &Node, text: &str, known: &[&str], path: &str) -> Problem {
    let problem = fault(node, path, format!("unknown word \"{text}\""));
    match nearest(text, known.iter().copied()) {
        Some(word) => problem.hint(format!("did you mean \"{word}\"?")),
        None => problem.hint(format!("known: {}", known.join(", "))),
    }
}

fn check_tagged(
    node: &Node,
    entries: &[Entry],
    alternatives: &[&Json],
    path: &str,
    problems: &mut Vec<Problem>,
) {
    if let Some(schema) = table_meant(node, entries, alternatives) {
        return check(node, schema, path, problems);
    }
    if alternatives.iter().all(|schema| wrong_type(node, schema).is_some()) {
        let expected: Vec<_> = alternatives.iter().map(|schema| expected(schema)).collect();
        return problems.push(fault(node, path, format!("expected {}, found a table", one_of(&expected))));
    }
    let known: Vec<&str> = alternatives.iter().filter_map(|schema| tag(schema)).collect();
    match entries.iter().find(|entry| !is_of_all_tables(&entry.key, alternatives)) {
        Some(entry) => unknown_key(entry, &known, path, problems),
        None => {
            let lacks = if entries.is_empty() { "is empty" } else { "does not say which kind it is" };
            problems.push(fault(node, path, format!("{lacks}; expected one of {}", known.join(", "))));
        }
    }
}

/// Whether every alternative that is a table may have this key beside its own, so that it tells none from the others.
fn is_of_all_tables(key: &str, alternatives: &[&Json]) -> bool {
    let mut tables = alternatives.iter().filter(|schema| schema.get("properties").is_some());
    let own = |schema: &Json| tag(schema) == Some(key);
    let beside = |schema: &Json| schema.get("x-tag").is_some() && property(schema, key).is_some();
    tables.all(|schema| beside(schema) && !own(schema))
}

/// The alternative that a table must mean: the one that shares most keys with it, or the only table.
fn table_meant<'a>(node: &Node, entries: &[Entry], alternatives: &[&'a Json]) -> Option<&'a Json> {
    let tables: Vec<&Json> =
        alternatives.iter().copied().filter(|schema| wrong_type(node, schema).is_none()).collect();
    let tells = |key: &str| !is_of_all_tables(key, &tables);
    let shared = |schema: &Json| {
        entries.iter().filter(|entry| property(schema, &entry.key).is_some() && tells(&entry.key)).count()
    };
    let best = tables.iter().copied().max_by_key(|schema| {
        (shared(schema), std::cmp::Reverse(schema["required"].as_array().map_or(0, Vec::len)))
    })?;
    (shared(best) > 0 || tables.len() == 1).then_some(best)
}

fn property<'a>(schema: &'a Json, key: &str) -> Option<&'a Json> {
    schema.get("properties")?.get(key)
}

fn check_table(node: &Node, entries: &[Entry], schema: &Json, path: &str, problems: &mut Vec<Problem>) {
    let empty = serde_json::Map::new();
    let properties = schema.get("properties").and_then(Json::as_object).unwrap_or(&empty);
    let mut seen = HashSet::new();
    for entry in entries {
        if !seen.insert(entry.key.as_str()) {
            problems.push(
                Problem::new(path, format!("`{}` is given twice", entry.key)).at(entry.key_span.clone()),
            );
        }
        let at = join(path, &entry.key);
        match (properties.get(&entry.key), schema.get("additionalProperties")) {
            (Some(property), _) => check(&entry.node, property, &at, problems),
            (None, Some(Json::Bool(false))) => {
                let known: Vec<&str> = properties.keys().map(String::as_str).collect();
                unknown_key(entry, &known, path, problems);
            }
            (None, Some(other)) if other.is_object() => check(&entry.node, other, &at, problems),
            (None, _) => {}
        }
    }
    for key in schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
    {
        if node.get(key).is_none() {
            let what =
                properties.get(key).and_then(|property| property.get("description")).and_then(Json::as_str);
            let problem = fault(node, path, format!("`{key}` is missing"));
            problems.push(match what.and_then(|text| text.lines().next()) {
                Some(text) => problem.hint(text),
                None => problem,
            });
        }
    }
}

fn unknown_key(entry: &Entry, known: &[&str], path: &str, problems: &mut Vec<Problem>) {
    let problem = Problem::new(path, format!("unknown key `{}`", entry.key)).at(entry.key_span.clone());
    // A hint is work, and is lost on problems that are only counted.
    if problems.len() >= PROBLEMS_LISTED_MAX {
        return problems.push(problem);
    }
    problems.push(match nearest(&entry.key, known.iter().copied()) {
        Some(key) => problem.hint(format!("did you mean `{key}`?")),
        None => problem.hint(format!("known here: {}", known.join(", "))),
    });
}

fn check_list(node: &Node, items: &[Node], schema: &Json, path: &str, problems: &mut Vec<Problem>) {
    let bound = |key: &str| schema.get(key).and_then(Json::as_u64);
    let count = items.len() as u64;
    match (bound("minItems"), bound("maxItems")) {
        (Some(least), Some(most)) if least == most && count != least => {
            problems.push(fault(node, path, format!("expected {least} items, found {count}")));
        }
        (Some(least), _) if count < least => {
            problems.push(fault(node, path, format!("expected at least {least} items, found {count}")));
        }
        (_, Some(most)) if count > most => {
            problems.push(fault(node, path, format!("expected at most {most} items, found {count}")));
        }
        _ => {}
    }
    if let Some(item_schema) = schema.get("items") {
        for (index, item) in items.iter().enumerate() {
            check(item, item_schema, &join(path, &index.to_string()), problems);
        }
    }
}

fn check_text(node: &Node, text: &str, schema: &Json, path: &str, problems: &mut Vec<Problem>) {
    let known = words(schema);
    if !known.is_empty() && !known.contains(&text) {
        problems.push(unknown_word(node, text, &known, path));
    }
    let length = text.chars().count() as u64;
    if schema.get("minLength").and_then(Json::as_u64).is_some_and(|least| length < least) {
        problems.push(fault(node, path, "is empty".to_owned()));
    }
    if let Some(most) = schema.get("maxLength").and_then(Json::as_u64).filter(|&most| length > most) {
        problems.push(fault(node, path, format!("is longer than {most} characters")));
    }
}

fn check_number(node: &Node, schema: &Json, path: &str, problems: &mut Vec<Problem>) {
    #[expect(
        clippy::cast_precision_loss,
        reason = "bounds are small, so a rounded large value is past them too"
    )]
    let number = match node.value {
        Value::Integer(integer) => integer as f64,
        Value::Float(float) => float,
        _ => return,
    };
    if !number.is_finite() {
        return problems.push(fault(node, path, "must be finite".to_owned()));
    }
    let (format_min, format_max) = match schema.get("format").and_then(Json::as_str) {
        Some("uint32") => (None, Some(f64::from(u32::MAX))),
        Some("float") => (Some(f64::from(f32::MIN)), Some(f64::from(f32::MAX))),
        _ => (None, None),
    };
    let least = schema.get("minimum").and_then(Json::as_f64).or(format_min);
    let most = schema.get("maximum").and_then(Json::as_f64).or(format_max);
    let message = match (least, most) {
        (Some(least), _) if number < least => {
            format!("must be at least {}, is {}", short(least), short(number))
        }
        (_, Some(most)) if number > most => format!("must be at most {}, is {}", short(most), short(number)),
        _ => return,
    };
    problems.push(fault(node, path, message));
}

/// A number as a person writes it, however large.
fn short(number: f64) -> String {
    if number.abs() < 1e15 { number.to_string() } else { format!("{number:e}") }
}
