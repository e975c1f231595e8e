//! `foldwise run`: everything on this machine, from study files to their reports.
//!
//! A coordinator inside this process, one worker process beside it. Each study is submitted under a request id made
//! from its content, so that running the same file again goes on where it stopped.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use foldwise_data::Cache;
use foldwise_proto::v1::Study;
use foldwise_study::spec::Spec;

use crate::arguments::{ProfileArguments, ScaleArguments, SlotArguments, SpecsArguments};
use crate::client::Client;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::log::LogArguments;
use crate::output::Format;
use crate::spec_file::SpecText;
use crate::view;
use crate::watch::{self, Screen};

use super::plan::scaled_preview;
use super::{data, told_to_programs};

mod browser;
mod host;
mod keep;
mod request;
mod run_error;
mod state;
mod worker_process;

pub(crate) use run_error::RunError;

use host::Host;
use keep::Shelf;
use state::StateFolder;
use worker_process::WorkerProcess;

/// Time that ending a worker at once may take.
const INSISTED_PATIENCE: Duration = Duration::from_secs(3);

/// What `foldwise run` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Ctrl-C stops in order, a second one at once. The same command goes on where it stopped; for a
finished study it shows the report again. Several studies run one after the other until one fails,
and are compared at the end.

Examples:
  foldwise run studies/quickstart.toml
  foldwise run study.toml --open
  foldwise run study.toml --device cpu --slots 2
  foldwise run studies/*.toml --scale 0.01
  foldwise run study.toml --format json > report.json")]
pub(crate) struct RunArguments {
    #[command(flatten)]
    specs: SpecsArguments,
    #[command(flatten)]
    scale: ScaleArguments,
    #[command(flatten)]
    pub(crate) slots: SlotArguments,
    #[command(flatten)]
    profiles: ProfileArguments,
    /// The folder that everything is kept in
    #[arg(
        long,
        env = "FOLDWISE_STATE",
        hide_env_values = true,
        value_name = "FOLDER",
        default_value = ".foldwise"
    )]
    state: PathBuf,
    /// How to write the report
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Open the page of the search in a browser, and keep it there at the end until Ctrl-C
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    log: LogArguments,
}

pub(super) async fn execute(arguments: RunArguments) -> Result<(), CliError> {
    let mut studies = Vec::new();
    for file in arguments.specs.each() {
        let checked = scaled_preview(SpecText::read(&file)?, arguments.scale.scale).await;
        let (text, study) = checked.map_err(|error| told_to_programs(error, arguments.format))?;
        studies.push((text, study.spec));
    }
    let state = StateFolder::open(&arguments.state)?;
    arguments.log.to_file(state.log_file("coordinator")?)?;
    let interrupt = Interrupt::listen().map_err(CliError::Signals)?;
    let mut host = Host::start(&state, &arguments.profiles).await?;
    // One for all studies, so that the data and what else it keeps warm serve the next.
    let mut worker = None;
    let session = async {
        let client = Client::on_this_machine(host.url()).await?;
        let mut shelf = Shelf::new(arguments.format, studies.len());
        let mut ended = Ok(());
        for (place, (text, spec)) in studies.iter().enumerate() {
            let study = request::submit(&client, text, spec).await?;
            // One tab is enough: it leads to the others.
            show_page(&host, &study, arguments.open && place == 0).await;
            let study = match view::is_over(&study) {
                true => study,
                false => {
                    let crew =
                        Crew { arguments: &arguments, state: &state, client: &client, interrupt: &interrupt };
                    crew.train(spec, &study, &mut host, &mut worker).await?
                }
            };
            shelf.add(&client, &study, &state).await?;
            ended = watch::judge(&study);
            if ended.is_err() {
                break;
            }
        }
        shelf.close()?;
        ended
    };
    let ended = tokio::select! {
        ended = session => ended,
        () = out_of_patience(&interrupt) => Err(interrupted()),
    };
    if let Some(worker) = worker {
        end_worker(worker, &interrupt).await;
    }
    if arguments.open && !interrupt.is_asked() {
        keep_page(&mut host, &ended, &interrupt).await;
    }
    tokio::select! {
        () = host.stop() => {}
        () = interrupt.insisted() => {}
    }
    ended
}

/// Says where a study can be watched, and opens it if that was asked for.
async fn show_page(host: &Host, study: &Study, open: bool) {
    let address = format!("{}/{}", host.url(), study.name);
    eprintln!("{}: watch it at {address}", study.display_name);
    if open {
        browser::open(&address).await;
    }
}

/// Keeps the page there after the end of all studies, until the person has seen enough.
async fn keep_page(host: &mut Host, ended: &Result<(), CliError>, interrupt: &Interrupt) {
    match ended {
        Ok(()) => {}
        Err(error @ CliError::Study { .. }) => eprintln!("{error}"),
        // The page has nothing to say of what keeps a search from starting.
        Err(_) => return,
    }
    eprintln!("the page stays at {} until Ctrl-C", host.url());
    tokio::select! {
        () = interrupt.asked() => {}
        error = host.failed() => eprintln!("{error}"),
    }
}

/// Those who train a study.
struct Crew<'a> {
    arguments: &'a RunArguments,
    state: &'a StateFolder,
    client: &'a Client,
    interrupt: &'a Interrupt,
}

impl Crew<'_> {
    /// Trains until the study ends, with the worker that is there or a new one.
    async fn train(
        &self,
        spec: &Spec,
        study: &Study,
        host: &mut Host,
        worker: &mut Option<WorkerProcess>,
    ) -> Result<Study, CliError> {
        if let Some(name) = &spec.data.dataset {
            let cache = Cache::from_environment()?;
            tokio::select! {
                fetched = data::fetch(name, &cache) => drop(fetched?),
                () = self.interrupt.asked() => return Err(interrupted()),
            }
        }
        let screen = Screen::for_people(&study.display_name);
        let announcer = screen.announcer();
        let worker = match worker.take() {
            Some(there) => worker.insert(there),
            None => worker.insert(WorkerProcess::start(host.url(), &self.arguments.slots, self.state)?),
        };
        let ended = tokio::select! {
            ended = watch::follow(self.client, &study.name, screen) => ended,
            error = worker.keep_alive(self.client, &announcer) => Err(error.into()),
            error = host.failed() => Err(error.into()),
            () = self.interrupt.asked() => Err(interrupted()),
        };
        announcer.close();
        ended
    }
}

/// Lets the worker hand back what it has, unless the person insists.
async fn end_worker(mut worker: WorkerProcess, interrupt: &Interrupt) {
    if interrupt.is_asked() {
        eprintln!("stopping: the worker hands back what it has (Ctrl-C again stops at once)");
    }
    tokio::select! {
        () = worker.drain() => {}
        () = interrupt.insisted() => worker.kill().await,
    }
}

/// A person who insists waits no longer than it takes to end the worker.
async fn out_of_patience(interrupt: &Interrupt) {
    interrupt.insisted().await;
    tokio::time::sleep(INSISTED_PATIENCE).await;
}

fn interrupted() -> CliError {
    CliError::Interrupted("run the same command again to go on".to_owned())
}
