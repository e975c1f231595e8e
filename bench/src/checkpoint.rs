//! What checkpoints cost: cohorts trained with one after each epoch beside the same without.

use std::time::{Duration, Instant};

use foldwise_worker::trainer::{
    AfterEpoch, Checkpoint, Cohort, DeviceData, EpochOfMember, Observer, TrainError, Undisturbed, train,
};

use crate::cases::{Case, cases, cohort, data};
use crate::train::{FOLDS, Outcome, WIDTH, median};

/// Rounds that the two sides take in turn; the table shows medians.
const ROUNDS: usize = 5;
/// Epochs of a training, each but the last of which has a checkpoint.
const EPOCHS: u32 = 6;
/// How far apart checkpoints are when they follow the clock, s.
const INTERVAL_S: f64 = 60.0;

/// Fifteen perceptrons, fifteen small convolutional networks, and one larger one.
pub(crate) fn cost() -> Outcome<()> {
    println!("## checkpoint: cohorts with one after each epoch beside the same without\n");
    println!(
        "`cargo xtask bench checkpoint`, libtorch 2.11.0: medians of {ROUNDS} alternating rounds of {EPOCHS} \
         epochs, one thread, AdamW, batch 64. A checkpoint is taken from the device and made a file in memory.\n"
    );
    println!(
        "| case | without, s | with, s | checkpoint, ms | bytes | cost after each epoch | cost every {INTERVAL_S} s |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    tch::set_num_threads(1);
    for (name, width) in [("mlp-64-32", WIDTH), ("cnn-10k", WIDTH), ("cnn-94k", 1)] {
        for case in cases().iter().filter(|case| case.name == name) {
            row(case, width)?;
        }
    }
    println!();
    Ok(())
}

fn row(case: &Case, width: usize) -> Outcome<()> {
    // Wide cohorts need fewer rows for an epoch of about a second.
    let rows = (case.rows * 3 / (2 + width)).next_multiple_of(64);
    let case = Case { rows, ..case.clone() };
    let (data, mut cohort) = (data(rows)?, cohort(&case, width, FOLDS.min(width))?);
    cohort.members.iter_mut().for_each(|member| member.train.epochs = EPOCHS);
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
    let how = if width == 1 { "alone".to_owned() } else { format!("{width} fused") };
    println!(
        "| {}, {how} | {without:.2} | {with:.2} | {:.1} | {} | {:.2} % | {:.3} % |",
        case.name,
        checkpoint_s * 1e3,
        keeper.bytes,
        checkpoint_s / epoch_s * 100.0,
        checkpoint_s / INTERVAL_S * 100.0,
    );
    Ok(())
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

#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}
