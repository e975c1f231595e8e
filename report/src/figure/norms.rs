//! Norms of gradients and of weights.

use super::draw::theme::SERIES_MAX;
use super::draw::{Axis, Chart, Entry, Key, Mark, Spread};
use super::sketch::{Best, Drawing, Sketch, held_out, style, thinned, trial_label};
use crate::dimension::dimensions;
use crate::section::{Run, folds_of, layers, mean, shortest};
use crate::{Report, Section, TrialReport};

/// Groups of steps that are drawn, each by its least and its greatest value.
const BUCKETS: usize = 300;
/// Runs whose weights are drawn at most.
const RUNS_MAX: usize = 40;

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    let kinds = [
        by_epoch(report),
        by_layer(report),
        by_value(report),
        steps(report, true),
        steps(report, false),
        weights(report),
    ];
    kinds.into_iter().flatten().collect()
}

fn runs(trial: &TrialReport) -> Vec<Run<'_>> {
    folds_of(trial).collect()
}

fn gradient(run: &Run<'_>, epoch: u32) -> Option<f64> {
    run.measured(epoch)?.gradient_norm
}

fn has_gradients(trial: &TrialReport) -> bool {
    runs(trial).iter().any(|run| run.epochs.iter().any(|record| gradient(run, record.epoch).is_some()))
}

fn norm_axis(what: &str) -> Axis {
    Axis::new(format!("L2 norm of {what}"), Spread::Ratio)
}

fn by_epoch(report: &Report) -> Option<Sketch<'_>> {
    let best = Best::of(report, SERIES_MAX, has_gradients);
    if best.trials.is_empty() {
        return None;
    }
    Some(Sketch::new("gradients", "Norm of the gradients by epoch", Section::Gradients, move || {
        let mut chart = Chart::new(Axis::new("Epoch", Spread::Whole), norm_axis("the gradient"));
        for (place, trial) in best.trials.iter().enumerate() {
            let runs = runs(trial);
            let longest = runs.iter().max_by_key(|run| run.epochs.len());
            let epochs = longest.into_iter().flat_map(|run| run.epochs.iter().map(|record| record.epoch));
            let points = epochs.filter_map(|epoch| {
                Some((f64::from(epoch), mean(runs.iter().map(|run| gradient(run, epoch)))?))
            });
            chart.marks.extend(Mark::series(thinned(&points.collect::<Vec<_>>()), style(place)));
            chart.name(Entry::new(Key::Series(style(place)), trial_label(trial)));
        }
        Drawing::chart(
            format!(
                "Mean norm of a step's gradient before clipping, over the steps of an epoch and the folds.{}",
                best.note()
            ),
            chart,
        )
    }))
}

/// The layers of each trial, from the input to the output, in the first epoch.
fn by_layer(report: &Report) -> Option<Sketch<'_>> {
    let has = |trial: &TrialReport| {
        let measured =
            folds_of(trial).filter_map(|run| run.measurements).flat_map(|measured| &measured.epochs);
        measured.into_iter().any(|epoch| epoch.layer_gradient_norms.iter().flatten().next().is_some())
    };
    let best = Best::of(report, SERIES_MAX, has);
    if best.trials.is_empty() {
        return None;
    }
    Some(Sketch::new(
        "gradients-layers",
        "Norm of each layer's gradient in the first epoch",
        Section::Gradients,
        move || {
            let mut chart = Chart::new(
                Axis::new("Layer, from the input to the output", Spread::Whole),
                norm_axis("the layer's gradient"),
            );
            for (place, trial) in best.trials.iter().enumerate() {
                let runs = runs(trial);
                let first =
                    runs.iter().filter_map(|run| run.measurements?.epochs.first()).collect::<Vec<_>>();
                let of = |layer: usize| {
                    mean(first.iter().map(|epoch| epoch.layer_gradient_norms.get(layer).copied().flatten()))
                };
                let points =
                    (0..layers(&runs).len()).filter_map(|layer| Some((layer as f64 + 1.0, of(layer)?)));
                chart.marks.extend(Mark::series(points.collect(), style(place)));
                chart.name(Entry::new(Key::Series(style(place)), trial_label(trial)));
            }
            Drawing::chart(
                format!(
                    "Mean norm of a step's gradient by the weights of each layer that learns, over the steps of the first epoch and the folds.{}",
                    best.note()
                ),
                chart,
            )
        },
    ))
}

/// Where one dimension of numbers was searched: the norm by its values.
fn by_value(report: &Report) -> Option<Sketch<'_>> {
    let found = dimensions(report);
    let [dimension] = &found[..] else { return None };
    let numbers = dimension.numbers()?;
    if report.trials.iter().filter(|trial| has_gradients(trial)).count() < 2 {
        return None;
    }
    let dimension = dimension.clone();
    let title = format!("Norm of the gradients by {}", dimension.heading);
    Some(Sketch::new("gradients-searched", title, Section::Gradients, move || {
        let mut chart =
            Chart::new(Axis::new(dimension.heading.clone(), Spread::Ratio), norm_axis("the gradient"));
        let kinds = ["mean over all epochs", "first epoch", "last epoch"];
        for (place, name) in kinds.into_iter().enumerate() {
            let of = |run: &Run<'_>| {
                let norms: Vec<f64> =
                    run.epochs.iter().filter_map(|record| gradient(run, record.epoch)).collect();
                match place {
                    0 => mean(norms.into_iter().map(Some)),
                    1 => norms.first().copied(),
                    _ => norms.last().copied(),
                }
            };
            let points = report.trials.iter().zip(&dimension.levels);
            let points = points
                .filter_map(|(trial, level)| Some((numbers[(*level)?], mean(runs(trial).iter().map(of))?)));
            let mut points: Vec<(f64, f64)> = points.collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            chart.marks.extend(Mark::series(points, style(place)));
            chart.name(Entry::new(Key::Series(style(place)), name));
        }
        Drawing::chart(
            format!("Mean norm of a step's gradient before clipping, for each value of {}.", dimension.path),
            chart,
        )
    }))
}

/// Every step of the best trials' first runs.
fn steps(report: &Report, of_gradients: bool) -> Option<Sketch<'_>> {
    let steps = move |trial: &TrialReport| {
        let measured = folds_of(trial)
            .find_map(|run| run.measurements?.steps.as_ref().filter(|steps| !steps.losses.is_empty()));
        measured.map(|steps| if of_gradients { steps.gradient_norms.clone() } else { steps.losses.clone() })
    };
    let best = Best::of(report, SERIES_MAX, |trial| {
        folds_of(trial).any(|run| run.measurements.is_some_and(|measured| measured.steps.is_some()))
    });
    if best.trials.is_empty() {
        return None;
    }
    let (name, title, axis) = if of_gradients {
        ("steps-gradients", "Norm of the gradient at every step", norm_axis("the gradient"))
    } else {
        ("steps-loss", "Loss at every step", Axis::new("Loss of the step's rows, before it", Spread::Ratio))
    };
    Some(Sketch::new(name, title, Section::Gradients, move || {
        let mut chart = Chart::new(Axis::new("Step", Spread::Whole), axis);
        let mut grouped = false;
        for (place, trial) in best.trials.iter().enumerate() {
            let values = steps(trial).unwrap_or_default();
            let points = values
                .iter()
                .enumerate()
                .filter_map(|(step, value)| Some((step as f64 + 1.0, shortest((*value)?))));
            let points: Vec<(f64, f64)> = points.filter(|point| point.1.is_finite()).collect();
            grouped |= points.len() > 2 * BUCKETS;
            chart.marks.push(Mark::Line {
                points: ends(&points),
                style: style(place).solid(),
                width: 1.0,
                opacity: 0.8,
            });
            chart.name(Entry::new(Key::Line(style(place).solid()), trial_label(trial)));
        }
        let how = if grouped {
            " Of every group of neighbouring steps the least and the greatest value are drawn."
        } else {
            ""
        };
        let several = if report.folds() > 1 { " Of each trial the first fold." } else { "" };
        Drawing::chart(
            format!(
                "{}.{several}{how}{}",
                if of_gradients {
                    "Norm of the gradient before clipping, step by step"
                } else {
                    "Loss, step by step"
                },
                best.note()
            ),
            chart,
        )
    }))
}

/// Of very many points the lowest and the highest of each group, in their order.
fn ends(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= 2 * BUCKETS {
        return points.to_vec();
    }
    let groups = points.chunks(points.len().div_ceil(BUCKETS));
    let ends = groups.flat_map(|group| {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let mut pair: Vec<(f64, f64)> =
            group.iter().min_by(by_value).into_iter().chain(group.iter().max_by(by_value)).copied().collect();
        pair.sort_by(|a, b| a.0.total_cmp(&b.0));
        pair.dedup();
        pair
    });
    ends.collect()
}

/// The norm of the weights against the loss of the same epoch, or of the same kept copy.
fn weights(report: &Report) -> Option<Sketch<'_>> {
    let of = |run: &Run<'_>| -> Vec<(f64, f64)> {
        let points = run.epochs.iter().filter_map(|record| {
            Some((run.measured(record.epoch)?.weight_norm?, record.val_loss.unwrap_or(record.train_loss)))
        });
        points.collect()
    };
    let mut lines: Vec<(usize, Vec<(f64, f64)>)> = report
        .trials
        .iter()
        .flat_map(|trial| folds_of(trial).map(move |run| (trial.index, of(&run))))
        .collect();
    lines.retain(|line| !line.1.is_empty());
    let copies = lines.is_empty();
    if copies {
        let points = report
            .components
            .iter()
            .flat_map(|group| group.points.chunk_by(|a, b| (a.trial, a.fold) == (b.trial, b.fold)));
        lines = points
            .map(|run| {
                (
                    run[0].trial,
                    run.iter()
                        .filter_map(|point| Some((point.norm, point.val_loss.or(point.train_loss)?)))
                        .collect(),
                )
            })
            .collect();
        lines.retain(|line: &(usize, Vec<(f64, f64)>)| !line.1.is_empty());
    }
    if lines.is_empty() {
        return None;
    }
    Some(Sketch::new("weights-loss", "Norm of the weights against the loss", Section::Weights, move || {
        let rows = held_out(report);
        let mut chart = Chart::new(
            Axis::new("L2 norm of the weights", Spread::Ratio),
            Axis::new(format!("Loss of the {rows} rows"), Spread::Ratio),
        );
        let all = lines.len();
        let mut named: Vec<usize> = Vec::new();
        for (trial, points) in lines.into_iter().take(RUNS_MAX) {
            let place = named.iter().position(|other| *other == trial).unwrap_or_else(|| {
                named.push(trial);
                named.len() - 1
            });
            chart.marks.extend(Mark::series(thinned(&points), style(place)));
        }
        for (place, trial) in named.iter().enumerate().take(SERIES_MAX) {
            let name = report.trials.get(*trial).map(trial_label).unwrap_or_default();
            chart.name(Entry::new(Key::Series(style(place)), name));
        }
        let what = if copies { "kept copy of the weights" } else { "epoch" };
        let some = if all > RUNS_MAX {
            format!(" The first {RUNS_MAX} of {all} runs are shown.")
        } else {
            String::new()
        };
        let again = if named.len() > SERIES_MAX { " Colours repeat." } else { "" };
        Drawing::chart(
            format!("A point per {what}, joined in order of epochs, a line per run.{some}{again}"),
            chart,
        )
    }))
}
