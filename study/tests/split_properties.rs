//! What holds for every split of every data set.

use foldwise_study::split::{
    Fold, GroupKFold, HoldOut, KFold, RepeatedKFold, RepeatedStratifiedKFold, Rows, Split, SplitError,
    StratifiedKFold,
};
use proptest::prelude::*;

fn validation() -> impl Strategy<Value = Split> {
    let part = (2..9_usize, any::<bool>(), any::<u32>());
    let repeated = (2..9_usize, 1..4_usize, any::<u32>());
    prop_oneof![
        (0.01..0.99, any::<bool>(), any::<u32>()).prop_map(|(fraction, stratified, seed)| {
            Split::HoldOut(HoldOut { fraction, stratified, shuffle: true, seed })
        }),
        part.clone().prop_map(|(folds, shuffle, seed)| Split::KFold(KFold { folds, shuffle, seed })),
        part.prop_map(|(folds, shuffle, seed)| {
            Split::StratifiedKFold(StratifiedKFold { folds, shuffle, seed })
        }),
        repeated.clone().prop_map(|(folds, repeats, seed)| {
            Split::RepeatedKFold(RepeatedKFold { folds, repeats, seed })
        }),
        repeated.prop_map(|(folds, repeats, seed)| {
            Split::RepeatedStratifiedKFold(RepeatedStratifiedKFold { folds, repeats, seed })
        }),
        (2..9_usize).prop_map(|folds| Split::GroupKFold(GroupKFold { folds })),
    ]
}

fn labels() -> impl Strategy<Value = Vec<u32>> {
    (1..12_u32).prop_flat_map(|kinds| prop::collection::vec(0..kinds, 1..120))
}

fn split(validation: &Split, labels: &[u32]) -> Result<Vec<Fold>, SplitError> {
    validation.folds(&Rows { count: labels.len(), classes: Some(labels), groups: Some(labels), test: 0 })
}

fn sorted(rows: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut rows: Vec<u32> = rows.into_iter().collect();
    rows.sort_unstable();
    rows
}

proptest! {
    #[test]
    fn both_sides_of_a_fold_make_up_all_rows(validation in validation(), labels in labels()) {
        let Ok(folds) = split(&validation, &labels) else { return Ok(()) };
        prop_assert_eq!(folds.len(), validation.fold_count());
        let all: Vec<u32> = (0..).take(labels.len()).collect();
        for fold in &folds {
            prop_assert!(!fold.train.is_empty() && !fold.validation.is_empty());
            prop_assert_eq!(&sorted(fold.train.iter().chain(&fold.validation).copied()), &all);
        }
        if let Some(sizes) = validation.sizes(labels.len()) {
            let made: Vec<_> = folds.iter().map(|fold| (fold.train.len(), fold.validation.len())).collect();
            prop_assert_eq!(sizes, made);
        }
    }

    #[test]
    fn a_row_is_validated_once_per_repeat(validation in validation(), labels in labels()) {
        prop_assume!(!matches!(validation, Split::HoldOut(_)));
        let Ok(folds) = split(&validation, &labels) else { return Ok(()) };
        let folds_per_repeat = match &validation {
            Split::RepeatedKFold(split) => split.folds,
            Split::RepeatedStratifiedKFold(split) => split.folds,
            _ => folds.len(),
        };
        let all: Vec<u32> = (0..).take(labels.len()).collect();
        for repeat in folds.chunks(folds_per_repeat) {
            prop_assert_eq!(&sorted(repeat.iter().flat_map(|fold| fold.validation.iter().copied())), &all);
        }
    }

    #[test]
    fn a_group_is_never_split(folds in 2..9_usize, groups in labels()) {
        let validation = Split::GroupKFold(GroupKFold { folds });
        let Ok(folds) = split(&validation, &groups) else { return Ok(()) };
        for fold in folds {
            for row in &fold.validation {
                let group = groups[*row as usize];
                prop_assert!(fold.train.iter().all(|other| groups[*other as usize] != group));
            }
        }
    }

    #[test]
    fn a_class_is_spread_evenly(folds in 2..9_usize, seed in any::<u32>(), classes in labels()) {
        let validation = Split::StratifiedKFold(StratifiedKFold { folds, shuffle: true, seed });
        let Ok(folds) = split(&validation, &classes) else { return Ok(()) };
        for class in &classes {
            let of_class = |fold: &Fold| fold.validation.iter().filter(|row| classes[**row as usize] == *class).count();
            let counts: Vec<usize> = folds.iter().map(of_class).collect();
            let spread = counts.iter().max().unwrap_or(&0) - counts.iter().min().unwrap_or(&0);
            prop_assert!(spread <= 1, "class {} has {:?} rows in the folds", class, counts);
        }
    }

    #[test]
    fn enough_rows_of_each_class_are_never_refused(
        validation in validation(), classes in prop::collection::vec(0..4_u32, 0..60)
    ) {
        let classes: Vec<u32> = (0..9).flat_map(|_| 0..10).chain(classes).collect();
        match (&validation, split(&validation, &classes)) {
            (_, Ok(_)) => {}
            (Split::HoldOut(_), Err(SplitError::MoreClassesThanRows { rows, classes, .. })) => {
                prop_assert!(rows < classes);
            }
            (validation, Err(error)) => prop_assert!(false, "{:?}: {}", validation, error),
        }
    }
}
