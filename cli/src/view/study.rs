//! Studies.

use foldwise_proto::v1::{Study, StudyState};
use serde::Serialize;

use crate::quantity;
use crate::table::{self, Column};

/// Characters of a profile's digest that people are shown: enough to tell two files apart.
const DIGEST_SHOWN: usize = 12;

/// A study in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct StudyView {
    name: String,
    display_name: String,
    state: &'static str,
    priority: i32,
    runs: Counts,
    trials: u32,
    folds: u32,
    /// Absent until it is planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cohorts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    /// BLAKE3, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    best_trial: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    best_mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<f64>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    create_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Absent where its spec was never extended.
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<u32>,
}

/// Runs by state.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Counts {
    total: u32,
    queued: u32,
    leased: u32,
    finished: u32,
    failed: u32,
    cancelled: u32,
}

impl Counts {
    fn of(study: &Study) -> Self {
        let runs = study.runs.unwrap_or_default();
        Self {
            total: study.trials.saturating_mul(study.folds),
            queued: runs.queued,
            leased: runs.leased,
            finished: runs.finished,
            failed: runs.failed,
            cancelled: runs.cancelled,
        }
    }

    fn sentence(self) -> String {
        let parts = [
            (self.leased, "training"),
            (self.queued, "waiting"),
            (self.failed, "failed"),
            (self.cancelled, "cancelled"),
        ];
        let total = quantity::counted(self.total.into(), "run");
        let mut text = format!("{} of {total} finished", quantity::count(self.finished.into()));
        for (number, word) in parts.into_iter().filter(|&(number, _)| number > 0) {
            text.push_str(&format!(", {} {word}", quantity::count(number.into())));
        }
        text
    }
}

impl StudyView {
    /// Of a study.
    pub(crate) fn new(study: &Study) -> Self {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            name: study.name.clone(),
            display_name: study.display_name.clone(),
            state: state_word(study.state()),
            priority: study.priority,
            runs: Counts::of(study),
            trials: study.trials,
            folds: study.folds,
            device: some(&study.device),
            cohorts: (study.cohorts > 0).then_some(study.cohorts),
            profile: some(&study.profile),
            profile_digest: some(&study.profile_digest),
            best_trial: study.best_trial,
            best_mean: study.best_mean,
            seconds_left: study.seconds_left,
            create_time: study.create_time.map(|time| time.to_string()),
            end_time: study.end_time.map(|time| time.to_string()),
            message: some(&study.message),
            extensions: (study.extensions > 0).then_some(study.extensions),
        }
    }
}

/// The profile that a study is planned with, if it is known, with the beginning of its digest.
fn profile(study: &Study) -> String {
    let Study { profile, profile_digest, .. } = study;
    let short = profile_digest.get(..DIGEST_SHOWN).unwrap_or(profile_digest);
    if profile.is_empty() { String::new() } else { format!(", profile {profile} ({short})") }
}

/// A state in one word.
pub(crate) fn state_word(state: StudyState) -> &'static str {
    match state {
        StudyState::Unspecified => "unknown",
        StudyState::Searching => "searching",
        StudyState::Finishing => "finishing",
        StudyState::Succeeded => "succeeded",
        StudyState::Failed => "failed",
        StudyState::Cancelled => "cancelled",
        StudyState::Paused => "paused",
    }
}

/// Whether nothing will happen to it any more.
pub(crate) fn is_over(study: &Study) -> bool {
    matches!(study.state(), StudyState::Succeeded | StudyState::Failed | StudyState::Cancelled)
}

/// Studies for people. `now` in seconds since 1970.
pub(crate) fn study_table(studies: &[Study], now: i64) -> String {
    let columns = [
        Column::Text("study"),
        Column::Text("name"),
        Column::Text("state"),
        Column::Number("priority"),
        Column::Number("runs"),
        Column::Number("best mean"),
        Column::Number("time left"),
        Column::Text("submitted"),
    ];
    let rows = studies.iter().map(|study| {
        let counts = Counts::of(study);
        let done = counts.finished + counts.failed + counts.cancelled;
        vec![
            study.name.clone(),
            study.display_name.clone(),
            state_word(study.state()).to_owned(),
            study.priority.to_string(),
            format!("{}/{}", quantity::count(done.into()), quantity::count(counts.total.into())),
            study.best_mean.map(quantity::score).unwrap_or_default(),
            study.seconds_left.map(quantity::duration).unwrap_or_default(),
            study.create_time.map(|time| quantity::age(now - time.seconds)).unwrap_or_default(),
        ]
    });
    table::table(&columns, rows)
}

impl StudyView {
    /// For people. `now` in seconds since 1970.
    pub(crate) fn page(study: &Study, now: i64) -> String {
        let time = |time: Option<prost_types::Timestamp>| {
            time.map(|time| format!("{time}, {}", quantity::age(now - time.seconds)))
        };
        let best = study.best_trial.map(|trial| match study.best_mean {
            Some(mean) => format!("trial {trial} with a mean of {}", quantity::score(mean)),
            None => format!("trial {trial}"),
        });
        let planned = (!study.device.is_empty()).then(|| {
            let cohorts = quantity::counted(study.cohorts.into(), "cohort");
            format!("{cohorts} on {}{}", study.device, profile(study))
        });
        let trials = quantity::counted(study.trials.into(), "trial");
        let folds = quantity::counted(study.folds.into(), "fold");
        let best_label = if is_over(study) { "best" } else { "best so far" };
        let lines = [
            ("study", Some(format!("{} ({})", study.display_name, study.name))),
            ("state", Some(state_word(study.state()).to_owned())),
            ("priority", (study.priority != 0).then(|| study.priority.to_string())),
            ("message", (!study.message.is_empty()).then(|| study.message.clone())),
            ("search", Some(format!("{trials} on {folds}"))),
            ("planned", planned),
            ("runs", Some(Counts::of(study).sentence())),
            (best_label, best),
            ("time left", study.seconds_left.map(quantity::duration)),
            ("submitted", time(study.create_time)),
            ("ended", time(study.end_time)),
        ];
        let known: Vec<(&str, String)> =
            lines.into_iter().filter_map(|(label, text)| text.map(|text| (label, text))).collect();
        table::labelled(&known)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use foldwise_proto::v1::{RunCounts, Study, StudyState};
    use prost_types::Timestamp;

    use super::{StudyView, study_table};

    pub(crate) fn study() -> Study {
        Study {
            name: "studies/3".to_owned(),
            display_name: "quickstart".to_owned(),
            state: StudyState::Searching.into(),
            runs: Some(RunCounts { queued: 15, leased: 2, finished: 22, failed: 1, cancelled: 0 }),
            trials: 8,
            folds: 5,
            device: "cpu".to_owned(),
            cohorts: 4,
            profile: "den".to_owned(),
            profile_digest: "0123456789abcdef".to_owned(),
            best_trial: Some(3),
            best_mean: Some(0.884_31),
            seconds_left: Some(80.0),
            create_time: Some(Timestamp { seconds: 1_700_000_000, nanos: 0 }),
            ..Study::default()
        }
    }

    #[test]
    fn a_page_says_what_a_person_asks() {
        let page = StudyView::page(&study(), 1_700_000_300);
        assert_eq!(
            page,
            "study        quickstart (studies/3)\n\
             state        searching\n\
             search       8 trials on 5 folds\n\
             planned      4 cohorts on cpu, profile den (0123456789ab)\n\
             runs         22 of 40 runs finished, 2 training, 15 waiting, 1 failed\n\
             best so far  trial 3 with a mean of 0.8843\n\
             time left    1 min 20 s\n\
             submitted    2023-11-14T22:13:20Z, 5 min ago\n"
        );
    }

    #[test]
    fn a_list_has_a_line_per_study() {
        let list = study_table(&[study()], 1_700_000_300);
        let row = list.lines().nth(1).unwrap();
        let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let rest = ["23/40", "0.8843", "1 min 20 s", "5 min ago"];
        assert_eq!(cells, [&["studies/3", "quickstart", "searching", "0"], &rest[..]].concat());
    }
}
