//! Training throughput: beside PyTorch, fused beside in turn, and by the width of a cohort.

use std::time::Instant;

use foldwise_worker::trainer::{AfterEpoch, Checkpoint, EpochOfMember, Observer, TrainError, train};

use crate::cases::{Case, cases, cohort, data};
use crate::python::{Python, VARIABLE};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Rounds that the two sides of a row take in turn; the table shows medians.
const ROUNDS: usize = 3;
/// Rounds of the sweep over widths.
const SWEEP_ROUNDS: usize = 3;
/// Runs of the fused case: five folds of three learning rates.
pub(crate) const WIDTH: usize = 15;
pub(crate) const FOLDS: usize = 5;

/// Foldwise beside PyTorch: one run alone, and fifteen fused.
pub(crate) fn pytorch() -> Outcome<()> {
    let Some(mut python) = Python::start() else {
        println!(
            "PyTorch was skipped: `pip install torch==2.11.0` and set {VARIABLE} to that Python to compare\n"
        );
        return Ok(());
    };
    heading("pytorch");
    println!("beside {}, `bench/python/train.py`\n", python.version);
    table();
    for threads in [1, 2] {
        tch::set_num_threads(threads);
        for (name, width) in [("mlp-64-32", 1), ("mlp-64-32", WIDTH), ("cnn-94k", 1)] {
            for case in cases().iter().filter(|case| case.name == name) {
                for layout in ["default", "tuned"] {
                    beside_python(case, width, layout, threads, &mut python)?;
                }
            }
        }
    }
    println!();
    Ok(())
}

/// Fifteen runs fused beside the same in turn.
pub(crate) fn together() -> Outcome<()> {
    heading("fused");
    table();
    for threads in [1, 2] {
        tch::set_num_threads(threads);
        for case in cases() {
            for (folds, rows_seen) in [(FOLDS, "five folds"), (1, "the same rows")] {
                fused(&case, threads, folds, rows_seen)?;
            }
        }
    }
    println!();
    Ok(())
}

fn heading(name: &str) {
    println!("## {name}: images per second, medians of {ROUNDS} alternating rounds, batch 64\n");
    println!("`cargo xtask bench {name}`, libtorch 2.11.0\n");
}

fn table() {
    println!("| case | threads | Foldwise | beside it | | ratio |\n|---|--:|--:|---|--:|--:|");
}

/// A cohort beside the same runs in turn in PyTorch, which have the throughput of one run.
fn beside_python(case: &Case, width: usize, layout: &str, threads: i32, python: &mut Python) -> Outcome<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(images_per_s(case, width, FOLDS.min(width))?);
        theirs.push(case.rows as f64 / python.epoch(case.name, layout, threads, case.rows)?);
    }
    let (how, turn) = if width == 1 {
        ("alone".to_owned(), "")
    } else {
        (format!("{width} fused, five folds"), " in turn")
    };
    row(
        &format!("{}, {how}", case.name),
        threads,
        &mut ours,
        &format!("PyTorch{turn}, {layout}"),
        &mut theirs,
    );
    Ok(())
}

/// Runs in turn have the throughput of one run, so one run is measured.
fn fused(case: &Case, threads: i32, folds: usize, rows_seen: &str) -> Outcome<()> {
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        together.push(images_per_s(case, WIDTH, folds)?);
        alone.push(images_per_s(case, 1, 1)?);
    }
    row(&format!("{}, {WIDTH} fused, {rows_seen}", case.name), threads, &mut together, "in turn", &mut alone);
    Ok(())
}

/// Images per second by width.
pub(crate) fn sweep() -> Outcome<()> {
    println!(
        "## widths: images per second of a cohort, medians of {SWEEP_ROUNDS} rounds, five folds, batch 64\n"
    );
    println!("`cargo xtask bench widths`, libtorch 2.11.0\n");
    println!(
        "| case | multiply-accumulates/row | threads | 1 | 5 | 10 | 15 | 20 |\n|---|--:|--:|--:|--:|--:|--:|--:|"
    );
    for threads in [1, 2] {
        tch::set_num_threads(threads);
        for case in cases() {
            let work = cohort(&case, 1, 1)?.members[0].network.multiply_accumulates();
            print!("| {} | {work} | {threads} |", case.name);
            for width in [1, 5, 10, 15, 20] {
                let rounds: Outcome<Vec<f64>> =
                    (0..SWEEP_ROUNDS).map(|_| images_per_s(&case, width, FOLDS.min(width))).collect();
                print!(" {:.0} |", median(&mut rounds?));
            }
            println!();
        }
    }
    println!();
    Ok(())
}

/// Images that a cohort trains on in a second, all members counted, after an epoch to warm up.
fn images_per_s(case: &Case, width: usize, folds: usize) -> Outcome<f64> {
    // Wide cohorts need fewer rows for an epoch of about a second.
    let rows = (case.rows * 3 / (2 + width)).next_multiple_of(64);
    let case = Case { rows, ..case.clone() };
    let (data, cohort) = (data(rows)?, cohort(&case, width, folds)?);
    let mut ends = Ends(Vec::new());
    train(&data, &cohort, None, &mut ends)?;
    let &[first, last] = ends.0.as_slice() else { return Err("the cohort did not train two epochs".into()) };
    Ok((rows * width) as f64 / last.duration_since(first).as_secs_f64())
}

/// When the epochs of a cohort ended.
struct Ends(Vec<Instant>);

impl Observer for Ends {
    #[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    fn epoch(&mut self, epoch: EpochOfMember) {
        if epoch.member == 0 {
            self.0.push(Instant::now());
        }
    }

    fn should_stop(&self) -> bool {
        false
    }

    fn after_epoch(&mut self, _: u32) -> AfterEpoch {
        AfterEpoch::Continue
    }

    fn keep(&mut self, _: Checkpoint) -> Result<(), TrainError> {
        Ok(())
    }
}

fn row(case: &str, threads: i32, ours: &mut [f64], other: &str, theirs: &mut [f64]) {
    let (ours, theirs) = (median(ours), median(theirs));
    println!("| {case} | {threads} | {ours:.0} | {other} | {theirs:.0} | {:.2} |", ours / theirs);
}

/// The middle value, the upper of two.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
