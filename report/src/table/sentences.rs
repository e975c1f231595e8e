//! What a report says, in sentences.

use foldwise_study::selection::EpochRule;

use crate::heading::searched;
use crate::number::{count, distance, duration, loss, mean_std, name, plural, probability, with_unit};
use crate::ranking::Ranking;
use crate::section::outer_sentence;
use crate::{Choice, Comparison, FinalMode, FinalReport, Report, RunState, TrialReport};

/// Failed folds listed one by one.
const FAILED_LISTED_MAX: usize = 5;
/// Trials with the winner's mean listed one by one.
const TIES_LISTED_MAX: usize = 10;
/// Below this probability two trials are called distinguishable.
pub(crate) const SIGNIFICANT: f64 = 0.05;
/// Characters of a weights digest; enough to find it.
const DIGEST_CHARS: usize = 12;

/// What was searched, how, and where it stands.
pub(crate) fn title(report: &Report) -> [String; 2] {
    let study = &report.study;
    let time = study.seconds.map(|seconds| format!(" in {}", duration(seconds))).unwrap_or_default();
    let whole = format!("{} ({}): {}{time}", study.display_name, study.name, study.state.word());
    let rule = &report.selection.rule;
    let epoch = match rule.epoch {
        EpochRule::Best => "best",
        EpochRule::Last => "last",
    };
    let (trials, folds) = (report.trials.len(), report.folds());
    let how = format!(
        "{} × {}, compared by {} at each run's {epoch} epoch",
        plural(trials, "trial"),
        plural(folds, "fold"),
        name(rule.metric),
    );
    [whole, how]
}

/// Everything that follows from the trials, each sentence under its label.
pub(crate) fn findings(report: &Report, ranking: &Ranking<'_>) -> Vec<(&'static str, String)> {
    let mut found = match report.selection.winner.and_then(|winner| report.trials.get(winner)) {
        Some(winner) => of_winner(report, ranking, winner),
        None => no_winner(report, ranking),
    };
    if report.spec["validation"] == "test_set" {
        let text = "It validated the runs: no score here is that of an untouched test set.";
        found.push(("Test set", text.to_owned()));
    }
    let judged = report.nested.as_ref().map(|nested| ("Judged", outer_sentence(report, nested)));
    found.extend(judged);
    found.extend(report.final_stage.as_ref().map(|stage| ("Final model", final_text(stage))));
    found.extend(failed_text(report).map(|text| ("Failed folds", text)));
    found.extend(report.study.message.clone().map(|message| ("Message", message)));
    found
}

fn of_winner(report: &Report, ranking: &Ranking<'_>, winner: &TrialReport) -> Vec<(&'static str, String)> {
    let mut found = vec![("Winner", winner_text(report, winner))];
    found.extend(runner_up_text(report, ranking).map(|text| ("Runner-up", text)));
    found.extend(one_standard_error_text(report, winner).map(|text| ("Simplest", text)));
    if report.selection.note.is_some() {
        found.push(("Caution", caution_text(report, winner)));
    }
    found
}

fn winner_text(report: &Report, winner: &TrialReport) -> String {
    let mut text = format!("{}.", result_text(report, winner));
    let ties = &report.selection.ties;
    if !ties.is_empty() {
        let numbers: Vec<String> = ties.iter().take(TIES_LISTED_MAX).map(usize::to_string).collect();
        let more = ties.len().saturating_sub(TIES_LISTED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text.push_str(&format!(
            " The same mean: trial {}{more}; the winner has the fewest parameters or, if that is equal too, the lowest \
             number.",
            numbers.join(", ")
        ));
    }
    text
}

/// Which trial it is, its mean and how many folds that is over.
fn result_text(report: &Report, trial: &TrialReport) -> String {
    let metric = report.selection.rule.metric;
    let finished = trial.folds.iter().filter(|fold| fold.score.is_some()).count();
    let mean = trial.mean.map(|mean| mean_std(metric, mean, trial.std)).unwrap_or_default();
    format!(
        "trial {}{}: {} {mean} over {}{}",
        trial.index,
        params_text(trial),
        name(metric),
        plural(finished, "fold"),
        trial.learned_numbers().map(|size| format!(", {} parameters", count(size))).unwrap_or_default()
    )
}

fn params_text(trial: &TrialReport) -> String {
    let values = searched(trial);
    if values.is_empty() { values } else { format!(" ({values})") }
}

fn runner_up_text(report: &Report, ranking: &Ranking<'_>) -> Option<String> {
    let comparisons = &report.selection.comparisons;
    let runner_up = ranking.trials[..ranking.can_win].get(1)?.index;
    let comparison = comparisons.iter().find(|comparison| comparison.trial == runner_up)?;
    let mut text = format!("trial {runner_up} {}; {}.", gap_text(report, comparison), test_text(comparison));
    let tested: Vec<f64> = comparisons.iter().filter_map(|comparison| comparison.p).collect();
    let close = tested.iter().filter(|p| **p >= SIGNIFICANT).count();
    if tested.len() > 1 {
        text.push_str(&format!(
            " Of {} trials compared with the winner {close} cannot be told from it at 5 %; p is not corrected for \
             their number.",
            tested.len()
        ));
    }
    Some(text)
}

pub(crate) fn gap_text(report: &Report, comparison: &Comparison) -> String {
    let difference = comparison.mean_difference;
    if difference == 0.0 {
        return "has the same mean".to_owned();
    }
    let way = if difference < 0.0 { "lower" } else { "higher" };
    format!("is {} {way} on average", distance(report.selection.rule.metric, difference))
}

fn test_text(comparison: &Comparison) -> String {
    let Some(p) = comparison.p else {
        let why = match comparison.df {
            0 => "the two have one fold in common",
            _ => "the difference is the same in every fold",
        };
        return format!("no test is possible, because {why}");
    };
    let meaning = if p < SIGNIFICANT {
        "distinguishable at 5 %, though the winner was chosen on these scores"
    } else {
        "not distinguishable at 5 %"
    };
    let sign = if p < 0.001 { "" } else { "= " };
    format!("p {sign}{} in the corrected resampled t-test: {meaning}", probability(p))
}

fn one_standard_error_text(report: &Report, winner: &TrialReport) -> Option<String> {
    let chosen = report.trials.get(report.selection.one_standard_error?)?;
    // Where no size is known there is no smallest.
    chosen.learned_numbers()?;
    if chosen.index == winner.index {
        return Some(
            "the winner: no trial with fewer parameters has a mean within one standard error of its mean."
                .to_owned(),
        );
    }
    Some(format!(
        "{}, the fewest within one standard error of the winner's mean.",
        result_text(report, chosen)
    ))
}

fn caution_text(report: &Report, winner: &TrialReport) -> String {
    let metric = report.selection.rule.metric;
    let mut text =
        "the best epoch of a run is chosen on the rows it is scored on, so these means are optimistic."
            .to_owned();
    let last = winner.last_epoch_mean.map(|mean| format!("{} at the last epoch", with_unit(metric, mean)));
    let common = winner.best_common_epoch.map(|common| {
        format!(
            "{} at epoch {}, the best one for all its folds",
            with_unit(metric, common.mean),
            common.epoch
        )
    });
    let means: Vec<String> = last.into_iter().chain(common).collect();
    if !means.is_empty() {
        text.push_str(&format!(" The winner has {}.", means.join(" and ")));
    }
    let Some(alternatives) = &report.selection.alternatives else { return text };
    let others = [
        (alternatives.last_epoch, "the last epoch"),
        (alternatives.best_common_epoch, "the best common epoch"),
    ];
    for (choice, rule) in others {
        if let Some(Choice { trial, mean }) = choice.filter(|choice| choice.trial != winner.index) {
            text.push_str(&format!(" By {rule} trial {trial} would win with {}.", with_unit(metric, mean)));
        }
    }
    text
}

fn no_winner(report: &Report, ranking: &Ranking<'_>) -> Vec<(&'static str, String)> {
    let runs = || report.trials.iter().flat_map(|trial| &trial.folds);
    let (ended, all) = (runs().filter(|run| run.state.has_ended()).count(), runs().count());
    if ended == all {
        return vec![("No winner", "every trial has a failed fold or no score.".to_owned())];
    }
    let outlook =
        if report.study.state.is_over() { "no winner was chosen" } else { "a winner is known when all have" };
    let mut found = vec![("Progress", format!("{ended} of {} have ended; {outlook}.", plural(all, "run")))];
    let best = ranking.trials[..ranking.can_win].first();
    found.extend(best.map(|best| ("Best so far", format!("{}.", result_text(report, best)))));
    found
}

fn final_text(stage: &FinalReport) -> String {
    let how = match stage.mode {
        FinalMode::Refit => "trained on all training rows",
        FinalMode::HoldOut => "trained on a part of the training rows",
        FinalMode::Repeat => "trained on one of its folds as in the search",
    };
    let who = format!("trial {}, {how}", stage.trial);
    let error = stage.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    match stage.state {
        RunState::Finished => {}
        RunState::Failed => return format!("{who}, failed{error}"),
        state @ (RunState::Queued | RunState::Leased | RunState::Cancelled) => {
            return format!("{who}: {}", state.word());
        }
    }
    let epochs = match stage.best_epoch {
        Some(epoch) => format!("epoch {epoch} of {} kept", stage.epochs.len()),
        None => plural(stage.epochs.len(), "epoch"),
    };
    let accuracy = stage.test_accuracy.map(|accuracy| format!("test accuracy {:.2} %", 100.0 * accuracy));
    let test: Vec<String> = accuracy
        .into_iter()
        .chain(stage.test_loss.map(|value| format!("test loss {}", loss(value))))
        .collect();
    let test = if test.is_empty() { "no test set".to_owned() } else { test.join(", ") };
    let weights = stage
        .weights_digest
        .as_ref()
        .map(|digest| format!("; weights {}…", digest.chars().take(DIGEST_CHARS).collect::<String>()));
    let again = match stage.tests {
        Some(tests) if tests > 1 => format!(
            " The test set was measured {tests} times, because the study was reopened after its end: take the result with care."
        ),
        _ => String::new(),
    };
    format!("{who}, {epochs}: {test}{}.{again}", weights.unwrap_or_default())
}

fn failed_text(report: &Report) -> Option<String> {
    let failed = report.trials.iter().flat_map(|trial| {
        let failed = trial.folds.iter().filter(|fold| fold.state == RunState::Failed);
        failed.map(move |fold| (trial.index, fold))
    });
    let failed: Vec<_> = failed.collect();
    let listed = failed.iter().take(FAILED_LISTED_MAX).map(|(trial, fold)| {
        format!("trial {trial} fold {}: {}", fold.fold, fold.error.as_deref().unwrap_or("failed"))
    });
    let more = failed.len().saturating_sub(FAILED_LISTED_MAX);
    let more = (more > 0).then(|| format!("and {more} more"));
    let texts: Vec<String> = listed.chain(more).collect();
    (!texts.is_empty()).then(|| format!("{}.", texts.join("; ")))
}
