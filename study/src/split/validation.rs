//! `[validation]`: the folds that trials are compared on, and the outer folds that the whole search is judged on.
//!
//! The outer folds make cross-validation nested (Stone 1974; Varma and Simon 2006): in each of them the search is made
//! once more on the fold's training rows alone, and what it chooses is tested on rows that it never saw.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use super::{FOLDS_MAX, Fold, Rows, Split, SplitError, of_each_row};

/// The key of the outer split, beside the split's own.
const OUTER: &str = "outer";

/// How training rows are split: one split and, for nested cross-validation, another around it.
///
/// The search's folds are numbered one after another: first those of all training rows, which choose the winner, and
/// then, outer fold after outer fold, those of the outer fold's training rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// The split that trials are compared on.
    pub split: Split,
    /// The split around it.
    pub outer: Option<Split>,
}

impl Validation {
    /// Without outer folds.
    #[must_use]
    pub fn new(split: Split) -> Self {
        Self { split, outer: None }
    }

    /// Number of folds that choose the winner, repeats counted: the first of the search's folds.
    #[must_use]
    pub fn choosing_count(&self) -> usize {
        self.split.fold_count()
    }

    /// Number of outer folds; 0 without an outer split.
    #[must_use]
    pub fn outer_count(&self) -> usize {
        self.outer.as_ref().map_or(0, Split::fold_count)
    }

    /// Number of folds of the search, those within outer folds counted.
    #[must_use]
    pub fn fold_count(&self) -> usize {
        self.choosing_count().saturating_mul(self.outer_count().saturating_add(1))
    }

    /// The search's folds that lie within an outer fold.
    #[must_use]
    pub fn within(&self, outer: usize) -> Range<usize> {
        let first = self.choosing_count() * (outer + 1);
        first..first + self.choosing_count()
    }

    /// Whether [`Rows::classes`] must be given.
    #[must_use]
    pub fn needs_classes(&self) -> bool {
        self.splits().any(Split::needs_classes)
    }

    /// Whether [`Rows::groups`] must be given.
    #[must_use]
    pub fn needs_groups(&self) -> bool {
        self.splits().any(Split::needs_groups)
    }

    /// The split, and the one around it.
    pub fn splits(&self) -> impl Iterator<Item = &Split> {
        [Some(&self.split), self.outer.as_ref()].into_iter().flatten()
    }

    /// Checks what can be checked without data.
    ///
    /// # Errors
    /// The first field that no data could satisfy.
    pub fn check(&self) -> Result<(), SplitError> {
        self.splits().try_for_each(Split::check)?;
        if self.outer.is_some() && self.splits().any(|split| *split == Split::TestSet) {
            return Err(SplitError::NestedTestSet);
        }
        if self.fold_count() > FOLDS_MAX {
            return Err(SplitError::TooManyFolds { folds: self.fold_count() });
        }
        Ok(())
    }

    /// (train, validation) sizes of each fold of the search where they follow from the number of rows, as
    /// [`Split::sizes`].
    #[must_use]
    pub fn sizes(&self, rows: usize) -> Option<Vec<(usize, usize)>> {
        self.check().ok()?;
        let mut sizes = self.split.sizes(rows)?;
        for (train, _) in self.outer_sizes(rows)? {
            sizes.extend(self.split.sizes(train)?);
        }
        Some(sizes)
    }

    /// (train, test) sizes of each outer fold where they follow from the number of rows.
    #[must_use]
    pub fn outer_sizes(&self, rows: usize) -> Option<Vec<(usize, usize)>> {
        self.outer.as_ref().map_or(Some(Vec::new()), |outer| outer.sizes(rows))
    }

    /// The search's folds in their order.
    ///
    /// # Errors
    /// As [`Split::folds`]; also where an outer fold leaves too few rows, classes or groups for the split.
    pub fn folds(&self, rows: &Rows<'_>) -> Result<Vec<Fold>, SplitError> {
        self.check()?;
        let mut folds = self.split.folds(rows)?;
        for (number, outer) in (1..).zip(self.outer_folds(rows)?) {
            let within = within(&self.split, rows, &outer.train);
            folds.extend(within.map_err(|error| SplitError::WithinOuter { number, error: Box::new(error) })?);
        }
        Ok(folds)
    }

    /// The outer folds: what they validate on is what the search's choice is tested on. None without an outer split.
    ///
    /// # Errors
    /// As [`Split::folds`].
    pub fn outer_folds(&self, rows: &Rows<'_>) -> Result<Vec<Fold>, SplitError> {
        self.outer.as_ref().map_or(Ok(Vec::new()), |outer| outer.folds(rows))
    }
}

/// The folds of some of the rows, in the numbers of all rows.
///
/// # Errors
/// As [`Split::folds`].
pub fn within(split: &Split, rows: &Rows<'_>, some: &[u32]) -> Result<Vec<Fold>, SplitError> {
    let classes = of_some(of_each_row("classes", rows.classes, rows.count)?, some);
    let groups = of_some(of_each_row("groups", rows.groups, rows.count)?, some);
    let part = Rows { count: some.len(), classes: classes.as_deref(), groups: groups.as_deref(), test: 0 };
    let numbered = |places: Vec<u32>| places.into_iter().map(|place| some[place as usize]).collect();
    let folds = split.folds(&part)?.into_iter();
    Ok(folds
        .map(|fold| Fold { train: numbered(fold.train), validation: numbered(fold.validation) })
        .collect())
}

fn of_some(values: Option<&[u32]>, some: &[u32]) -> Option<Vec<u32>> {
    values.map(|values| some.iter().map(|&row| values[row as usize]).collect())
}

impl Serialize for Validation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        let mut json = serde_json::to_value(&self.split).map_err(S::Error::custom)?;
        if let (Some(outer), Some(fields)) = (&self.outer, json.as_object_mut()) {
            fields.insert(OUTER.to_owned(), serde_json::to_value(outer).map_err(S::Error::custom)?);
        }
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Validation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut json = Json::deserialize(deserializer)?;
        let outer = json.as_object_mut().and_then(|fields| fields.remove(OUTER));
        let read = |json| serde_json::from_value::<Split>(json).map_err(D::Error::custom);
        Ok(Self { split: read(json)?, outer: outer.map(read).transpose()? })
    }
}

/// The schema of a split, with the outer split as one more field of those that have fields.
impl JsonSchema for Validation {
    fn schema_name() -> Cow<'static, str> {
        "Validation".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let outer = generator.subschema_for::<Split>();
        let mut schema = Split::json_schema(generator);
        schema.insert("description".to_owned(), "How the training rows are split into folds.".into());
        for kind in schema.get_mut("oneOf").and_then(Json::as_array_mut).into_iter().flatten() {
            let tag = kind.get("required").and_then(|required| required.get(0)).cloned();
            let (Some(tag), Some(kind)) = (tag, kind.as_object_mut()) else { continue };
            kind.insert("x-tag".to_owned(), tag);
            let mut outer = outer.clone();
            outer.insert("description".to_owned(), OUTER_MEANS.into());
            if let Some(fields) = kind.get_mut("properties").and_then(Json::as_object_mut) {
                fields.insert(OUTER.to_owned(), outer.to_value());
            }
        }
        schema
    }
}

/// What the schema says of the outer split.
const OUTER_MEANS: &str = "Nested cross-validation: another split around this one. In each of its folds the search is \
    made again on the fold's training rows alone, what it chooses is trained on all of them and tested on the rest.";
