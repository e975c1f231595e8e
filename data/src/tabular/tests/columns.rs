//! What the columns of a table mean: several targets, categories, missing values.

use super::{error, names, read, read_with_test};
use crate::{Features, TargetKind, Targets};
use foldwise_study::spec::data::{ColumnType, Missing, TableSpec, TargetColumns, Task};

fn category(column: &str) -> impl FnOnce(&mut TableSpec) {
    let types = [(column.to_owned(), ColumnType::Category)].into();
    move |spec| spec.types = types
}

/// Equal as bits, so that NaN equals itself.
fn bits(features: &Features) -> Vec<u32> {
    match features {
        Features::Floats(floats) => floats.iter().map(|float| float.to_bits()).collect(),
        Features::Bytes(_) => panic!("tables hold floats"),
    }
}

#[test]
fn several_columns_are_predicted_together() {
    let dataset = read("a,kind,b,c\n1,2,3,4\n5,6,7,8\n", |spec| {
        spec.target = TargetColumns::Several(vec!["c".to_owned(), "kind".to_owned()]);
        spec.task = Task::Regression;
    });
    let dataset = dataset.unwrap();
    let names = ["c", "kind"].map(str::to_owned).to_vec();
    assert_eq!(dataset.facts.target, TargetKind::Values { names });
    assert_eq!(dataset.train.targets, Targets::Values(vec![4.0, 2.0, 8.0, 6.0]));
    assert_eq!(dataset.train.features, Features::Floats(vec![1.0, 3.0, 5.0, 7.0]));
    let several =
        |names: &[&str]| TargetColumns::Several(names.iter().map(|&name| name.to_owned()).collect());
    let classes = error("a,kind,b\n1,2,3\n", |spec| spec.target = several(&["kind", "b"]));
    assert!(classes.contains("task = \"regression\""), "{classes}");
    let twice = error("a,kind\n1,2\n", |spec| {
        (spec.target, spec.task) = (several(&["kind", "kind"]), Task::Regression);
    });
    assert!(twice.contains("`kind` is twice in `target`"), "{twice}");
    assert!(error("a,kind\n1,2\n", |spec| spec.target = several(&[])).contains("target"));
}

#[test]
fn a_category_is_one_feature_per_value_in_sorted_order() {
    let text = "colour,x,kind\nred,1,a\nblue,2,b\nred,3,a\n";
    let dataset = read(text, category("colour")).unwrap();
    assert_eq!(dataset.facts.shape, [3]);
    let expected = vec![0.0, 1.0, 1.0, 1.0, 0.0, 2.0, 0.0, 1.0, 3.0];
    assert_eq!(dataset.train.features, Features::Floats(expected));
    // Numbers are in the order of numbers, and 1.0 is 1.
    let coded = read_with_test("code,kind\n10,a\n9,b\n1,a\n", Some("code,kind\n1.0,a\n"), category("code"));
    let coded = coded.unwrap();
    assert_eq!(coded.train.features, Features::Floats(vec![0., 0., 1., 0., 1., 0., 1., 0., 0.]));
    assert_eq!(coded.test.unwrap().features, Features::Floats(vec![1., 0., 0.]));
    let unknown = read_with_test(text, Some("colour,x,kind\nred,1,a\ngreen,2,b\n"), category("colour"));
    let unknown = unknown.unwrap_err().to_string();
    assert!(
        unknown.contains("more.csv, line 3, column `colour`: no training row has the category `green`"),
        "{unknown}"
    );
    let word = read_with_test("code,kind\n10,a\n", Some("code,kind\nten,a\n"), category("code"));
    assert!(word.unwrap_err().to_string().contains("the category `ten`"));
}

#[test]
fn types_are_of_features_and_within_limits() {
    let text = "x,y,kind\n1,2,a\n";
    let target = error(text, category("kind"));
    assert!(target.contains("`types` names `kind`, which is no feature"), "{target}");
    let ids: String = (0..1_001).map(|row| format!("id{row},a\n")).collect();
    let many = error(&format!("id,kind\n{ids}"), category("id"));
    assert!(many.contains("column `id` has 1001 categories, more than 1000"), "{many}");
    let empty = error("x,kind\n,a\n", |spec| {
        category("x")(spec);
        spec.missing = Missing::Fill(0.0);
    });
    assert!(empty.contains("column `x` has no value in any training row"), "{empty}");
}

const GAPS: &str = "x,y,colour,kind\n1,10,red,a\n,20,,b\nNA,30,blue,a\n4,40,red,\n";

fn gaps(missing: Missing) -> impl FnOnce(&mut TableSpec) {
    move |spec| {
        category("colour")(spec);
        spec.missing = missing;
        spec.missing_words = vec!["NA".to_owned()];
    }
}

#[test]
fn rows_with_gaps_are_dropped_before_classes_are_counted() {
    let dataset = read(&format!("{GAPS}5,50,blue,c\n"), gaps(Missing::Drop)).unwrap();
    assert_eq!(dataset.facts.train_rows, 2);
    assert_eq!(names(&dataset), ["a", "c"]);
    assert_eq!(dataset.train.features, Features::Floats(vec![1.0, 10.0, 0.0, 1.0, 5.0, 50.0, 1.0, 0.0]));
    assert_eq!(dataset.train.targets, Targets::Classes(vec![0, 1]));
    // A gap in a column that is not used drops nothing; one in the group does.
    let text = "x,unused,plot,kind\n1,,p,a\n2,,,b\n3,,q,b\n";
    let dataset = read(text, |spec| {
        spec.features = Some(vec!["x".to_owned()]);
        spec.group = Some("plot".to_owned());
        spec.missing = Missing::Drop;
    });
    let dataset = dataset.unwrap();
    assert_eq!(dataset.train.groups, Some(vec![0, 1]));
    assert_eq!(dataset.train.features, Features::Floats(vec![1.0, 3.0]));
    let all = error("x,kind\n,a\n1,\n", |spec| spec.missing = Missing::Drop);
    assert!(all.contains("no row is left"), "{all}");
}

#[test]
fn gaps_are_filled_or_left_for_the_mean() {
    let text = GAPS.replace("red,\n", "red,b\n");
    let filled = read(&text, gaps(Missing::Fill(-1.0))).unwrap();
    let expected = [[1., 10., 0., 1.], [-1., 20., -1., -1.], [-1., 30., 1., 0.], [4., 40., 0., 1.]];
    assert_eq!(filled.train.features, Features::Floats(expected.concat()));
    let gap = f32::NAN;
    let mean = super::load_alone(&text, gaps(Missing::Mean)).unwrap();
    let expected = [[1., 10., 0., 1.], [gap, 20., gap, gap], [gap, 30., 1., 0.], [4., 40., 0., 1.]];
    assert_eq!(bits(&mean.train.features), bits(&Features::Floats(expected.concat())));
    let empty = error("x,y,kind\n,1,a\n,2,b\n", |spec| spec.missing = Missing::Mean);
    assert!(empty.contains("column `x` has no value in any training row"), "{empty}");
}

#[test]
fn gaps_are_refused_unless_something_is_said() {
    let refused = error(&GAPS.replace("red,\n", "red,b\n"), gaps(Missing::Refuse));
    assert!(refused.contains("line 3, column `x`: the value is missing"), "{refused}");
    assert!(refused.contains("`missing`"), "{refused}");
    for missing in [Missing::Refuse, Missing::Mean, Missing::Fill(0.0)] {
        let target = error("x,kind\n1,a\n2,\n", |spec| spec.missing = missing);
        assert!(
            target.contains("line 3, column `kind`: the value is missing, which only a feature's may"),
            "{target}"
        );
        let number = error("x,kind\n1,1\n2,?\n", |spec| {
            spec.task = Task::Regression;
            spec.missing = missing;
            spec.missing_words = vec!["?".to_owned()];
        });
        assert!(number.contains("line 3, column `kind`: the value is missing"), "{number}");
        let group = error("x,g,kind\n1,,a\n", |spec| {
            spec.group = Some("g".to_owned());
            spec.missing = missing;
        });
        assert!(group.contains("column `g`: the value is missing"), "{group}");
    }
    let word = error("x,kind\nNA,a\n", |_| ());
    assert!(word.contains("types.x = \"category\""), "{word}");
}

#[test]
fn long_ids_differ_in_their_last_digit() {
    let text = "x,g,kind\n1,9007199254740993,a\n2,9007199254740992,a\n3,9007199254740993,b\n";
    let dataset = read(text, |spec| spec.group = Some("g".to_owned())).unwrap();
    assert_eq!(dataset.train.groups, Some(vec![1, 0, 1]));
}
