//! A study on a terminal: a bar, and below it what trains.

use std::time::Duration;

use foldwise_proto::v1::{StudyEvent, Worker};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::hand::Hand;
use super::progress::Progress;
use crate::quantity;

/// Workers that are named.
const WORKERS_MAX: usize = 4;
/// Pause between two pictures of the spinner.
const SPIN: Duration = Duration::from_millis(120);

/// A bar and the lines below it, which change once a second, so that they can be read.
#[derive(Debug)]
pub(crate) struct Board {
    all: MultiProgress,
    bar: ProgressBar,
    lines: Vec<ProgressBar>,
    hand: Hand,
    workers: Option<String>,
}

impl Board {
    /// On the standard error, so that the standard output holds answers alone.
    pub(super) fn new(title: &str) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bar = all.add(ProgressBar::no_length());
        bar.set_style(
            style("{spinner} {prefix} {bar:24} {human_pos}/{human_len} runs  {wide_msg}")
                .progress_chars("━╸─"),
        );
        bar.set_prefix(title.to_owned());
        bar.enable_steady_tick(SPIN);
        Self { all, bar, lines: Vec::new(), hand: Hand::default(), workers: None }
    }

    /// An event came, and is part of `progress` already.
    pub(super) fn event(&mut self, event: &StudyEvent, progress: &Progress) {
        self.hand.take(event);
        self.draw(progress);
    }

    /// A second passed.
    pub(super) fn tick(&mut self, progress: &Progress) {
        self.draw(progress);
        let mut texts = self.hand.lines();
        texts.extend(self.workers.clone());
        while self.lines.len() < texts.len() {
            let line = self.all.add(ProgressBar::no_length());
            line.set_style(style("{wide_msg}"));
            self.lines.push(line);
        }
        for line in self.lines.drain(texts.len()..) {
            line.finish_and_clear();
            self.all.remove(&line);
        }
        for (line, text) in self.lines.iter().zip(texts) {
            line.set_message(text);
        }
    }

    /// The coordinator's workers are these.
    pub(super) fn workers(&mut self, workers: &[Worker], progress: &Progress) {
        let study = progress.study().map_or("", |study| study.name.as_str());
        self.workers = sentence(workers, study);
    }

    fn draw(&self, progress: &Progress) {
        let (over, all) = progress.runs();
        self.bar.set_length(all);
        self.bar.set_position(over);
        self.bar.set_message(progress.sentence());
    }

    /// The terminal, for those who have something else to say.
    pub(super) fn terminal(&self) -> MultiProgress {
        self.all.clone()
    }
}

impl Drop for Board {
    /// A watch may be given up at any time; nothing of it must stay behind.
    fn drop(&mut self) {
        self.lines.iter().for_each(ProgressBar::finish_and_clear);
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Who trains a study, in a line; `None` where nobody does.
fn sentence(workers: &[Worker], study: &str) -> Option<String> {
    let of_study = format!("{study} ");
    let training =
        |worker: &Worker| worker.slots.iter().filter(|slot| slot.lease.starts_with(&of_study)).count() as u64;
    let busy: Vec<&Worker> = workers.iter().filter(|worker| worker.alive && training(worker) > 0).collect();
    let named = busy.iter().take(WORKERS_MAX);
    let mut parts: Vec<String> =
        named.map(|worker| format!("{} ({} of {})", worker.id, training(worker), slots(worker))).collect();
    if busy.len() > WORKERS_MAX {
        parts.push(quantity::counted((busy.len() - WORKERS_MAX) as u64, "more worker"));
    }
    (!parts.is_empty()).then(|| format!("  on {}", parts.join(", ")))
}

fn slots(worker: &Worker) -> String {
    quantity::counted(worker.slots.len() as u64, "slot")
}

#[cfg(test)]
mod tests {
    use foldwise_proto::v1::{Slot, Worker};

    use super::sentence;

    fn worker(id: &str, leases: &[&str]) -> Worker {
        let slot = |lease: &&str| Slot { lease: (*lease).to_owned(), ..Slot::default() };
        let slots = leases.iter().map(slot).collect();
        Worker { id: id.to_owned(), slots, alive: true, ..Worker::default() }
    }

    #[test]
    fn workers_are_those_that_train_the_study() {
        let mine = "studies/1 cohort 4, attempt 1";
        let mut workers = vec![worker("a", &[mine, ""]), worker("b", &["studies/11 cohort 0, attempt 1"])];
        assert_eq!(sentence(&workers, "studies/1").as_deref(), Some("  on a (1 of 2 slots)"));
        assert_eq!(sentence(&workers, "studies/2"), None);
        workers.extend((0..5).map(|number| worker(&format!("c{number}"), &[mine])));
        let text = sentence(&workers, "studies/1").unwrap();
        assert!(text.ends_with("c2 (1 of 1 slot), 2 more workers"), "{text}");
    }
}
