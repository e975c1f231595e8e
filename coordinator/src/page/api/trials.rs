//! The trials of a study as a table that is sorted, filtered and read in pages here: ten thousand do not fit a browser.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use foldwise_study::plan::RunId;
use foldwise_study::selection::{Direction, sample_deviation};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::asked::{Asked, OfStudy, limit};
use super::super::{Page, Problem};
use super::filter::{Filter, value_text};
use super::standing::{self, Standing, TrialState};
use super::study::searched;
use crate::blocking;
use crate::ledger::{RunEnd, Study, StudyRecord};

/// Rows in one answer, if nothing is said.
const PAGE_USUAL: usize = 50;
/// Rows in one answer at most.
const PAGE_MAX: usize = 200;

/// What part of the table is wanted.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Wish {
    /// `trial`, `state`, `score` (the default), `parameters` or a searched path.
    sort: Option<String>,
    /// By default the best first, and else the smallest.
    order: Option<Order>,
    /// See [`Filter`].
    #[serde(default)]
    filter: String,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Asc,
    Desc,
}

/// A part of the table.
#[derive(Debug, Serialize)]
pub(in super::super) struct TrialList {
    trials: Vec<TrialRow>,
    /// Trials that meet the filter.
    matching: usize,
    total: usize,
    offset: usize,
    sort: String,
    order: Order,
}

#[derive(Debug, Serialize)]
struct TrialRow {
    trial: u32,
    state: TrialState,
    params: IndexMap<String, Value>,
    parameters: u64,
    /// Over the folds that have a score; of a trial that is not whole it is not compared.
    mean: Option<f64>,
    /// Divisor n − 1; absent below two scores.
    std: Option<f64>,
    /// By fold.
    scores: Vec<Option<f64>>,
}

/// What a row is sorted by; what is absent comes last either way.
enum Key {
    Number(f64),
    Text(String),
    Absent,
}

/// `GET /api/studies/{study}/trials`.
pub(in super::super) async fn list(
    State(page): State<Arc<Page>>,
    OfStudy(id, ()): OfStudy,
    Asked(wish): Asked<Wish>,
) -> Result<Json<TrialList>, Problem> {
    let limit = limit(wish.limit, PAGE_USUAL, PAGE_MAX)?;
    let (record, standings) = standing::read(&page, id).await?;
    let sort = wish.sort.unwrap_or_else(|| "score".to_owned());
    let best_first = match record.rule.metric.direction() {
        Direction::Maximize => Order::Desc,
        Direction::Minimize => Order::Asc,
    };
    let order = wish.order.unwrap_or(if sort == "score" { best_first } else { Order::Asc });
    let total = standings.len();
    let sorted = blocking::run(|| sorted(&record, standings, &wish.filter, (&sort, order)))?;
    let matching = sorted.len();
    let shown: Vec<u32> = sorted.iter().skip(wish.offset).take(limit).map(|row| row.trial).collect();
    let rows = page.of_study(id, move |study, _| shown.iter().map(|&trial| row(study, trial)).collect());
    Ok(Json(TrialList { trials: rows.await?, matching, total, offset: wish.offset, sort, order }))
}

fn sorted(
    record: &StudyRecord,
    mut standings: Vec<Standing>,
    filter: &str,
    (sort, order): (&str, Order),
) -> Result<Vec<Standing>, Problem> {
    let searched = searched(&record.trials);
    let filter = Filter::read(filter, &searched)?;
    if !filter.is_empty() {
        standings.retain(|standing| {
            let trial = standing.trial as usize;
            filter.takes(standing, &record.trials.parameters(trial), parameters(record, standing.trial))
        });
    }
    let known = ["trial", "state", "score", "parameters"].contains(&sort);
    if !known && !searched.iter().any(|path| path == sort) {
        let message = format!("`sort` is trial, state, score, parameters or one of {}", searched.join(", "));
        return Err(Problem::wrong(message));
    }
    let mut keyed: Vec<(u8, Key, Standing)> = standings
        .into_iter()
        .map(|standing| {
            // Means over fewer folds are not compared with whole ones.
            let class = u8::from(sort == "score" && !standing.is_whole());
            (class, key(record, &standing, sort), standing)
        })
        .collect();
    keyed.sort_by(|(class, key, standing), (other_class, other_key, other)| {
        class.cmp(other_class).then(compare(key, other_key, order)).then(standing.trial.cmp(&other.trial))
    });
    Ok(keyed.into_iter().map(|(_, _, standing)| standing).collect())
}

fn key(record: &StudyRecord, standing: &Standing, sort: &str) -> Key {
    #[expect(clippy::cast_precision_loss, reason = "an order of sizes")]
    match sort {
        "trial" => Key::Number(f64::from(standing.trial)),
        "state" => Key::Text(standing.state.word().to_owned()),
        "score" => standing.mean.map_or(Key::Absent, Key::Number),
        "parameters" => Key::Number(parameters(record, standing.trial) as f64),
        path => match record.trials.parameters(standing.trial as usize).get(path) {
            None => Key::Absent,
            Some(value) => value.as_f64().map_or_else(|| Key::Text(value_text(value)), Key::Number),
        },
    }
}

fn compare(key: &Key, other: &Key, order: Order) -> Ordering {
    let turned = |ordering: Ordering| if order == Order::Asc { ordering } else { ordering.reverse() };
    match (key, other) {
        (Key::Absent, Key::Absent) => Ordering::Equal,
        (Key::Absent, _) => Ordering::Greater,
        (_, Key::Absent) => Ordering::Less,
        (Key::Number(number), Key::Number(other)) => turned(number.total_cmp(other)),
        (Key::Text(text), Key::Text(other)) => turned(text.cmp(other)),
        (Key::Number(_), Key::Text(_)) => turned(Ordering::Less),
        (Key::Text(_), Key::Number(_)) => turned(Ordering::Greater),
    }
}

fn parameters(record: &StudyRecord, trial: u32) -> u64 {
    record.trials.facts().get(trial as usize).map_or(0, |facts| facts.parameters.total)
}

fn row(study: &Study, trial: u32) -> TrialRow {
    let record = &study.record;
    let scores = (0..record.choosing()).map(|fold| match study.run(RunId { trial, fold })?.end {
        RunEnd::Finished { score, .. } => Some(score),
        RunEnd::Open | RunEnd::Diverged { .. } => None,
    });
    let scores: Vec<Option<f64>> = scores.collect();
    let known: Vec<f64> = scores.iter().flatten().copied().collect();
    let standing = Standing::of(study, trial);
    TrialRow {
        trial,
        state: standing.state,
        params: record.trials.parameters(trial as usize),
        parameters: parameters(record, trial),
        mean: standing.mean,
        std: sample_deviation(&known),
        scores,
    }
}
