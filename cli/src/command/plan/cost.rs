//! What training costs, in multiply-accumulates: a number that needs no machine. Times need one, so none is given.

use foldwise_study::trials::TrialFacts;

/// A training row goes forward, and its gradients back through weights and activations: three passes' worth.
const PASSES_PER_TRAINING_ROW: u128 = 3;

/// Multiply-accumulates of one epoch of a trial on a fold of these (train, validation) sizes.
pub(super) fn epoch(facts: &TrialFacts, (train, validation): (usize, usize)) -> u128 {
    let passes = PASSES_PER_TRAINING_ROW * train as u128 + validation as u128;
    passes * u128::from(facts.multiply_accumulates)
}

/// Epochs of all runs together.
pub(super) fn epochs(facts: &[TrialFacts], folds: usize) -> u64 {
    facts.iter().map(|facts| u64::from(facts.epochs) * folds as u64).sum()
}

/// Multiply-accumulates of all epochs of all runs.
pub(super) fn search(facts: &[TrialFacts], sizes: &[(usize, usize)]) -> u128 {
    let of_trial = |facts: &TrialFacts| {
        let epochs = u128::from(facts.epochs);
        sizes.iter().map(|&size| epochs * epoch(facts, size)).sum::<u128>()
    };
    facts.iter().map(of_trial).sum()
}

#[cfg(test)]
mod tests {
    use foldwise_study::network::ParameterCount;
    use foldwise_study::trials::TrialFacts;

    use super::{epochs, search};

    #[test]
    fn costs_add_up() {
        let facts = TrialFacts {
            parameters: ParameterCount::default(),
            multiply_accumulates: 100,
            activations: 0,
            optimizer_numbers: 0,
            convolutional: false,
            batch_size: 8,
            drop_last: false,
            normalizes_vectors: false,
            epochs: 2,
            fuse_key: [0; 32],
            alone: false,
        };
        let all = [facts.clone(), facts];
        assert_eq!(epochs(&all, 2), 8);
        // Two trials, two folds, two epochs, (3 × 8 + 2) passes of 100.
        assert_eq!(search(&all, &[(8, 2), (8, 2)]), 2 * 2 * 2 * 26 * 100);
    }
}
