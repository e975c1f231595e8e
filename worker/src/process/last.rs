//! A last training: what was chosen, on the rows that it was chosen from, tested on rows that had no part in that.

use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_study::split::{self, Fold, Split};

use super::dataset::Outline;
use super::job::Failed;
use super::study::Study;
use crate::trainer::TestRows;

/// How the one run of a last training is split and tested.
#[derive(Debug)]
pub(super) struct Last {
    /// Passes over the training rows.
    pub(super) epochs: u32,
    /// The rows it is trained and validated on.
    pub(super) fold: Fold,
    /// The search's fold whose random numbers it has, where it repeats a run; else those of a fold of its own.
    pub(super) repeats: Option<u32>,
    /// The rows it is tested on.
    pub(super) test: TestRows,
    /// Whether it trains the winner, whose weights are kept.
    pub(super) is_final: bool,
}

impl Last {
    /// Of the winner on all training rows; or of what was chosen within an outer fold, on the fold's.
    pub(super) fn new(stage: &proto::FinalStage, study: &Study, outline: &Outline) -> Result<Self, Failed> {
        let Some(outer) = stage.outer_fold else {
            let all = (0..u32::try_from(outline.rows.train_rows).unwrap_or(u32::MAX)).collect();
            let (fold, repeats) = split(study, outline, all, 0)?;
            let test = if outline.rows.test_rows.is_some() { TestRows::TestSet } else { TestRows::None };
            return Ok(Self { epochs: stage.epochs, fold, repeats, test, is_final: true });
        };
        let Fold { train, validation } =
            study.outer.get(outer as usize).cloned().ok_or_else(|| no_fold("outer fold", outer))?;
        let first = study.spec.validation.within(outer as usize).start;
        let (fold, repeats) = split(study, outline, train, first)?;
        Ok(Self { epochs: stage.epochs, fold, repeats, test: TestRows::Apart(validation), is_final: false })
    }
}

/// All of the rows, all but those held out, or one of the folds that they were searched on, which begin at `first`.
fn split(
    study: &Study,
    outline: &Outline,
    rows: Vec<u32>,
    first: usize,
) -> Result<(Fold, Option<u32>), Failed> {
    let stage = &study.spec.final_stage;
    if let Some(repeat) = &stage.repeat {
        let number = u32::try_from(first).unwrap_or(u32::MAX).saturating_add(repeat.fold);
        let fold = study.folds.get(number as usize).cloned().ok_or_else(|| no_fold("fold", number))?;
        return Ok((fold, Some(number)));
    }
    let Some(hold_out) = &stage.hold_out else {
        return Ok((Fold { train: rows, validation: Vec::new() }, None));
    };
    let folds = split::within(&Split::HoldOut(hold_out.split()), &outline.split_rows(), &rows);
    let folds = folds.map_err(|error| Failed::new(FailureKind::Training, error.to_string()))?;
    let fold = folds.into_iter().next().ok_or_else(|| no_fold("fold", 0))?;
    Ok((fold, None))
}

fn no_fold(what: &str, number: u32) -> Failed {
    Failed::new(FailureKind::Training, format!("the study has no {what} {number}"))
}
