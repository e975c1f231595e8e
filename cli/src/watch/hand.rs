//! What trains right now, trial by trial and fold by fold.

use std::collections::BTreeMap;

use foldwise_proto::v1::study_event::Event;
use foldwise_proto::v1::{EpochEvent, Run, RunState, Study, StudyEvent, StudyState};

use crate::quantity;

/// Trials that are shown at a time.
const TRIALS_MAX: usize = 8;
/// Folds that are shown of a trial.
const FOLDS_MAX: usize = 10;

/// Trials of which a run is with a worker.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    /// Folds of the search; what trains as another one is the final stage.
    folds: Option<u32>,
    trials: BTreeMap<u32, BTreeMap<u32, Fold>>,
}

/// One fold of a trial.
#[derive(Debug, Default)]
struct Fold {
    /// The last epoch that was told.
    epoch: u32,
    /// Its accuracy, or its loss: of validation where there is some.
    value: Option<f64>,
    over: Option<Over>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Over {
    Finished(Option<f64>),
    Failed,
}

impl Hand {
    /// Takes an event in.
    pub(crate) fn take(&mut self, event: &StudyEvent) {
        match &event.event {
            Some(Event::Epoch(epoch)) => self.epoch(epoch),
            Some(Event::Run(run)) => self.run(run),
            Some(Event::Study(study)) => self.study(study),
            None => {}
        }
    }

    fn study(&mut self, study: &Study) {
        self.folds = Some(study.folds);
        let searching = matches!(study.state(), StudyState::Searching | StudyState::Paused);
        // Of runs that are handed back or lost nothing is told but that there are none any more; and what was told of the
        // search is over with it.
        let trains = searching && study.runs.is_some_and(|runs| runs.leased > 0);
        self.trials.retain(|_, folds| {
            folds.retain(|&fold, _| trains || fold >= study.folds);
            !folds.is_empty() && !crate::view::is_over(study)
        });
    }

    fn epoch(&mut self, event: &EpochEvent) {
        let Some(epoch) = &event.epoch else { return };
        let fold = self.trials.entry(event.trial).or_default().entry(event.fold).or_default();
        let values = [epoch.val_accuracy, epoch.val_loss, epoch.train_accuracy, Some(epoch.train_loss)];
        fold.epoch = epoch.epoch;
        fold.value = values.into_iter().flatten().next();
        // One that goes on was not over, whatever was told before.
        fold.over = None;
    }

    fn run(&mut self, run: &Run) {
        let over = match run.state() {
            RunState::Leased => None,
            RunState::Finished => Some(Over::Finished(run.score)),
            RunState::Failed => Some(Over::Failed),
            RunState::Queued | RunState::Cancelled | RunState::Unspecified => {
                if let Some(folds) = self.trials.get_mut(&run.trial) {
                    folds.remove(&run.fold);
                }
                self.forget(run.trial);
                return;
            }
        };
        let fold = self.trials.entry(run.trial).or_default().entry(run.fold).or_default();
        fold.over = over;
        if over.is_none() {
            // A new attempt begins at its beginning, or where its checkpoint was.
            (fold.epoch, fold.value) = (run.checkpoint_epoch, None);
        }
        self.forget(run.trial);
    }

    /// Lets go of a trial that nobody trains.
    fn forget(&mut self, trial: u32) {
        if self.trials.get(&trial).is_some_and(|folds| folds.values().all(|fold| fold.over.is_some())) {
            self.trials.remove(&trial);
        }
    }

    /// A line for each trial, the first ones.
    pub(crate) fn lines(&self) -> Vec<String> {
        let shown = self.trials.iter().take(TRIALS_MAX);
        let mut lines: Vec<String> = shown.map(|(trial, folds)| line(*trial, folds, self.folds)).collect();
        let more = self.trials.len().saturating_sub(TRIALS_MAX);
        if more > 0 {
            lines.push(format!("  and {} in hand", quantity::counted(more as u64, "more trial")));
        }
        lines
    }
}

fn line(trial: u32, folds: &BTreeMap<u32, Fold>, of_search: Option<u32>) -> String {
    let mut text = format!("  trial {trial:<5}");
    for (number, fold) in folds.iter().take(FOLDS_MAX) {
        let is_final = of_search.is_some_and(|folds| *number >= folds);
        let name = if is_final { "final".to_owned() } else { format!("fold {number}") };
        text.push_str(&format!("  {name} {}", cell(fold)));
    }
    if folds.len() > FOLDS_MAX {
        text.push_str(&format!("  and {}", quantity::counted((folds.len() - FOLDS_MAX) as u64, "more fold")));
    }
    text
}

/// Where a fold stands, in a few characters.
fn cell(fold: &Fold) -> String {
    let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), quantity::score);
    match fold.over {
        Some(Over::Finished(score)) => format!("✓ {}", value(score)),
        Some(Over::Failed) => "failed".to_owned(),
        None => format!("e{} {}", fold.epoch, value(fold.value)),
    }
}

#[cfg(test)]
mod tests {
    use foldwise_proto::v1::study_event::Event;
    use foldwise_proto::v1::{Epoch, EpochEvent, Run, RunCounts, RunState, Study, StudyEvent, StudyState};

    use super::{Hand, TRIALS_MAX};

    fn told(hand: &mut Hand, event: Event) {
        hand.take(&StudyEvent { event: Some(event), resume_token: String::new() });
    }

    fn run(trial: u32, fold: u32, state: RunState) -> Event {
        let score = (state == RunState::Finished).then_some(0.91);
        Event::Run(Run { trial, fold, state: state.into(), worker: "w1".to_owned(), score, ..Run::default() })
    }

    fn epoch(trial: u32, fold: u32, number: u32) -> Event {
        let epoch = Epoch { epoch: number, val_accuracy: Some(0.875), ..Epoch::default() };
        Event::Epoch(EpochEvent { trial, fold, epoch: Some(epoch) })
    }

    #[test]
    fn a_trial_is_shown_while_one_of_its_folds_trains() {
        let mut hand = Hand::default();
        assert!(hand.lines().is_empty());
        told(&mut hand, run(3, 0, RunState::Leased));
        told(&mut hand, run(3, 1, RunState::Leased));
        told(&mut hand, epoch(3, 1, 7));
        assert_eq!(hand.lines(), ["  trial 3      fold 0 e0 –  fold 1 e7 0.8750"]);
        told(&mut hand, run(3, 0, RunState::Finished));
        assert_eq!(hand.lines(), ["  trial 3      fold 0 ✓ 0.9100  fold 1 e7 0.8750"]);
        told(&mut hand, run(3, 1, RunState::Failed));
        assert!(hand.lines().is_empty());
    }

    #[test]
    fn a_run_that_is_handed_back_begins_anew() {
        let mut hand = Hand::default();
        told(&mut hand, epoch(0, 2, 4));
        told(&mut hand, run(0, 2, RunState::Queued));
        assert!(hand.lines().is_empty());
        told(&mut hand, run(0, 2, RunState::Leased));
        assert_eq!(hand.lines()[0], "  trial 0      fold 2 e0 –");
    }

    #[test]
    fn nothing_is_in_hand_where_no_run_is_leased() {
        let mut hand = Hand::default();
        let told_of = |leased, hand: &mut Hand| {
            let runs = Some(RunCounts { leased, ..RunCounts::default() });
            let state = StudyState::Paused.into();
            told(hand, Event::Study(Study { folds: 5, state, runs, ..Study::default() }));
        };
        told(&mut hand, epoch(4, 0, 2));
        told_of(1, &mut hand);
        assert_eq!(hand.lines().len(), 1);
        told_of(0, &mut hand);
        assert!(hand.lines().is_empty());
    }

    #[test]
    fn the_final_stage_is_named() {
        let mut hand = Hand::default();
        told(&mut hand, epoch(4, 0, 2));
        let study = Study { folds: 5, state: StudyState::Finishing.into(), ..Study::default() };
        told(&mut hand, Event::Study(study));
        told(&mut hand, epoch(4, 5, 1));
        assert_eq!(hand.lines(), ["  trial 4      final e1 0.8750"]);
    }

    #[test]
    fn what_is_too_much_to_show_is_counted() {
        let mut hand = Hand::default();
        for trial in 0..20 {
            for fold in 0..12 {
                told(&mut hand, run(trial, fold, RunState::Leased));
            }
        }
        let lines = hand.lines();
        assert_eq!(lines.len(), TRIALS_MAX + 1);
        assert!(lines[0].ends_with("and 2 more folds"), "{}", lines[0]);
        assert_eq!(lines[TRIALS_MAX], "  and 12 more trials in hand");
        let over = Study { state: StudyState::Cancelled.into(), ..Study::default() };
        told(&mut hand, Event::Study(over));
        assert!(hand.lines().is_empty());
    }
}
