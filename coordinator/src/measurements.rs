//! What the runs of a cohort measured, as a worker hands it in: a file of one line per run, read within limits and checked.
//!
//! What passes is kept as it came; nothing later has to doubt it.

use std::io::{self, BufRead, BufReader, Read};

use foldwise_study::measure::MeasureSpec;
use foldwise_study::outcome::{Measurements, RunOutcome, SnapshotFile};

mod check;

/// Largest text of one run's measurements: above what 200,000 steps, 256 classes and deep networks come to; what a spec
/// asks for is estimated when it is submitted.
pub const RUN_BYTES_MAX: usize = 8 << 20;
/// Largest text of all runs of a cohort, and of a study as it is estimated: what one transaction and one report can hold.
pub const STUDY_BYTES_MAX: u64 = 1 << 30;

/// What measurements are checked against beside their results.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// What the study asked for.
    pub(crate) measure: MeasureSpec,
    /// Classes of its targets; `None` where they are numbers.
    pub(crate) classes: Option<usize>,
}

/// What one run measured: its text as it came, and the file that it names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) json: String,
    pub(crate) snapshots: Option<SnapshotFile>,
}

/// Why measurements are not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasurementsError {
    /// They are wrong.
    #[error("`{field}` {reason}")]
    Wrong {
        /// Which, such as `measurements[3].epochs[0].layer_weight_norms`.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be read.
    #[error("what was measured cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads one line per result, in their order; an empty line is a run that measured nothing.
///
/// # Errors
/// When a line is wrong, too long or missing, or there are more.
pub(crate) fn read<'a>(
    file: impl Read,
    outcomes: impl Iterator<Item = &'a RunOutcome>,
    asked: &Asked,
) -> Result<Vec<Option<Measured>>, MeasurementsError> {
    let mut file = BufReader::new(file);
    let mut measured = Vec::new();
    let mut room = STUDY_BYTES_MAX;
    for (index, outcome) in outcomes.enumerate() {
        let field = format!("measurements[{index}]");
        let line = line(&mut file, &field)?;
        room = room.checked_sub(line.len() as u64).ok_or_else(|| {
            wrong("measurements", format!("have more than {STUDY_BYTES_MAX} bytes for one cohort"))
        })?;
        measured.push(if line.is_empty() { None } else { Some(one(line, &field, outcome, asked)?) });
    }
    match file.fill_buf()? {
        [] => Ok(measured),
        _ => Err(wrong("measurements", format!("have more lines than the {} runs", measured.len()))),
    }
}

fn line(file: &mut impl BufRead, field: &str) -> Result<String, MeasurementsError> {
    let mut line = Vec::new();
    file.take(RUN_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => {}
        Some(_) if line.len() == RUN_BYTES_MAX => {
            return Err(wrong(field, format!("has more than {RUN_BYTES_MAX} bytes")));
        }
        Some(_) | None => return Err(wrong(field, "is missing, or its line does not end".to_owned())),
    }
    String::from_utf8(line).map_err(|error| wrong(field, format!("is no text: {error}")))
}

fn one(
    line: String,
    field: &str,
    outcome: &RunOutcome,
    asked: &Asked,
) -> Result<Measured, MeasurementsError> {
    // serde would take a list for the fields in their order.
    let object = if line.starts_with('{') { line.as_str() } else { "" };
    let parsed: Measurements = serde_json::from_str(object)
        .map_err(|error| wrong(field, format!("is not what a run measures: {error}")))?;
    check::check(&parsed, outcome, asked).map_err(|check::Wrong { field: inner, reason }| {
        let field = format!("{field}.{inner}");
        MeasurementsError::Wrong { field, reason }
    })?;
    Ok(Measured { json: line, snapshots: parsed.snapshots })
}

fn wrong(field: &str, reason: String) -> MeasurementsError {
    MeasurementsError::Wrong { field: field.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use foldwise_study::measure::{MeasureSpec, Snapshots};
    use foldwise_study::outcome::{EpochRecord, RunEnd, RunOutcome};

    use super::{Asked, RUN_BYTES_MAX, read};

    fn outcome(epochs: u32) -> RunOutcome {
        let record = |epoch| EpochRecord {
            epoch,
            train_loss: 0.5,
            train_accuracy: None,
            val_loss: Some(0.5),
            val_accuracy: None,
            lr: 0.1,
        };
        let epochs = (1..=epochs).map(record).collect();
        RunOutcome { end: RunEnd::Finished, epochs, seconds: 1.0, test: None, measurements: None }
    }

    fn refusal_of(text: &str) -> String {
        let asked = Asked {
            measure: MeasureSpec { snapshots: Some(Snapshots { every: 2 }), ..MeasureSpec::default() },
            classes: (!text.contains("\"numbers\"")).then_some(2),
        };
        match read(text.as_bytes(), [outcome(3)].iter(), &asked) {
            Ok(measured) => format!("taken: {}", measured.iter().flatten().count()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_whole_is_taken() {
        let digest = "a".repeat(64);
        let line = format!(
            r#"{{"layers":["0","2"],"epochs":[{{"epoch":1,"layer_weight_norms":[1.0,null]}},{{"epoch":3}}],
            "steps":{{"per_epoch":1,"losses":[1.0,null],"gradient_norms":[1,2]}},
            "predictions":[{{"part":"validation","epoch":3,"rows":3,"loss":0.5,
              "classes":{{"confusion":[[1,1],[0,1]],"first_wrong":[{{"row":7,"predicted":1,"probability":0.5,
              "picture":{{"width":1,"height":1,"channels":3,"pixels":"AAEC"}}}},null]}}}}],
            "snapshots":{{"digest":"{digest}","epochs":[0,2,3],"weights":5}}}}"#
        );
        assert_eq!(refusal_of(&format!("{}\n", line.replace('\n', " "))), "taken: 1");
        assert_eq!(refusal_of("\n"), "taken: 0");
    }

    #[test]
    fn what_is_wrong_is_refused_with_the_field() {
        let digest = "a".repeat(64);
        let numbers = r#"{"part":"train","epoch":1,"rows":1,"loss":0.5,"numbers":"#;
        let classes = r#"{"part":"train","epoch":1,"rows":2,"loss":0.5,"classes":"#;
        for (line, refusal) in [
            ("{".to_owned(), "`measurements[0]` is not what a run measures"),
            ("[]".to_owned(), "`measurements[0]` is not what a run measures"),
            (
                r#"{"layers":["0"],"epochs":[{"epoch":1,"layer_weight_norms":[1.0,2.0]}]}"#.to_owned(),
                "`measurements[0].epochs[0].layer_weight_norms` has 2 numbers for 1 layers",
            ),
            (r#"{"epochs":[{"epoch":2},{"epoch":2}]}"#.to_owned(), "`measurements[0].epochs[1].epoch` is 2"),
            (r#"{"epochs":[{"epoch":4}]}"#.to_owned(), "`measurements[0].epochs[0].epoch` is 4"),
            (
                r#"{"steps":{"per_epoch":1,"losses":[1.0],"gradient_norms":[]}}"#.to_owned(),
                "`measurements[0].steps.gradient_norms` has 0 numbers for 1 losses",
            ),
            (
                format!(
                    r#"{{"predictions":[{classes}{{"confusion":[[1],[1]],"first_wrong":[null,null]}}}}]}}"#
                ),
                "`measurements[0].predictions[0].classes.confusion[0]` has 1 numbers for 2 classes",
            ),
            (
                format!(r#"{{"predictions":[{classes}{{"confusion":[[2]],"first_wrong":[null]}}}}]}}"#),
                "`measurements[0].predictions[0].classes.confusion` has 1 rows for 2 classes",
            ),
            (
                format!(
                    r#"{{"predictions":[{classes}{{"confusion":[[1,1],[0,0]],"first_wrong":[{{"row":7,"predicted":1,
                    "probability":1.5}},null]}}}}]}}"#
                ),
                "`measurements[0].predictions[0].classes.first_wrong[0].probability` is not between 0 and 1",
            ),
            (
                format!(
                    r#"{{"predictions":[{classes}{{"confusion":[[1,1],[0,0]],"first_wrong":[{{"row":7,"predicted":1,
                    "picture":{{"width":65,"height":1,"channels":1,"pixels":""}}}},null]}}}}]}}"#
                ),
                "`measurements[0].predictions[0].classes.first_wrong[0].picture` is 65 × 1 with 1 channels",
            ),
            (
                format!(
                    r#"{{"predictions":[{classes}{{"confusion":[[1,1],[0,0]],"first_wrong":[{{"row":7,"predicted":1,
                    "picture":{{"width":1,"height":1,"channels":3,"pixels":"AAE="}}}},null]}}}}]}}"#
                ),
                "`measurements[0].predictions[0].classes.first_wrong[0].picture` does not hold 3 bytes",
            ),
            (
                format!(
                    r#"{{"predictions":[{numbers}{{"r2":[null],"mean_absolute_error":[],
                    "mean_squared_error":[1],"points":[]}}}}]}}"#
                ),
                "`measurements[0].predictions[0].numbers.mean_absolute_error` has 0 numbers for 1 outputs",
            ),
            (
                r#"{"snapshots":{"digest":"../x","epochs":[2],"weights":5}}"#.to_owned(),
                "`measurements[0].snapshots.digest` is no digest",
            ),
            (
                format!(r#"{{"snapshots":{{"digest":"{digest}","epochs":[1],"weights":5}}}}"#),
                "`measurements[0].snapshots.epochs[0]` is 1: copies were asked for every 2 epochs",
            ),
            (
                format!(r#"{{"snapshots":{{"digest":"{digest}","epochs":[],"weights":5}}}}"#),
                "`measurements[0].snapshots.epochs` is empty",
            ),
        ] {
            let refused = refusal_of(&format!("{}\n", line.replace('\n', " ")));
            assert!(refused.starts_with(refusal), "{line}: {refused}");
        }
    }

    #[test]
    fn lines_are_counted_and_limited() {
        assert!(refusal_of("").contains("is missing"));
        assert!(refusal_of("{}").contains("does not end"));
        assert!(refusal_of("{}\n{}\n").contains("more lines than the 1 runs"));
        let long = format!("{{\"layers\":[\"{}\"]}}\n", "x".repeat(RUN_BYTES_MAX));
        assert!(refusal_of(&long).contains("has more than 8388608 bytes"));
        let most = format!("{{{}}}\n", " ".repeat(RUN_BYTES_MAX - 2));
        assert_eq!(refusal_of(&most), "taken: 1");
    }
}
