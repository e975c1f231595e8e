//! `foldwise cancel`, `pause`, `resume`, `priority`, `retry`, `extend` and `delete`: what a person does to a study.

use clap::Args;
use foldwise_proto::v1::Study;
use foldwise_study::spec::PRIORITY_MAX;

use crate::arguments::{SpecArguments, StudyArguments, Target};
use crate::client::Client;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::spec_file::SpecText;
use crate::view::{StudyView, state_word};

use super::told_to_programs;

/// What the commands that take a study alone are told.
#[derive(Debug, Args)]
pub(crate) struct OperationArguments {
    #[command(flatten)]
    study: StudyArguments,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What `foldwise extend` is told.
#[derive(Debug, Args)]
pub(crate) struct ExtendArguments {
    #[command(flatten)]
    study: StudyArguments,
    #[command(flatten)]
    spec: SpecArguments,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What `foldwise priority` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
A slot that falls free goes to the study with the highest priority that has work for it; studies of equal priority
share the slots. Nothing that trains is taken back. A study that sets no priority has 0.")]
pub(crate) struct PriorityArguments {
    #[command(flatten)]
    study: StudyArguments,
    /// The priority, -1000 to 1000; the highest comes first
    #[arg(value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(i32).range(i64::from(-PRIORITY_MAX)..=i64::from(PRIORITY_MAX)))]
    priority: i32,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What is done to a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Cancel,
    Pause,
    Resume,
    Retry,
    Delete,
}

pub(super) async fn execute(
    operation: Operation,
    arguments: &OperationArguments,
    coordinator: &Target,
) -> Result<(), CliError> {
    let client = Client::connect(coordinator).await?;
    let name = &arguments.study.study;
    let study = match operation {
        Operation::Cancel => client.cancel(name).await?,
        Operation::Pause => client.pause(name).await?,
        Operation::Resume => client.resume(name).await?,
        Operation::Retry => client.retry(name).await?,
        Operation::Delete => {
            let study = client.study(name).await?;
            client.delete(&study.name).await?;
            return tell_deleted(&study, arguments.format);
        }
    };
    tell(&study, arguments.format)
}

pub(super) async fn extend(arguments: &ExtendArguments, coordinator: &Target) -> Result<(), CliError> {
    let spec = SpecText::read(&arguments.spec)?;
    spec.parse().map_err(|error| told_to_programs(error.into(), arguments.format))?;
    let client = Client::connect(coordinator).await?;
    let study = client.extend(&arguments.study.study, &spec).await?;
    if arguments.format == Format::Table {
        let (trials, folds) = (study.trials, study.folds);
        output::print(&format!("{} now has {trials} trials of {folds} folds", study.display_name))?;
    }
    tell(&study, arguments.format)
}

pub(super) async fn prioritize(arguments: &PriorityArguments, coordinator: &Target) -> Result<(), CliError> {
    let client = Client::connect(coordinator).await?;
    let study = client.prioritize(&arguments.study.study, arguments.priority).await?;
    match arguments.format {
        Format::Json => output::print_json(&StudyView::new(&study))?,
        Format::Table => {
            let (name, number) = (&study.display_name, &study.name);
            output::print(&format!("{name} ({number}) has priority {}", study.priority))?;
        }
    }
    Ok(())
}

fn tell(study: &Study, format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => output::print_json(&StudyView::new(study))?,
        Format::Table => {
            let state = state_word(study.state());
            output::print(&format!("{} ({}) is {state}", study.display_name, study.name))?;
        }
    }
    Ok(())
}

fn tell_deleted(study: &Study, format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => output::print_json(&StudyView::new(study))?,
        Format::Table => output::print(&format!("{} ({}) is deleted", study.display_name, study.name))?,
    }
    Ok(())
}
