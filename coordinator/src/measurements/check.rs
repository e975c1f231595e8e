//! What is true of the measurements of one run, whoever measured them.

use std::fmt::Display;

use foldwise_study::measure::{CLASSES_MAX, STEPS_MAX};
use foldwise_study::outcome::{
    ClassPredictions, EpochMeasurements, Measurements, NumberPredictions, PICTURES_MAX, POINTS_MAX, Picture,
    Predictions, Resources, RunEnd, RunOutcome, SnapshotFile, StepMeasurements, WrongRow,
};

use super::Asked;
use crate::artifacts::is_digest;

/// A field that is wrong.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) field: String,
    pub(super) reason: String,
}

type Check = Result<(), Wrong>;

/// The most steps or rows of a run: far beyond any.
const COUNT_MAX: u64 = 1 << 50;

fn hold(holds: bool, field: impl Display, reason: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Wrong { field: field.to_string(), reason: reason() }) }
}

/// Checks what a run measured against its result and against what its study asked for.
pub(super) fn check(measured: &Measurements, outcome: &RunOutcome, asked: &Asked) -> Check {
    let last = outcome.epochs.last().map_or(0, |record| record.epoch);
    // The epoch that a run diverged in is not among those of its result.
    let last = last.saturating_add(u32::from(matches!(outcome.end, RunEnd::Diverged(_))));
    let mut before = 0;
    for (index, epoch) in measured.epochs.iter().enumerate() {
        let field = format!("epochs[{index}]");
        ascends(&mut before, epoch.epoch, last, &format!("{field}.epoch"))?;
        check_layers(epoch, measured.layers.len(), &field)?;
    }
    measured.steps.as_ref().map_or(Ok(()), check_steps)?;
    for (index, predictions) in measured.predictions.iter().enumerate() {
        let field = format!("predictions[{index}]");
        let again = measured.predictions[..index].iter().any(|other| other.part == predictions.part);
        hold(!again, format!("{field}.part"), || format!("is \"{}\" again", predictions.part.word()))?;
        check_predictions(predictions, last, asked, &field)?;
    }
    measured.resources.as_ref().map_or(Ok(()), check_resources)?;
    measured.snapshots.as_ref().map_or(Ok(()), |file| check_snapshots(file, last, asked))
}

/// Counts that no run reaches are refused, so that nothing that is made of them can overflow.
fn check_resources(resources: &Resources) -> Check {
    let Resources { steps, rows, members, seconds, .. } = resources;
    hold(*members > 0, "resources.members", || "is 0".to_owned())?;
    hold(*seconds >= 0.0 && seconds.is_finite(), "resources.seconds", || "is no time".to_owned())?;
    [("steps", steps), ("rows", rows)].into_iter().try_for_each(|(name, count)| {
        hold(*count <= COUNT_MAX, format!("resources.{name}"), || format!("is {count}; {COUNT_MAX} at most"))
    })
}

/// Epochs ascend and were trained.
fn ascends(before: &mut u32, epoch: u32, last: u32, field: &str) -> Check {
    let fits = *before < epoch && epoch <= last;
    hold(fits, field, || format!("is {epoch}: expected one after {before}, up to {last}"))?;
    *before = epoch;
    Ok(())
}

fn check_layers(epoch: &EpochMeasurements, layers: usize, field: &str) -> Check {
    let lists = [
        ("layer_gradient_norms", &epoch.layer_gradient_norms),
        ("layer_weight_norms", &epoch.layer_weight_norms),
    ];
    lists.into_iter().try_for_each(|(name, list)| {
        hold(list.is_empty() || list.len() == layers, format!("{field}.{name}"), || {
            format!("has {} numbers for {layers} layers", list.len())
        })
    })
}

fn check_steps(steps: &StepMeasurements) -> Check {
    let (losses, norms) = (steps.losses.len(), steps.gradient_norms.len());
    hold(steps.per_epoch > 0, "steps.per_epoch", || "is 0".to_owned())?;
    hold(losses as u64 <= STEPS_MAX, "steps.losses", || format!("has {losses} steps; {STEPS_MAX} at most"))?;
    hold(losses == norms, "steps.gradient_norms", || format!("has {norms} numbers for {losses} losses"))
}

fn check_predictions(predictions: &Predictions, last: u32, asked: &Asked, field: &str) -> Check {
    let epoch = predictions.epoch;
    hold((1..=last).contains(&epoch), format!("{field}.epoch"), || {
        format!("is {epoch}: expected one from 1 up to {last}")
    })?;
    let rows = predictions.rows;
    hold(rows <= u64::from(u32::MAX), format!("{field}.rows"), || {
        format!("is {rows}, more than a study can have")
    })?;
    if let Some(classes) = &predictions.classes {
        check_classes(classes, predictions.rows, asked, &format!("{field}.classes"))?;
    }
    if let Some(numbers) = &predictions.numbers {
        hold(asked.classes.is_none(), format!("{field}.numbers"), || "is there beside classes".to_owned())?;
        check_numbers(numbers, &format!("{field}.numbers"))?;
    }
    Ok(())
}

fn check_classes(predictions: &ClassPredictions, rows: u64, asked: &Asked, field: &str) -> Check {
    let classes = asked.classes.unwrap_or(0);
    let (confusion, wrong) = (&predictions.confusion, &predictions.first_wrong);
    hold(confusion.len() == classes && classes <= CLASSES_MAX, format!("{field}.confusion"), || {
        format!("has {} rows for {classes} classes, of {CLASSES_MAX} at most", confusion.len())
    })?;
    for (class, row) in confusion.iter().enumerate() {
        hold(row.len() == classes, format!("{field}.confusion[{class}]"), || {
            format!("has {} numbers for {classes} classes", row.len())
        })?;
    }
    let counted = confusion.iter().flatten().try_fold(0, |sum: u64, count| sum.checked_add(*count));
    hold(counted == Some(rows), format!("{field}.confusion"), || format!("does not count {rows} rows"))?;
    hold(wrong.len() == classes, format!("{field}.first_wrong"), || {
        format!("has {} entries for {classes} classes", wrong.len())
    })?;
    let odd = wrong.iter().flatten().find(|row| row.predicted as usize >= classes);
    hold(odd.is_none(), format!("{field}.first_wrong"), || format!("names a class beyond {classes}"))?;
    check_pictures(wrong, asked, field)
}

/// Pictures, which people will be shown, and what stands beside them.
fn check_pictures(wrong: &[Option<WrongRow>], asked: &Asked, field: &str) -> Check {
    let kept = wrong.iter().flatten().filter(|row| row.picture.is_some()).count();
    let most = if asked.measure.keeps_pictures() { PICTURES_MAX } else { 0 };
    hold(kept <= most, format!("{field}.first_wrong"), || format!("has {kept} pictures; {most} at most"))?;
    for (class, row) in wrong.iter().enumerate() {
        let Some(row) = row else { continue };
        let likely = row.probability.is_none_or(|probability| (0.0..=1.0).contains(&probability));
        hold(likely, format!("{field}.first_wrong[{class}].probability"), || {
            "is not between 0 and 1".to_owned()
        })?;
        if let Some(Err(error)) = row.picture.as_ref().map(Picture::bytes) {
            hold(false, format!("{field}.first_wrong[{class}].picture"), || error.to_string())?;
        }
    }
    Ok(())
}

fn check_numbers(predictions: &NumberPredictions, field: &str) -> Check {
    let outputs = predictions.r2.len();
    let lists = [
        ("mean_absolute_error", predictions.mean_absolute_error.len()),
        ("mean_squared_error", predictions.mean_squared_error.len()),
    ];
    for (name, length) in lists {
        hold(length == outputs, format!("{field}.{name}"), || {
            format!("has {length} numbers for {outputs} outputs")
        })?;
    }
    let points = &predictions.points;
    hold(points.len() <= POINTS_MAX, format!("{field}.points"), || {
        format!("has {} points; {POINTS_MAX} at most", points.len())
    })?;
    let odd =
        points.iter().position(|point| point.target.len() != outputs || point.predicted.len() != outputs);
    hold(odd.is_none(), format!("{field}.points[{}]", odd.unwrap_or(0)), || {
        format!("has not one target and one prediction for each of {outputs} outputs")
    })
}

fn check_snapshots(file: &SnapshotFile, last: u32, asked: &Asked) -> Check {
    let digest = &file.digest;
    hold(is_digest(digest), "snapshots.digest", || {
        format!("is no digest: expected 64 hexadecimal digits, not `{}`", digest.escape_debug())
    })?;
    hold(!file.epochs.is_empty(), "snapshots.epochs", || "is empty".to_owned())?;
    hold(file.weights > 0, "snapshots.weights", || "is 0".to_owned())?;
    let Some(wanted) = &asked.measure.snapshots else {
        return hold(false, "snapshots", || "is there, but the study asks for none".to_owned());
    };
    let mut before = None;
    for (index, &epoch) in file.epochs.iter().enumerate() {
        let field = format!("snapshots.epochs[{index}]");
        hold(before.is_none_or(|before| before < epoch) && epoch <= last, &field, || {
            format!("is {epoch}: expected them to ascend up to {last}")
        })?;
        hold(epoch == 0 || wanted.is_due(epoch, last), &field, || {
            format!("is {epoch}: copies were asked for every {} epochs", wanted.every)
        })?;
        before = Some(epoch);
    }
    Ok(())
}
