//! What a command says: lines of JSON, each checked by itself and against those before it.
//!
//! `docs/own-code.md` describes them for those who write commands. Nothing here does I/O, so that the fuzz targets try it alone.

use foldwise_study::outcome::{EpochRecord, RunEnd, TestRecord};
use serde::Deserialize;

/// The longest line of a command's report, in bytes without its end.
pub const LINE_BYTES_MAX: usize = 64 << 10;
/// The most lines of a report: a million epochs, a checkpoint after each, and some more.
pub const LINES_MAX: u64 = 4_000_000;
/// Of a line that is wrong, so many characters are shown.
const LINE_SHOWN_MAX: usize = 200;

/// What a run expects of its command's report.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Epochs, at most.
    pub epochs: u32,
    /// Whether rows are held out to validate on.
    pub validates: bool,
    /// Whether the test set is to be evaluated.
    pub tests: bool,
    /// Whether the target is a class, so that accuracies are expected.
    pub classes: bool,
}

/// A line's meaning.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Nothing: an empty line.
    Nothing,
    /// An epoch ended.
    Epoch(EpochRecord),
    /// A checkpoint of the last epoch lies in a file.
    Checkpoint {
        /// The file, as the command names it.
        path: String,
        /// Epochs that it holds.
        epoch: u32,
    },
    /// The run has ended, one way or the other.
    End,
}

/// A line that is wrong: which, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {number} of the command's report is wrong: {reason}: {line}")]
pub struct BadLine {
    /// From 1.
    pub number: u64,
    /// Why.
    pub reason: String,
    /// Its beginning.
    pub line: String,
}

/// Everything that a report has said so far.
#[derive(Debug)]
pub struct Account {
    expected: Expected,
    /// The epochs in order, those before a checkpoint included.
    pub epochs: Vec<EpochRecord>,
    /// How the run ended, once it has.
    pub end: Option<RunEnd>,
    /// What the test set said.
    pub test: Option<TestRecord>,
    /// The file of the final weights, as the command names it.
    pub weights: Option<String>,
    /// Epochs that came from a checkpoint and of which nothing new was said yet.
    resumed: bool,
    number: u64,
}

/// A line as it is written; exactly one of `epoch` with `train`, `checkpoint`, `diverged` and `done` is its kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    epoch: Option<u32>,
    train: Option<Scores>,
    validation: Option<Scores>,
    lr: Option<f64>,
    checkpoint: Option<String>,
    diverged: Option<u32>,
    done: Option<bool>,
    weights: Option<String>,
    test: Option<Scores>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scores {
    loss: f64,
    accuracy: Option<f64>,
}

impl Account {
    /// An account of a run that goes on after these epochs, or begins.
    #[must_use]
    pub fn new(expected: Expected, epochs: Vec<EpochRecord>) -> Self {
        let resumed = !epochs.is_empty();
        Self { expected, epochs, end: None, test: None, weights: None, resumed, number: 0 }
    }

    /// Takes a line in, without its end.
    ///
    /// # Errors
    /// Says which line is wrong and why; the account is of no use then.
    pub fn take(&mut self, line: &[u8]) -> Result<Said, BadLine> {
        self.number += 1;
        let number = self.number;
        self.try_take(line).map_err(|reason| BadLine { number, reason, line: shown(line) })
    }

    fn try_take(&mut self, line: &[u8]) -> Result<Said, String> {
        if self.number > LINES_MAX {
            return Err(format!("there are more than {LINES_MAX} lines"));
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(format!("it has more than {LINE_BYTES_MAX} bytes"));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(Said::Nothing);
        }
        let read: Line = serde_json::from_slice(line).map_err(|error| not_json(line, &error))?;
        if self.end.is_some() {
            return Err("it comes after the run's end".to_owned());
        }
        match read {
            Line { done: Some(true), weights, test, .. } if read.is_bare(false) => self.done(weights, test),
            Line { diverged: Some(epoch), .. } if read.is_bare(true) => self.diverged(epoch),
            Line { checkpoint: Some(path), epoch: Some(epoch), .. } if read.is_checkpoint() => {
                self.checkpoint(path, epoch)
            }
            Line { epoch: Some(epoch), train: Some(train), validation, lr, .. } if read.is_epoch() => {
                self.epoch(epoch, train, validation, lr)
            }
            _ => Err("it is none of {\"epoch\": …, \"train\": …, \"validation\": …}, {\"checkpoint\": …, \"epoch\": …}, \
                      {\"diverged\": …} and {\"done\": true, …}"
                .to_owned()),
        }
    }

    fn epoch(
        &mut self,
        epoch: u32,
        train: Scores,
        validation: Option<Scores>,
        lr: Option<f64>,
    ) -> Result<Said, String> {
        self.go_on_to(epoch)?;
        let (train_loss, train_accuracy) = self.scores("train", train, false)?;
        let validation = match validation {
            Some(_) if !self.expected.validates => {
                return Err(
                    "nothing is held out in this run, so that `validation` must be left out".to_owned()
                );
            }
            None if self.expected.validates => return Err("`validation` is missing".to_owned()),
            Some(scores) => Some(self.scores("validation", scores, true)?),
            None => None,
        };
        let lr = lr.unwrap_or(0.0);
        if !lr.is_finite() {
            return Err("`lr` is no finite number".to_owned());
        }
        let record = EpochRecord {
            epoch,
            train_loss,
            train_accuracy,
            val_loss: validation.map(|(loss, _)| loss),
            val_accuracy: validation.and_then(|(_, accuracy)| accuracy),
            lr,
        };
        self.epochs.push(record);
        Ok(Said::Epoch(record))
    }

    fn checkpoint(&self, path: String, epoch: u32) -> Result<Said, String> {
        let last = self.next_epoch() - 1;
        if epoch == 0 || epoch != last {
            return Err(format!("a checkpoint is of the last epoch, {last}, not of {epoch}"));
        }
        Ok(Said::Checkpoint { path, epoch })
    }

    fn diverged(&mut self, epoch: u32) -> Result<Said, String> {
        self.go_on_to(epoch)?;
        self.end = Some(RunEnd::Diverged(epoch));
        Ok(Said::End)
    }

    /// The run comes to an epoch, however that one ends.
    fn go_on_to(&mut self, epoch: u32) -> Result<(), String> {
        if std::mem::take(&mut self.resumed) && epoch == 1 {
            // The command made nothing of the checkpoint and begins anew.
            self.epochs.clear();
        }
        let next = self.next_epoch();
        if epoch != next {
            return Err(format!("epoch {next} comes next, not {epoch}"));
        }
        if epoch > self.expected.epochs {
            return Err(format!("the run has {} epochs", self.expected.epochs));
        }
        Ok(())
    }

    fn done(&mut self, weights: Option<String>, test: Option<Scores>) -> Result<Said, String> {
        if self.epochs.is_empty() {
            return Err("no epoch was reported before it".to_owned());
        }
        self.test = match test {
            None if self.expected.tests => {
                return Err("`test` is missing: the final stage evaluates the test set".to_owned());
            }
            Some(_) if !self.expected.tests => {
                return Err("there is no test set to evaluate in this run, so that `test` must be left out"
                    .to_owned());
            }
            Some(scores) => {
                let (loss, accuracy) = self.scores("test", scores, true)?;
                Some(TestRecord { loss, accuracy })
            }
            None => None,
        };
        self.weights = weights;
        self.end = Some(RunEnd::Finished);
        Ok(Said::End)
    }

    fn scores(&self, part: &str, scores: Scores, needed: bool) -> Result<(f64, Option<f64>), String> {
        let Scores { loss, accuracy } = scores;
        if !loss.is_finite() {
            return Err(format!("`{part}.loss` is no finite number"));
        }
        match accuracy {
            Some(_) if !self.expected.classes => {
                Err(format!("`{part}.accuracy` is of classes, and the target is a number: leave it out"))
            }
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Err(format!("`{part}.accuracy` is a share between 0 and 1"))
            }
            None if needed && self.expected.classes => Err(format!("`{part}.accuracy` is missing")),
            accuracy => Ok((loss, accuracy)),
        }
    }

    fn next_epoch(&self) -> u32 {
        self.epochs.last().map_or(1, |record| record.epoch.saturating_add(1))
    }
}

impl Line {
    /// Whether it says nothing of epochs and checkpoints, and nothing of results where it says that the run `diverged`.
    fn is_bare(&self, diverged: bool) -> bool {
        let of_epoch = self.epoch.is_some() || self.train.is_some() || self.validation.is_some();
        let others = of_epoch || self.lr.is_some() || self.checkpoint.is_some();
        let results = self.done.is_some() || self.weights.is_some() || self.test.is_some();
        !others && if diverged { !results } else { self.diverged.is_none() }
    }

    fn is_checkpoint(&self) -> bool {
        let of_epoch = self.train.is_some() || self.validation.is_some() || self.lr.is_some();
        !of_epoch && !self.ends()
    }

    fn is_epoch(&self) -> bool {
        self.checkpoint.is_none() && !self.ends()
    }

    fn ends(&self) -> bool {
        self.diverged.is_some() || self.done.is_some() || self.weights.is_some() || self.test.is_some()
    }
}

/// Why a line is no JSON of ours. Python writes numbers that JSON does not have.
fn not_json(line: &[u8], error: &serde_json::Error) -> String {
    let has = |word: &[u8]| line.windows(word.len()).any(|part| part == word);
    if has(b"NaN") || has(b"Infinity") {
        return "JSON has no NaN and no Infinity; of a run that diverged say {\"diverged\": EPOCH}"
            .to_owned();
    }
    // It may quote a key of the line.
    shown(error.to_string().as_bytes())
}

fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(4 * LINE_SHOWN_MAX)]);
    let cut: String =
        text.chars().take(LINE_SHOWN_MAX).map(|c| if c.is_control() { '�' } else { c }).collect();
    if cut.chars().count() < text.chars().count() { format!("{cut}…") } else { cut }
}

#[cfg(test)]
mod tests {
    use foldwise_study::outcome::{EpochRecord, RunEnd};

    use super::{Account, Expected, LINE_BYTES_MAX, Said};

    const SEARCH: Expected = Expected { epochs: 3, validates: true, tests: false, classes: true };
    const LAST: Expected = Expected { validates: false, tests: true, ..SEARCH };
    const FIRST: &str =
        r#"{"epoch":1,"train":{"loss":0.5},"validation":{"loss":0.4,"accuracy":0.8},"lr":0.1}"#;

    fn account(expected: Expected) -> Account {
        Account::new(expected, Vec::new())
    }

    /// What is wrong with the last of several lines.
    fn wrong(expected: Expected, lines: &[&str]) -> String {
        let mut account = account(expected);
        let (last, before) = lines.split_last().expect("lines");
        for line in before {
            account.take(line.as_bytes()).expect("is fine");
        }
        account.take(last.as_bytes()).expect_err("is wrong").reason
    }

    #[test]
    fn a_report_is_taken_line_by_line() {
        let mut account = account(SEARCH);
        let Ok(Said::Epoch(record)) = account.take(FIRST.as_bytes()) else { panic!("an epoch") };
        assert_eq!((record.epoch, record.val_accuracy, record.lr), (1, Some(0.8), 0.1));
        assert_eq!(account.take(b" \r"), Ok(Said::Nothing));
        let said = account.take(br#"{"checkpoint":"a.bin","epoch":1}"#);
        assert_eq!(said, Ok(Said::Checkpoint { path: "a.bin".to_owned(), epoch: 1 }));
        assert_eq!(account.take(br#"{"done":true,"weights":"w"}"#), Ok(Said::End));
        assert_eq!((account.end, account.weights.as_deref()), (Some(RunEnd::Finished), Some("w")));
        let late = account.take(FIRST.as_bytes()).expect_err("is late");
        assert_eq!((late.number, late.reason.as_str()), (5, "it comes after the run's end"));
    }

    #[test]
    fn what_a_run_needs_must_be_there_and_nothing_else() {
        let no_validation = r#"{"epoch":1,"train":{"loss":0.5}}"#;
        assert_eq!(wrong(SEARCH, &[no_validation]), "`validation` is missing");
        assert!(wrong(LAST, &[FIRST]).starts_with("nothing is held out"));
        assert!(wrong(LAST, &[no_validation, r#"{"done":true}"#]).starts_with("`test` is missing"));
        let test = r#"{"done":true,"test":{"loss":1,"accuracy":1}}"#;
        assert!(wrong(SEARCH, &[FIRST, test]).starts_with("there is no test set"));
        assert_eq!(wrong(SEARCH, &[r#"{"done":true}"#]), "no epoch was reported before it");
        let no_accuracy = r#"{"epoch":1,"train":{"loss":0.5},"validation":{"loss":0.4}}"#;
        assert_eq!(wrong(SEARCH, &[no_accuracy]), "`validation.accuracy` is missing");
        assert!(wrong(Expected { classes: false, ..SEARCH }, &[FIRST]).contains("leave it out"));
    }

    #[test]
    fn numbers_and_epochs_are_checked() {
        assert_eq!(wrong(SEARCH, &[FIRST, FIRST]), "epoch 2 comes next, not 1");
        assert_eq!(wrong(Expected { epochs: 0, ..SEARCH }, &[FIRST]), "the run has 0 epochs");
        assert!(wrong(SEARCH, &[&FIRST.replace("0.8", "1.5")]).contains("between 0 and 1"));
        assert!(wrong(SEARCH, &[&FIRST.replace("0.4", "NaN")]).contains("say {\"diverged\": EPOCH}"));
        assert!(wrong(SEARCH, &[&FIRST.replace("0.4", "1e999")]).contains("out of range"));
        assert!(wrong(SEARCH, &[r#"{"checkpoint":"a","epoch":1}"#]).contains("of the last epoch, 0"));
        assert!(wrong(SEARCH, &[FIRST, r#"{"checkpoint":"a","epoch":2}"#]).contains("of the last epoch, 1"));
        assert!(wrong(SEARCH, &[r#"{"epoch":1,"trane":{"loss":1}}"#]).contains("unknown field `trane`"));
        assert!(wrong(SEARCH, &[r#"{"epoch":1,"train":{"loss":1},"done":true}"#]).contains("none of"));
        assert!(wrong(SEARCH, &["{}"]).contains("none of"));
        assert!(wrong(SEARCH, &["hello"]).contains("expected value"));
        assert!(wrong(SEARCH, &[&" ".repeat(LINE_BYTES_MAX + 1)]).contains("more than"));
    }

    #[test]
    fn a_run_may_diverge_or_go_on_or_begin_anew() {
        let mut diverging = account(SEARCH);
        diverging.take(FIRST.as_bytes()).expect("is fine");
        assert_eq!(diverging.take(br#"{"diverged":2}"#), Ok(Said::End));
        assert_eq!(diverging.end, Some(RunEnd::Diverged(2)));
        let kept = EpochRecord {
            epoch: 1,
            train_loss: 1.0,
            train_accuracy: None,
            val_loss: Some(1.0),
            val_accuracy: Some(0.1),
            lr: 0.0,
        };
        let second = FIRST.replace(r#""epoch":1"#, r#""epoch":2"#);
        let mut resumed = Account::new(SEARCH, vec![kept]);
        resumed.take(second.as_bytes()).expect("goes on");
        assert_eq!(resumed.epochs.len(), 2);
        let mut anew = Account::new(SEARCH, vec![kept]);
        anew.take(FIRST.as_bytes()).expect("begins anew");
        assert_eq!(anew.epochs[0].val_accuracy, Some(0.8));
        assert!(anew.take(FIRST.as_bytes()).is_err(), "but once alone");
    }

    #[test]
    fn a_run_diverges_in_the_epochs_that_it_may_come_to() {
        let first: EpochRecord = match account(SEARCH).take(FIRST.as_bytes()) {
            Ok(Said::Epoch(record)) => record,
            other => panic!("an epoch: {other:?}"),
        };
        let resumed = || Account::new(SEARCH, vec![first, EpochRecord { epoch: 2, ..first }]);
        let mut goes_on = resumed();
        assert_eq!(goes_on.take(br#"{"diverged":3}"#), Ok(Said::End));
        assert_eq!(goes_on.epochs.len(), 2);
        let mut anew = resumed();
        assert_eq!(anew.take(br#"{"diverged":1}"#), Ok(Said::End));
        assert_eq!((anew.end, anew.epochs.len()), (Some(RunEnd::Diverged(1)), 0));
        let elsewhere = resumed().take(br#"{"diverged":2}"#).expect_err("is neither");
        assert_eq!(elsewhere.reason, "epoch 3 comes next, not 2");
        assert_eq!(wrong(Expected { epochs: 0, ..SEARCH }, &[r#"{"diverged":1}"#]), "the run has 0 epochs");
    }
}
