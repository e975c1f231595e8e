//! `foldwise-worker`: the agent of a machine, and the trainers it starts.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use foldwise_data::Cache;
use foldwise_line::{CredentialArguments, Line};
use foldwise_study::spec::DeviceKind;
use foldwise_traces::{Traces, Way};
use foldwise_worker::agent::{self, AgentConfig, HUGE_PAGES, Meters, ProcessLauncher, SlotDevice};
use foldwise_worker::command::keeper;
use foldwise_worker::process::{self, TrainerConfig};
use foldwise_worker::{cuda, machine, metrics};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use tracing_subscriber::EnvFilter;

mod calibrate_command;
mod command_arguments;
mod insistence;

use calibrate_command::{CalibrateArguments, Failure};
use command_arguments::CommandArguments;
use insistence::{Insistence, REPEATED_WITHIN, Wish};

/// What a program that was interrupted ends with.
const INTERRUPTED: u8 = 130;
const NO_CUDA: &str = "no CUDA device can be used here: check `nvidia-smi` and that libtorch has its CUDA part, or start \
                       with --device cpu";

/// Trains what a Foldwise coordinator hands out.
#[derive(Debug, Parser)]
#[command(name = "foldwise-worker", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves a coordinator with this machine's devices until stopped.
    Agent(AgentArguments),
    /// Measures what fusing gains on this machine and writes a device profile for plans.
    Calibrate(CalibrateArguments),
    /// Trains for an agent over pipes; started by the agent alone.
    #[command(hide = true)]
    Trainer(TrainerArguments),
    /// Keeps one command of a study for a trainer; started by the trainer alone.
    #[command(hide = true)]
    Keeper,
    /// Prints how many CUDA devices there are; asked by the agent, which touches no device itself.
    #[command(hide = true)]
    CountCuda,
}

#[derive(Debug, clap::Args)]
struct AgentArguments {
    /// The coordinator's URL; of several with commas between them, the one that leads.
    #[arg(long, env = "FOLDWISE_COORDINATOR", default_value = "http://127.0.0.1:7070")]
    coordinator: String,
    #[command(flatten)]
    credentials: CredentialArguments,
    /// This worker's name, unique among the coordinator's workers [default: the host's name and a random part].
    #[arg(long, env = "FOLDWISE_WORKER_NAME")]
    name: Option<String>,
    /// What to train on; `auto` takes the GPUs if there are some.
    #[arg(long, env = "FOLDWISE_DEVICE", value_enum, default_value = "auto")]
    device: DeviceChoice,
    /// Trainers side by side [default: one per GPU, or one per core].
    #[arg(long, env = "FOLDWISE_SLOTS", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,
    /// Threads of each CPU trainer.
    #[arg(long, env = "FOLDWISE_THREADS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: u32,
    /// Seconds that cohorts under way are given to end, or to come to the end of an epoch, when the worker is stopped.
    #[arg(long, env = "FOLDWISE_GRACE_SECONDS", default_value_t = 30)]
    grace_seconds: u64,
    /// Seconds to look for the coordinator before giving up.
    #[arg(long, default_value_t = 30)]
    connect_seconds: u64,
    /// Most of the files that studies were sent with that this machine keeps, GiB; those used longest ago go first.
    #[arg(long, env = "FOLDWISE_PARCEL_GIB", value_name = "GIB", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    parcel_gib: u64,
    /// An address to answer `GET /metrics` on, such as 127.0.0.1:9470; none by default. Whoever reaches it may read it.
    #[arg(long, env = "FOLDWISE_WORKER_METRICS", value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// An OpenTelemetry collector to tell of what trains, over OTLP/gRPC, such as `http://127.0.0.1:4317`, where the coordinator
    /// has one too; headers and a CA as the `OTEL_EXPORTER_OTLP_…` variables say.
    #[arg(long, env = "FOLDWISE_TRACES", value_name = "URL")]
    traces: Option<String>,
    #[command(flatten)]
    commands: CommandArguments,
    /// How log lines are written.
    #[arg(long, env = "FOLDWISE_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
}

#[derive(Debug, clap::Args)]
struct TrainerArguments {
    #[arg(long, value_enum)]
    device: TrainerDevice,
    #[arg(long, default_value_t = 0)]
    ordinal: usize,
    #[arg(long, default_value_t = 1)]
    threads: u32,
    #[arg(long)]
    scratch: PathBuf,
    #[command(flatten)]
    commands: CommandArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DeviceChoice {
    Auto,
    Cpu,
    Cuda,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TrainerDevice {
    Cpu,
    Cuda,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

fn main() -> ExitCode {
    machine::take_name();
    let command = Arguments::parse().command;
    #[cfg(unix)]
    if matches!(command, Command::Calibrate(_)) && std::env::var_os(HUGE_PAGES.0).is_none() {
        // It trains in this process, which is to be as a trainer's. Where it cannot be replaced it goes on as it is.
        let _ = replaced();
    }
    let ended = match command {
        Command::Agent(arguments) => run_agent(arguments),
        Command::Calibrate(arguments) => match calibrate_command::run(&arguments) {
            Err(Failure::Interrupted(message)) => {
                eprintln!("{message}");
                return ExitCode::from(INTERRUPTED);
            }
            Err(Failure::Error(message)) => Err(message),
            Ok(()) => Ok(()),
        },
        Command::Trainer(arguments) => run_trainer(arguments),
        Command::Keeper => {
            leave_signals_to_the_agent();
            keeper::run().map_err(|error| format!("the keeper of a command failed: {error}"))
        }
        Command::CountCuda => {
            println!("{}", if cuda::open_cuda() { tch::Cuda::device_count() } else { 0 });
            Ok(())
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Replaces this process by itself with the environment of a trainer; comes back only if that fails.
#[cfg(unix)]
fn replaced() -> Result<(), std::io::Error> {
    use std::os::unix::process::CommandExt as _;
    let mut command = machine::this_program()?;
    Err(command.args(std::env::args_os().skip(1)).env(HUGE_PAGES.0, HUGE_PAGES.1).exec())
}

fn run_trainer(arguments: TrainerArguments) -> Result<(), String> {
    let device = match arguments.device {
        TrainerDevice::Cpu => DeviceKind::Cpu,
        TrainerDevice::Cuda => DeviceKind::Cuda,
    };
    let commands = arguments.commands.rules()?;
    let TrainerArguments { ordinal, threads, scratch, .. } = arguments;
    leave_signals_to_the_agent();
    process::run(&TrainerConfig { device, ordinal, threads, scratch, commands })
        .map_err(|error| error.to_string())
}

/// Who stops a job as a whole (Slurm, systemd) signals every process in it. A trainer then trains on: the agent tells it
/// where to stop, and when the agent is gone its pipe closes. So does the keeper of a command.
fn leave_signals_to_the_agent() {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let caught = runtime.and_then(|runtime| {
        let _entered = runtime.enter();
        // What is caught once does not end this process any more, whether anybody listens or not.
        signal(SignalKind::terminate()).and(signal(SignalKind::interrupt())).map(drop)
    });
    if let Err(error) = caught {
        eprintln!("warning: signals to this process will end it: {error}");
    }
}

fn run_agent(arguments: AgentArguments) -> Result<(), String> {
    start_log(arguments.log_format);
    let slots = slot_devices(arguments.device, arguments.slots)?;
    let meters = Arc::new(Meters::new(slots.len()));
    let cache = Cache::from_environment().map_err(|error| error.to_string())?;
    let cache = cache.keeping(arguments.parcel_gib << 30);
    let commands = arguments.commands.rules()?;
    let mut config = AgentConfig {
        coordinator: arguments.coordinator,
        credentials: arguments.credentials.read().map_err(|error| error.to_string())?,
        name: arguments.name.unwrap_or_else(machine::worker_name),
        allows_commands: commands.is_some(),
        slots,
        connect_patience: Duration::from_secs(arguments.connect_seconds),
        grace: Duration::from_secs(arguments.grace_seconds),
        scratch: std::env::temp_dir(),
        jitter_seed: None,
        meters: Arc::clone(&meters),
        cache: Arc::new(cache),
        traces: Traces::default(),
    };
    // Who sets the allocator's limits by hand means them.
    let environment = std::env::var_os(HUGE_PAGES.0).is_none().then_some(HUGE_PAGES);
    let (slots, threads) = (config.slots.clone(), arguments.threads);
    let launcher = ProcessLauncher { slots, threads, commands, environment };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the agent's tasks: {error}"))?;
    runtime.block_on(async {
        if let Some(address) = arguments.metrics {
            let bound = metrics::serve(address, meters).await.map_err(|error| error.to_string())?;
            tracing::info!(address = %bound, "metrics are answered");
        }
        if let Some(collector) = &arguments.traces {
            let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
            let way = Way {
                in_clear: set("OTEL_EXPORTER_OTLP_INSECURE").is_some_and(|value| value == "true"),
                ca: set("OTEL_EXPORTER_OTLP_CERTIFICATE").map(PathBuf::from),
            };
            let told = Traces::to(collector, "foldwise-worker", &way);
            config.traces = told.map_err(|error| error.to_string())?;
        }
        let traces = config.traces.clone();
        let drain = CancellationToken::new();
        tokio::spawn(drain_on_signal(drain.clone()));
        let dial = |line: &Line, endpoint: &Endpoint| line.lazy(endpoint);
        let ended = agent::run(config, Arc::new(launcher), &dial, drain).await;
        traces.end();
        ended.map_err(|error| error.to_string())
    })
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).from_env_lossy();
    // What the library of traces says of itself: what comes of it is told by us.
    let filter = match std::env::var_os(EnvFilter::DEFAULT_ENV) {
        None => filter.add_directive("opentelemetry=off".parse().expect("a directive")),
        Some(_) => filter,
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Drains at the first signal, ends at once at one that insists.
async fn drain_on_signal(drain: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::warn!("signals cannot be caught: this worker will not hand back its work when stopped");
        return;
    };
    let mut insistence = Insistence::default();
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        match insistence.signal(Instant::now()) {
            Wish::Stop => {
                tracing::info!(
                    "stopping: what is in hand comes to its end or to a checkpoint and is handed back (again after {} s to \
                     stop at once)",
                    REPEATED_WITHIN.as_secs()
                );
                drain.cancel();
            }
            Wish::Repeated => {}
            Wish::AtOnce => std::process::exit(INTERRUPTED.into()),
        }
    }
}

fn slot_devices(choice: DeviceChoice, slots: Option<u32>) -> Result<Vec<SlotDevice>, String> {
    let gpus = if choice == DeviceChoice::Cpu { 0 } else { machine::cuda_devices() };
    if choice == DeviceChoice::Cuda && gpus == 0 {
        return Err(NO_CUDA.to_owned());
    }
    let gpu_count = usize::try_from(gpus).unwrap_or(0);
    let devices = if gpu_count > 0 {
        let count = slots.map_or(gpu_count, |slots| slots as usize);
        (0..count)
            .map(|slot| slot % gpu_count)
            .map(|ordinal| SlotDevice {
                kind: DeviceKind::Cuda,
                ordinal,
                model: format!("CUDA device {ordinal}"),
            })
            .collect()
    } else {
        let count = slots.map_or_else(machine::cores, |slots| slots as usize);
        let model = std::env::consts::ARCH.to_owned();
        vec![SlotDevice { kind: DeviceKind::Cpu, ordinal: 0, model }; count]
    };
    Ok(devices)
}
