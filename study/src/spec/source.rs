//! A spec's text as a tree of values that know where they stand.
//!
//! TOML, YAML and JSON become the same tree, so that every check is written once and can point at its place.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::de::{DeTable, DeValue};

use super::problem::Problem;

/// The formats a spec may be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// TOML 1.1.
    Toml,
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that a file name's ending stands for.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

pub(crate) type Span = Option<Range<usize>>;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// Wide enough for every `i64` and every `u64`.
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) node: Node,
}

impl Node {
    /// Reads a text.
    pub(crate) fn parse(text: &str, format: Format) -> Result<Self, Problem> {
        match format {
            Format::Toml => parse_toml(text),
            Format::Yaml => parse_yaml(text),
            Format::Json => parse_json(text),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The value without its places. Not-a-number has no JSON and becomes null.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::from(*value),
            Value::Integer(value) => i64::try_from(*value)
                .map(Json::from)
                .or_else(|_| u64::try_from(*value).map(Json::from))
                .unwrap_or(Json::Null),
            Value::Float(value) => Json::from(*value),
            Value::Text(value) => Json::from(value.as_str()),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Table(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect()
            }
        }
    }

    /// A tree from JSON, every node of which stands at `span`.
    pub(crate) fn from_json(json: &serde_json::Value, span: &Span) -> Self {
        use serde_json::Value as Json;
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Value::Integer(value.into()),
                (None, Some(value)) => Value::Integer(value.into()),
                (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(value) => Value::Text(value.clone()),
            Json::Array(items) => Value::List(items.iter().map(|item| Self::from_json(item, span)).collect()),
            Json::Object(entries) => Value::Table(
                entries
                    .iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        key_span: span.clone(),
                        node: Self::from_json(value, span),
                    })
                    .collect(),
            ),
        };
        Self { value, span: span.clone() }
    }

    /// The place of a dotted path, or of the nearest of its parents that is there.
    pub(crate) fn place(&self, path: &str) -> Span {
        let mut node = self;
        let mut span = None;
        for segment in path.split('.').filter(|segment| !segment.is_empty()) {
            let child = match &node.value {
                Value::List(items) => segment.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => node.get(segment).map(|entry| &entry.node),
            };
            let Some(child) = child else { break };
            span.clone_from(&child.span);
            node = child;
        }
        span
    }
}

fn parse_toml(text: &str) -> Result<Node, Problem> {
    let table = DeTable::parse(text)
        .map_err(|error| Problem::new("", error.message().to_owned()).at(error.span()))?;
    let span = table.span();
    from_toml(&DeValue::Table(table.into_inner()), span)
}

fn from_toml(value: &DeValue<'_>, span: Range<usize>) -> Result<Node, Problem> {
    let refuse = |message: &str| Err(Problem::new("", message).at(Some(span.clone())));
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => match i128::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(value) if u64::try_from(value).is_ok() || i64::try_from(value).is_ok() => {
                Value::Integer(value)
            }
            _ => return refuse("a whole number out of range"),
        },
        DeValue::Float(float) => match float.as_str().parse() {
            Ok(value) => Value::Float(value),
            Err(_) => return refuse("not a number that can be kept"),
        },
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(_) => return refuse("a spec has no dates; write text in quotes"),
        DeValue::Array(items) => Value::List(
            items.iter().map(|item| from_toml(item.get_ref(), item.span())).collect::<Result<_, _>>()?,
        ),
        DeValue::Table(entries) => Value::Table(
            entries
                .iter()
                .map(|(key, node)| {
                    Ok(Entry {
                        key: key.get_ref().to_string(),
                        key_span: Some(key.span()),
                        node: from_toml(node.get_ref(), node.span())?,
                    })
                })
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Node { value, span: Some(span) })
}

fn parse_yaml(text: &str) -> Result<Node, Problem> {
    serde_saphyr::from_str::<Located>(text).map(Located::into_node).map_err(|error| {
        let span = error.location().and_then(|location| bytes(&location));
        let message = error.without_snippet().to_string();
        Problem::new("", message.lines().next().unwrap_or("not YAML").to_owned()).at(span)
    })
}

fn parse_json(text: &str) -> Result<Node, Problem> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        let line_start =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
        let offset = (line_start + error.column().saturating_sub(1)).min(text.len());
        Problem::new("", error.to_string()).at(Some(offset..offset))
    })?;
    // JSON is YAML, and the YAML reader knows places; where it does not read a text, or reads it otherwise, the places
    // are lost alone.
    let placed = parse_yaml(text).ok().filter(|node| node.to_json() == json);
    Ok(placed.unwrap_or_else(|| Node::from_json(&json, &None)))
}

fn bytes(location: &serde_saphyr::Location) -> Span {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let len = usize::try_from(span.byte_len()?).ok()?;
    Some(start..start + len)
}

/// A node as the YAML reader hands it over.
struct Located(serde_saphyr::Spanned<Raw>);

impl Located {
    fn into_node(self) -> Node {
        Node { span: bytes(&self.0.referenced), value: self.0.value.0 }
    }
}

impl<'de> Deserialize<'de> for Located {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_saphyr::Spanned::deserialize(deserializer).map(Self)
    }
}

struct Raw(Value);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor).map(Self)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Located>()? {
            list.push(item.into_node());
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut table = Vec::new();
        while let Some(key) = entries.next_key::<serde_saphyr::Spanned<String>>()? {
            let node = entries.next_value::<Located>()?.into_node();
            table.push(Entry { key_span: bytes(&key.referenced), key: key.value, node });
        }
        Ok(Value::Table(table))
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, Node};

    const TOML: &str = "a = 1\nb.c = [0.5, \"x\"]\n";
    const YAML: &str = "a: 1\nb:\n  c: [0.5, \"x\"]\n";
    const JSON: &str = "{\n\t\"a\": 1,\n\t\"b\": {\"c\": [0.5, \"x\"]}\n}";

    #[test]
    fn the_three_formats_make_the_same_tree() {
        let trees = [(TOML, Format::Toml), (YAML, Format::Yaml), (JSON, Format::Json)]
            .map(|(text, format)| Node::parse(text, format).expect("reads").to_json());
        assert_eq!(trees[0], trees[1]);
        assert_eq!(trees[0], trees[2]);
    }

    #[test]
    fn every_format_knows_the_place_of_a_value() {
        for (text, format) in [(TOML, Format::Toml), (YAML, Format::Yaml), (JSON, Format::Json)] {
            let span = Node::parse(text, format).expect("reads").place("b.c.1").expect("has a place");
            assert_eq!(&text[span], "\"x\"", "{format:?}");
        }
    }
}
