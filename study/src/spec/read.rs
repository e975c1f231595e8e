//! From a text to a spec, with every problem placed.

use serde_json::Value as Json;

use super::problem::{Problem, Problems};
use super::source::{Entry, Format, Node, Value};
use super::{Spec, check, schema};
use crate::space::Space;
use crate::trials::{RowFacts, Trials};

/// The largest text that is read as a spec: far above any written by hand.
pub const SPEC_BYTES_MAX: usize = 1 << 20;

/// Sections of which anything can be searched.
const SEARCHABLE: [&str; 3] = ["network", "train", "command"];

/// The most segments of a path that is searched; the deepest settings have seven.
const PATH_SEGMENTS_MAX: usize = 16;

/// A spec together with the text it was read from, so that later problems can point at their place too.
#[derive(Debug)]
pub struct SpecFile {
    /// The spec.
    pub spec: Spec,
    text: String,
    root: Node,
}

impl SpecFile {
    /// Reads a text and checks everything that does not need the data.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn read(text: &str, format: Format) -> Result<Self, Problems> {
        Self::read_unplaced(text, format).map_err(|problems| Problems::locate(problems, text))
    }

    fn read_unplaced(text: &str, format: Format) -> Result<Self, Vec<Problem>> {
        if text.len() > SPEC_BYTES_MAX {
            let message = format!("the text has {} bytes; at most {SPEC_BYTES_MAX} are read", text.len());
            return Err(vec![Problem::new("", message)]);
        }
        let mut root = Node::parse(text, format).map_err(|problem| vec![problem])?;
        root.drop_nulls();
        root.flatten_space();
        let mut problems = Vec::new();
        let space = read_space(&root, &mut problems);
        for (path, values) in space.dimensions() {
            let span = root.place_of_setting(path);
            if let Some(first) = values.list().first()
                && let Err(problem) = root.set(path, Node::from_json(first, &span))
            {
                problems.push(problem);
            }
        }
        schema::check(&root, schema::inlined(), "", &mut problems);
        check_method(&root, &mut problems);
        check_values(&root, &space, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let spec: Spec = serde_json::from_value(root.to_json())
            .map_err(|error| vec![Problem::new("", error.to_string())])?;
        let file = Self { spec, text: text.to_owned(), root };
        let problems = check::check_study(&file.spec);
        if problems.is_empty() { Ok(file) } else { Err(file.place(problems)) }
    }

    /// The trials for rows like these.
    ///
    /// # Errors
    /// Every problem at once, such as a network that does not fit the rows.
    pub fn trials(&self, rows: &RowFacts) -> Result<Trials, Problems> {
        Trials::enumerate(&self.spec, rows).map_err(|problems| self.located(problems))
    }

    /// A problem that was found elsewhere, such as with the data, at its place.
    #[must_use]
    pub fn problem(&self, path: &str, message: impl Into<String>) -> Problems {
        self.located(vec![Problem::new(path, message)])
    }

    /// Problems that were found elsewhere, such as with an extension, at their places.
    #[must_use]
    pub fn located(&self, problems: Vec<Problem>) -> Problems {
        Problems::locate(self.place(problems), &self.text)
    }

    fn place(&self, mut problems: Vec<Problem>) -> Vec<Problem> {
        for problem in &mut problems {
            if problem.span.is_none() {
                problem.span = self.root.place_of_setting(&problem.path);
            }
        }
        problems
    }
}

/// What trains: a described network, of which `network` and `train` are both needed, or a command.
fn check_method(root: &Node, problems: &mut Vec<Problem>) {
    let command = root.get("command").is_some();
    for key in ["network", "train"] {
        match root.get(key) {
            Some(entry) if command => {
                let problem = Problem::new(key, format!("`{key}` and `command` exclude each other"));
                let problem = problem.hint("a command trains by itself: give one of the two");
                problems.push(problem.at(entry.key_span.clone()));
            }
            None if !command => {
                let what = schema::inlined()["properties"][key]["description"].as_str();
                let problem = Problem::new("", format!("`{key}` is missing")).at(root.span.clone());
                problems.push(problem.hint(what.unwrap_or_default()));
            }
            _ => {}
        }
    }
}

/// Checks every value but the first of each dimension against the schema of the field that it would fill. Where there
/// is no such field, the first value has told.
fn check_values(root: &Node, space: &Space, problems: &mut Vec<Problem>) {
    for (path, values) in space.dimensions() {
        let Some(field) = schema::field(root, schema::inlined(), path) else { continue };
        let span = root.place_of_setting(path);
        for value in values.list().iter().skip(1) {
            let mut found = Vec::new();
            schema::check(&Node::from_json(value, &span), field, path, &mut found);
            if !found.is_empty() {
                problems.extend(found);
                break;
            }
        }
    }
}

/// The space, without the dimensions that nothing may vary. What it searches, the rest of a spec may leave out.
fn read_space(root: &Node, problems: &mut Vec<Problem>) -> Space {
    let Some(entry) = root.get("space") else { return Space::default() };
    let mut found = Vec::new();
    schema::check(&entry.node, &schema::inlined()["properties"]["space"], "space", &mut found);
    let space = serde_json::from_value::<Space>(entry.node.to_json());
    let (true, Ok(mut space)) = (found.is_empty(), space) else {
        problems.extend(found);
        return Space::default();
    };
    if let Err(problem) = space.points() {
        problems.push(problem.at(entry.node.span.clone()));
        return Space::default();
    }
    let mut keep = |path: &String| {
        if path.split('.').count() > PATH_SEGMENTS_MAX {
            let shown: String = path.chars().take(60).collect();
            let message = format!("`{shown}…` is longer than the path of any setting");
            problems.push(Problem::new("space", message).at(root.place_of_setting(path)));
            return false;
        }
        let searchable = SEARCHABLE.iter().any(|section| {
            path.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        if !searchable {
            let message = "only what lies under `network`, `train` and `command` can be searched";
            let problem = Problem::new(format!("space.{path}"), message)
                .hint("all trials of a study share the data and the folds");
            problems.push(problem.at(root.place_of_setting(path)));
        }
        searchable
    };
    space.single.retain(|path, _| keep(path));
    space.zip.iter_mut().for_each(|group| group.retain(|path, _| keep(path)));
    space
}

impl Node {
    /// A field that is null counts as not given.
    fn drop_nulls(&mut self) {
        if let Value::Table(entries) = &mut self.value {
            entries.retain(|entry| entry.node.value != Value::Null);
            entries.iter_mut().for_each(|entry| entry.node.drop_nulls());
        }
    }

    /// `train.lr = […]` without quotes makes nested tables; inside `[space]` they mean one dotted path.
    fn flatten_space(&mut self) {
        let Value::Table(sections) = &mut self.value else { return };
        let Some(space) = sections.iter_mut().find(|entry| entry.key == "space") else { return };
        let Value::Table(entries) = &mut space.node.value else { return };
        let mut flat = Vec::new();
        for entry in entries.drain(..) {
            if matches!(entry.key.as_str(), "zip" | "exclude") {
                flat.push(entry);
            } else {
                flatten(entry, &mut flat);
            }
        }
        *entries = flat;
    }

    /// Puts `node` at a dotted path, making tables on the way.
    fn set(&mut self, path: &str, node: Self) -> Result<(), Problem> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let span = node.span.clone();
        let refuse = |message: String| Err(Problem::new(format!("space.{path}"), message).at(span.clone()));
        let child = match &mut self.value {
            Value::List(items) => {
                let count = items.len();
                match first.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                    Some(child) => child,
                    None => return refuse(format!("`{first}` is not a position in a list of {count}")),
                }
            }
            Value::Table(entries) => {
                let index = entries.iter().position(|entry| entry.key == first).unwrap_or_else(|| {
                    let table = Self { value: Value::Table(Vec::new()), span: span.clone() };
                    entries.push(Entry { key: first.to_owned(), key_span: span.clone(), node: table });
                    entries.len() - 1
                });
                &mut entries[index].node
            }
            _ => return refuse(format!("`{first}` would lie inside a value that is not a table")),
        };
        match rest {
            Some(rest) => child.set(rest, node),
            None => {
                *child = node;
                Ok(())
            }
        }
    }

    /// Where a setting's value comes from: the space if it is searched, its own place otherwise.
    fn place_of_setting(&self, whole: &str) -> super::source::Span {
        let path = whole.strip_prefix("space.").unwrap_or(whole);
        let singles = self.get("space").map(|entry| &entry.node);
        let zips = singles.and_then(|space| space.get("zip")).map(|entry| match &entry.node.value {
            Value::List(groups) => groups.iter().collect(),
            _ => Vec::new(),
        });
        singles
            .into_iter()
            .chain(zips.into_iter().flatten())
            .find_map(|table| table.get(path))
            .map(|entry| entry.node.span.clone())
            .unwrap_or_else(|| self.place(whole))
    }
}

fn flatten(entry: Entry, flat: &mut Vec<Entry>) {
    let is_range = |entries: &[Entry]| {
        entries.iter().any(|inner| matches!(inner.key.as_str(), "linear" | "log" | "steps"))
    };
    match entry.node.value {
        Value::Table(inner) if !is_range(&inner) && !inner.is_empty() => {
            for child in inner {
                let key = format!("{}.{}", entry.key, child.key);
                flatten(Entry { key, ..child }, flat);
            }
        }
        value => flat.push(Entry { node: Node { value, span: entry.node.span }, ..entry }),
    }
}

/// Puts `value` at a dotted path.
///
/// # Errors
/// When the path leads through what is neither a table nor a list, or past a list's end. Never so for a checked spec.
pub(crate) fn set_json(json: &mut Json, path: &str, value: Json) -> Result<(), Problem> {
    let mut place = Some(json);
    for segment in path.split('.') {
        place = match place {
            Some(Json::Array(items)) => segment.parse().ok().and_then(|index: usize| items.get_mut(index)),
            Some(other @ (Json::Object(_) | Json::Null)) => Some(&mut other[segment]),
            _ => None,
        };
    }
    match place {
        Some(place) => *place = value,
        None => return Err(Problem::new(format!("space.{path}"), "there is no such setting")),
    }
    Ok(())
}

/// Puts nothing at a dotted path, if there is something.
pub(super) fn clear_json(json: &mut Json, path: &str) {
    let place = path.split('.').try_fold(json, |place, segment| match place {
        Json::Array(items) => items.get_mut(segment.parse::<usize>().ok()?),
        Json::Object(fields) => fields.get_mut(segment),
        _ => None,
    });
    if let Some(place) = place {
        *place = Json::Null;
    }
}
