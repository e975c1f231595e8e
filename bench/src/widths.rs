//! Throughput of one slot by the number of runs that it trains together.

use std::time::Instant;

use foldwise_study::spec::DeviceKind;
use foldwise_worker::trainer::{
    AfterEpoch, Checkpoint, Cohort, DeviceData, EpochOfMember, Observer, TrainError, train,
};
use tch::Device;

use crate::machine::{cores, now};
use crate::rounds::median;
use crate::section::Section;
use crate::workload::Workload;
use crate::{Outcome, rows};

/// Rounds of each width; the table shows medians.
const ROUNDS: usize = 3;
/// Runs of a cohort.
const WIDTHS: [usize; 4] = [1, 5, 10, 15];
/// The searches whose runs are fused.
const NAMES: [&str; 6] = ["a-64-32", "a-96-48", "a-224-112", "a-cnn-10k", "a-cnn-102k", "b"];

/// Prints a table with a line for each search and number of threads.
///
/// # Errors
/// When a cohort does not train.
pub(crate) fn table(section: &mut Section) -> Outcome<()> {
    section.line(format!(
        "Images per second of a cohort in one slot, medians of {ROUNDS} rounds; five folds, so that every member sees rows of its \
         own.\n"
    ));
    let mut columns =
        vec!["search".to_owned(), "multiply-accumulates/row:".to_owned(), "threads:".to_owned()];
    columns.extend(WIDTHS.iter().map(|width| format!("{width}:")));
    columns.push("15 fused ÷ 1 alone:".to_owned());
    section.table(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for threads in [1, cores()] {
        tch::set_num_threads(i32::try_from(threads)?);
        for name in NAMES {
            section.row(&line(&Workload::named(name)?, threads)?);
        }
    }
    tch::set_num_threads(1);
    Ok(())
}

fn line(workload: &Workload, threads: usize) -> Outcome<Vec<String>> {
    let search = workload.search(DeviceKind::Cpu, None)?;
    let data = rows::random(workload.rows, search.normalize.as_ref(), search.raw, Device::Cpu)?;
    let mut rates = Vec::new();
    for width in WIDTHS {
        let search = workload.search(DeviceKind::Cpu, Some(width))?;
        let cohort = search.cohorts.first().ok_or("a plan without cohorts")?;
        let mut rounds =
            (0..ROUNDS).map(|_| images_per_s(&data, cohort, width)).collect::<Outcome<Vec<f64>>>()?;
        rates.push(median(&mut rounds));
    }
    let network = &search.cohorts[0].members[0].network;
    let mut cells =
        vec![workload.label.to_owned(), network.multiply_accumulates().to_string(), threads.to_string()];
    cells.extend(rates.iter().map(|rate| format!("{rate:.0}")));
    cells.push(format!("{:.2}", rates[WIDTHS.len() - 1] / rates[0]));
    Ok(cells)
}

/// Images per second of a cohort's last epoch; the first warms up. Wide cohorts train on fewer rows, so that all take about
/// as long.
fn images_per_s(data: &DeviceData, cohort: &Cohort, width: usize) -> Outcome<f64> {
    let mut cohort = cohort.clone();
    for member in &mut cohort.members {
        let rows =
            (member.train_rows.len() * 3 / (2 + width)).next_multiple_of(64).min(member.train_rows.len());
        member.train_rows.truncate(rows);
        member.train.epochs = 2;
    }
    let images = cohort.members.iter().map(|member| member.train_rows.len()).sum::<usize>() as f64;
    let mut ends = Ends(Vec::new());
    train(data, &cohort, None, &mut ends)?;
    let &[first, last] = ends.0.as_slice() else { return Err("the cohort did not train two epochs".into()) };
    Ok(images / last.duration_since(first).as_secs_f64())
}

/// When the epochs of a cohort ended.
struct Ends(Vec<Instant>);

impl Observer for Ends {
    fn epoch(&mut self, epoch: EpochOfMember) {
        if epoch.member == 0 {
            self.0.push(now());
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
