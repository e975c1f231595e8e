//! The schema of one field, found by its path.

use serde_json::Value as Json;

use super::kinds::wrong_type;
use super::{Node, Value, alternatives, property, resolved, table_meant};

/// The schema of the field at a dotted path, by the alternatives that the tables on the way mean. `None` where one of
/// them is not what it should be.
pub(crate) fn field<'a>(node: &Node, schema: &'a Json, path: &str) -> Option<&'a Json> {
    let (mut node, mut schema) = (node, schema);
    for segment in path.split('.') {
        let table;
        (node, schema) = match &node.value {
            Value::List(items) => {
                table = narrowed(schema, |alternatives| {
                    alternatives.iter().copied().find(|schema| wrong_type(node, schema).is_none())
                })?;
                (items.get(segment.parse::<usize>().ok()?)?, table.get("items")?)
            }
            Value::Table(entries) => {
                table = narrowed(schema, |alternatives| table_meant(node, entries, alternatives))?;
                // A table of any keys has one schema for all of them.
                let any = || table.get("additionalProperties").filter(|schema| schema.is_object());
                (&node.get(segment)?.node, property(table, segment).or_else(any)?)
            }
            _ => return None,
        };
    }
    Some(schema)
}

/// A schema, or the one of its alternatives that is meant.
fn narrowed<'a>(schema: &'a Json, meant: impl FnOnce(&[&'a Json]) -> Option<&'a Json>) -> Option<&'a Json> {
    let schema = resolved(schema);
    match alternatives(schema) {
        None => Some(schema),
        Some(alternatives) => match alternatives[..] {
            [only] => Some(only),
            _ => meant(&alternatives),
        },
    }
}
