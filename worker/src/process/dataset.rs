//! Datasets on the device: loaded once and kept across the cohorts of all studies.

use std::path::PathBuf;

use foldwise_data::{Cache, Dataset, Targets};
use foldwise_proto::v1::FailureKind;
use foldwise_study::spec::data::Normalize as SpecNormalize;
use foldwise_study::spec::{DataSpec, Spec};
use foldwise_study::split::Rows;
use foldwise_study::trials::RowFacts;

use super::export::Export;
use super::job::Failed;
use crate::trainer::{DeviceData, Features, Normalize, Part, Source, Targets as DeviceTargets};

/// Bytes of features that are kept beside those in use, so that studies with other data can take turns: several of the
/// common small datasets, and little of a device's memory.
const KEPT_BYTES_MAX: u64 = 512 << 20;

/// Datasets that are kept as files for commands.
const EXPORTS_MAX: usize = 2;

/// The datasets that are on the device, and those that lie in files for commands.
#[derive(Debug)]
pub(super) struct Datasets {
    cache: Cache,
    device: tch::Device,
    /// The last used last.
    held: Vec<Held>,
    /// How often data were loaded.
    loads: u32,
    /// Where files for commands go.
    shared: PathBuf,
    /// The last used last.
    exports: Vec<Export>,
}

/// A dataset on the device, and what splits need of it.
#[derive(Debug)]
pub(super) struct Held {
    spec: DataSpec,
    digest: String,
    raw: bool,
    /// The number of its load in this process, from 1.
    pub(super) load: u32,
    pub(super) outline: Outline,
    pub(super) data: DeviceData,
    /// What its features take on the device.
    bytes: u64,
}

/// What trials and splits need of a dataset.
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) rows: RowFacts,
    classes: Option<Vec<u32>>,
    groups: Option<Vec<u32>>,
}

impl Outline {
    pub(super) fn of(dataset: &Dataset) -> Self {
        let rows = RowFacts {
            shape: dataset.facts.shape.clone(),
            classes: dataset.facts.target.classes(),
            targets: dataset.facts.target.width(),
            train_rows: dataset.facts.train_rows,
            test_rows: dataset.facts.test_rows,
        };
        let classes = match &dataset.train.targets {
            Targets::Classes(classes) => Some(classes.clone()),
            Targets::Values(_) => None,
        };
        Self { rows, classes, groups: dataset.train.groups.clone() }
    }

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
    /// `shared` is the folder for files that several trainers use.
    pub(super) fn new(cache: Cache, device: tch::Device, shared: PathBuf) -> Self {
        Self { cache, device, held: Vec::new(), loads: 0, shared, exports: Vec::new() }
    }

    /// What trials and splits need of a study's data, which are loaded as the study's runs will need them.
    pub(super) fn outline(&mut self, spec: &Spec, digest: &str) -> Result<&Outline, Failed> {
        if spec.command.is_some() {
            return self.export(&spec.data, digest).map(|export| &export.outline);
        }
        self.get(&spec.data, digest, spec.may_augment()).map(|held| &held.outline)
    }

    /// The dataset of a spec as files for commands, written if they are not there.
    pub(super) fn export(&mut self, spec: &DataSpec, digest: &str) -> Result<&Export, Failed> {
        let same = |export: &Export| export.spec == *spec && export.digest == digest;
        let export = match self.exports.iter().position(same) {
            Some(place) => self.exports.remove(place),
            None => {
                if self.exports.len() == EXPORTS_MAX {
                    self.exports.remove(0);
                }
                Export::make(&self.shared, spec, digest, || self.read(spec, digest))?
            }
        };
        self.exports.push(export);
        self.exports.last().ok_or_else(|| Failed::new(FailureKind::Data, "no data".to_owned()))
    }

    /// The dataset of a spec, loaded if it is not here, with the digest that the study was submitted with; `raw` for
    /// features as they were before normalization, which is then made when they are used.
    pub(super) fn get(&mut self, spec: &DataSpec, digest: &str, raw: bool) -> Result<&Held, Failed> {
        let same = |held: &Held| held.spec == *spec && held.digest == digest && held.raw == raw;
        let held = match self.held.iter().position(same) {
            Some(place) => self.held.remove(place),
            None => {
                // What is too much goes before the new comes: two large datasets may not fit.
                make_room(&mut self.held);
                self.loads += 1;
                self.load(spec, digest, raw)?
            }
        };
        self.held.push(held);
        self.held.last().ok_or_else(|| Failed::new(FailureKind::Data, "no data".to_owned()))
    }

    /// The rows of a spec, if they are those that the study was submitted with.
    fn read(&self, spec: &DataSpec, digest: &str) -> Result<Dataset, Failed> {
        let failed = |message: String| Failed::new(FailureKind::Data, message);
        let dataset = foldwise_data::load(spec, &self.cache).map_err(|error| failed(error.to_string()))?;
        if dataset.facts.digest != digest {
            return Err(failed(format!(
                "the data on this machine is not what the study was submitted with (digest {} here, {digest} there): \
                 put the same files on both",
                dataset.facts.digest
            )));
        }
        Ok(dataset)
    }

    fn load(&self, spec: &DataSpec, digest: &str, raw: bool) -> Result<Held, Failed> {
        let dataset = self.read(spec, digest)?;
        let outline = Outline::of(&dataset);
        let rows = &outline.rows;
        let source = Source {
            shape: &rows.shape,
            train: part(&dataset.train, rows.classes),
            test: dataset.test.as_ref().map(|table| part(table, rows.classes)),
            normalize: spec.normalize.as_ref().map(normalize),
            raw,
        };
        let data = DeviceData::new(source, self.device).map_err(|error| Failed::of_training(&error))?;
        let tables = [Some(&dataset.train), dataset.test.as_ref()];
        let bytes = tables.into_iter().flatten().map(|table| device_bytes(&table.features, raw)).sum();
        let load = self.loads;
        Ok(Held { spec: spec.clone(), digest: digest.to_owned(), raw, load, outline, data, bytes })
    }
}

/// Lets go of what was not used for longest until the rest is little enough to be kept.
fn make_room(held: &mut Vec<Held>) {
    while held.iter().map(|held| held.bytes).sum::<u64>() > KEPT_BYTES_MAX {
        held.remove(0);
    }
}

/// What the features of a table take on a device: numbers of four bytes, or the bytes that they are.
fn device_bytes(features: &foldwise_data::Features, raw: bool) -> u64 {
    let bytes = match features {
        foldwise_data::Features::Bytes(bytes) if raw => bytes.len(),
        foldwise_data::Features::Bytes(bytes) => size_of::<f32>() * bytes.len(),
        foldwise_data::Features::Floats(floats) => size_of_val(floats.as_slice()),
    };
    bytes as u64
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use foldwise_data::Cache;
    use foldwise_study::spec::DataSpec;

    use super::{Datasets, KEPT_BYTES_MAX};

    fn blobs(seed: u32) -> DataSpec {
        let spec = format!(r#"{{"blobs": {{"classes": 2, "features": 3, "rows": 20, "seed": {seed}}}}}"#);
        serde_json::from_str(&spec).expect("a good spec")
    }

    fn datasets() -> Datasets {
        Datasets::new(Cache::at("/nonexistent"), tch::Device::Cpu, PathBuf::new())
    }

    /// Which load the data of a spec are of.
    fn load(datasets: &mut Datasets, seed: u32, raw: bool) -> u32 {
        let spec = blobs(seed);
        let digest = foldwise_data::facts(&spec, &datasets.cache).expect("is generated").digest;
        datasets.get(&spec, &digest, raw).expect("loads").load
    }

    #[test]
    fn data_are_loaded_once_however_studies_take_turns() {
        let mut datasets = datasets();
        let loads: Vec<u32> = [1, 1, 2, 1, 3, 2, 1, 3].map(|seed| load(&mut datasets, seed, false)).to_vec();
        assert_eq!(loads, [1, 1, 2, 1, 3, 2, 1, 3]);
        assert_eq!(load(&mut datasets, 1, true), 4, "rows as they were before normalization are others");
    }

    #[test]
    fn what_was_not_used_for_longest_goes_where_too_much_is_kept() {
        let mut datasets = datasets();
        for seed in [1, 2, 3] {
            load(&mut datasets, seed, false);
        }
        load(&mut datasets, 1, false);
        datasets.held.iter_mut().for_each(|held| held.bytes = KEPT_BYTES_MAX / 2);
        assert_eq!(load(&mut datasets, 4, false), 4);
        assert_eq!([3, 1, 4].map(|seed| load(&mut datasets, seed, false)), [3, 1, 4]);
        datasets.held.iter_mut().for_each(|held| held.bytes = KEPT_BYTES_MAX + 1);
        assert_eq!([4, 2].map(|seed| load(&mut datasets, seed, false)), [4, 5], "the second had gone");
        assert_eq!(datasets.held.len(), 1, "large data stay alone");
    }
}
