//! The commands, one file each: their arguments and what they do.

use crate::arguments::{Arguments, Command};
use crate::error::CliError;
use crate::output::{self, Format};
use crate::spec_file::SpecError;

pub(crate) mod artifact;
pub(crate) mod backup;
pub(crate) mod certs;
pub(crate) mod completions;
pub(crate) mod coordinator;
pub(crate) mod data;
pub(crate) mod drain;
pub(crate) mod health;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod operate;
pub(crate) mod parcel;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod run;
mod schema;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod token;
pub(crate) mod watch;
pub(crate) mod worker;
pub(crate) mod workers;

use operate::Operation;

/// Problems of a study file go to the standard output too, where a program reads it.
fn told_to_programs(error: CliError, format: Format) -> CliError {
    if let (Format::Json, CliError::Spec(SpecError::Problems(problems))) = (format, &error)
        && let Err(unread) = output::print_json(&problems.to_json())
    {
        return unread.into();
    }
    error
}

/// Does what the arguments say.
pub(crate) async fn execute(arguments: Arguments) -> Result<(), CliError> {
    let coordinator = arguments.target;
    match arguments.command {
        Command::Run(run) => run::execute(run).await,
        Command::Plan(plan) => plan::execute(&plan).await,
        Command::Coordinator(arguments) => coordinator::execute(arguments).await,
        Command::Worker(worker) => worker::execute(&worker, &coordinator),
        Command::Submit(submit) => submit::execute(&submit, &coordinator).await,
        Command::List(list) => list::execute(&list, &coordinator).await,
        Command::Status(status) => status::execute(&status, &coordinator).await,
        Command::Watch(watch) => watch::execute(&watch, &coordinator).await,
        Command::Cancel(study) => operate::execute(Operation::Cancel, &study, &coordinator).await,
        Command::Pause(study) => operate::execute(Operation::Pause, &study, &coordinator).await,
        Command::Resume(study) => operate::execute(Operation::Resume, &study, &coordinator).await,
        Command::Retry(study) => operate::execute(Operation::Retry, &study, &coordinator).await,
        Command::Priority(priority) => operate::prioritize(&priority, &coordinator).await,
        Command::Extend(extend) => operate::extend(&extend, &coordinator).await,
        Command::Delete(study) => operate::execute(Operation::Delete, &study, &coordinator).await,
        Command::Drain(drain) => drain::execute(&drain, &coordinator).await,
        Command::Backup(backup) => backup::execute(&backup),
        Command::Certs(certs) => certs::execute(&certs),
        Command::Token(token) => token::execute(&token, &coordinator).await,
        Command::Inspect(inspect) => inspect::execute(&inspect),
        Command::Migrate(migrate) => migrate::execute(&migrate),
        Command::Report(report) => report::execute(&report, &coordinator).await,
        Command::Workers(workers) => workers::execute(&workers, &coordinator).await,
        Command::Health(health) => health::execute(&health, &coordinator).await,
        Command::Artifact(artifact) => artifact::execute(&artifact, &coordinator).await,
        Command::Data(data) => data::execute(data).await,
        Command::Schema => schema::execute(),
        Command::Completions(arguments) => completions::execute(&arguments),
        Command::Man(arguments) => man::execute(&arguments),
    }
}
