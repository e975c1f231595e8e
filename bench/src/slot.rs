//! One slot of the machine under measurement: a process that holds the rows and trains the cohorts it is told to, as a
//! worker's trainer does.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use foldwise_study::spec::DeviceKind;
use foldwise_worker::agent::HUGE_PAGES;
use foldwise_worker::cuda;
use foldwise_worker::trainer::{Undisturbed, train};
use tch::Device;

use crate::machine::now;
use crate::workload::Workload;
use crate::{Outcome, rows};

/// The hidden command of this process's other half: `slot WORKLOAD ROWS EPOCHS WIDTH THREADS DEVICE`.
pub(crate) const PART: &str = "slot";

/// Trains the cohorts whose numbers come over the standard input, and answers each with a line.
pub(crate) fn serve(arguments: &[String]) -> Outcome<()> {
    let [name, rows, epochs, width, threads, device] = arguments else {
        return Err("a slot is started by a benchmark".into());
    };
    let (kind, device) = open(device)?;
    tch::set_num_threads(threads.parse()?);
    let workload = Workload { rows: rows.parse()?, epochs: epochs.parse()?, ..Workload::named(name)? };
    let width: usize = width.parse()?;
    let search = workload.search(kind, (width > 0).then_some(width))?;
    let data = rows::random(workload.rows, search.normalize.as_ref(), search.raw, device)?;
    println!("{}", search.cohorts.len());
    for line in std::io::stdin().lines() {
        let cohort = search.cohorts.get(line?.parse::<usize>()?).ok_or("no such cohort")?;
        train(&data, cohort, None, &mut Undisturbed)?;
        println!("trained");
    }
    Ok(())
}

/// The device of this name, `cpu` or `cuda`.
pub(crate) fn open(name: &str) -> Outcome<(DeviceKind, Device)> {
    match name {
        "cpu" => Ok((DeviceKind::Cpu, Device::Cpu)),
        "cuda" if cuda::open_cuda() => Ok((DeviceKind::Cuda, Device::Cuda(0))),
        "cuda" => Err("no CUDA device here".into()),
        other => Err(format!("{other:?} is no device: `cpu` or `cuda`").into()),
    }
}

/// The slots of a machine, which share a search's cohorts.
#[derive(Debug)]
pub(crate) struct Slots(Vec<Slot>);

#[derive(Debug)]
struct Slot {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    cohorts: usize,
}

/// How slots are started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crew {
    /// Slots side by side.
    pub(crate) slots: usize,
    /// Threads of each.
    pub(crate) threads: usize,
    /// Members of a cohort, in place of what the profile says.
    pub(crate) width: Option<usize>,
    /// `cpu` or `cuda`.
    pub(crate) device: &'static str,
}

impl Slots {
    /// Starts slots that hold a workload's rows.
    ///
    /// # Errors
    /// When a process cannot be started or does not come up.
    pub(crate) fn start(workload: &Workload, crew: Crew) -> Outcome<Self> {
        (0..crew.slots).map(|_| Slot::start(workload, crew)).collect::<Outcome<Vec<_>>>().map(Self)
    }

    /// Seconds of the whole search, its cohorts dealt to whichever slot is free.
    pub(crate) fn search(&mut self) -> Outcome<f64> {
        let next = AtomicUsize::new(0);
        let start = now();
        let worked: Vec<Result<(), String>> = std::thread::scope(|scope| {
            let workers: Vec<_> = self.0.iter_mut().map(|slot| scope.spawn(|| slot.work(&next))).collect();
            let ended = workers.into_iter().map(|worker| worker.join());
            ended.map(|ended| ended.unwrap_or_else(|_| Err("a slot's thread panicked".to_owned()))).collect()
        });
        let seconds = start.elapsed().as_secs_f64();
        worked.into_iter().collect::<Result<(), String>>()?;
        Ok(seconds)
    }

    /// Seconds of the first cohort, in the first slot.
    ///
    /// # Errors
    /// When it does not train; its error is on the standard error output.
    pub(crate) fn first_cohort(&mut self) -> Outcome<f64> {
        let start = now();
        self.0.first_mut().ok_or("a crew without slots")?.train(0)?;
        Ok(start.elapsed().as_secs_f64())
    }
}

impl Slot {
    fn start(workload: &Workload, crew: Crew) -> Outcome<Self> {
        let numbers = [workload.rows, workload.epochs as usize, crew.width.unwrap_or(0), crew.threads];
        let mut child = Command::new(std::env::current_exe()?)
            .args([PART, workload.name])
            .env(HUGE_PAGES.0, HUGE_PAGES.1)
            .args(numbers.map(|number| number.to_string()))
            .arg(crew.device)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no pipe to the slot")?;
        let mut answers = BufReader::new(child.stdout.take().ok_or("no pipe from the slot")?);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let cohorts =
            line.trim().parse().map_err(|_| format!("the slot of {} did not come up", workload.name))?;
        Ok(Self { child, orders, answers, cohorts })
    }

    fn work(&mut self, next: &AtomicUsize) -> Result<(), String> {
        loop {
            let cohort = next.fetch_add(1, Ordering::Relaxed);
            if cohort >= self.cohorts {
                return Ok(());
            }
            self.train(cohort).map_err(|error| error.to_string())?;
        }
    }

    fn train(&mut self, cohort: usize) -> Outcome<()> {
        writeln!(self.orders, "{cohort}")?;
        self.orders.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if answer.trim() == "trained" { Ok(()) } else { Err("a slot ended early; its error is above".into()) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // It ends by itself when its input does; nothing that it still computes is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
