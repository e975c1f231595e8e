//! Datasets on the device: loaded once and kept across cohorts.

use foldwise_data::{Cache, Targets};
use foldwise_proto::v1::FailureKind;
use foldwise_study::spec::DataSpec;
use foldwise_study::spec::data::Normalize as SpecNormalize;
use foldwise_study::split::Rows;
use foldwise_study::trials::RowFacts;

use super::job::Failed;
use crate::trainer::{DeviceData, Features, Normalize, Part, Source, Targets as DeviceTargets};

/// The dataset that is on the device.
#[derive(Debug)]
pub(super) struct Datasets {
    cache: Cache,
    device: tch::Device,
    /// One at a time: a study after another rarely needs the first one's data again.
    held: Option<Held>,
}

/// A dataset on the device, and what splits need of it.
#[derive(Debug)]
pub(super) struct Held {
    spec: DataSpec,
    digest: String,
    raw: bool,
    pub(super) rows: RowFacts,
    pub(super) data: DeviceData,
    classes: Option<Vec<u32>>,
    groups: Option<Vec<u32>>,
}

impl Held {
    /// The rows as a split sees them.
    pub(super) fn split_rows(&self) -> Rows<'_> {
        Rows {
            count: self.rows.train_rows,
            classes: self.classes.as_deref(),
            groups: self.groups.as_deref(),
            test: self.rows.test_rows.unwrap_or(0),
        }
    }
}

impl Datasets {
    pub(super) fn new(cache: Cache, device: tch::Device) -> Self {
        Self { cache, device, held: None }
    }

    /// The dataset of a spec, loaded if it is not here, with the digest that the study was submitted with; `raw` for
    /// features as they were before normalization, which is then made when they are used.
    pub(super) fn get(&mut self, spec: &DataSpec, digest: &str, raw: bool) -> Result<&Held, Failed> {
        let same = |held: &Held| held.spec == *spec && held.digest == digest && held.raw == raw;
        let here = self.held.as_ref().is_some_and(same);
        if !here {
            // What was held goes first: two large datasets may not fit.
            self.held = None;
            self.held = Some(self.load(spec, digest, raw)?);
        }
        self.held.as_ref().ok_or_else(|| Failed::new(FailureKind::Data, "no data".to_owned()))
    }

    fn load(&self, spec: &DataSpec, digest: &str, raw: bool) -> Result<Held, Failed> {
        let failed = |message: String| Failed::new(FailureKind::Data, message);
        let dataset = foldwise_data::load(spec, &self.cache).map_err(|error| failed(error.to_string()))?;
        if dataset.facts.digest != digest {
            return Err(failed(format!(
                "the data on this machine is not what the study was submitted with (digest {} here, {digest} there): \
                 put the same files on both",
                dataset.facts.digest
            )));
        }
        let rows = RowFacts {
            shape: dataset.facts.shape.clone(),
            classes: dataset.facts.target.classes(),
            targets: dataset.facts.target.width(),
            train_rows: dataset.facts.train_rows,
            test_rows: dataset.facts.test_rows,
        };
        let source = Source {
            shape: &rows.shape,
            train: part(&dataset.train, rows.classes),
            test: dataset.test.as_ref().map(|table| part(table, rows.classes)),
            normalize: spec.normalize.as_ref().map(normalize),
            raw,
        };
        let data = DeviceData::new(source, self.device).map_err(|error| Failed::of_training(&error))?;
        let classes = match dataset.train.targets {
            Targets::Classes(classes) => Some(classes),
            Targets::Values(_) => None,
        };
        let groups = dataset.train.groups;
        Ok(Held { spec: spec.clone(), digest: digest.to_owned(), raw, rows, data, classes, groups })
    }
}

fn normalize(spec: &SpecNormalize) -> Normalize<'_> {
    match spec {
        SpecNormalize::Fitted => Normalize::Fitted,
        SpecNormalize::Fixed(fixed) => Normalize::Fixed { mean: &fixed.mean, std: &fixed.std },
    }
}

fn part(table: &foldwise_data::Table, classes: Option<usize>) -> Part<'_> {
    let features = match &table.features {
        foldwise_data::Features::Bytes(bytes) => Features::Bytes(bytes),
        foldwise_data::Features::Floats(floats) => Features::Floats(floats),
    };
    let targets = match &table.targets {
        Targets::Classes(labels) => DeviceTargets::Classes { labels, count: classes.unwrap_or(0) },
        Targets::Values(values) => DeviceTargets::Numbers(values),
    };
    Part { features, targets }
}
