//! A study in one paragraph that can be sent to somebody.

use foldwise_study::selection::{EpochRule, Metric};
use serde_json::Value as Json;

use crate::heading::searched;
use crate::number::{bare, count, distance, loss, mean_std, name, plural, probability, with_unit};
use crate::ranking::Ranking;
use crate::table::sentences::SIGNIFICANT;
use crate::{Comparison, FinalMode, FinalReport, Report, RunState, StudyState, TrialReport};

/// What was compared and how, what won and how surely, what is optimistic about it, and what the test set said: in
/// plain sentences without a line break.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut sentences = vec![compared(report)];
    match report.selection.winner.and_then(|winner| report.trials.get(winner)) {
        Some(winner) => {
            sentences.push(won(report, winner));
            sentences.extend(runner_up(report, winner));
            sentences.extend(simplest(report, winner));
            sentences.extend(optimistic(report, winner));
        }
        None => sentences.push(undecided(report)),
    }
    sentences.extend(failed(report));
    sentences.extend(judged(report));
    sentences.extend(tested(report));
    sentences.join(" ")
}

fn compared(report: &Report) -> String {
    let data = &report.provenance.data;
    let rows = format!("the {} of {}", plural(data.train_rows, "training row"), data.name);
    let (folds, trials) = (report.folds(), report.trials.len());
    let how = match (split(&report.spec), folds) {
        (Some("test_set"), _) => format!("on the test set of {}, trained on {rows}", data.name),
        (Some("hold_out"), _) | (_, 0 | 1) => format!("on one held-out part of {rows}"),
        (Some("k_fold"), folds) => format!("by {folds}-fold cross-validation on {rows}"),
        (Some("stratified_k_fold"), folds) => {
            format!("by stratified {folds}-fold cross-validation on {rows}")
        }
        (Some("group_k_fold"), folds) => format!("by {folds}-fold cross-validation by groups on {rows}"),
        (None, folds) => format!("over {} of {rows}", plural(folds, "fold")),
        (Some(_), folds) => {
            format!("by repeated cross-validation ({}) on {rows}", plural(folds, "fold"))
        }
    };
    let what = match trials {
        1 => "one configuration was measured".to_owned(),
        _ => format!("{} configurations were compared", count(trials as u64)),
    };
    format!("In the study “{}”, {what} {how}.", report.study.display_name)
}

/// The word for the way in which rows were split.
fn split(spec: &Json) -> Option<&str> {
    match &spec["validation"] {
        Json::Object(kind) => kind.keys().map(String::as_str).find(|kind| *kind != "outer"),
        Json::String(kind) => Some(kind),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
    }
}

fn won(report: &Report, winner: &TrialReport) -> String {
    let metric = report.selection.rule.metric;
    let scored = winner.folds.iter().filter(|fold| fold.score.is_some()).count();
    let mean = winner.mean.unwrap_or_default();
    let value = match winner.std {
        Some(_) => format!(
            "{} (mean ± standard deviation over {})",
            mean_std(metric, mean, winner.std),
            plural(scored, "fold")
        ),
        None => with_unit(metric, mean),
    };
    let who = named(winner);
    if report.trials.len() == 1 {
        return format!(
            "It reached a {} of {value}{}.",
            name(metric),
            size(winner).map(|size| format!(" with {size}")).unwrap_or_default()
        );
    }
    let best = match metric {
        Metric::ValAccuracy => "highest",
        Metric::ValLoss => "lowest",
    };
    let mean = if winner.std.is_some() { "mean " } else { "" };
    let size = size(winner).map(|size| format!(", with {size},")).unwrap_or_default();
    match report.selection.ties.len() {
        0 => format!("{who}{size} had the {best} {mean}{}: {value}.", name(metric)),
        ties => format!(
            "{who}{size} and {} had the {best} {mean}{}: {value}; of these it was taken because it has the fewest learned numbers or, where they have equally many, came first.",
            plural(ties, "other"),
            name(metric)
        ),
    }
}

/// How many numbers a trial's network learns, where that is known.
fn size(trial: &TrialReport) -> Option<String> {
    trial.learned_numbers().map(|numbers| plural_u64(numbers, "learned number"))
}

fn plural_u64(number: u64, noun: &str) -> String {
    plural(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

fn named(trial: &TrialReport) -> String {
    let values = searched(trial);
    if values.is_empty() {
        format!("Trial {}", trial.index)
    } else {
        format!("Trial {} ({values})", trial.index)
    }
}

fn runner_up(report: &Report, winner: &TrialReport) -> Option<String> {
    // Ties have been told, and differ in nothing.
    if !report.selection.ties.is_empty() {
        return None;
    }
    let ranking = Ranking::new(report);
    let runner_up = ranking.trials[..ranking.can_win].iter().find(|trial| trial.index != winner.index)?;
    let comparison =
        report.selection.comparisons.iter().find(|comparison| comparison.trial == runner_up.index)?;
    let metric = report.selection.rule.metric;
    let way = if comparison.mean_difference < 0.0 { "lower" } else { "higher" };
    let gap = if comparison.mean_difference == 0.0 {
        "reached the same on the folds in common".to_owned()
    } else {
        let average = if comparison.df > 0 { " on average" } else { "" };
        format!("was {} {way}{average}", distance(metric, comparison.mean_difference))
    };
    let sure = match comparison.p {
        Some(p) if p < SIGNIFICANT => format!(
            ", a difference that is unlikely to be chance ({}), though the winner was chosen on these scores",
            test(metric, comparison, p)
        ),
        Some(p) => format!(", a difference that may well be chance ({})", test(metric, comparison, p)),
        None if comparison.df == 0 => "; one score each cannot tell whether that is chance".to_owned(),
        None => "; how much of that is chance cannot be tested".to_owned(),
    };
    Some(format!("The runner-up, {}, {gap}{sure}.", lower_first(&named(runner_up))))
}

fn test(metric: Metric, comparison: &Comparison, p: f64) -> String {
    let sign = if p < 0.001 { "" } else { "= " };
    let interval = comparison.low.zip(comparison.high).map(|(low, high)| {
        let unit = if metric == Metric::ValAccuracy { " points" } else { "" };
        format!(", 95 % interval {} to {}{unit}", minus(&bare(metric, low)), minus(&bare(metric, high)))
    });
    format!("corrected resampled t-test, p {sign}{}{}", probability(p), interval.unwrap_or_default())
}

fn minus(text: &str) -> String {
    text.replace('-', "−")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn simplest(report: &Report, winner: &TrialReport) -> Option<String> {
    let chosen = report.trials.get(report.selection.one_standard_error?)?;
    if chosen.index == winner.index {
        return None;
    }
    let mean = with_unit(report.selection.rule.metric, chosen.mean?);
    Some(format!(
        "The smallest configuration within one standard error of it is {}, with {} and {mean}.",
        lower_first(&named(chosen)),
        size(chosen)?
    ))
}

fn optimistic(report: &Report, winner: &TrialReport) -> Option<String> {
    if report.selection.rule.epoch != EpochRule::Best {
        return None;
    }
    let metric = report.selection.rule.metric;
    let one = winner.folds.len() == 1;
    let what = if one { "score" } else { "mean" };
    let whose = if report.trials.len() == 1 { "the" } else { "the winner's" };
    let last = winner
        .last_epoch_mean
        .map(|mean| format!("; at the last epoch {whose} {what} is {}", with_unit(metric, mean)));
    let runs = if report.trials.len() == 1 && one { "The run was" } else { "Each run was" };
    Some(format!(
        "{runs} scored at its best epoch on the same rows, which is optimistic{}.",
        last.unwrap_or_default()
    ))
}

fn undecided(report: &Report) -> String {
    let runs = || report.trials.iter().flat_map(|trial| &trial.folds);
    let (ended, all) = (runs().filter(|run| run.state.has_ended()).count(), runs().count());
    match report.study.state {
        StudyState::Cancelled => {
            format!(
                "The study was cancelled after {ended} of {}, so that nothing was chosen.",
                plural(all, "run")
            )
        }
        StudyState::Searching if ended < all => {
            let have = if ended == 1 { "has" } else { "have" };
            format!("So far {ended} of {} {have} ended, and nothing is chosen yet.", plural(all, "run"))
        }
        StudyState::Searching | StudyState::Finishing | StudyState::Succeeded | StudyState::Failed => {
            "No configuration could be chosen, because each has a failed fold or no score.".to_owned()
        }
    }
}

fn failed(report: &Report) -> Option<String> {
    let runs = || report.trials.iter().flat_map(|trial| &trial.folds);
    let of = |state: RunState| runs().filter(|run| run.state == state).count();
    let all = plural(runs().count(), "run");
    let was = |number: usize| if number == 1 { "was" } else { "were" };
    let cancelled = of(RunState::Cancelled);
    match (of(RunState::Failed), cancelled) {
        (0, _) => None,
        (failed, 0) => Some(format!("Of {all}, {} failed.", count(failed as u64))),
        (failed, cancelled) => Some(format!(
            "Of {all}, {} failed and {} {} cancelled.",
            count(failed as u64),
            count(cancelled as u64),
            was(cancelled)
        )),
    }
}

/// What nested cross-validation says of the search.
fn judged(report: &Report) -> Option<String> {
    let nested = report.nested.as_ref()?;
    let (metric, mean) = (report.selection.rule.metric, nested.mean?);
    let interval = nested.low.zip(nested.high).map(|(low, high)| {
        format!("; 95 % confidence interval {} to {}", with_unit(metric, low), with_unit(metric, high))
    });
    Some(format!(
        "Nested cross-validation over {} estimates what this search comes to on unseen rows: {} (mean ± standard deviation{}).",
        plural(nested.scored().count(), "outer fold"),
        mean_std(metric, mean, nested.std),
        interval.unwrap_or_default()
    ))
}

fn tested(report: &Report) -> Option<String> {
    if split(&report.spec) == Some("test_set") {
        return Some(
            "Because the test set validated the runs, no value here is that of an untouched test set."
                .to_owned(),
        );
    }
    let stage = report.final_stage.as_ref().filter(|stage| stage.state == RunState::Finished)?;
    let value = test_value(stage)?;
    let how = match stage.mode {
        FinalMode::Refit => "retrained on all training rows",
        FinalMode::HoldOut => "retrained on a part of the training rows",
        FinalMode::Repeat => "trained again on one of its folds",
    };
    let rows = report.provenance.data.test_rows.map(|rows| format!("{} test rows", count(rows as u64)));
    let rows = rows.unwrap_or_else(|| "the test set".to_owned());
    Some(match stage.tests {
        Some(tests) if tests > 1 => format!(
            "The chosen configuration, {how}, reached {value} on {rows}; they were measured {tests} times, because the study was reopened, and are no longer untouched."
        ),
        _ => format!("The chosen configuration, {how} and tested once on {rows}, reached {value}."),
    })
}

fn test_value(stage: &FinalReport) -> Option<String> {
    let accuracy =
        stage.test_accuracy.map(|accuracy| format!("a test accuracy of {:.2} %", 100.0 * accuracy));
    accuracy.or_else(|| stage.test_loss.map(|value| format!("a test loss of {}", loss(value))))
}
