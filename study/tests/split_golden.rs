//! Folds against those that scikit-learn makes; `golden/splits.py` wrote them.

use foldwise_study::split::{Fold, Rows, Split, digest};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    validation: Split,
    rows: u32,
    classes: Option<String>,
    groups: Option<String>,
    digest: String,
    folds: Option<Vec<(Vec<u32>, Vec<u32>)>>,
}

fn golden() -> Vec<Case> {
    let golden: Golden = serde_json::from_str(include_str!("golden/splits.json")).expect("a golden file");
    golden.cases
}

/// The label of a row, as in `LABELS` of `splits.py`.
fn label(name: &str, row: u32) -> u32 {
    let i = u64::from(row);
    let label = match name {
        "cyclic_10" => i * 7 % 10,
        "imbalanced" if i % 11 == 3 => 5,
        "imbalanced" if i % 3 == 1 => 0,
        "imbalanced" => 9,
        "rare" if i == 4 || i == 5 => 2,
        "rare" => i * i % 7 % 2 * 3,
        "blocks" => 40 - i / 5,
        "uneven" => (i * 2_654_435_761 % (1 << 32)).isqrt() % 17,
        name => panic!("unknown labels {name}"),
    };
    u32::try_from(label).expect("a small label")
}

fn labels(name: Option<&String>, rows: u32) -> Option<Vec<u32>> {
    name.map(|name| (0..rows).map(|row| label(name, row)).collect())
}

#[test]
fn folds_are_those_of_scikit_learn() {
    let mut kinds = std::collections::HashSet::new();
    for case in golden() {
        let classes = labels(case.classes.as_ref(), case.rows);
        let groups = labels(case.groups.as_ref(), case.rows);
        let rows = Rows {
            count: case.rows as usize,
            classes: classes.as_deref(),
            groups: groups.as_deref(),
            test: 0,
        };
        let folds = case.validation.folds(&rows).unwrap();
        if let Some(expected) = case.folds {
            let expected: Vec<Fold> =
                expected.into_iter().map(|(train, validation)| Fold { train, validation }).collect();
            assert_eq!(folds, expected, "{:?}", case.validation);
        }
        assert_eq!(digest(&folds), case.digest, "{:?} of {} rows", case.validation, case.rows);
        kinds.insert(std::mem::discriminant(&case.validation));
    }
    assert_eq!(kinds.len(), 6, "every kind of split has a case");
}

#[test]
fn sizes_and_counts_are_known_before_the_folds() {
    for case in golden() {
        let classes = labels(case.classes.as_ref(), case.rows);
        let groups = labels(case.groups.as_ref(), case.rows);
        let rows = Rows {
            count: case.rows as usize,
            classes: classes.as_deref(),
            groups: groups.as_deref(),
            test: 0,
        };
        let folds = case.validation.folds(&rows).unwrap();
        assert_eq!(case.validation.fold_count(), folds.len());
        assert_eq!(case.validation.needs_classes(), case.classes.is_some());
        assert_eq!(case.validation.needs_groups(), case.groups.is_some());
        if let Some(sizes) = case.validation.sizes(rows.count) {
            let made: Vec<_> = folds.iter().map(|fold| (fold.train.len(), fold.validation.len())).collect();
            assert_eq!(sizes, made, "{:?}", case.validation);
        } else {
            assert!(case.validation.needs_groups(), "{:?}", case.validation);
        }
    }
}
