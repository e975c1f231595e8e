//! What a cohort is asked to do and what comes back.

use foldwise_study::measure::MeasureSpec;
use foldwise_study::network::Network;
use foldwise_study::outcome::{EpochRecord, RunOutcome};
use foldwise_study::seed;
use foldwise_study::selection::{Metric, Rule};
use foldwise_study::train::{Loss, TrainSpec};

use super::{DeviceData, TrainError, Weights};

/// One run of a cohort.
#[derive(Debug, Clone)]
pub struct Member {
    /// The network; within a cohort only dropout rates and initializers differ.
    pub network: Network,
    /// How it learns.
    pub train: TrainSpec,
    /// Whose randomness it uses.
    pub source: seed::Source,
    /// Rows of the training part to learn from.
    pub train_rows: Vec<u32>,
    /// Rows of the training part to validate on; none in a refit.
    pub validation_rows: Vec<u32>,
}

/// Runs to be trained as one fused model.
#[derive(Debug, Clone)]
pub struct Cohort {
    /// The runs, at least one, pairwise [`compatible`].
    pub members: Vec<Member>,
    /// Which epoch's weights count; without validation rows it is the last.
    pub selection: Rule,
    /// What is measured once at the end, with the selected epoch's weights.
    pub test: TestRows,
    /// Whether the selected epoch's weights are handed back.
    pub keep_weights: bool,
    /// What is measured beside losses and accuracies.
    pub measure: MeasureSpec,
}

/// Rows that a cohort is tested on.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub enum TestRows {
    /// None: runs of the search.
    #[default]
    None,
    /// The test set.
    TestSet,
    /// Rows of the training part: those that an outer fold keeps apart.
    Apart(Vec<u32>),
}

/// Whether an epoch beats the best so far by a validation result. Absent values and NaN never do.
pub(super) fn improves(metric: Metric, new: &EpochRecord, old: Option<&EpochRecord>) -> bool {
    let value = |record: &EpochRecord| match metric {
        Metric::ValAccuracy => record.val_accuracy,
        Metric::ValLoss => record.val_loss,
    };
    let Some(new) = value(new).filter(|new| !new.is_nan()) else { return false };
    old.and_then(value).is_none_or(|old| metric.direction().is_better(new, old))
}

/// One epoch of one member, as it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochOfMember {
    /// Position in the cohort, from 0.
    pub member: usize,
    /// The epoch.
    pub record: EpochRecord,
}

/// How one member ended.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberOutcome {
    /// Its epochs and, in the final stage, its test result.
    pub outcome: RunOutcome,
    /// The epoch, from 1, whose weights count; none when the member diverged.
    pub best_epoch: Option<u32>,
    /// That epoch's weights, where they were asked for and the member did not diverge.
    pub weights: Option<Weights>,
    /// The file of copies of its weights that its measurements name, where copies were asked for.
    pub snapshots: Option<Vec<u8>>,
}

/// Whether two members can be trained as one fused model.
///
/// Layers, batch size, epochs, number of training rows, loss, augmentation, precision and the optimizer's rule must
/// agree; rows, seeds, dropout rates, initializers, schedules, limits and the optimizer's numbers may differ.
///
/// # Errors
/// Says what differs.
pub fn compatible(a: &Member, b: &Member) -> Result<(), String> {
    same_layers(&a.network, &b.network)?;
    agree("batch size", &a.train.batch_size, &b.train.batch_size)?;
    agree("number of epochs", &a.train.epochs, &b.train.epochs)?;
    agree("number of training rows", &a.train_rows.len(), &b.train_rows.len())?;
    agree("loss", &a.train.loss, &b.train.loss)?;
    agree("optimizer", &a.train.optimizer.fuse_key(), &b.train.optimizer.fuse_key())?;
    let loss = a.train.loss.unwrap_or(Loss::CrossEntropy);
    agree("training", &a.train.fuse_key(loss), &b.train.fuse_key(loss))?;
    agree("use of validation", &a.validation_rows.is_empty(), &b.validation_rows.is_empty())
}

fn agree<T: PartialEq + std::fmt::Debug>(what: &str, a: &T, b: &T) -> Result<(), String> {
    if a == b { Ok(()) } else { Err(format!("its {what} is {b:?}, the first member's is {a:?}")) }
}

fn same_layers(a: &Network, b: &Network) -> Result<(), String> {
    agree("input shape", &a.input, &b.input)?;
    agree("number of layers", &a.layers.len(), &b.layers.len())?;
    for (a, b) in a.layers.iter().zip(&b.layers) {
        agree(&format!("layer {}", a.path), &a.fuse_key(), &b.fuse_key())?;
    }
    Ok(())
}

/// Checks a cohort against itself and its data.
pub(super) fn check(data: &DeviceData, cohort: &Cohort) -> Result<(), TrainError> {
    let first = cohort.members.first().ok_or(TrainError::Empty)?;
    for (index, member) in cohort.members.iter().enumerate() {
        let refused = |reason: String| TrainError::Incompatible { member: index, reason };
        compatible(first, member).map_err(refused)?;
        check_data(data, member).map_err(refused)?;
    }
    match &cohort.test {
        TestRows::TestSet if data.test_rows().is_none() => {
            return Err(TrainError::Data("the test set is asked for, but there is none".to_owned()));
        }
        TestRows::Apart(rows) if rows.iter().any(|&row| row as usize >= data.train_rows()) => {
            return Err(TrainError::Data("an outer fold's rows go beyond the training rows".to_owned()));
        }
        TestRows::Apart(_) | TestRows::TestSet | TestRows::None => {}
    }
    let (rows, batch_size) = (first.train.rows(first.train_rows.len()), first.train.batch_size);
    let last = (rows - 1) % batch_size + 1;
    if last == 1 && first.network.normalizes_vectors() {
        return Err(TrainError::LoneRow { rows, batch_size });
    }
    Ok(())
}

fn check_data(data: &DeviceData, member: &Member) -> Result<(), String> {
    if member.network.input != data.shape() {
        return Err(format!("its network takes {:?}, the rows are {:?}", member.network.input, data.shape()));
    }
    if member.train.batch_size == 0 || member.train.steps(member.train_rows.len()) == 0 {
        return Err("it has no rows to train on".to_owned());
    }
    let usual = if data.classes().is_some() { Loss::CrossEntropy } else { Loss::MeanSquaredError };
    let loss = member.train.loss.unwrap_or(usual);
    if loss.needs_classes() && data.classes().is_none() {
        return Err("cross-entropy needs classes, but the targets are numbers".to_owned());
    }
    let numbers = data.rows().outputs().and_then(|outputs| usize::try_from(outputs).ok());
    let outputs = loss.outputs(data.classes(), numbers.unwrap_or(1));
    if outputs != member.network.outputs {
        return Err(format!(
            "its network gives {} numbers, the data needs {outputs}",
            member.network.outputs
        ));
    }
    // The test set may validate, but nothing is ever trained on it.
    let (train, all) = (data.train_rows(), data.train_rows() + data.test_rows().unwrap_or(0));
    for (rows, count) in [(&member.train_rows, train), (&member.validation_rows, all)] {
        if let Some(&row) = rows.iter().max().filter(|&&row| row as usize >= count) {
            return Err(format!("it names row {row}, but there are only {count}"));
        }
    }
    Ok(())
}
