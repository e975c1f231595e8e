//! Which copies of weights are projected together, and what was measured where each was taken.

use std::collections::BTreeMap;

use super::principal::Principal;
use crate::input::SnapshotInput;
use crate::{ComponentPoint, ComponentsReport, TrialReport};

/// The most copies that are projected together; the work grows with their square.
const COPIES_MAX: usize = 256;

/// One entry per size of network of which at least two copies are there.
pub(super) fn components(mut snapshots: Vec<SnapshotInput>, trials: &[TrialReport]) -> Vec<ComponentsReport> {
    snapshots.sort_by_key(|copy| (copy.run.trial, copy.run.fold, copy.epoch));
    let mut groups: BTreeMap<(u64, usize), Vec<SnapshotInput>> = BTreeMap::new();
    for copy in snapshots {
        if let Some(trial) = trials.get(copy.run.trial as usize) {
            groups.entry((trial.parameters, copy.weights.len())).or_default().push(copy);
        }
    }
    groups.into_values().filter_map(|copies| group(copies, trials)).collect()
}

fn group(mut copies: Vec<SnapshotInput>, trials: &[TrialReport]) -> Option<ComponentsReport> {
    let all = copies.len();
    copies.retain(|copy| copy.weights.iter().all(|weight| weight.is_finite()));
    let copies = thinned(copies);
    let weights = copies.first()?.weights.len();
    let rows: Vec<&[f32]> = copies.iter().map(|copy| copy.weights.as_slice()).collect();
    let principal = Principal::of(&rows)?;
    let points = copies.iter().zip(&principal.scores).map(|(copy, scores)| point(copy, *scores, trials));
    Some(ComponentsReport {
        weights: weights as u64,
        explained: principal.explained.to_vec(),
        points: points.collect(),
        left_out: all - copies.len(),
    })
}

/// Of very many copies as many as are allowed, the first and the last among them, at equal distances.
fn thinned(copies: Vec<SnapshotInput>) -> Vec<SnapshotInput> {
    let all = copies.len();
    if all <= COPIES_MAX {
        return copies;
    }
    let mut places = (0..COPIES_MAX).map(|place| place * (all - 1) / (COPIES_MAX - 1)).peekable();
    let kept = copies.into_iter().enumerate().filter(|(index, _)| places.next_if_eq(index).is_some());
    kept.map(|(_, copy)| copy).collect()
}

fn point(copy: &SnapshotInput, [first, second]: [f64; 2], trials: &[TrialReport]) -> ComponentPoint {
    let (trial, fold) = (copy.run.trial as usize, copy.run.fold as usize);
    let run = trials.get(trial).and_then(|trial| trial.folds.get(fold));
    let record = run.and_then(|run| run.epochs.iter().find(|record| record.epoch == copy.epoch));
    ComponentPoint {
        trial,
        fold,
        epoch: copy.epoch,
        first,
        second,
        norm: copy.weights.iter().map(|&weight| f64::from(weight).powi(2)).sum::<f64>().sqrt(),
        train_loss: record.map(|record| record.train_loss),
        val_loss: record.and_then(|record| record.val_loss),
        val_accuracy: record.and_then(|record| record.val_accuracy),
    }
}
