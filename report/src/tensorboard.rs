//! The report as event files of TensorBoard: a run for each fold, and one for the final model.

use std::collections::BTreeMap;

use foldwise_study::outcome::EpochRecord;
use prost::Message;
use prost_types::Value;
use prost_types::value::Kind;
use serde_json::Value as Json;

use self::record::record;
use crate::section::{Run, Scope, folds_of};
use crate::time::unix_ms;
use crate::value::value_text;
use crate::{ExportedFile, Report, RunState, Shown};

mod event;
mod record;

use event::{Event, HParams, Metadata, Plugin, SessionEnd, SessionStart, Summary, SummaryValue, What};

/// The version that event files begin with.
const FILE_VERSION: &str = "brain.Event:2";
/// `STATUS_SUCCESS` and `STATUS_FAILURE` of the hyperparameter plugin.
const STATUS: (i32, i32) = (1, 2);

/// One file per run with an epoch, in a folder of its own. Steps are epochs. Times are spread between the study's
/// submission and its end, because a report does not hold the time of each epoch.
#[must_use]
pub fn tensorboard(report: &Report) -> Vec<ExportedFile> {
    let created = unix_ms(&report.study.created).unwrap_or(0) as f64 / 1000.0;
    let mut files = Vec::new();
    let digits = report.trials.len().saturating_sub(1).to_string().len();
    for trial in &report.trials {
        for (run, fold) in folds_of(trial).zip(&trial.folds) {
            let session = Session {
                params: trial.params.iter().map(|(path, value)| (path.clone(), value_of(value))).collect(),
                group: format!("trial {}", trial.index),
                failed: fold.state == RunState::Failed,
                seconds: fold.seconds.unwrap_or(0.0),
                score: fold.score,
            };
            let folder = format!("trial-{:0digits$}/fold-{}", trial.index, fold.fold);
            files.extend(file(&folder, &run, created, &session));
        }
    }
    if let Some((run, stage)) =
        Scope::new(report, Shown::default()).final_run().zip(report.final_stage.as_ref())
    {
        let session = Session {
            params: stage.params.iter().map(|(path, value)| (path.clone(), value_of(value))).collect(),
            group: "final model".to_owned(),
            failed: stage.state == RunState::Failed,
            seconds: stage.seconds.unwrap_or(0.0),
            score: None,
        };
        files.extend(file("final", &run, created, &session));
    }
    files
}

/// What the hyperparameter plugin is told of a run.
struct Session {
    params: BTreeMap<String, Value>,
    /// Runs of one group are shown as one.
    group: String,
    failed: bool,
    seconds: f64,
    score: Option<f64>,
}

fn file(folder: &str, run: &Run<'_>, created: f64, session: &Session) -> Option<ExportedFile> {
    let last = run.epochs.last()?;
    let mut bytes = Vec::new();
    let mut put = |seconds: f64, step: i64, what: What| {
        let event = Event { wall_time: created + seconds, step, what: Some(what) };
        bytes.extend(record(&event.encode_to_vec()));
    };
    put(0.0, 0, What::FileVersion(FILE_VERSION.to_owned()));
    let start = SessionStart {
        hparams: session.params.clone(),
        group_name: session.group.clone(),
        start_time_secs: created,
    };
    let start = HParams { version: 0, session_start: Some(start), session_end: None };
    put(0.0, 0, plugin("_hparams_/session_start_info", &start));
    for record in run.epochs {
        let share = f64::from(record.epoch) / f64::from(last.epoch.max(1));
        let values = scalars(run, record).into_iter().map(|(tag, value)| scalar(tag, value));
        put(
            session.seconds * share,
            record.epoch.into(),
            What::Summary(Summary { values: values.collect() }),
        );
    }
    if let Some(score) = session.score {
        let value = scalar("score", score);
        put(session.seconds, last.epoch.into(), What::Summary(Summary { values: vec![value] }));
    }
    let status = if session.failed { STATUS.1 } else { STATUS.0 };
    let end = SessionEnd { status, end_time_secs: created + session.seconds };
    let end = HParams { version: 0, session_start: None, session_end: Some(end) };
    put(session.seconds, 0, plugin("_hparams_/session_end_info", &end));
    Some(ExportedFile { path: format!("{folder}/events.out.tfevents.{created:.0}.foldwise"), bytes })
}

/// What an epoch has, by tag.
fn scalars(run: &Run<'_>, record: &EpochRecord) -> Vec<(&'static str, f64)> {
    let measured = run.measured(record.epoch);
    let values = [
        ("loss/train", Some(record.train_loss)),
        ("loss/validation", record.val_loss),
        ("loss/train_after_epoch", measured.and_then(|measured| measured.training_loss)),
        ("accuracy/train", record.train_accuracy),
        ("accuracy/validation", record.val_accuracy),
        ("accuracy/train_after_epoch", measured.and_then(|measured| measured.training_accuracy)),
        ("learning_rate", Some(record.lr)),
        ("norm/gradient", measured.and_then(|measured| measured.gradient_norm)),
        ("norm/weights", measured.and_then(|measured| measured.weight_norm)),
    ];
    values.into_iter().filter_map(|(tag, value)| Some((tag, value?))).collect()
}

fn scalar(tag: &str, value: f64) -> SummaryValue {
    #[expect(clippy::cast_possible_truncation, reason = "event files hold 32-bit floats")]
    let simple_value = Some(value as f32);
    SummaryValue { tag: tag.to_owned(), simple_value, metadata: None }
}

fn plugin(tag: &str, content: &HParams) -> What {
    let plugin = Plugin { plugin_name: "hparams".to_owned(), content: content.encode_to_vec() };
    let metadata = Some(Metadata { plugin: Some(plugin) });
    What::Summary(Summary {
        values: vec![SummaryValue { tag: tag.to_owned(), simple_value: None, metadata }],
    })
}

fn value_of(value: &Json) -> Value {
    let kind = match value {
        Json::Bool(flag) => Kind::BoolValue(*flag),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(_) | Json::Null | Json::Array(_) | Json::Object(_) => {
            Kind::StringValue(value_text(value))
        }
    };
    Value { kind: Some(kind) }
}
