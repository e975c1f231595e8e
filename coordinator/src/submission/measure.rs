//! Whether what a study asks to be measured can be measured and kept.

use std::collections::HashMap;

use foldwise_study::measure::{CLASSES_MAX, Detail, MeasureSpec, Part, STEPS_MAX};
use foldwise_study::outcome::{PICTURES_MAX, POINTS_MAX, Picture};
use foldwise_study::spec::Spec;
use foldwise_study::split::Split;
use foldwise_study::trials::{RowFacts, Trial, TrialFacts, Trials};

use crate::measurements::{RUN_BYTES_MAX, STUDY_BYTES_MAX};
use crate::snapshots;

/// Bytes of a number of 64 and of 32 bits as text, at most, with its comma.
const DOUBLE_BYTES: u64 = 25;
const SINGLE_BYTES: u64 = 15;
/// Bytes of the name of a field; of an entry of predictions without its counts; of a predicted row.
const NAME_BYTES: u64 = 30;
const PREDICTIONS_BYTES: u64 = 500;
const ROW_BYTES: u64 = 100;

/// A setting and what is wrong with it.
pub(super) type Wrong = (&'static str, String);

/// Every problem of `[measure]`. `sizes` are the (training, validation) rows of each fold.
pub(super) fn check(spec: &Spec, rows: &RowFacts, trials: &Trials, sizes: &[(usize, usize)]) -> Vec<Wrong> {
    let measure = &spec.measure;
    if measure.is_empty() {
        return Vec::new();
    }
    let measured = Cost::of(spec, rows, trials, sizes);
    let mut problems = Vec::new();
    if measure.predictions.contains(&Part::Test)
        && let Some(why) = no_test(spec, rows)
    {
        problems.push(("measure.predictions", why));
    }
    if let Some(classes) = rows.classes.filter(|&classes| classes > CLASSES_MAX)
        && !measure.predictions.is_empty()
    {
        let message = format!(
            "the targets have {classes} classes, and confusion matrices are kept of {CLASSES_MAX} at most: leave \
             `predictions` out"
        );
        problems.push(("measure.predictions", message));
        return problems;
    }
    if measure.gradients == Some(Detail::Step) && measured.steps > STEPS_MAX {
        let message = format!(
            "a run would have {} steps, and single steps are kept of {STEPS_MAX} at most: use \"epoch\", or fewer epochs or \
             larger batches",
            measured.steps
        );
        problems.push(("measure.gradients", message));
        return problems;
    }
    problems.extend(too_much(&measured));
    problems
}

/// Why no test rows can be predicted.
fn no_test(spec: &Spec, rows: &RowFacts) -> Option<String> {
    let why = if rows.test_rows.is_none() {
        "the data has no test set: name one in `[data]`, or take \"test\" out"
    } else if spec.validation.split == Split::TestSet {
        "the test set validates: use \"validation\" instead of \"test\""
    } else if spec.final_stage.skip {
        "test rows are predicted in the final stage alone, and `final.skip` leaves it out: take \"test\" or `skip` out"
    } else {
        return None;
    };
    Some(why.to_owned())
}

fn too_much(measured: &Cost) -> Vec<Wrong> {
    let mut problems = Vec::new();
    let most = snapshots::STUDY_BYTES_MAX;
    if measured.snapshot_bytes > most {
        let message = format!(
            "copies of the weights of all runs would take {}, and {} are kept at most: copy less often (a greater `every`), or \
             search fewer trials at a time",
            mebibytes(measured.snapshot_bytes),
            mebibytes(most)
        );
        problems.push(("measure.snapshots", message));
    }
    for (whose, bytes, most) in [
        ("one run", measured.run_bytes, RUN_BYTES_MAX as u64),
        ("all runs", measured.study_bytes, STUDY_BYTES_MAX),
    ] {
        if bytes > most {
            let message = format!(
                "what {whose} would measure takes about {}, and {} are kept at most: measure less (\"epoch\" instead of \
                 \"step\", no norms of layers, `pictures = false`), or search fewer trials at a time",
                mebibytes(bytes),
                mebibytes(most)
            );
            problems.push(("measure", message));
            break;
        }
    }
    problems
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// What a study's measurements come to, never less than they will.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cost {
    /// Steps of the longest run.
    steps: u64,
    /// Bytes of text of the run that measures most.
    run_bytes: u64,
    /// The same of all runs together.
    study_bytes: u64,
    /// Bytes of all copies of weights.
    snapshot_bytes: u64,
}

impl Cost {
    fn of(spec: &Spec, rows: &RowFacts, trials: &Trials, sizes: &[(usize, usize)]) -> Self {
        let mut all = Self::default();
        let mut last = Self::default();
        let mut layers = HashMap::new();
        for (index, facts) in trials.facts().iter().enumerate() {
            // Trials that can be fused have the same layers.
            let layers = *layers.entry(facts.fuse_key).or_insert_with(|| learning_layers(trials, index));
            for &(train, _) in sizes {
                all.add(&Self::of_run(&spec.measure, rows, facts, layers, (facts.epochs, train)));
            }
            if let Some(train) = final_rows(spec, rows, sizes) {
                let stage = (final_epochs(spec).unwrap_or(facts.epochs), train);
                last.raise(&Self::of_run(&spec.measure, rows, facts, layers, stage));
            }
        }
        all.add(&last);
        all
    }

    fn of_run(
        measure: &MeasureSpec,
        rows: &RowFacts,
        facts: &TrialFacts,
        layers: u64,
        (epochs, train): (u32, usize),
    ) -> Self {
        let (epochs, steps) = (u64::from(epochs), train.div_ceil(facts.batch_size.max(1)) as u64);
        let steps = steps.saturating_mul(epochs);
        // Epochs have an entry where something of theirs is asked for: a loss and an accuracy, or a norm and those of layers.
        let training = u64::from(measure.training) * 2 * (NAME_BYTES + DOUBLE_BYTES);
        let norms = u64::from(measure.gradients.is_some()) + u64::from(measure.weights);
        let norms = norms * (2 * NAME_BYTES + (1 + layers) * DOUBLE_BYTES);
        let number = if training + norms > 0 { NAME_BYTES } else { 0 };
        let of_epochs = epochs * (number + training + norms);
        let of_steps = match measure.gradients {
            Some(Detail::Step) => steps.saturating_mul(2 * SINGLE_BYTES),
            Some(Detail::Epoch) | None => 0,
        };
        let of_part = PREDICTIONS_BYTES
            + rows.classes.map_or_else(
                || numbers_bytes(rows.targets as u64),
                |classes| {
                    let classes = classes.min(CLASSES_MAX) as u64;
                    let digits = rows.train_rows.max(rows.test_rows.unwrap_or(0)).to_string().len() as u64;
                    let pictures =
                        if measure.keeps_pictures() { classes.min(PICTURES_MAX as u64) } else { 0 };
                    classes * (classes * (digits + 1) + ROW_BYTES)
                        + pictures * Picture::text_bytes_of(&rows.shape)
                },
            );
        let copies = measure.snapshots.as_ref().map_or(0, |snapshots| {
            // The start and the last epoch are kept beside those that are due.
            epochs / u64::from(snapshots.every.max(1)) + 2
        });
        let of_parts = measure.predictions.len() as u64 * of_part;
        let run_bytes = of_epochs.saturating_add(of_steps).saturating_add(of_parts + copies * DOUBLE_BYTES);
        let snapshot_bytes = copies.saturating_mul(facts.parameters.total).saturating_mul(4);
        Self { steps, run_bytes, study_bytes: run_bytes, snapshot_bytes }
    }

    fn add(&mut self, run: &Self) {
        self.steps = self.steps.max(run.steps);
        self.run_bytes = self.run_bytes.max(run.run_bytes);
        self.study_bytes = self.study_bytes.saturating_add(run.study_bytes);
        self.snapshot_bytes = self.snapshot_bytes.saturating_add(run.snapshot_bytes);
    }

    fn raise(&mut self, run: &Self) {
        self.steps = self.steps.max(run.steps);
        self.run_bytes = self.run_bytes.max(run.run_bytes);
        self.study_bytes = self.study_bytes.max(run.study_bytes);
        self.snapshot_bytes = self.snapshot_bytes.max(run.snapshot_bytes);
    }
}

fn learning_layers(trials: &Trials, index: usize) -> u64 {
    let trial = trials.trial(index);
    let described = trial.as_ref().and_then(Trial::described);
    let layers = described.iter().flat_map(|described| &described.network.layers);
    layers.filter(|layer| !layer.parameters().is_empty()).count() as u64
}

/// Bytes of predicted numbers: errors of each output, and points with a target and a prediction for each.
fn numbers_bytes(outputs: u64) -> u64 {
    let point = ROW_BYTES.saturating_add(outputs.saturating_mul(2 * SINGLE_BYTES));
    let errors = outputs.saturating_mul(3 * DOUBLE_BYTES);
    (POINTS_MAX as u64).saturating_mul(point).saturating_add(errors)
}

/// Training rows of the final stage, where there is one.
fn final_rows(spec: &Spec, rows: &RowFacts, sizes: &[(usize, usize)]) -> Option<usize> {
    match &spec.final_stage.repeat {
        Some(repeat) => sizes.get(repeat.fold as usize).map(|&(train, _)| train),
        // What cannot be held out is told elsewhere.
        None => spec.final_train_rows(rows).unwrap_or(None),
    }
}

/// Epochs of the final stage, where the spec says how many.
fn final_epochs(spec: &Spec) -> Option<u32> {
    let stage = &spec.final_stage;
    let hold_out = stage.hold_out.as_ref().and_then(|hold_out| hold_out.epochs);
    hold_out.or(stage.refit.as_ref().and_then(|refit| refit.epochs))
}

#[cfg(test)]
mod tests {
    use foldwise_data::Cache;
    use foldwise_study::spec::Format;

    use super::{RowFacts, check};
    use crate::submission::prepare;

    /// A study of two trials on three folds of 40,000 training rows in 400 steps, ten epochs each.
    fn spec_of(measure: &str, more: &str) -> String {
        format!(
            "name = \"x\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = 3 }}\n\
             [network]\nmlp = {{ hidden = [8] }}\n[train]\nepochs = 10\nbatch_size = 100\n\
             optimizer = {{ kind = \"sgd\" }}\n[space]\n\"train.optimizer.lr\" = [0.1, 0.2]\n[measure]\n{measure}\n{more}"
        )
    }

    fn problems_of(measure: &str, more: &str) -> String {
        problems_in(&spec_of(measure, more))
    }

    fn problems_in(spec: &str) -> String {
        match prepare("r", spec, Format::Toml, &Cache::at("/nonexistent")) {
            Ok(_) => "fine".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_can_be_measured_is_taken() {
        let all = "predictions = [\"train\", \"validation\", \"test\"]\ntraining = true\ngradients = \"step\"\n\
                   weights = true\nsnapshots = { every = 1 }\nresources = true";
        assert_eq!(problems_of(all, ""), "fine");
    }

    #[test]
    fn test_rows_need_a_test_set_and_a_final_stage() {
        let test = "predictions = [\"test\"]";
        let skipped = problems_of(test, "[final]\nskip = true");
        assert!(
            skipped.contains("line 15, column 15: measure.predictions: test rows are predicted"),
            "{skipped}"
        );
        let validates = problems_in(
            "name = \"x\"\nvalidation = \"test_set\"\n[data]\ndataset = \"fashion-mnist\"\n[network]\n\
             mlp = { hidden = [8] }\n[train]\nepochs = 1\nbatch_size = 100\noptimizer = { kind = \"sgd\", lr = 0.1 }\n\
             [final]\nskip = true\n[measure]\npredictions = [\"test\"]\n",
        );
        assert!(validates.contains("use \"validation\" instead of \"test\""), "{validates}");
    }

    #[test]
    fn what_the_data_does_not_have_cannot_be_measured() {
        let spec = spec_of("predictions = [\"test\"]", "");
        let record = prepare("r", &spec, Format::Toml, &Cache::at("/nonexistent")).expect("is fine");
        let wrong_of = |rows: &RowFacts| {
            let mut problems = check(&record.spec, rows, &record.trials, &record.sizes);
            problems.pop().map(|(path, message)| format!("{path}: {message}")).unwrap_or_default()
        };
        assert_eq!(wrong_of(&record.rows), "");
        let mut rows = record.rows.clone();
        rows.test_rows = None;
        assert!(wrong_of(&rows).starts_with("measure.predictions: the data has no test set"));
        let mut rows = record.rows.clone();
        rows.classes = Some(257);
        assert!(wrong_of(&rows).starts_with("measure.predictions: the targets have 257 classes"));
    }

    #[test]
    fn steps_are_limited_in_the_search_and_in_the_final_stage() {
        assert_eq!(problems_of("gradients = \"epoch\"", "[final]\nrefit = { epochs = 1000 }"), "fine");
        let long = problems_of("gradients = \"step\"", "[final]\nrefit = { epochs = 1000 }");
        assert!(long.contains("measure.gradients: a run would have 600000 steps"), "{long}");
        assert!(long.contains("200000 at most: use \"epoch\""), "{long}");
    }

    #[test]
    fn copies_of_weights_are_limited_over_all_runs() {
        // 6,370 weights of 4 bytes, and a million epochs.
        let long = "[final]\nrefit = { epochs = 1000000 }";
        let many = problems_of("snapshots = { every = 1 }", long);
        assert!(
            many.contains("measure.snapshots: copies of the weights of all runs would take 243"),
            "{many}"
        );
        assert!(many.contains("1024 MiB are kept at most: copy less often"), "{many}");
        assert_eq!(problems_of("snapshots = { every = 100000 }", long), "fine");
    }

    #[test]
    fn a_run_s_text_is_limited() {
        let long = problems_of("weights = true", "[final]\nrefit = { epochs = 1000000 }");
        assert!(long.contains("measure: what one run would measure takes about"), "{long}");
        assert!(long.contains("8 MiB are kept at most"), "{long}");
    }
}
