//! What two reports of one study have in common, whoever trained it and whatever went wrong.

use serde_json::Value;

/// A report as JSON.
pub type StudyJson = Value;

/// The report without what may differ between two searches: times, memory, attempts and who did what.
fn lasting(mut report: StudyJson) -> StudyJson {
    fn strip(value: &mut StudyJson) {
        match value {
            StudyJson::Object(fields) => {
                // Why an attempt failed that a later one made good.
                if fields.get("state").is_some_and(|state| state == "finished") {
                    fields.remove("error");
                }
                for field in ["seconds", "attempts", "worker", "workers", "created", "ended", "resources"] {
                    fields.remove(field);
                }
                fields.values_mut().for_each(strip);
            }
            StudyJson::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut report);
    // How rows came to whoever read them.
    if let Some(data) = report.pointer_mut("/spec/data").and_then(StudyJson::as_object_mut) {
        data.remove("parcel");
    }
    report
}

/// Where two reports differ first.
fn difference(a: &StudyJson, b: &StudyJson, path: &str) -> Option<String> {
    match (a, b) {
        (StudyJson::Object(x), StudyJson::Object(y)) if x.len() == y.len() => {
            x.iter().find_map(|(key, value)| {
                difference(value, y.get(key).unwrap_or(&StudyJson::Null), &format!("{path}.{key}"))
            })
        }
        (StudyJson::Array(x), StudyJson::Array(y)) if x.len() == y.len() => {
            let pairs = x.iter().zip(y).enumerate();
            pairs.into_iter().find_map(|(index, (a, b))| difference(a, b, &format!("{path}[{index}]")))
        }
        _ => (a != b).then(|| format!("{path}: {a} and {b}")),
    }
}

/// Panics with the first place where two reports, or the same part of both, differ in anything but times, attempts,
/// workers and the errors of attempts that a later one made good.
pub fn assert_same(report: &StudyJson, reference: &StudyJson) {
    if let Some(place) = difference(&lasting(report.clone()), &lasting(reference.clone()), "") {
        panic!("the reports differ: {place}");
    }
}

/// Panics unless every run is there once, and finished.
pub fn each_run_once(report: &StudyJson, trials: usize, folds: usize) {
    let listed = report["trials"].as_array().unwrap();
    assert_eq!(listed.len(), trials);
    for (index, trial) in listed.iter().enumerate() {
        assert_eq!(trial["index"], index);
        let runs = trial["folds"].as_array().unwrap();
        assert!(runs.iter().map(|run| &run["fold"]).eq(&(0..folds).collect::<Vec<_>>()), "{runs:?}");
        assert!(runs.iter().all(|run| run["state"] == "finished"), "{runs:?}");
    }
}
