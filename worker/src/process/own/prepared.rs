//! A command's run before it starts: its program, its folder, and the files that tell it what to do.

use std::path::{Path, PathBuf};

use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_study::command::CommandSpec;
use foldwise_study::seed::{Purpose, Source};
use foldwise_study::selection::Rule;
use foldwise_study::spec::DeviceKind;
use foldwise_study::split::Fold;
use foldwise_study::trials::{Method, RowFacts};
use tempfile::TempDir;

use super::training;
use crate::command::{
    Arrays, CommandRules, Data, Errand, Job, Resume, Stage, Target, VERSION, resolve, write_array,
};
use crate::process::TrainerConfig;
use crate::process::dataset::Datasets;
use crate::process::job::{self, Failed};
use crate::process::last::Last;
use crate::process::study::Study;
use crate::trainer::TestRows;

/// Variables that tell numeric libraries how many threads to start.
const THREADS: [&str; 4] =
    ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"];

/// Everything about a run that a command is started with.
pub(super) struct Prepared<'a> {
    lease: &'a proto::Lease,
    run: proto::RunId,
    program: PathBuf,
    command: CommandSpec,
    pub(super) folder: TempDir,
    fold: Fold,
    rows: RowFacts,
    train: Arrays,
    test: Option<Arrays>,
    test_rows: Option<Vec<u32>>,
    /// Whether it trains the study's final model.
    pub(super) is_final: bool,
    seed: u32,
    rule: Rule,
    checkpoint_seconds: u64,
    /// Tells the run from every other.
    pub(super) fingerprint: String,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(
        lease: &'a proto::Lease,
        study: &Study,
        datasets: &mut Datasets,
        config: &TrainerConfig,
        rules: &CommandRules,
    ) -> Result<Self, Failed> {
        let [run] = lease.runs[..] else {
            return Err(training("a command trains one run at a time".to_owned()));
        };
        let spec = &study.spec;
        let trial = study.trials.trial(run.trial as usize);
        let Some(Method::Command(command)) = trial.map(|trial| trial.method) else {
            return Err(training(format!("the study has no trial {} with a command", run.trial)));
        };
        let program = resolve(&command, &rules.folder).map_err(|error| training(error.to_string()))?;
        job::check_folds(lease, study)?;
        let export = datasets.export(&spec.data, &lease.data_digest)?;
        let last = lease.final_stage.as_ref().map(|stage| Last::new(stage, study, &export.outline));
        let last = last.transpose()?;
        let number = job::fold_number(study, last.as_ref(), run);
        let fold = match &last {
            Some(last) => last.fold.clone(),
            None => study
                .folds
                .get(run.fold as usize)
                .cloned()
                .ok_or_else(|| training(format!("the study has no fold {}", run.fold)))?,
        };
        let is_final = last.as_ref().is_some_and(|last| last.is_final);
        let (test, test_rows) = match last.map(|last| last.test) {
            Some(TestRows::TestSet) => (export.test.clone(), None),
            // Those that an outer fold keeps apart.
            Some(TestRows::Apart(rows)) => (Some(export.train.clone()), Some(rows)),
            Some(TestRows::None) | None => (None, None),
        };
        let source = Source {
            study: spec.seed,
            train: command.seed,
            trial: (!command.common_random_numbers).then_some(run.trial),
            fold: number,
        };
        let key = source.key(Purpose::Command, 0);
        let seed = u32::from_le_bytes([key[0], key[1], key[2], key[3]]);
        let stage = lease.final_stage.as_ref().map(|stage| stage.epochs);
        let whose = serde_json::json!([command, seed, number, stage, lease.data_digest, lease.folds_digest]);
        let folder =
            tempfile::Builder::new().prefix("run-").tempdir_in(&config.scratch).map_err(|error| {
                training(format!("cannot make a folder in {}: {error}", config.scratch.display()))
            })?;
        Ok(Self {
            lease,
            run,
            program,
            folder,
            fold,
            rows: export.outline.rows.clone(),
            train: export.train.clone(),
            test,
            test_rows,
            is_final,
            seed,
            rule: spec.selection.rule(export.outline.rows.classes.is_some()),
            checkpoint_seconds: spec.limits.checkpoint_interval().map_or(0, |interval| interval.as_secs()),
            fingerprint: blake3::hash(whose.to_string().as_bytes()).to_hex().to_string(),
            command,
        })
    }

    /// What the run's report is to say.
    pub(super) fn expected(&self) -> crate::command::lines::Expected {
        crate::command::lines::Expected {
            epochs: self.epochs(),
            validates: !self.fold.validation.is_empty(),
            tests: self.test.is_some(),
            classes: self.rows.classes.is_some(),
        }
    }

    fn epochs(&self) -> u32 {
        self.lease.final_stage.as_ref().map_or(self.command.epochs, |stage| stage.epochs)
    }

    /// Writes what tells the command its run, and says how it is to be started.
    pub(super) fn errand(
        &self,
        checkpoint: Option<Resume>,
        config: &TrainerConfig,
        rules: &CommandRules,
    ) -> Result<Errand, Failed> {
        let folder = self.folder.path();
        let job = folder.join("job.json");
        self.write(&job, checkpoint, config).map_err(|error| {
            Failed::new(FailureKind::Data, format!("cannot write to {}: {error}", folder.display()))
        })?;
        let own = [
            ("HOME", folder.display().to_string()),
            ("TMPDIR", folder.display().to_string()),
            ("LANG", "C.UTF-8".to_owned()),
            ("FOLDWISE_JOB", job.display().to_string()),
            ("FOLDWISE_COMMANDS", rules.folder.display().to_string()),
        ];
        let threads = THREADS.map(|name| (name, config.threads.to_string()));
        let own = own.into_iter().chain(threads).map(|(name, value)| (name.to_owned(), value));
        Ok(Errand {
            program: self.program.clone(),
            arguments: self.command.program.iter().skip(1).cloned().collect(),
            folder: folder.to_owned(),
            // What the operator hands on comes last, and so prevails.
            environment: own.chain(rules.environment.iter().cloned()).collect(),
            memory_bytes: rules.memory_bytes,
            file_bytes: rules.file_bytes,
        })
    }

    fn write(&self, path: &Path, checkpoint: Option<Resume>, config: &TrainerConfig) -> std::io::Result<()> {
        let name = self.lease.name.as_ref();
        let rows = |name: &str, rows: &[u32]| {
            let path = self.folder.path().join(name);
            write_array(&path, &[rows.len()], rows).map(|()| path)
        };
        let validation = &self.fold.validation;
        let validation_rows =
            (!validation.is_empty()).then(|| rows("validation-rows.npy", validation)).transpose()?;
        let job = Job {
            version: VERSION,
            study: name.map_or("", |name| &name.study),
            trial: self.run.trial,
            fold: self.run.fold,
            attempt: name.map_or(0, |name| name.attempt),
            stage: match (&self.lease.final_stage, self.is_final) {
                (None, _) => Stage::Search,
                (Some(_), false) => Stage::Outer,
                (Some(_), true) => Stage::Final,
            },
            seed: self.seed,
            epochs: self.epochs(),
            parameters: &self.command.parameters,
            target: self.rows.classes.map_or(Target::Numbers(self.rows.targets), Target::Classes),
            row_shape: &self.rows.shape,
            data: Data {
                train: self.train.clone(),
                test: self.test.clone(),
                test_rows: self
                    .test_rows
                    .as_ref()
                    .map(|numbers| rows("test-rows.npy", numbers))
                    .transpose()?,
                train_rows: rows("train-rows.npy", &self.fold.train)?,
                validation_rows,
            },
            metric: self.rule.metric,
            selected_epoch: self.rule.epoch,
            device: match config.device {
                DeviceKind::Cpu => "cpu".to_owned(),
                DeviceKind::Cuda => format!("cuda:{}", config.ordinal),
            },
            threads: config.threads,
            checkpoint,
            checkpoint_seconds: self.checkpoint_seconds,
        };
        job.write(path)
    }
}
