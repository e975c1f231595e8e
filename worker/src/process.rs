//! A trainer process: owns one device, takes cohorts over its standard input, answers over its standard output.
//!
//! It lives between cohorts so that data and device stay warm, and ends when its agent's end of the pipe closes.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use foldwise_data::Cache;
use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::trainer_order::Order;
use foldwise_proto::v1::{self as proto};
use foldwise_study::spec::DeviceKind;

use crate::command::CommandRules;
use crate::{cuda, pipe};

mod dataset;
mod export;
mod files;
mod job;
mod last;
mod outcome;
mod own;
mod stop;
mod study;
mod teller;

use stop::StopSignal;

/// How a trainer process is started.
#[derive(Debug, Clone)]
pub struct TrainerConfig {
    /// The kind of device.
    pub device: DeviceKind,
    /// Which of several GPUs.
    pub ordinal: usize,
    /// Threads of a CPU trainer.
    pub threads: u32,
    /// Where files for the agent go.
    pub scratch: PathBuf,
    /// What commands of studies' own are allowed; none are without.
    pub commands: Option<CommandRules>,
}

/// Why a trainer process ends by itself.
#[derive(Debug, thiserror::Error)]
pub enum TrainerError {
    /// The pipe to the agent broke.
    #[error("the pipe between agent and trainer broke: {0}")]
    Pipe(#[from] io::Error),
    /// No GPU.
    #[error("this machine has no usable CUDA device {0}: start the worker with --device cpu")]
    NoCuda(usize),
    /// No cache folder.
    #[error(transparent)]
    Data(#[from] foldwise_data::DataError),
}

/// Trains what comes until the agent closes the pipe.
///
/// # Errors
/// When the device is not there or the pipe breaks.
pub fn run(config: &TrainerConfig) -> Result<(), TrainerError> {
    let device = open_device(config)?;
    let stop = Arc::new(StopSignal::default());
    let orders = read_orders(Arc::clone(&stop));
    let mut output = io::stdout().lock();
    send(&mut output, Event::Ready(ready(config)))?;
    // The folder of the whole agent.
    let shared = config.scratch.parent().unwrap_or(&config.scratch).to_owned();
    let mut datasets = dataset::Datasets::new(Cache::from_environment()?, device, shared);
    let mut commands = own::Commands::default();
    let mut studies = study::Studies::default();
    while let Ok(order) = orders.recv() {
        let parts = (&mut studies, &mut datasets, &mut commands);
        let event = job::train(&order, parts, (config, &stop), &mut |event| {
            // A broken pipe means that the agent is gone, and the next message says so.
            let _ = send(&mut output, event);
        });
        send(&mut output, event)?;
        stop.clear();
    }
    Ok(())
}

fn open_device(config: &TrainerConfig) -> Result<tch::Device, TrainerError> {
    let threads = i32::try_from(config.threads).unwrap_or(1).max(1);
    match config.device {
        DeviceKind::Cpu => {
            tch::set_num_threads(threads);
            Ok(tch::Device::Cpu)
        }
        DeviceKind::Cuda => {
            let there = cuda::open_cuda()
                && usize::try_from(tch::Cuda::device_count()).is_ok_and(|count| config.ordinal < count);
            tch::set_num_threads(threads);
            if there {
                Ok(tch::Device::Cuda(config.ordinal))
            } else {
                Err(TrainerError::NoCuda(config.ordinal))
            }
        }
    }
}

fn ready(config: &TrainerConfig) -> proto::Ready {
    let device_model = match config.device {
        DeviceKind::Cpu => format!("{} with {} thread(s)", std::env::consts::ARCH, config.threads),
        DeviceKind::Cuda => format!("CUDA device {}", config.ordinal),
    };
    proto::Ready { torch_version: crate::TORCH_VERSION.to_owned(), device_model }
}

/// Reads orders beside the training, so that a stop is seen at once and the agent's end ends this process too.
fn read_orders(stop: Arc<StopSignal>) -> mpsc::Receiver<proto::Train> {
    let (sender, orders) = mpsc::channel();
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            match pipe::read::<proto::TrainerOrder>(&mut input) {
                Ok(Some(proto::TrainerOrder { order: Some(Order::Train(train)) })) => {
                    if sender.send(train).is_err() {
                        return;
                    }
                }
                Ok(Some(proto::TrainerOrder { order: Some(Order::Stop(order)) })) => {
                    stop.raise(order.keep_checkpoint);
                }
                Ok(Some(proto::TrainerOrder { order: None })) => {}
                // Nobody is left to train for.
                Ok(None) | Err(_) => std::process::exit(0),
            }
        }
    });
    orders
}

fn send(output: &mut impl Write, event: Event) -> io::Result<()> {
    pipe::write(output, &proto::TrainerEvent { event: Some(event) })
}
