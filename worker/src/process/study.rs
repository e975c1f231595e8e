//! Studies that cohorts came from: read, enumerated and split once, and kept across cohorts.

use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_study::spec::Spec;
use foldwise_study::split::{Fold, digest};
use foldwise_study::trials::Trials;

use super::dataset::Datasets;
use super::job::Failed;

/// Studies that are kept: those that share a slot take turns.
const STUDIES_MAX: usize = 4;

/// The studies of the last cohorts.
#[derive(Debug, Default)]
pub(super) struct Studies {
    /// The last used last.
    known: Vec<Study>,
}

/// What a trainer needs to know of a study beside its data.
#[derive(Debug)]
pub(super) struct Study {
    /// What it was read from: the spec, those before it, and the digest of its data.
    source: Source,
    pub(super) spec: Spec,
    pub(super) trials: Trials,
    pub(super) folds: Vec<Fold>,
    pub(super) folds_digest: String,
    /// The outer folds.
    pub(super) outer: Vec<Fold>,
}

#[derive(Debug, PartialEq, Eq)]
struct Source {
    spec: String,
    earlier: Vec<String>,
    data_digest: String,
}

impl Studies {
    /// The study of a lease, read if it is not known. Its data are loaded for that if they are not here.
    pub(super) fn get(&mut self, lease: &proto::Lease, datasets: &mut Datasets) -> Result<&Study, Failed> {
        let study = match self.known.iter().position(|study| study.source.is_of(lease)) {
            Some(place) => self.known.remove(place),
            None => {
                let study = Study::read(lease, datasets)?;
                if self.known.len() == STUDIES_MAX {
                    self.known.remove(0);
                }
                study
            }
        };
        self.known.push(study);
        self.known.last().ok_or_else(|| Failed::new(FailureKind::Training, "no study".to_owned()))
    }
}

impl Study {
    fn read(lease: &proto::Lease, datasets: &mut Datasets) -> Result<Self, Failed> {
        let training = |message: String| Failed::new(FailureKind::Training, message);
        let read = |json: &String| {
            Spec::from_json(json).map_err(|error| {
                training(format!("this worker does not understand the study's spec: {error}"))
            })
        };
        let spec = read(&lease.spec)?;
        let earlier = lease.earlier_specs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let outline = datasets.outline(&spec, &lease.data_digest)?;
        let trials =
            Trials::of_versions(earlier.iter().chain([&spec]), &outline.rows).map_err(|problems| {
                training(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            })?;
        let rows = outline.split_rows();
        let folds = spec.validation.folds(&rows).map_err(|error| training(error.to_string()))?;
        let outer = spec.validation.outer_folds(&rows).map_err(|error| training(error.to_string()))?;
        let folds_digest = digest(&folds);
        Ok(Self { source: Source::of(lease), spec, trials, folds, folds_digest, outer })
    }
}

impl Source {
    fn of(lease: &proto::Lease) -> Self {
        Self {
            spec: lease.spec.clone(),
            earlier: lease.earlier_specs.clone(),
            data_digest: lease.data_digest.clone(),
        }
    }

    fn is_of(&self, lease: &proto::Lease) -> bool {
        self.spec == lease.spec
            && self.earlier == lease.earlier_specs
            && self.data_digest == lease.data_digest
    }
}

#[cfg(test)]
mod tests {
    use foldwise_data::Cache;
    use foldwise_proto::v1::Lease;
    use foldwise_study::spec::{Format, Spec};

    use super::{Datasets, STUDIES_MAX, Studies};

    fn lease(seed: u32) -> Lease {
        let spec = format!(
            "name = \"s\"\nseed = {seed}\n[data]\nblobs = {{ classes = 2, features = 3, rows = 20 }}\n[validation]\n\
             k_fold = {{ folds = 2 }}\n[network]\nmlp = {{ hidden = [2] }}\n[train]\nepochs = 1\nbatch_size = 5\n\
             optimizer = {{ kind = \"sgd\", lr = 0.1 }}\n"
        );
        let spec = Spec::read(&spec, Format::Toml).expect("a good spec");
        let facts = foldwise_data::facts(&spec.data, &Cache::at("/nonexistent")).expect("is generated");
        Lease { spec: spec.to_json().to_string(), data_digest: facts.digest, ..Lease::default() }
    }

    /// Where the folds of a lease's study lie: the same place as before if they were kept.
    fn place(studies: &mut Studies, datasets: &mut Datasets, lease: &Lease) -> usize {
        studies.get(lease, datasets).expect("is read").folds.as_ptr().addr()
    }

    #[test]
    fn a_study_is_read_once_for_all_its_cohorts() {
        let mut datasets =
            Datasets::new(Cache::at("/nonexistent"), tch::Device::Cpu, std::path::PathBuf::new());
        let mut studies = Studies::default();
        let [one, two] = [lease(1), lease(2)];
        let first = place(&mut studies, &mut datasets, &one);
        place(&mut studies, &mut datasets, &two);
        assert_eq!(place(&mut studies, &mut datasets, &one), first);
        assert_eq!(studies.known.len(), 2);
        let extended = Lease { earlier_specs: vec![two.spec.clone()], ..one.clone() };
        place(&mut studies, &mut datasets, &extended);
        assert_eq!(studies.known.len(), 3, "an extended study is another");
        for seed in 10..20 {
            place(&mut studies, &mut datasets, &lease(seed));
        }
        assert_eq!(studies.known.len(), STUDIES_MAX);
    }
}
