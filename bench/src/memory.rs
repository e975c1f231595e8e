//! What a cohort takes beside what plans reckon that it takes.

use std::process::Command;

use foldwise_study::plan::cohort_bytes;
use foldwise_study::spec::DeviceKind;
use foldwise_worker::agent::HUGE_PAGES;
use foldwise_worker::trainer::{Undisturbed, train};
use tch::Device;

use crate::section::Section;
use crate::workload::Workload;
use crate::{Outcome, rows};

/// The hidden command of this process's other half: `cohort-memory WORKLOAD WIDTH`.
pub(crate) const PART: &str = "cohort-memory";
/// Runs of a cohort.
const WIDTHS: [usize; 3] = [1, 5, 15];
/// The searches whose cohorts are trained, each with its own batch size.
const NAMES: [&str; 9] =
    ["a-64-32", "a-224-112", "a-cnn-10k", "a-cnn-102k", "b", "b-bf16", "d-batch-10", "e-softmax", "e-lenet"];

/// Prints a table with a line for each search and width, each measured in a process of its own.
///
/// # Errors
/// When a cohort does not train, or this system does not tell how much memory a process has.
pub(crate) fn estimates(section: &mut Section) -> Outcome<()> {
    section.line(
        "The peak of the process over what it held before the cohort, of one epoch of steps and one evaluation, beside what plans \
         reckon with where memory is short. Rows are not in either.\n",
    );
    section.table(&["search", "batch:", "runs:", "takes, MiB:", "reckoned, MiB:", "reckoned ÷ taken:"]);
    for name in NAMES {
        for width in WIDTHS {
            let workload = Workload::named(name)?;
            let search = workload.search(DeviceKind::Cpu, Some(width))?;
            let cohort = search.cohorts.first().ok_or("a plan without cohorts")?;
            let (runs, batch) = (cohort.members.len(), cohort.members[0].train.batch_size);
            if runs < width {
                continue;
            }
            let (taken, reckoned) = (taken(name, width)?, mebibytes(cohort_bytes(&search.facts, runs)));
            section.row(&[
                workload.label.to_owned(),
                batch.to_string(),
                runs.to_string(),
                format!("{taken:.1}"),
                format!("{reckoned:.1}"),
                format!("{:.2}", reckoned / taken),
            ]);
        }
    }
    Ok(())
}

/// What a new process measures, MiB.
fn taken(name: &str, width: usize) -> Outcome<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([PART, name, &width.to_string()]).env(HUGE_PAGES.0, HUGE_PAGES.1);
    let answered = command.output()?;
    let said = String::from_utf8_lossy(&answered.stdout);
    let bytes: u64 = said.trim().parse().map_err(|_| format!("{name}: no answer: {said}"))?;
    Ok(mebibytes(bytes))
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Trains a cohort and says how many bytes it took at its peak.
pub(crate) fn part(arguments: &[String]) -> Outcome<()> {
    let [name, width] = arguments else { return Err("is started by a benchmark".into()) };
    tch::set_num_threads(1);
    let workload = Workload { epochs: 1, ..Workload::named(name)? };
    let search = workload.search(DeviceKind::Cpu, Some(width.parse()?))?;
    let data = rows::random(workload.rows, search.normalize.as_ref(), search.raw, Device::Cpu)?;
    let mut cohort = search.cohorts.into_iter().next().ok_or("a plan without cohorts")?;
    cohort.measure.resources = true;
    for member in &mut cohort.members {
        // An evaluation keeps less than a step, of more rows.
        member.validation_rows = member.train_rows.clone();
    }
    let outcomes = train(&data, &cohort, None, &mut Undisturbed)?;
    let resources =
        outcomes.first().and_then(|outcome| outcome.outcome.measurements.as_ref()?.resources.as_ref());
    let bytes = resources.and_then(|resources| resources.train_bytes);
    println!("{}", bytes.ok_or("this system does not say how much memory a process has")?);
    Ok(())
}
