//! Contradictions within `[data]`.

use std::collections::BTreeSet;

use crate::spec::data::{
    BlobsSpec, ColumnType, DataSpec, FixedNormalize, FunctionSpec, ImagesSpec, Missing, TableSpec, Task,
};
use crate::spec::problem::Problem;

/// The most numbers that generated rows may have in all: as 32-bit floats they are half of what a file may hold.
const GENERATED_NUMBERS_MAX: usize = 1 << 30;

/// What is wrong with a study's data, whatever the files hold.
pub(super) fn check_data(data: &DataSpec, problems: &mut Vec<Problem>) {
    let given = data.given();
    if given.len() != 1 {
        let (last, others) = DataSpec::SOURCES.split_last().unwrap_or((&"", &[]));
        let message = format!("give exactly one of `{}` and `{last}`", others.join("`, `"));
        let problem = Problem::new("data", message);
        problems.push(match given[..] {
            [] => problem,
            _ => problem.hint(format!("given are `{}`", given.join("`, `"))),
        });
    }
    for (source, table) in [("csv", &data.csv), ("parquet", &data.parquet)] {
        if let Some(table) = table {
            check_table(&format!("data.{source}"), table, problems);
        }
    }
    if let Some(images) = &data.images {
        check_images(images, problems);
    }
    if let Some(function) = &data.function {
        check_function(function, problems);
    }
    if let Some(blobs) = &data.blobs {
        check_blobs(blobs, problems);
    }
    if let Some(fixed) = data.fixed_normalize() {
        check_normalize(fixed, problems);
    }
}

fn check_normalize(fixed: &FixedNormalize, problems: &mut Vec<Problem>) {
    if fixed.mean.len() != fixed.std.len() {
        let message = format!("{} means, but {} deviations", fixed.mean.len(), fixed.std.len());
        problems.push(Problem::new("data.normalize", message).hint("give one of each per channel"));
    }
    if fixed.std.iter().any(|&std| std <= 0.0) {
        problems.push(Problem::new("data.normalize.std", "deviations must be greater than 0"));
    }
}

fn check_table(path: &str, table: &TableSpec, problems: &mut Vec<Problem>) {
    let targets = table.target.names();
    let mut seen = BTreeSet::new();
    if let Some(twice) = targets.iter().find(|&name| !seen.insert(name)) {
        problems.push(Problem::new(format!("{path}.target"), format!("`{twice}` is given twice")));
    }
    if targets.len() > 1 && table.task == Task::Classification {
        let message = "several columns can only be predicted as numbers";
        let problem = Problem::new(format!("{path}.target"), message);
        problems.push(problem.hint("set task = \"regression\", or name one column"));
    }
    for (column, kind) in &table.types {
        let at = format!("{path}.types.{column}");
        if targets.contains(column) || table.group.as_ref() == Some(column) {
            let problem = Problem::new(at, "is no feature, and only features have a type");
            problems.push(problem.hint("whether the target is a class is said by `task`"));
        } else if *kind == ColumnType::Category && table.words.contains_key(column) {
            let message = "is a category, but `words` gives its words numbers";
            problems.push(Problem::new(at, message).hint("leave one of the two out"));
        }
    }
    if let Missing::Fill(number) = table.missing
        && !number.is_finite()
    {
        problems.push(Problem::new(format!("{path}.missing.fill"), "must be finite"));
    }
}

fn check_images(images: &ImagesSpec, problems: &mut Vec<Problem>) {
    if images.channels == 2 {
        let problem = Problem::new("data.images.channels", "pictures have 1 channel or 3, not 2");
        problems.push(problem.hint("1 is grey; 3 is red, green and blue"));
    }
}

fn check_function(function: &FunctionSpec, problems: &mut Vec<Problem>) {
    let [least, greatest] = function.range;
    if least >= greatest || !(greatest - least).is_finite() {
        let message = format!("[{least}, {greatest}] is no range from a lesser to a greater number");
        problems.push(Problem::new("data.function.range", message));
    }
}

fn check_blobs(blobs: &BlobsSpec, problems: &mut Vec<Problem>) {
    if blobs.rows < blobs.classes {
        let message = format!("{} rows cannot hold {} classes", blobs.rows, blobs.classes);
        problems.push(Problem::new("data.blobs.rows", message).hint("give at least one row per class"));
    }
    let rows = blobs.rows.saturating_add(blobs.test_rows.unwrap_or(0)).saturating_add(blobs.classes);
    if rows.saturating_mul(blobs.features) > GENERATED_NUMBERS_MAX {
        let message = format!(
            "{rows} rows and centres of {} features are more than {GENERATED_NUMBERS_MAX} numbers",
            blobs.features
        );
        problems.push(Problem::new("data.blobs", message).hint("lower `rows` or `features`"));
    }
}
