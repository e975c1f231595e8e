//! `foldwise watch`: follows a study until it ends.

use clap::Args;
use foldwise_proto::v1::Study;

use crate::arguments::{StudyArguments, Target};
use crate::client::Client;
use crate::clock;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::output::{self, Format};
use crate::view::StudyView;
use crate::watch::{self, Screen};

/// What `foldwise watch` is told.
#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    #[command(flatten)]
    study: StudyArguments,
    /// How to show it; `json` writes one object per event and line
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) async fn execute(arguments: &WatchArguments, coordinator: &Target) -> Result<(), CliError> {
    let client = Client::connect(coordinator).await?;
    let study = client.study(&arguments.study.study).await?;
    until_its_end(&client, &study, arguments.format).await
}

/// Watches a study, and fails if it does.
pub(super) async fn until_its_end(client: &Client, study: &Study, format: Format) -> Result<(), CliError> {
    let screen = match format {
        Format::Json => Screen::Json,
        Format::Table => Screen::for_people(&study.display_name),
    };
    let interrupt = Interrupt::listen().map_err(CliError::Signals)?;
    let ended = tokio::select! {
        ended = watch::follow(client, &study.name, screen) => ended?,
        () = interrupt.asked() => {
            let again = format!("the study goes on; `foldwise watch {}` shows it again", study.name);
            return Err(CliError::Interrupted(again));
        }
    };
    if format == Format::Table {
        output::print(&StudyView::page(&ended, clock::unix_seconds()))?;
    }
    watch::judge(&ended)
}
