//! `foldwise-worker calibrate`: measures this machine's device and writes its profile.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use foldwise_study::plan::DeviceProfile;
use foldwise_study::spec::DeviceKind;
use foldwise_worker::calibrate::{self, Calibration, CalibrationError, Watcher};
use foldwise_worker::{cuda, machine};
use tokio_util::sync::CancellationToken;

use crate::DeviceChoice;

/// Memory that a cohort may take of a GPU, whose size nobody here is told, MiB.
const CUDA_MEMORY_MIB: u64 = 8192;
/// The least memory that a cohort is given, MiB.
const MEMORY_MIB_MIN: u64 = 256;

#[derive(Debug, clap::Args)]
pub(crate) struct CalibrateArguments {
    /// What the profile is called, in study files too.
    #[arg(long, default_value = "calibrated")]
    name: String,
    /// What to measure; `auto` takes a GPU if there is one.
    #[arg(long, env = "FOLDWISE_DEVICE", value_enum, default_value = "auto")]
    device: DeviceChoice,
    /// Which of several GPUs to measure.
    #[arg(long, default_value_t = 0)]
    ordinal: usize,
    /// Threads of each CPU slot that is planned for.
    #[arg(long, env = "FOLDWISE_THREADS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: u32,
    /// Slots that will train one study side by side, on all workers together [default: this machine's].
    #[arg(long, env = "FOLDWISE_SLOTS", value_parser = clap::value_parser!(u32).range(1..=4096))]
    slots: Option<u32>,
    /// Memory that one cohort may take, MiB [default: an equal share of half this machine's; 8192 of a GPU's].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=16_777_216))]
    memory_mib: Option<u64>,
    /// Time to measure for, about; less makes rougher numbers.
    #[arg(long, value_name = "SECONDS", default_value_t = 150, value_parser = clap::value_parser!(u64).range(5..=86_400))]
    seconds: u64,
    /// Where to write the profile [default: the name with the ending .toml, here].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over a file that is there already.
    #[arg(long)]
    overwrite: bool,
}

/// Why there is no new profile.
pub(crate) enum Failure {
    /// A person stopped it.
    Interrupted(String),
    /// Anything else.
    Error(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Error(message)
    }
}

/// Measures, writes the file and prints what was found.
pub(crate) fn run(arguments: &CalibrateArguments) -> Result<(), Failure> {
    let path = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}.toml", arguments.name)));
    if path.exists() && !arguments.overwrite {
        let path = path.display();
        return Err(
            format!("{path} is there already: name another file with --out, or say --overwrite").into()
        );
    }
    let calibration = calibration(arguments)?;
    // Before minutes are spent on it.
    check_name(&calibration)?;
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    let progress = Progress::start(stop, calibration.time);
    let measured = calibration.measure(&progress);
    progress.clear();
    let profile = measured.map_err(|error| match error {
        CalibrationError::Interrupted => Failure::Interrupted(error.to_string()),
        CalibrationError::Training { .. } => Failure::Error(error.to_string()),
    })?;
    let text = profile.to_toml(&calibration.notes());
    write(&path, &text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("{}\nwrote {} (profile `{}`)", calibrate::table(&profile), path.display(), profile.name);
    Ok(())
}

fn calibration(arguments: &CalibrateArguments) -> Result<Calibration, String> {
    let gpu = arguments.device != DeviceChoice::Cpu && cuda::open_cuda();
    if arguments.device == DeviceChoice::Cuda && !gpu {
        return Err(crate::NO_CUDA.to_owned());
    }
    let gpus = if gpu { usize::try_from(tch::Cuda::device_count()).unwrap_or(0) } else { 0 };
    if gpu && arguments.ordinal >= gpus {
        return Err(format!(
            "there is no GPU {}, only {gpus}: choose --ordinal below that",
            arguments.ordinal
        ));
    }
    let here = if gpu { gpus } else { (machine::cores() / arguments.threads as usize).max(1) };
    let slots = arguments.slots.unwrap_or_else(|| u32::try_from(here).unwrap_or(1));
    let share = || {
        let half = machine::memory_bytes().unwrap_or(0) / 2 / (1 << 20);
        (half / here as u64).max(MEMORY_MIB_MIN)
    };
    Ok(Calibration {
        name: arguments.name.clone(),
        kind: if gpu { DeviceKind::Cuda } else { DeviceKind::Cpu },
        ordinal: arguments.ordinal,
        threads: arguments.threads,
        slots,
        memory_mib: arguments.memory_mib.unwrap_or_else(|| if gpu { CUDA_MEMORY_MIB } else { share() }),
        time: Duration::from_secs(arguments.seconds),
    })
}

/// What is written must be read again, whatever it is called.
fn check_name(calibration: &Calibration) -> Result<(), String> {
    let Calibration { name, kind, .. } = calibration;
    let empty = DeviceProfile { name: name.clone(), points: Vec::new(), ..DeviceProfile::shipped(*kind) };
    let checked = DeviceProfile::read(&empty.to_toml(""));
    checked.map(drop).map_err(|problems| format!("--name {name:?} cannot be a profile's name: {problems}"))
}

/// Writes a whole file or none.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A profile is for others to read; a temporary file is not.
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Stops at the first signal, ends at once at the second.
fn stop_on_signal(stop: CancellationToken) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot listen for signals: {error}"))?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut terminate), Ok(mut interrupt)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
            else {
                return;
            };
            for again in [false, true] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if again {
                    std::process::exit(130);
                }
                stop.cancel();
            }
        });
    });
    Ok(())
}

/// How far it is: a line that is written over on a terminal, a line per point elsewhere.
struct Progress {
    stop: CancellationToken,
    started: Instant,
    expected: Duration,
    terminal: bool,
    shown: Cell<bool>,
}

impl Progress {
    fn start(stop: CancellationToken, expected: Duration) -> Self {
        let terminal = io::stderr().is_terminal();
        eprintln!("measuring for about {} (Ctrl-C stops and writes nothing)", minutes(expected));
        Self { stop, started: now(), expected, terminal, shown: Cell::new(false) }
    }

    /// What is left: by the expected time at first, by the pace so far later.
    fn left(&self, number: usize, count: usize) -> Duration {
        let share = number as f64 / count as f64;
        let elapsed = now().duration_since(self.started);
        let whole = if number == 0 { self.expected } else { elapsed.div_f64(share) };
        whole.saturating_sub(elapsed)
    }

    fn clear(&self) {
        if self.terminal && self.shown.get() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Watcher for Progress {
    fn point(&self, number: usize, count: usize, what: &str) {
        let line = format!("[{}/{count}] {what}, {} left", number + 1, minutes(self.left(number, count)));
        self.clear();
        if self.terminal {
            eprint!("{line}");
            self.shown.set(true);
        } else {
            eprintln!("{line}");
        }
    }

    fn should_stop(&self) -> bool {
        self.stop.is_cancelled()
    }
}

#[allow(clippy::disallowed_methods, reason = "an estimate of what is left needs the time")]
fn now() -> Instant {
    Instant::now()
}

fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
