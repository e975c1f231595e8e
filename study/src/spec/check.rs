//! Contradictions between fields, which no schema can say.

use super::Spec;
use super::problem::{PROBLEMS_LISTED_MAX, Problem, nearest};
use crate::measure::MeasureSpec;
use crate::space::{Space, Values};
use crate::split::Split;

mod command;
mod data;

/// What is wrong with the study as a whole, whatever its trials.
pub(super) fn check_study(spec: &Spec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let named = spec.name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !named || !spec.name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        problems.push(
            Problem::new("name", format!("\"{}\" cannot be a study's name", spec.name))
                .hint("use letters, digits, `-`, `_` and `.`, starting with a letter or digit"),
        );
    }
    data::check_data(&spec.data, &mut problems);
    if let Err(error) = spec.validation.check() {
        problems.push(Problem::new("validation", error.to_string()));
    }
    command::check_command(spec, &mut problems);
    check_final(spec, &mut problems);
    check_measure(&spec.measure, &mut problems);
    check_group(spec, &mut problems);
    check_space(&spec.space, &mut problems);
    problems
}

fn check_final(spec: &Spec, problems: &mut Vec<Problem>) {
    let stage = &spec.final_stage;
    let given = [stage.refit.is_some(), stage.hold_out.is_some(), stage.repeat.is_some(), stage.skip];
    if given.iter().filter(|&&given| given).count() > 1 {
        problems.push(Problem::new("final", "give at most one of `refit`, `hold_out`, `repeat` and `skip`"));
    }
    let folds = spec.validation.choosing_count();
    if let Some(repeat) = &stage.repeat
        && repeat.fold as usize >= folds
    {
        let message = format!("there is no fold {}, only {folds}, counted from 0", repeat.fold);
        problems.push(Problem::new("final.repeat.fold", message));
    }
    if spec.validation.split == Split::TestSet && !stage.skip {
        let message = "the test set validates, so that none is left for a final model";
        problems.push(Problem::new("final", message).hint("write `skip = true`"));
    }
    if let Some(hold_out) = &stage.hold_out
        && !(hold_out.fraction > 0.0 && hold_out.fraction < 1.0)
    {
        problems.push(Problem::new("final.hold_out.fraction", "must lie between 0 and 1, neither included"));
    }
}

/// Rows of one group stay together in a grouped split alone.
fn check_group(spec: &Spec, problems: &mut Vec<Problem>) {
    let Some(group) = spec.data.table().and_then(|table| table.group.as_ref()) else { return };
    for (path, split) in ["validation", "validation.outer"].into_iter().zip(spec.validation.splits()) {
        if !split.needs_groups() {
            let message = format!("would split rows of one `{group}` between training and validation");
            problems.push(Problem::new(path, message).hint("use group_k_fold, or leave `group` out"));
        }
    }
    if spec.final_stage.hold_out.is_some() {
        let message = format!("would split rows of one `{group}` between training and validation");
        problems.push(Problem::new("final.hold_out", message).hint("use `refit`, or `repeat` with a fold"));
    }
}

fn check_measure(measure: &MeasureSpec, problems: &mut Vec<Problem>) {
    let parts = &measure.predictions;
    if let Some(part) =
        parts.iter().enumerate().find_map(|(i, part)| parts[..i].contains(part).then_some(part))
    {
        problems.push(Problem::new("measure.predictions", format!("\"{}\" is there twice", part.word())));
    }
}

fn check_space(space: &Space, problems: &mut Vec<Problem>) {
    let paths: Vec<&str> = space.dimensions().map(|(path, _)| path).collect();
    for (index, path) in paths.iter().enumerate() {
        let clash = |other: &&str| {
            *other == *path || path.strip_prefix(*other).is_some_and(|rest| rest.starts_with('.'))
        };
        let others = paths[..index].iter().chain(&paths[index + 1..]);
        if let Some(other) = others.clone().find(|other| clash(other)) {
            let message = format!("is searched together with `{other}`, which contains it");
            problems.push(Problem::new(format!("space.{path}"), message));
        }
    }
    for (path, values) in space.dimensions() {
        if let Values::Log(range) = values
            && range.log.iter().any(|end| end.as_f64().is_none_or(|end| end <= 0.0))
        {
            problems.push(Problem::new(
                format!("space.{path}"),
                "the ends of a log range must be greater than 0",
            ));
        } else if !values.is_finite() {
            let message = "the ends of the range are too far apart to count between them";
            problems.push(Problem::new(format!("space.{path}"), message));
        }
    }
    for (index, group) in space.zip.iter().enumerate() {
        let lengths: Vec<usize> = group.values().map(|values| values.list().len()).collect();
        if lengths.windows(2).any(|pair| pair[0] != pair[1]) {
            let message = format!("zipped parameters have lists of different lengths: {lengths:?}");
            problems.push(Problem::new(format!("space.zip.{index}"), message));
        }
    }
    for (index, rule) in space.exclude.iter().enumerate() {
        for path in rule.keys().filter(|path| !paths.contains(&path.as_str())) {
            if problems.len() > PROBLEMS_LISTED_MAX {
                return;
            }
            let problem = Problem::new(
                format!("space.exclude.{index}"),
                format!("`{path}` is not searched, so it cannot decide what is left out"),
            );
            problems.push(match nearest(path, paths.iter().copied()) {
                Some(known) => problem.hint(format!("did you mean `{known}`?")),
                None => problem,
            });
        }
    }
}
