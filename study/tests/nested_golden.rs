//! Nested folds against those that scikit-learn makes; `golden/nested.py` wrote them.

use foldwise_study::spec::{Format, Spec};
use foldwise_study::split::{Fold, Rows, SplitError, Validation};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

type Pair = (Vec<u32>, Vec<u32>);

#[derive(Deserialize)]
struct Case {
    rows: u32,
    validation: Validation,
    outer: Vec<Pair>,
    within: Vec<Vec<Pair>>,
}

fn folds(pairs: &[Pair]) -> Vec<Fold> {
    let fold = |(train, validation): &Pair| Fold { train: train.clone(), validation: validation.clone() };
    pairs.iter().map(fold).collect()
}

#[test]
fn outer_folds_and_those_within_are_scikit_learns() {
    let golden: Golden = serde_json::from_str(include_str!("golden/nested.json")).expect("a golden file");
    assert_eq!(golden.cases.len(), 6);
    for Case { rows, validation, outer, within } in golden.cases {
        let classes: Vec<u32> = (0..rows).map(|row| row * 7 % 3).collect();
        let groups: Vec<u32> = (0..rows).map(|row| row / 4).collect();
        let rows = Rows { count: rows as usize, classes: Some(&classes), groups: Some(&groups), test: 0 };
        assert_eq!(validation.outer_folds(&rows).unwrap(), folds(&outer), "{validation:?}");
        let made = validation.folds(&rows).unwrap();
        assert_eq!(made.len(), validation.fold_count());
        let choosing = validation.choosing_count();
        assert_eq!(made[..choosing], validation.split.folds(&rows).unwrap(), "of all rows first");
        for (number, within) in within.iter().enumerate() {
            assert_eq!(made[validation.within(number)], folds(within), "{validation:?} within {number}");
        }
        if let Some(sizes) = validation.sizes(rows.count) {
            let made: Vec<_> = made.iter().map(|fold| (fold.train.len(), fold.validation.len())).collect();
            assert_eq!(sizes, made, "{validation:?}");
        }
        let json = serde_json::to_string(&validation).unwrap();
        assert_eq!(serde_json::from_str::<Validation>(&json).unwrap(), validation, "{json}");
    }
}

fn problems(validation: &str) -> String {
    let spec = format!(
        "name = \"x\"\n[data]\nblobs = {{ classes = 2, features = 2, rows = 40 }}\n[validation]\n{validation}\n\
         [network]\nmlp = {{ hidden = [2] }}\n[train]\nepochs = 1\nbatch_size = 5\n\
         optimizer = {{ kind = \"sgd\", lr = 0.1 }}\n"
    );
    match Spec::read(&spec, Format::Toml) {
        Ok(spec) => format!("fine: {} folds", spec.validation.fold_count()),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn what_cannot_be_nested_is_told_at_its_place() {
    let k = "k_fold = { folds = 3 }";
    assert_eq!(problems(&format!("{k}\nouter = {{ k_fold = {{ folds = 4 }} }}")), "fine: 15 folds");
    assert_eq!(problems(&format!("{k}\n[validation.outer.hold_out]\nfraction = 0.5")), "fine: 6 folds");
    for (validation, told) in [
        (
            "outer = { k_fold = { folds = 4 } }",
            "does not say which kind it is; expected one of hold_out, k_fold",
        ),
        (&*format!("{k}\nouter = \"test_set\""), "the test set cannot be part of nested cross-validation"),
        (
            &format!("{k}\nouter = {{ k_fold = {{ folds = 1 }} }}"),
            "validation.outer.k_fold.folds: must be at least 2, is 1",
        ),
        (
            &format!("{k}\nouter = {{ k_fold = {{ folds = 400 }} }}"),
            "1203 folds (repeats and those of outer folds",
        ),
        (&format!("{k}\nouter = {{ kfold = {{ folds = 4 }} }}"), "did you mean `k_fold`?"),
        (&format!("{k}\nouter = {{ k_fold = {{ folds = 4, outer = 1 }} }}"), "unknown key `outer`"),
        (&format!("{k}\nouter = {{}}"), "is empty; expected one of hold_out, k_fold"),
        (&format!("{k}\nouther = {{ k_fold = {{ folds = 4 }} }}"), "did you mean `outer`?"),
        (&format!("{k}\nhold_out = {{ fraction = 0.5 }}"), "unknown key"),
        ("kfold = { folds = 3 }\nouter = { k_fold = { folds = 4 } }", "did you mean `k_fold`?"),
    ] {
        let found = problems(validation);
        assert!(found.contains(told), "{validation}: {found}");
    }
}

#[test]
fn an_outer_fold_that_cannot_be_split_again_is_named() {
    let text = r#"{ "k_fold": { "folds": 6 }, "outer": { "k_fold": { "folds": 2 } } }"#;
    let validation: Validation = serde_json::from_str(text).unwrap();
    let told = validation.folds(&Rows::new(10)).unwrap_err();
    assert!(matches!(told, SplitError::WithinOuter { number: 1, .. }), "{told:?}");
    assert_eq!(
        told.to_string(),
        "the training rows of outer fold 1 cannot be split as all rows are: cannot split 5 rows into 6 folds"
    );
    assert_eq!(validation.sizes(10), None);
}
