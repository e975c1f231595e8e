//! Whether every step of a study, its final stage included, has rows that it can be taken on.

use foldwise_study::spec::Spec;
use foldwise_study::trials::{RowFacts, TrialFacts, Trials};

/// The first setting under which a step would fail, and how. `sizes` are the (training, validation) rows of each fold.
pub(super) fn misfit(
    spec: &Spec,
    rows: &RowFacts,
    trials: &Trials,
    sizes: &[(usize, usize)],
) -> Option<(&'static str, String)> {
    let mut parts: Vec<(usize, &str)> = sizes.iter().map(|&(train, _)| (train, "a fold")).collect();
    match spec.final_train_rows(rows) {
        Ok(last) => parts.extend(last.map(|train| (train, "the final stage"))),
        Err(error) => return Some(("final.hold_out", error.to_string())),
    }
    for outer in 0..spec.validation.outer_count() {
        let first = sizes.get(spec.validation.within(outer).start);
        match spec.last_train_rows(first.map_or(0, |(train, validation)| train + validation)) {
            Ok(last) => parts.extend(last.map(|train| (train, "an outer fold"))),
            Err(error) => return Some(("final.hold_out", format!("in an outer fold: {error}"))),
        }
    }
    let each = || trials.facts().iter().flat_map(|facts| parts.iter().map(move |&part| (part, facts)));
    let lone = each().find(|&((train, _), facts)| leaves_one(train, facts));
    let lone = lone.map(|((train, whose), TrialFacts { batch_size, .. })| {
        format!(
            "{train} training rows of {whose} in batches of {batch_size} leave one row to the last step, of which batch \
             normalization can take no variance: choose another batch size"
        )
    });
    let none = || {
        let ((train, whose), TrialFacts { batch_size, .. }) =
            each().find(|&((train, _), facts)| facts.drop_last && train < facts.batch_size)?;
        Some(format!(
            "{train} training rows of {whose} do not fill one batch of {batch_size}, and `drop_last` leaves out what is \
             not full: choose a smaller batch size"
        ))
    };
    lone.or_else(none).map(|message| ("train.batch_size", message))
}

/// Whether a step has one row alone that is normalized over the step's rows.
fn leaves_one(train: usize, facts: &TrialFacts) -> bool {
    let last = train % facts.batch_size == 1 && !facts.drop_last;
    facts.normalizes_vectors && (facts.batch_size == 1 || last)
}

#[cfg(test)]
mod tests {
    use foldwise_data::Cache;
    use foldwise_study::spec::Format;

    use crate::submission::prepare;

    /// 60,000 training rows of pictures, three folds of 40,000.
    fn problem(network: &str, train: &str, last: &str) -> String {
        let spec = format!(
            "name = \"x\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = 3 }}\n\
             [network]\n{network}\n[train]\nepochs = 2\n{train}\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}\n\
             [final]\n{last}\n"
        );
        match prepare("r", &spec, Format::Toml, &Cache::at("/nonexistent")) {
            Ok(_) => "fine".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    const VECTORS: &str = "mlp = { hidden = [8], batch_norm = true }";
    const PICTURES: &str = "cnn = { channels = [2], batch_norm = true }";

    #[test]
    fn a_lone_row_is_told_for_folds_and_for_the_final_stage() {
        // 40,000 = 3 · 13,333 + 1.
        let fold = problem(VECTORS, "batch_size = 13333", "skip = true");
        assert!(fold.contains("40000 training rows of a fold in batches of 13333"), "{fold}");
        // 60,000 = 59,999 + 1, and folds have fewer rows than one batch.
        let last = problem(VECTORS, "batch_size = 59999", "refit = { epochs = 1 }");
        assert!(last.contains("60000 training rows of the final stage in batches of 59999"), "{last}");
        assert_eq!(problem(VECTORS, "batch_size = 59999", "repeat = { fold = 2 }"), "fine");
        assert_eq!(problem(VECTORS, "batch_size = 13333\ndrop_last = true", "skip = true"), "fine");
        assert_eq!(problem(PICTURES, "batch_size = 13333", "skip = true"), "fine");
    }

    #[test]
    fn a_batch_that_is_never_full_and_a_hold_out_of_everything_are_told() {
        let train = "batch_size = 40001\ndrop_last = true";
        let fold = problem("mlp = { hidden = [8] }", train, "skip = true");
        assert!(fold.contains("do not fill one batch of 40001"), "{fold}");
        let train = "batch_size = 7000\ndrop_last = true";
        let last = problem("mlp = { hidden = [8] }", train, "hold_out = { fraction = 0.9 }");
        assert!(last.contains("6000 training rows of the final stage do not fill"), "{last}");
        let nothing =
            problem("mlp = { hidden = [8] }", "batch_size = 10", "hold_out = { fraction = 0.99999 }");
        assert!(nothing.contains("final.hold_out"), "{nothing}");
    }
}
