//! The command line: what `foldwise` can be told.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use foldwise_line::CredentialArguments;
use foldwise_study::spec::scale::Scale;

use crate::command::{
    artifact::ArtifactArguments,
    backup::BackupArguments,
    certs::CertsArguments,
    completions::CompletionsArguments,
    coordinator::CoordinatorArguments,
    data::DataArguments,
    drain::DrainArguments,
    health::HealthArguments,
    inspect::InspectArguments,
    list::ListArguments,
    man::ManArguments,
    migrate::MigrateArguments,
    operate::{ExtendArguments, OperationArguments, PriorityArguments},
    plan::PlanArguments,
    report::ReportArguments,
    run::RunArguments,
    status::StatusArguments,
    submit::SubmitArguments,
    token::TokenArguments,
    watch::WatchArguments,
    worker::WorkerArguments,
    workers::WorkersArguments,
};

/// Where a coordinator is expected unless told otherwise.
const DEFAULT_COORDINATOR: &str = "http://127.0.0.1:7070";

const AFTER_HELP: &str = "\
Examples:
  foldwise plan study.toml              what a study would do; nothing is started
  foldwise run study.toml               everything on this machine, from start to report
  foldwise coordinator                  keep studies for many machines
  foldwise worker                       train for a coordinator
  foldwise submit study.toml --follow   hand a study over and watch it

Exit codes: 0 done, 1 failed, 2 wrong usage or a wrong study file, 3 no coordinator, 130 interrupted";

/// Finds the hyperparameters that hold up under K-fold cross-validation.
#[derive(Debug, Parser)]
#[command(name = "foldwise", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Whom to talk to.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// The coordinator to talk to; of several with commas between them, the one that leads
    #[arg(long, value_name = "URL", global = true, default_value = DEFAULT_COORDINATOR)]
    #[arg(env = "FOLDWISE_COORDINATOR", hide_env_values = true)]
    pub(crate) coordinator: String,
    #[command(flatten)]
    pub(crate) credentials: CredentialArguments,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run studies on this machine alone, from start to report
    Run(RunArguments),
    /// Show what a study would do, without starting anything
    Plan(PlanArguments),
    /// Keep studies and hand out their runs
    Coordinator(Box<CoordinatorArguments>),
    /// Train for a coordinator
    Worker(WorkerArguments),
    /// Hand a study to the coordinator
    Submit(SubmitArguments),
    /// List the coordinator's studies
    List(ListArguments),
    /// Show how a study stands
    Status(StatusArguments),
    /// Follow a study until it ends
    Watch(WatchArguments),
    /// End a study early
    Cancel(OperationArguments),
    /// Hold a study: workers keep checkpoints and hand back what they have
    Pause(OperationArguments),
    /// Go on with a paused study
    Resume(OperationArguments),
    /// Say which study comes first where slots are short
    Priority(PriorityArguments),
    /// Try a study's failed and cancelled runs again
    Retry(OperationArguments),
    /// Add values or repeats to a study; what is done is kept
    Extend(ExtendArguments),
    /// Forget a study that is over, with its results and files
    Delete(OperationArguments),
    /// Show a study's report, finished or not, or compare several
    Report(ReportArguments),
    /// List the coordinator's workers
    Workers(WorkersArguments),
    /// Empty a worker and end it
    Drain(DrainArguments),
    /// Tell whether a coordinator serves
    Health(HealthArguments),
    /// Save a file that the coordinator keeps, such as a study's final weights
    Artifact(ArtifactArguments),
    /// List, fetch and check the datasets that are known by name
    Data(DataArguments),
    /// Make certificates for TLS
    Certs(CertsArguments),
    /// Make, list and revoke tokens, which say who calls
    Token(TokenArguments),
    /// Copy a coordinator's state while it works
    Backup(BackupArguments),
    /// Show what a state folder holds, without changing it
    Inspect(InspectArguments),
    /// Copy a state folder to PostgreSQL
    Migrate(MigrateArguments),
    /// Print the JSON Schema of study files
    Schema,
    /// Print what a shell needs to complete this program's commands and options
    Completions(CompletionsArguments),
    /// Write man pages
    Man(ManArguments),
}

/// One study.
#[derive(Debug, Clone, Args)]
pub(crate) struct StudyArguments {
    /// The study: its name if no other has it, or its number (`studies/3` or `3`)
    #[arg(value_name = "STUDY", value_parser = study_name)]
    pub(crate) study: String,
}

/// A number alone means the study of that number.
pub(crate) fn study_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a study has a name or a number".to_owned());
    }
    let number = text.bytes().all(|byte| byte.is_ascii_digit());
    Ok(if number { format!("studies/{text}") } else { text.to_owned() })
}

/// How a study file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SpecFormat {
    /// TOML 1.1.
    Toml,
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

/// A study file.
#[derive(Debug, Clone, Args)]
pub(crate) struct SpecArguments {
    /// The study file; `-` reads the standard input
    #[arg(value_name = "SPEC")]
    pub(crate) spec: String,
    /// How the study file is written; by default its name's ending tells
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) spec_format: Option<SpecFormat>,
}

/// How much of a study is meant.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ScaleArguments {
    /// Try a study smaller: this fraction of its rows and epochs (0 to 1)
    #[arg(long, value_name = "FRACTION", default_value = "1", hide_default_value = true)]
    pub(crate) scale: Scale,
}

/// Study files.
#[derive(Debug, Clone, Args)]
pub(crate) struct SpecsArguments {
    /// The study files, one after the other; `-` reads the standard input
    #[arg(value_name = "SPEC", required = true)]
    specs: Vec<String>,
    /// How the study files are written; by default their names' endings tell
    #[arg(long, value_name = "FORMAT", value_enum)]
    spec_format: Option<SpecFormat>,
}

impl SpecsArguments {
    /// Each of them.
    pub(crate) fn each(&self) -> impl Iterator<Item = SpecArguments> {
        self.specs.iter().map(|spec| SpecArguments { spec: spec.clone(), spec_format: self.spec_format })
    }
}

/// Device profiles.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ProfileArguments {
    /// A device profile to plan with, or a folder of them; may be given several times
    #[arg(long = "profile", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// What a worker on this machine may use.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SlotArguments {
    /// How many cohorts train side by side; by default what the device allows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) slots: Option<u32>,
    /// What to train on; `auto` takes a GPU where there is one
    #[arg(long, value_name = "DEVICE", value_enum)]
    pub(crate) device: Option<DeviceChoice>,
    /// Threads per slot
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Let studies run the programs (`[command]`) and train the TorchScript modules in this folder, with all that you may
    /// do; none by default
    #[arg(long, value_name = "FOLDER", env = "FOLDWISE_ALLOW_COMMANDS", hide_env_values = true)]
    pub(crate) allow_commands: Option<PathBuf>,
}

/// What to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceChoice {
    /// A GPU where there is one.
    Auto,
    /// Processor cores.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

impl DeviceChoice {
    /// The word that the worker's program takes too.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

impl SlotArguments {
    /// As `foldwise-worker agent` takes them.
    pub(crate) fn to_worker(&self) -> Vec<String> {
        let number = |name: &str, value: Option<u32>| {
            value.map(|value| [format!("--{name}"), value.to_string()]).into_iter().flatten()
        };
        let device = self.device.map(|device| ["--device".to_owned(), device.word().to_owned()]);
        let slots = number("slots", self.slots);
        let folder = self.allow_commands.as_ref();
        let commands =
            folder.map(|folder| ["--allow-commands".to_owned(), folder.to_string_lossy().into_owned()]);
        let arguments = slots.chain(device.into_iter().flatten()).chain(number("threads", self.threads));
        arguments.chain(commands.into_iter().flatten()).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Arguments, Command, study_name};

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_number_names_a_study() {
        assert_eq!(study_name("3").unwrap(), "studies/3");
        assert_eq!(study_name("studies/3").unwrap(), "studies/3");
        assert_eq!(study_name("3-nets").unwrap(), "3-nets");
        assert!(study_name("").is_err());
    }

    #[test]
    fn the_coordinator_may_stand_before_or_after_the_command() {
        for line in [
            ["foldwise", "--coordinator", "http://a:1", "list"],
            ["foldwise", "list", "--coordinator", "http://a:1"],
        ] {
            assert_eq!(Arguments::parse_from(line).target.coordinator, "http://a:1");
        }
    }

    #[test]
    fn slots_are_passed_on_as_they_were_given() {
        let line = ["foldwise", "run", "s.toml", "--threads", "2", "--slots", "3", "--device", "cpu"];
        let Command::Run(run) = Arguments::parse_from(line).command else { panic!("not a run") };
        assert_eq!(run.slots.to_worker(), ["--slots", "3", "--device", "cpu", "--threads", "2"]);
    }
}
