//! The searches that tests disturb: small enough for seconds, with enough runs that there is always one under way.

use std::path::Path;

use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::data::small_pictures;
use crate::report::StudyJson;

/// Pictures in a folder of their own, for every cluster that is to have the same spec.
#[derive(Debug)]
pub struct Pictures {
    folder: TempDir,
    section: String,
}

impl Pictures {
    /// Draws them.
    #[must_use]
    pub fn draw(train: usize, test: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let section = small_pictures(folder.path(), train, test);
        Self { folder, section }
    }

    /// Where they lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The `[data]` section that names them.
    #[must_use]
    pub fn section(&self) -> &str {
        &self.section
    }
}

/// A search named `small`, by default of four trials on three folds in cohorts of one.
#[derive(Debug, Clone)]
pub struct Search {
    /// Epochs of each run.
    pub epochs: u32,
    /// `[validation]`.
    pub validation: &'static str,
    /// The rates to try.
    pub rates: &'static str,
    /// The dropout rates to try.
    pub dropouts: &'static str,
    /// `[limits]`.
    pub limits: &'static str,
    /// Width of cohorts.
    pub width: u32,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            epochs: 150,
            validation: "k_fold = { folds = 3, seed = 1 }",
            rates: "[0.03, 0.01]",
            dropouts: "[0.0, 0.3]",
            limits: "",
            width: 1,
        }
    }
}

impl Search {
    /// A single run, which takes seconds, and a short final stage.
    #[must_use]
    pub fn of_one_long_run(limits: &'static str) -> Self {
        let validation = "hold_out = { fraction = 0.5, seed = 1 }\n[final]\nrefit = { epochs = 5 }";
        Self { epochs: 3_000, validation, rates: "[0.01]", dropouts: "[0.3]", limits, width: 1 }
    }

    /// Its study file.
    #[must_use]
    pub fn of(&self, data: &str) -> String {
        let Self { epochs, validation, rates, dropouts, limits, width } = self;
        format!(
            "name = \"small\"\nseed = 7\n{data}\n[validation]\n{validation}\n\
             [network]\nmlp = {{ hidden = [16], batch_norm = true, dropout = 0.1 }}\n\
             [train]\nepochs = {epochs}\nbatch_size = 10\noptimizer = {{ kind = \"adam\", lr = 0.01 }}\n\
             [space]\n\"train.optimizer.lr\" = {rates}\n\"network.mlp.dropout\" = {dropouts}\n\
             [limits]\n{limits}\n[plan]\nwidth = {width}\n"
        )
    }
}

/// The report of one worker that nothing disturbs.
#[must_use]
pub fn reference(spec: &str) -> StudyJson {
    let cluster = Cluster::start(30.0);
    cluster.submit(spec);
    let _worker = cluster.worker("alone", 1);
    cluster.succeeded("small")
}
