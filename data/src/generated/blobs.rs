//! Clouds of normally distributed points, one per class.

use foldwise_study::spec::data::BlobsSpec;

use crate::dataset::{Dataset, Facts, Features, Table, TargetKind, Targets};
use crate::error::DataError;
use crate::generated::{check_rows, digest};
use crate::stream::Stream;
use crate::tabular::{CLASSES_MAX, ENCODED_NUMBERS_MAX};

/// Centres lie between minus this and this in every feature.
const CENTRE_MAX: f64 = 10.0;

/// What is known about the rows, without making them.
pub(crate) fn facts(spec: &BlobsSpec) -> Result<Facts, DataError> {
    check_rows("blobs", spec.rows, spec.test_rows)?;
    let wrong = |problem: String| Err(DataError::Generated { kind: "blobs", problem });
    if spec.classes == 0 || spec.classes > CLASSES_MAX || spec.rows < spec.classes {
        return wrong(format!(
            "{} rows cannot hold {} classes (of 1 to {CLASSES_MAX}); give at least one row per class",
            spec.rows, spec.classes
        ));
    }
    let rows = spec.rows.saturating_add(spec.test_rows.unwrap_or(0)).saturating_add(spec.classes);
    if spec.features == 0 || rows.saturating_mul(spec.features) > ENCODED_NUMBERS_MAX {
        return wrong(format!(
            "{rows} rows and centres of {} features are none, or more than {ENCODED_NUMBERS_MAX} numbers",
            spec.features
        ));
    }
    // No draw lies beyond 100 deviations, so that every point is a 32-bit number.
    if spec.spread < 0.0 || spec.spread > f64::from(f32::MAX) / 100.0 || spec.spread.is_nan() {
        return wrong(format!("a spread of {} is no deviation; set one of 0 or more", spec.spread));
    }
    Ok(Facts {
        name: format!("{} blobs", spec.classes),
        digest: digest("blobs 1", spec),
        train_rows: spec.rows,
        test_rows: spec.test_rows,
        shape: vec![spec.features],
        target: TargetKind::Classes { names: (0..spec.classes).map(|class| class.to_string()).collect() },
    })
}

/// The rows.
pub(crate) fn load(spec: &BlobsSpec) -> Result<Dataset, DataError> {
    let facts = facts(spec)?;
    let mut stream = Stream::new(spec.seed, &["blobs", "centres"]);
    let centre = |_| CENTRE_MAX * (2.0 * stream.uniform() - 1.0);
    let centres: Vec<f64> = (0..spec.classes * spec.features).map(centre).collect();
    let train = table(spec, &centres, "train", spec.rows);
    let test = spec.test_rows.map(|rows| table(spec, &centres, "test", rows));
    Ok(Dataset { facts, train, test })
}

fn table(spec: &BlobsSpec, centres: &[f64], part: &'static str, rows: usize) -> Table {
    let mut stream = Stream::new(spec.seed, &["blobs", part]);
    let (mut features, mut targets) = (Vec::with_capacity(rows * spec.features), Vec::with_capacity(rows));
    for (row, centre) in centres.chunks_exact(spec.features).cycle().take(rows).enumerate() {
        for &centre in centre {
            #[expect(clippy::cast_possible_truncation, reason = "rows are 32-bit numbers")]
            features.push((centre + spec.spread * stream.normal()) as f32);
        }
        targets.push(class(spec, row));
    }
    let (features, targets) = (Features::Floats(features), Targets::Classes(targets));
    Table { rows, shape: vec![spec.features], features, targets, groups: None }
}

/// The training rows without features.
pub(crate) fn targets(spec: &BlobsSpec) -> Result<Dataset, DataError> {
    let facts = facts(spec)?;
    let targets = Targets::Classes((0..spec.rows).map(|row| class(spec, row)).collect());
    let features = Features::Floats(Vec::new());
    let train = Table { rows: spec.rows, shape: vec![0], features, targets, groups: None };
    Ok(Dataset { facts, train, test: None })
}

/// Rows take turns.
fn class(spec: &BlobsSpec, row: usize) -> u32 {
    u32::try_from(row % spec.classes).unwrap_or(u32::MAX)
}
