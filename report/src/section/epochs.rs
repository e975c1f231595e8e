//! Epochs in a section for people: of many a few, and means over the folds.

use std::collections::BTreeSet;

use super::run::Run;
use crate::number::count;
use crate::page::Page;

/// Epochs shown at most.
const EPOCHS_MAX: usize = 20;

/// The epochs that any of these runs has, of very many the first, the last and some at equal distances between.
pub(crate) struct Epochs {
    pub(crate) shown: Vec<u32>,
    all: usize,
}

impl Epochs {
    pub(crate) fn of(runs: &[Run<'_>]) -> Self {
        let all = Self::all(runs);
        Self { shown: thinned(&all), all: all.len() }
    }

    /// Every epoch that any of these runs has.
    pub(crate) fn all(runs: &[Run<'_>]) -> Vec<u32> {
        let records = runs.iter().flat_map(|run| run.epochs);
        let epochs: BTreeSet<u32> = records.map(|record| record.epoch).collect();
        epochs.into_iter().collect()
    }

    /// Says which were left out.
    pub(crate) fn note(&self, page: &mut Page) {
        if self.shown.len() < self.all {
            let (shown, all) = (self.shown.len(), count(self.all as u64));
            page.line(&format!("{shown} of {all} epochs; --format csv has all."));
        }
    }
}

/// Of very many values the first, the last and some at equal distances between.
pub(crate) fn thinned<T: Clone>(all: &[T]) -> Vec<T> {
    if all.len() <= EPOCHS_MAX {
        return all.to_vec();
    }
    (0..EPOCHS_MAX).map(|place| all[place * (all.len() - 1) / (EPOCHS_MAX - 1)].clone()).collect()
}

/// The mean of what there is.
pub(crate) fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.into_iter().flatten().collect();
    // What is the same everywhere stays so to the last digit.
    if let Some(first) = values.first().filter(|first| values.iter().all(|value| value == *first)) {
        return Some(*first);
    }
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::{mean, thinned};

    #[test]
    fn the_first_and_the_last_stay() {
        let all: Vec<u32> = (1..=3_000).collect();
        let shown = thinned(&all);
        assert_eq!((shown.len(), shown[0], shown[19]), (20, 1, 3_000));
        assert_eq!(thinned(&all[..20]), all[..20]);
    }

    #[test]
    fn a_mean_is_of_what_there_is() {
        assert_eq!(mean([Some(1.0), None, Some(2.0)]), Some(1.5));
        assert_eq!(mean([None]), None);
        assert_eq!(mean([Some(0.1); 3]), Some(0.1));
    }
}
