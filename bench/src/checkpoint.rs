//! What checkpoints cost: cohorts trained with one after each epoch beside the same without.

use std::time::{Duration, Instant};

use foldwise_worker::trainer::{
    AfterEpoch, Checkpoint, Cohort, DeviceData, EpochOfMember, Observer, TrainError, Undisturbed, train,
};

use foldwise_study::spec::DeviceKind;
use tch::Device;

use crate::machine::now;
use crate::rounds::median;
use crate::section::Section;
use crate::workload::Workload;
use crate::{Outcome, rows};

/// Rounds that the two sides take in turn; the table shows medians.
const ROUNDS: usize = 5;
/// Epochs of a training, each but the last of which has a checkpoint.
const EPOCHS: u32 = 6;
/// How far apart checkpoints are when they follow the clock, s.
const INTERVAL_S: f64 = 60.0;

/// Fifteen perceptrons, fifteen small convolutional networks, and one larger one.
///
/// # Errors
/// When a cohort does not train.
pub(crate) fn cost(section: &mut Section) -> Outcome<()> {
    section.line(format!(
        "Medians of {ROUNDS} alternating rounds of {EPOCHS} epochs, one thread. A checkpoint is taken from the device and made a \
         file in memory; writing it to a disk is not in its milliseconds.\n"
    ));
    section.table(&[
        "search",
        "runs:",
        "without, s:",
        "with, s:",
        "checkpoint, ms:",
        "bytes:",
        "cost after each epoch:",
        &format!("cost every {INTERVAL_S} s:"),
    ]);
    tch::set_num_threads(1);
    for (name, width) in [("a-64-32", 15), ("a-cnn-10k", 15), ("b", 1)] {
        section.row(&row(&Workload::named(name)?, width)?);
    }
    Ok(())
}

fn row(workload: &Workload, width: usize) -> Outcome<Vec<String>> {
    let search = workload.search(DeviceKind::Cpu, Some(width))?;
    let data = rows::random(workload.rows, search.normalize.as_ref(), search.raw, Device::Cpu)?;
    let mut cohort = search.cohorts.into_iter().next().ok_or("a plan without cohorts")?;
    for member in &mut cohort.members {
        // Wide cohorts need fewer rows for an epoch of a fraction of a second.
        let rows =
            (member.train_rows.len() * 3 / (2 + width)).next_multiple_of(64).min(member.train_rows.len());
        member.train_rows.truncate(rows);
        member.train.epochs = EPOCHS;
    }
    // To warm up.
    seconds(&data, &cohort, &mut Undisturbed)?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    let mut keeper = Keeper::default();
    for _ in 0..ROUNDS {
        without.push(seconds(&data, &cohort, &mut Undisturbed)?);
        with.push(seconds(&data, &cohort, &mut keeper)?);
    }
    let (without, with) = (median(&mut without), median(&mut with));
    let checkpoint_s = median(&mut keeper.seconds);
    let epoch_s = without / f64::from(EPOCHS);
    Ok(vec![
        workload.label.to_owned(),
        width.to_string(),
        format!("{without:.2}"),
        format!("{with:.2}"),
        format!("{:.1}", checkpoint_s * 1e3),
        keeper.bytes.to_string(),
        format!("{:.2} %", checkpoint_s / epoch_s * 100.0),
        format!("{:.3} %", checkpoint_s / INTERVAL_S * 100.0),
    ])
}

/// Wall time of a training, s.
fn seconds(data: &DeviceData, cohort: &Cohort, observer: &mut dyn Observer) -> Result<f64, TrainError> {
    let start = now();
    train(data, cohort, None, observer)?;
    Ok(start.elapsed().as_secs_f64())
}

/// Takes a checkpoint after each epoch and measures it, from being asked to having its bytes.
#[derive(Default)]
struct Keeper {
    asked: Option<Instant>,
    seconds: Vec<f64>,
    bytes: usize,
}

impl Observer for Keeper {
    fn epoch(&mut self, _: EpochOfMember) {}

    fn should_stop(&self) -> bool {
        false
    }

    fn after_epoch(&mut self, _: u32) -> AfterEpoch {
        self.asked = Some(now());
        AfterEpoch::Checkpoint
    }

    fn keep(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        self.bytes = checkpoint.to_bytes()?.len();
        let took = self.asked.take().as_ref().map(Instant::elapsed).unwrap_or_default();
        self.seconds.push(Duration::as_secs_f64(&took));
        Ok(())
    }
}
