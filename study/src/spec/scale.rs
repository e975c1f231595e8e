//! A smaller version of a study, for trying and for checks: fewer rows and epochs, everything else as it is.
//!
//! The rule, for a fraction f: the first f of the training rows and of the test rows, rounded up, but at least
//! [`ROWS_MIN`] for each class in each part of a split, as far as there are so many; f of every number of epochs,
//! rounded up, at least two where there were two; f of what a schedule or `measure.snapshots` counts in epochs, rounded
//! up; batches are as large as before, but no larger than the training rows. What is searched is scaled value by
//! value. Values may become equal; trials keep their numbers, except where `exclude` tells values apart that are no
//! longer different.

use std::str::FromStr;

use serde_json::Value as Json;

use super::Spec;
use crate::space::Values;
use crate::trials::RowFacts;

/// The least rows of a class in each part of a split.
pub const ROWS_MIN: usize = 10;
/// The least epochs.
const EPOCHS_MIN: u64 = 2;
/// Characters of a description; the schema's limit.
const DESCRIPTION_CHARS_MAX: usize = 10_000;
const BATCH_SIZE: &str = "train.batch_size";
/// Numbers of epochs.
const EPOCHS: [&str; 4] = ["train.epochs", "command.epochs", "final.refit.epochs", "final.hold_out.epochs"];
/// What settings under `train` and `measure` are called that count in epochs.
const SPANS: [&str; 7] = ["every", "milestones", "patience", "cooldown", "epochs", "first", "steps"];

/// A fraction of a study, above 0 and at most 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale(f64);

/// A text that is no scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scale is a number above 0 and at most 1")]
pub struct NoScale;

impl FromStr for Scale {
    type Err = NoScale;

    fn from_str(text: &str) -> Result<Self, NoScale> {
        let fraction: f64 = text.parse().map_err(|_| NoScale)?;
        if fraction > 0.0 && fraction <= 1.0 { Ok(Self(fraction)) } else { Err(NoScale) }
    }
}

impl Scale {
    /// Whether it leaves a study as it is.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.0 >= 1.0
    }

    /// In percent, for people.
    #[must_use]
    pub fn percent(self) -> String {
        // Two digits behind the point are less than anyone scales by, and 7 % is not 7.000000000000001 %.
        format!("{} %", (self.0 * 1e4).round() / 1e2)
    }

    /// This part of a number, rounded up, but at least `least` as far as it goes.
    fn of(self, number: u64, least: u64) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to `number`")]
        #[expect(clippy::cast_precision_loss, reason = "rows and epochs are far below 2⁵³")]
        // 0.07 · 100 is a little more than 7, and 7 is meant.
        let part = (self.0 * number as f64 - 1e-9).ceil() as u64;
        part.max(least).min(number)
    }
}

impl Spec {
    /// A smaller version of the study for rows like these, as JSON. Its name is the same; its description says how much
    /// smaller it is.
    #[must_use]
    pub fn scaled(&self, scale: Scale, rows: &RowFacts) -> Json {
        let mut json = self.to_json();
        if scale.is_whole() {
            return json;
        }
        let classes = rows.classes.unwrap_or(1);
        let least = |parts: usize| (ROWS_MIN * classes * parts) as u64;
        let train_rows = scale.of(rows.train_rows as u64, least(parts(&json["validation"])));
        let step = Step { scale, train_rows };
        step.scale_tree("", &mut json);
        self.scale_space(&step, &mut json);
        json["data"]["train_rows"] = Json::from(train_rows);
        if let Some(test_rows) = rows.test_rows {
            json["data"]["test_rows"] = Json::from(scale.of(test_rows as u64, least(1)));
        }
        let description = format!("{} Scaled to {}.", self.description, scale.percent());
        if description.chars().count() <= DESCRIPTION_CHARS_MAX {
            json["description"] = Json::from(description.trim_start());
        }
        json
    }

    fn scale_space(&self, step: &Step, json: &mut Json) {
        let list = |path: &str, values: &Values| -> Json {
            let mut values = values.list();
            values.iter_mut().for_each(|value| step.scale_tree(path, value));
            Json::from(values)
        };
        for (path, values) in &self.space.single {
            json["space"][path] = list(path, values);
        }
        for (place, group) in self.space.zip.iter().enumerate() {
            for (path, values) in group {
                json["space"]["zip"][place][path] = list(path, values);
            }
        }
        let rules = json.pointer_mut("/space/exclude").and_then(Json::as_array_mut);
        for rule in rules.into_iter().flatten().filter_map(Json::as_object_mut) {
            rule.iter_mut().for_each(|(path, condition)| step.scale_condition(path, condition));
        }
    }
}

/// What is done to the numbers of a spec.
struct Step {
    scale: Scale,
    train_rows: u64,
}

impl Step {
    /// A value at a path and all that lies in it. The space is left: its keys are paths.
    fn scale_tree(&self, path: &str, value: &mut Json) {
        match value {
            Json::Object(entries) => {
                for (key, value) in entries.iter_mut().filter(|(key, _)| !path.is_empty() || *key != "space")
                {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    self.scale_tree(&path, value);
                }
            }
            Json::Array(items) => {
                let before = items.len();
                items.iter_mut().for_each(|item| self.scale_tree(path, item));
                if is_span(path) && before > 0 {
                    // Milestones ascend.
                    items.dedup();
                }
            }
            Json::Number(number) => {
                if let Some(number) = number.as_u64() {
                    *value = Json::from(self.number(path, number));
                }
            }
            Json::Null | Json::Bool(_) | Json::String(_) => {}
        }
    }

    fn number(&self, path: &str, number: u64) -> u64 {
        if EPOCHS.contains(&path) {
            self.scale.of(number, EPOCHS_MIN)
        } else if is_span(path) {
            self.scale.of(number, 1)
        } else if path == BATCH_SIZE {
            number.min(self.train_rows)
        } else {
            number
        }
    }

    /// A value, values or bounds as the values that they are compared with. Bounds are written as fractions: 10.0.
    fn scale_condition(&self, path: &str, condition: &mut Json) {
        let counts = EPOCHS.contains(&path) || is_span(path) || path == BATCH_SIZE;
        let bounds = condition.as_object_mut().filter(|_| counts);
        let Some(bounds) = bounds else { return self.scale_tree(path, condition) };
        for bound in bounds.values_mut() {
            let whole = bound.as_f64().filter(|bound| *bound >= 0.0 && bound.fract() == 0.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole and not below 0"
            )]
            if let Some(whole) = whole.map(|whole| whole as u64) {
                *bound = Json::from(self.number(path, whole) as f64);
            }
        }
    }
}

fn is_span(path: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or_default();
    let section = path.split('.').next().unwrap_or_default();
    ["train", "measure"].contains(&section) && SPANS.contains(&key)
}

/// How many parts a split has of which each is to have rows of every class.
fn parts(validation: &Json) -> usize {
    let rule = validation.as_object().and_then(|forms| forms.values().next());
    let folds = rule.and_then(|rule| rule.get("folds")).and_then(Json::as_u64);
    folds.and_then(|folds| usize::try_from(folds).ok()).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::Scale;
    use crate::spec::{Format, Spec, SpecFile};
    use crate::trials::RowFacts;

    const SPEC: &str = r#"
name = "whole"
description = "As published."
data = { dataset = "fashion-mnist" }
validation = { k_fold = { folds = 5 } }
network = { mlp = { hidden = [200] } }
train = { epochs = 20, batch_size = 128, optimizer = { kind = "adam", lr = 0.001 }, schedule = { step = { every = 5 } } }
measure = { snapshots = { every = 3 } }
final = { hold_out = { fraction = 0.2, epochs = 50 } }
[space]
"train.batch_size" = [128, 5000]
"train.epochs" = { linear = [10, 30], steps = 3 }
[[space.zip]]
"train.schedule" = [{ step = { every = 40, gamma = 0.5 } }, { reduce_on_plateau = { patience = 0 } }]
"train.optimizer.lr" = [0.1, 0.2]
[[space.exclude]]
"train.epochs" = { at_least = 30 }
"train.batch_size" = 5000
"#;
    const ROWS: RowFacts = RowFacts {
        shape: Vec::new(),
        classes: Some(10),
        train_rows: 60_000,
        test_rows: Some(10_000),
        targets: 1,
    };

    fn scaled(fraction: &str) -> Json {
        let spec = Spec::read(SPEC, Format::Toml).expect("a spec");
        spec.scaled(fraction.parse().expect("a scale"), &ROWS)
    }

    #[test]
    fn rows_and_epochs_shrink_and_nothing_else() {
        let spec = scaled("0.07");
        assert_eq!(spec["description"], "As published. Scaled to 7 %.");
        assert_eq!((&spec["name"], &spec["network"]["mlp"]["hidden"][0]), (&"whole".into(), &200.into()));
        assert_eq!((&spec["data"]["train_rows"], &spec["data"]["test_rows"]), (&4_200.into(), &700.into()));
        // The first of the searched values stands in the spec.
        assert_eq!(spec["train"]["epochs"], 2);
        assert_eq!(spec["space"]["train.epochs"], serde_json::json!([2, 2, 3]));
        assert_eq!(spec["space"]["train.batch_size"], serde_json::json!([128, 4_200]));
        let schedules = &spec["space"]["zip"][0]["train.schedule"];
        assert_eq!(schedules[0]["step"]["every"], 3);
        assert_eq!(schedules[1]["reduce_on_plateau"]["patience"], 0);
        assert_eq!(spec["space"]["exclude"][0]["train.epochs"]["at_least"], 3.0);
        assert_eq!(spec["space"]["exclude"][0]["train.batch_size"], 4_200);
        assert_eq!(spec["final"]["hold_out"]["epochs"], 4);
        assert_eq!(spec["measure"]["snapshots"]["every"], 1);
        let file = SpecFile::read(&spec.to_string(), Format::Json).expect("a spec again");
        assert_eq!(file.spec.to_json(), spec);
    }

    #[test]
    fn every_class_keeps_rows_in_every_part() {
        let spec = scaled("0.0001");
        assert_eq!((&spec["data"]["train_rows"], &spec["data"]["test_rows"]), (&500.into(), &100.into()));
        let small = RowFacts { train_rows: 30, test_rows: None, ..ROWS };
        let spec =
            Spec::read(SPEC, Format::Toml).expect("a spec").scaled("0.5".parse().expect("a scale"), &small);
        assert_eq!((&spec["data"]["train_rows"], spec["data"].get("test_rows")), (&30.into(), None));
    }

    #[test]
    fn the_whole_is_what_it_was() {
        assert_eq!(scaled("1"), Spec::read(SPEC, Format::Toml).expect("a spec").to_json());
    }

    #[test]
    fn a_scale_is_a_fraction() {
        for wrong in ["0", "-0.1", "1.01", "NaN", "half", ""] {
            assert!(wrong.parse::<Scale>().is_err(), "{wrong}");
        }
        assert_eq!("0.0125".parse::<Scale>().expect("a scale").percent(), "1.25 %");
    }
}
