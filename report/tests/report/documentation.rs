//! docs/report.md and the schema name the same things.

use std::collections::BTreeSet;

use foldwise_report::schema;
use serde_json::Value as Json;

const PAGE: &str = include_str!("../../../docs/report.md");

fn collect(schema: &Json, found: &mut BTreeSet<String>) {
    match schema {
        Json::Object(object) => {
            if let Some(Json::Object(properties)) = object.get("properties") {
                found.extend(properties.keys().cloned());
            }
            object.values().for_each(|value| collect(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[test]
fn the_page_names_every_property() {
    let mut names = BTreeSet::new();
    collect(&schema(), &mut names);
    assert!(names.len() > 40);
    let missing: Vec<&String> = names.iter().filter(|name| !PAGE.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/report.md does not name {missing:?}");
}

#[test]
fn the_page_names_nothing_else_in_its_tables() {
    let mut names = BTreeSet::new();
    collect(&schema(), &mut names);
    let first_cells = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let unknown: Vec<&str> =
        first_cells.map(|(name, _)| name).filter(|name| !names.contains(*name)).collect();
    assert!(unknown.is_empty(), "docs/report.md documents {unknown:?}, which the schema does not have");
}
