//! Rows of a function of one number.

use foldwise_study::spec::data::{FunctionSpec, Spacing};

use crate::dataset::{Dataset, Facts, Features, Table, TargetKind, Targets};
use crate::error::DataError;
use crate::generated::{Expression, check_rows, digest};
use crate::stream::Stream;

/// The rows of a spec. An x at which the function is not finite is an error, so that the facts need the rows as well.
pub(crate) fn load(spec: &FunctionSpec) -> Result<Dataset, DataError> {
    check_rows("function", spec.rows, spec.test_rows)?;
    let [least, greatest] = spec.range;
    if least >= greatest || !(greatest - least).is_finite() {
        let problem = format!("[{least}, {greatest}] is no range from a lesser to a greater number");
        return Err(DataError::Generated { kind: "function", problem });
    }
    if spec.noise < 0.0 || !spec.noise.is_finite() {
        let problem = format!("a noise of {} is no deviation; set one of 0 or more", spec.noise);
        return Err(DataError::Generated { kind: "function", problem });
    }
    let function = Expression::parse(&spec.expression)
        .map_err(|problem| DataError::Expression { expression: spec.expression.clone(), problem })?;
    let train = table(spec, &function, "train", spec.rows)?;
    let test = spec.test_rows.map(|rows| table(spec, &function, "test", rows)).transpose()?;
    let facts = Facts {
        name: format!("y = {}", spec.expression),
        digest: digest("function 1", spec),
        train_rows: train.rows,
        test_rows: spec.test_rows,
        shape: vec![1],
        target: TargetKind::Values { names: vec!["y".to_owned()] },
    };
    Ok(Dataset { facts, train, test })
}

fn table(
    spec: &FunctionSpec,
    function: &Expression,
    part: &'static str,
    rows: usize,
) -> Result<Table, DataError> {
    let mut points = Stream::new(spec.seed, &["function", part, "x"]);
    let mut noise = Stream::new(spec.seed, &["function", part, "noise"]);
    let [least, greatest] = spec.range;
    let (mut features, mut targets) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    for row in 0..rows {
        let share = match (spec.spacing, part) {
            (Spacing::Random, _) => points.uniform(),
            (Spacing::Even, "test") => (whole(row) + 0.5) / whole(rows),
            (Spacing::Even, _) => whole(row) / whole(rows.max(2) - 1),
        };
        // Of the two ends each is met exactly.
        let x = least * (1.0 - share) + greatest * share;
        let y = function.at(x);
        let added = if spec.noise > 0.0 { spec.noise * noise.normal() } else { 0.0 };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rows are 32-bit numbers; too large ones are refused"
        )]
        let (x_kept, y_kept) = (x as f32, (y + added) as f32);
        if !x_kept.is_finite() || !y_kept.is_finite() {
            return Err(DataError::NotFinite { expression: spec.expression.clone(), x, y, part });
        }
        features.push(x_kept);
        targets.push(y_kept);
    }
    let (features, targets) = (Features::Floats(features), Targets::Values(targets));
    Ok(Table { rows, shape: vec![1], features, targets, groups: None })
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^53")]
fn whole(rows: usize) -> f64 {
    rows as f64
}
