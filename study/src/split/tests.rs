//! What splits refuse, what they know beforehand, and how a spec writes them.

use super::{
    Fold, GroupKFold, HoldOut, KFold, RepeatedKFold, RepeatedStratifiedKFold, Rows, Split, SplitError,
    StratifiedKFold, digest,
};

#[derive(serde::Deserialize)]
struct File {
    validation: Split,
}

fn parse(text: &str) -> Result<Split, toml::de::Error> {
    toml::from_str::<File>(&format!("[validation]\n{text}")).map(|file| file.validation)
}

fn k_fold(folds: usize) -> Split {
    Split::KFold(KFold { folds, shuffle: true, seed: 1 })
}

fn stratified(folds: usize) -> Split {
    Split::StratifiedKFold(StratifiedKFold { folds, shuffle: true, seed: 1 })
}

fn hold_out(fraction: f64, stratified: bool, shuffle: bool) -> Split {
    Split::HoldOut(HoldOut { fraction, stratified, shuffle, seed: 1 })
}

fn with_classes(classes: &[u32]) -> Rows<'_> {
    Rows { classes: Some(classes), ..Rows::new(classes.len()) }
}

#[test]
fn each_kind_has_its_word_and_its_defaults() {
    let seed = 0;
    let cases = [
        ("k_fold = { folds = 5 }", Split::KFold(KFold { folds: 5, shuffle: true, seed })),
        (
            "k_fold = { folds = 5, shuffle = false, seed = 42 }",
            Split::KFold(KFold { folds: 5, shuffle: false, seed: 42 }),
        ),
        (
            "stratified_k_fold = { folds = 5 }",
            Split::StratifiedKFold(StratifiedKFold { folds: 5, shuffle: true, seed }),
        ),
        (
            "repeated_k_fold = { folds = 5, repeats = 2 }",
            Split::RepeatedKFold(RepeatedKFold { folds: 5, repeats: 2, seed }),
        ),
        (
            "repeated_stratified_k_fold = { folds = 5, repeats = 2 }",
            Split::RepeatedStratifiedKFold(RepeatedStratifiedKFold { folds: 5, repeats: 2, seed }),
        ),
        ("group_k_fold = { folds = 5 }", Split::GroupKFold(GroupKFold { folds: 5 })),
        (
            "hold_out = { fraction = 0.2 }",
            Split::HoldOut(HoldOut { fraction: 0.2, stratified: false, shuffle: true, seed }),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text).unwrap(), expected);
    }
    assert!(parse("k_fold = { folds = 5, sed = 1 }").is_err());
    assert!(parse("k_fold = { folds = 5 }\nhold_out = { fraction = 0.5 }").is_err());
}

#[test]
fn contradictions_are_found_without_data() {
    assert_eq!(k_fold(2).check(), Ok(()));
    assert_eq!(k_fold(1).check(), Err(SplitError::TooFewFolds { folds: 1 }));
    assert_eq!(k_fold(1_001).check(), Err(SplitError::TooManyFolds { folds: 1_001 }));
    let repeated = |folds, repeats| Split::RepeatedKFold(RepeatedKFold { folds, repeats, seed: 0 });
    assert_eq!(repeated(5, 0).check(), Err(SplitError::NoRepeats));
    assert_eq!(repeated(5, 200).check(), Ok(()));
    assert_eq!(repeated(usize::MAX, 2).check(), Err(SplitError::TooManyFolds { folds: usize::MAX }));
    for fraction in [0.0, 1.0, -0.5, f64::INFINITY] {
        assert_eq!(hold_out(fraction, false, true).check(), Err(SplitError::Fraction { fraction }));
    }
    assert!(hold_out(f64::NAN, false, true).check().is_err());
    assert_eq!(hold_out(0.5, true, false).check(), Err(SplitError::StratifiedInOrder));
}

#[test]
fn data_too_small_for_the_split_is_refused() {
    assert_eq!(k_fold(5).folds(&Rows::new(4)), Err(SplitError::MoreFoldsThanRows { folds: 5, rows: 4 }));
    assert_eq!(
        hold_out(0.9, false, true).folds(&Rows::new(5)),
        Err(SplitError::NothingToTrain { fraction: 0.9, rows: 5 })
    );
    assert_eq!(
        stratified(3).folds(&with_classes(&[0, 0, 1, 1])),
        Err(SplitError::SmallClasses { folds: 3, largest: 2 })
    );
    let grouped = Split::GroupKFold(GroupKFold { folds: 3 });
    let rows = Rows { groups: Some(&[9, 9, 4, 4]), ..Rows::new(4) };
    assert_eq!(grouped.folds(&rows), Err(SplitError::FewerGroupsThanFolds { groups: 2, folds: 3 }));
}

#[test]
fn a_small_class_beside_a_large_one_is_allowed() {
    let folds = stratified(3).folds(&with_classes(&[7, 7, 7, 1])).unwrap();
    assert_eq!(folds.iter().filter(|fold| fold.validation.contains(&3)).count(), 1);
}

#[test]
fn a_stratified_hold_out_needs_two_rows_of_a_class_and_room_on_each_side() {
    let half = |classes: &[u32]| hold_out(0.5, true, true).folds(&with_classes(classes));
    assert_eq!(half(&[3, 3, 3, 8]), Err(SplitError::LoneRow { class: 8 }));
    let classes = [0, 0, 1, 1, 2, 2];
    let of = |fraction| hold_out(fraction, true, true).folds(&with_classes(&classes));
    let refusal = |side| Err(SplitError::MoreClassesThanRows { side, rows: 2, classes: 3 });
    assert_eq!(of(0.3), refusal("validation"));
    assert_eq!(of(0.6), refusal("train"));
}

#[test]
fn classes_and_groups_must_be_given_and_complete() {
    assert_eq!(stratified(2).folds(&Rows::new(4)), Err(SplitError::NoClasses));
    assert_eq!(hold_out(0.5, true, true).folds(&Rows::new(4)), Err(SplitError::NoClasses));
    let grouped = Split::GroupKFold(GroupKFold { folds: 2 });
    assert_eq!(grouped.folds(&Rows::new(4)), Err(SplitError::NoGroups));
    let short = Rows { classes: Some(&[0, 1]), ..Rows::new(4) };
    assert_eq!(stratified(2).folds(&short), Err(SplitError::Length { what: "classes", found: 2, rows: 4 }));
    assert!(stratified(2).needs_classes() && !stratified(2).needs_groups());
    assert!(grouped.needs_groups() && !grouped.needs_classes());
    assert!(!hold_out(0.5, false, true).needs_classes());
}

#[test]
fn sizes_are_unknown_where_they_need_data_or_cannot_be() {
    assert_eq!(k_fold(3).sizes(10), Some(vec![(6, 4), (7, 3), (7, 3)]));
    assert_eq!(k_fold(3).sizes(2), None);
    assert_eq!(k_fold(1).sizes(10), None);
    assert_eq!(hold_out(0.25, false, true).sizes(10), Some(vec![(7, 3)]));
    assert_eq!(hold_out(0.99, false, true).sizes(2), None);
    assert_eq!(Split::GroupKFold(GroupKFold { folds: 2 }).sizes(10), None);
}

#[test]
fn a_digest_tells_order_and_sides_apart() {
    let fold =
        |train: &[u32], validation: &[u32]| Fold { train: train.to_vec(), validation: validation.to_vec() };
    let lists = [
        vec![],
        vec![fold(&[], &[])],
        vec![fold(&[0, 1], &[2])],
        vec![fold(&[1, 0], &[2])],
        vec![fold(&[0], &[1, 2])],
        vec![fold(&[2], &[0, 1])],
        vec![fold(&[0, 1], &[2]), fold(&[2], &[0, 1])],
    ];
    let digests: std::collections::HashSet<String> = lists.iter().map(|folds| digest(folds)).collect();
    assert_eq!(digests.len(), lists.len());
    assert!(digests.iter().all(|digest| digest.len() == 64));
}

#[test]
fn the_test_set_validates_after_all_training_rows() {
    let rows = Rows { test: 2, ..Rows::new(3) };
    let folds = Split::TestSet.folds(&rows).expect("a test set");
    assert_eq!(folds, [Fold { train: vec![0, 1, 2], validation: vec![3, 4] }]);
    assert_eq!(Split::TestSet.folds(&Rows::new(3)), Err(SplitError::NoTestSet));
}
