//! The commands, one file each: their arguments and what they do.

use crate::arguments::{Arguments, Command};
use crate::error::CliError;

pub(crate) mod artifact;
mod cancel;
pub(crate) mod coordinator;
pub(crate) mod data;
pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod run;
mod schema;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod watch;
pub(crate) mod worker;
pub(crate) mod workers;

/// Does what the arguments say.
pub(crate) async fn execute(arguments: Arguments) -> Result<(), CliError> {
    let coordinator = arguments.target.coordinator;
    match arguments.command {
        Command::Run(run) => run::execute(run).await,
        Command::Plan(plan) => plan::execute(&plan).await,
        Command::Coordinator(arguments) => coordinator::execute(arguments).await,
        Command::Worker(worker) => worker::execute(&worker, &coordinator),
        Command::Submit(submit) => submit::execute(&submit, &coordinator).await,
        Command::List(list) => list::execute(&list, &coordinator).await,
        Command::Status(status) => status::execute(&status, &coordinator).await,
        Command::Watch(watch) => watch::execute(&watch, &coordinator).await,
        Command::Cancel(study) => cancel::execute(&study, &coordinator).await,
        Command::Report(report) => report::execute(&report, &coordinator).await,
        Command::Workers(workers) => workers::execute(&workers, &coordinator).await,
        Command::Artifact(artifact) => artifact::execute(&artifact, &coordinator).await,
        Command::Data(data) => data::execute(data).await,
        Command::Schema => schema::execute(),
    }
}
