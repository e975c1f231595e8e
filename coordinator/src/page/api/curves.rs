//! Learning curves: of the trials that were asked for, or of those that a person wants to see first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use foldwise_study::outcome::EpochRecord;
use foldwise_study::plan::RunId;
use foldwise_study::selection::Direction;
use serde::{Deserialize, Serialize};

use super::super::asked::{Asked, OfStudy};
use super::super::{Page, Problem};
use super::standing::{self, Standing};
use crate::blocking;
use crate::ledger::StudyId;

/// Trials in one answer.
const TRIALS_MAX: usize = 8;
/// Epochs of a run that are told; of longer runs every second, third and so on, and the last.
const POINTS_MAX: usize = 400;

/// What curves are wanted.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Wish {
    /// Trials, with commas between them.
    trials: Option<String>,
}

/// The curves of some trials.
#[derive(Debug, Serialize)]
pub(in super::super) struct Curves {
    /// In the order in which they matter.
    trials: Vec<u32>,
    runs: Vec<RunCurve>,
}

/// What a run was measured after each epoch.
#[derive(Debug, Clone, Serialize)]
pub(in super::super) struct RunCurve {
    trial: u32,
    fold: u32,
    /// Whether it is under way.
    live: bool,
    epochs: Vec<Point>,
}

/// Epoch, training loss, validation loss, training accuracy, validation accuracy; what is absent or not finite is null.
type Point = (u32, Option<f64>, Option<f64>, Option<f64>, Option<f64>);

impl RunCurve {
    /// Epochs of a run that is under way.
    pub(in super::super) fn live(run: RunId, epochs: &[EpochRecord]) -> Self {
        Self::of(run, epochs, true)
    }

    fn of(run: RunId, epochs: &[EpochRecord], live: bool) -> Self {
        let step = epochs.len().div_ceil(POINTS_MAX).max(1);
        let last = epochs.len().saturating_sub(1);
        let told = epochs.iter().enumerate().filter(|(place, _)| place % step == 0 || *place == last);
        Self {
            trial: run.trial,
            fold: run.fold,
            live,
            epochs: told.map(|(_, record)| point(record)).collect(),
        }
    }
}

fn point(record: &EpochRecord) -> Point {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    (
        record.epoch,
        finite(Some(record.train_loss)),
        finite(record.val_loss),
        finite(record.train_accuracy),
        finite(record.val_accuracy),
    )
}

/// The curves of a trial's folds: those in the store, and of those under way what is remembered.
pub(super) async fn of_trial(page: &Page, id: StudyId, trial: u32) -> Result<Vec<RunCurve>, Problem> {
    let folds = page.of_study(id, |study, _| study.record.choosing()).await?;
    let stored = blocking::run(|| page.results.trial(id, trial));
    let stored = stored.map_err(|error| Problem::of_store(&error))?;
    let mut runs: Vec<RunCurve> = Vec::new();
    for fold in 0..folds {
        let run = RunId { trial, fold };
        match stored.iter().find(|stored| stored.run == run) {
            Some(stored) => runs.push(RunCurve::of(run, &stored.outcome.epochs, false)),
            None => runs.extend(page.live.epochs(id, run).map(|epochs| RunCurve::of(run, &epochs, true))),
        }
    }
    Ok(runs)
}

/// `GET /api/studies/{study}/curves`.
pub(in super::super) async fn show(
    State(page): State<Arc<Page>>,
    OfStudy(id, ()): OfStudy,
    Asked(wish): Asked<Wish>,
) -> Result<Json<Curves>, Problem> {
    let trials = match wish.trials {
        Some(text) => asked(&text)?,
        None => first(&page, id).await?,
    };
    let mut runs = Vec::new();
    for &trial in &trials {
        runs.extend(of_trial(&page, id, trial).await?);
    }
    Ok(Json(Curves { trials, runs }))
}

fn asked(text: &str) -> Result<Vec<u32>, Problem> {
    let trials: Result<Vec<u32>, _> = text.split(',').map(|word| word.trim().parse()).collect();
    match trials {
        Ok(trials) if trials.len() <= TRIALS_MAX => Ok(trials),
        _ => {
            Err(Problem::wrong(format!("`trials` is a list of at most {TRIALS_MAX} numbers, such as 0,3,7")))
        }
    }
}

/// The best trials, and those that train: half of the room is kept for these.
async fn first(page: &Page, id: StudyId) -> Result<Vec<u32>, Problem> {
    let (record, standings) = standing::read(page, id).await?;
    let mut whole: Vec<&Standing> = standings.iter().filter(|standing| standing.is_whole()).collect();
    whole.sort_by(|standing, other| {
        let (mean, other_mean) = (standing.mean.unwrap_or(f64::NAN), other.mean.unwrap_or(f64::NAN));
        let order = match record.rule.metric.direction() {
            Direction::Maximize => other_mean.total_cmp(&mean),
            Direction::Minimize => mean.total_cmp(&other_mean),
        };
        order.then(standing.trial.cmp(&other.trial))
    });
    let mut under_way: Vec<u32> = Vec::new();
    for run in page.live.runs(id) {
        if run.fold < record.choosing() && !under_way.contains(&run.trial) && under_way.len() < TRIALS_MAX {
            under_way.push(run.trial);
        }
    }
    let best = whole.iter().map(|standing| standing.trial).filter(|trial| !under_way.contains(trial));
    let room = (TRIALS_MAX - under_way.len()).max(TRIALS_MAX / 2);
    let mut trials: Vec<u32> = best.take(room).collect();
    trials.extend(under_way);
    trials.truncate(TRIALS_MAX);
    Ok(trials)
}
