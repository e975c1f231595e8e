//! Why a command failed: one line for a person, a hint, and an exit code for a program.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use foldwise_coordinator::access::MintError;
use foldwise_coordinator::profiles::ProfileError;
use foldwise_coordinator::store::StoreError;
use foldwise_coordinator::submission::SubmissionError;
use foldwise_study::plan::ProfileChoiceError;

use crate::client::CallError;
use crate::command::artifact::ArtifactError;
use crate::command::certs::CertsError;
use crate::command::coordinator::CoordinatorError;
use crate::command::parcel::ParcelError;
use crate::command::run::RunError;
use crate::command::submit::RandomError;
use crate::command::token::TokenError;
use crate::command::worker::WorkerError;
use crate::log::LogError;
use crate::output::OutputError;
use crate::spec_file::SpecError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The study file.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The answer.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The log filter.
    #[error(transparent)]
    Log(#[from] LogError),
    /// `foldwise coordinator`.
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
    /// The device profiles.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A study's choice among them.
    #[error(transparent)]
    ProfileChoice(#[from] ProfileChoiceError),
    /// `foldwise worker`.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// `foldwise artifact`.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// `foldwise certs`.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// `foldwise token`.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A study that the coordinator's check refuses.
    #[error(transparent)]
    Submission(SubmissionError),
    /// The files of a study.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    /// `foldwise submit`.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// `foldwise run`.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The datasets.
    #[error(transparent)]
    Data(#[from] foldwise_data::DataError),
    /// A report that this version cannot read.
    #[error(transparent)]
    Report(#[from] crate::render::RenderError),
    /// A study that ended without a winner.
    #[error("{name} {how}{}", reason(message))]
    Study {
        /// The study.
        name: String,
        /// How it ended.
        how: &'static str,
        /// Why.
        message: String,
    },
    /// A state folder.
    #[error(transparent)]
    Store(StoreError),
    /// Files that rows name and that are nowhere.
    #[error(
        "the database names {missing} kept file(s) that are neither in {} nor where they were to be copied, such as {first}: if \
         they lie elsewhere, copy them there first; nothing else was copied", folder.display()
    )]
    Files {
        /// How many.
        missing: usize,
        /// One of them.
        first: String,
        /// Where they were looked for.
        folder: PathBuf,
    },
    /// A database that a command for folders was told of.
    #[error(
        "FOLDWISE_STORE names a PostgreSQL database, which `pg_dump` copies (docs/operations.md): leave the variable out to copy \
         a state folder"
    )]
    NotAFolder,
    /// Kept files.
    #[error(transparent)]
    Artifacts(foldwise_coordinator::artifacts::ArtifactError),
    /// A state folder whose database is damaged.
    #[error("the database in {} is damaged: go back to a backup (`foldwise coordinator --state BACKUP`)", _0.display())]
    Damaged(PathBuf),
    /// The program's own machinery.
    #[error("cannot start the program's threads: {0}")]
    Runtime(io::Error),
    /// Signals.
    #[error("cannot listen to signals: {0}")]
    Signals(io::Error),
    /// A person stopped it.
    #[error("interrupted; {0}")]
    Interrupted(String),
}

fn reason(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// The study or the coordinator failed.
const FAILED: u8 = 1;
/// What was asked for makes no sense; clap's own code too.
const USAGE: u8 = 2;
/// No coordinator.
const UNREACHABLE: u8 = 3;
/// Ctrl-C: 128 + SIGINT, as shells count.
const INTERRUPTED: u8 = 130;

impl CliError {
    /// Tells the person at the terminal, and the code to exit with.
    pub(crate) fn tell(&self) -> ExitCode {
        match self {
            Self::Output(OutputError::Closed) => {}
            Self::Interrupted(_) => eprintln!("{self}"),
            _ => {
                eprintln!("error: {self}");
                if let Some(hint) = self.hint() {
                    eprintln!("hint: {hint}");
                }
            }
        }
        ExitCode::from(self.code())
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Call(error) => error.hint(),
            Self::Run(error) => error.hint(),
            _ => None,
        }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Output(OutputError::Closed) => 0,
            Self::Spec(_) | Self::Log(_) | Self::Profile(_) | Self::ProfileChoice(_) => USAGE,
            Self::Call(error) => of_call(error),
            Self::Run(RunError::OwnCode { .. }) => USAGE,
            Self::Coordinator(error) if error.is_usage() => USAGE,
            Self::Artifact(ArtifactError::NotADigest(_)) => USAGE,
            Self::Certs(error) if error.is_usage() => USAGE,
            Self::Token(TokenError::Mint(MintError::Principal(_))) => USAGE,
            Self::Parcel(ParcelError::Partly(_)) => USAGE,
            Self::Data(error) if is_data_usage(error) => USAGE,
            Self::Report(error) if error.is_usage() => USAGE,
            Self::Interrupted(_) => INTERRUPTED,
            Self::Output(_)
            | Self::Coordinator(_)
            | Self::Worker(_)
            | Self::Run(_)
            | Self::Artifact(_)
            | Self::Certs(_)
            | Self::Token(_)
            | Self::Data(_)
            | Self::Parcel(_)
            | Self::Report(_)
            | Self::Study { .. }
            | Self::Store(_)
            | Self::Artifacts(_)
            | Self::Files { .. }
            | Self::NotAFolder
            | Self::Damaged(_)
            | Self::Random(_)
            | Self::Submission(_)
            | Self::Runtime(_)
            | Self::Signals(_) => FAILED,
        }
    }
}

fn of_call(error: &CallError) -> u8 {
    match error {
        CallError::Line(_) | CallError::Refused { usage: true, .. } => USAGE,
        CallError::Unreachable { .. } => UNREACHABLE,
        CallError::Unavailable { .. } | CallError::StandsBy { .. } | CallError::Refused { .. } => FAILED,
    }
}

fn is_data_usage(error: &foldwise_data::DataError) -> bool {
    matches!(error, foldwise_data::DataError::UnknownDataset { .. })
}
