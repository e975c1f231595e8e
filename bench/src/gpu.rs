//! Training on a GPU: cohorts beside the ways in which PyTorch keeps one busy, and what an epoch costs as a cohort grows.

use crate::Outcome;
use crate::ceilings::{self, Ceilings};
use crate::contest::{Contest, Ground, ROUNDS, Way, compare, way};
use crate::peers::{MISSING, Peers};
use crate::section::Section;
use crate::slot::{Crew, Slots, open};
use crate::workload::Workload;

/// Rows that are split into five folds; whole steps in each, which a recorded step needs.
const ROWS: usize = 16_000;
/// Processes that share the device.
const PROCESSES: usize = 4;
/// Members of the widest cohort that is tried.
const WIDTH_MAX: usize = 4096;

const WAYS: [Way; 5] = [
    way("PyTorch in turn, default layout", "default"),
    way("PyTorch in turn, channels-last, fused optimizer", "tuned"),
    way("PyTorch in turn, the same as a CUDA graph", "graph"),
    Way { members: 15, ..way("PyTorch, 15 runs by `torch.func.vmap`", "vmap") },
    Way {
        processes: PROCESSES,
        ..way("PyTorch, 4 processes side by side, channels-last, fused optimizer", "tuned")
    },
];

/// Prints the tables, or that there is no GPU.
///
/// # Errors
/// When Foldwise does not train.
pub(crate) fn table(section: &mut Section) -> Outcome<()> {
    let Ok((_, device)) = open("cuda") else {
        section.line("There is no CUDA device here.");
        return Ok(());
    };
    let ceilings = ceilings::of_gpu(device)?;
    let peers = Peers::start(PROCESSES);
    let beside = peers.as_ref().map_or(MISSING.to_owned(), |peers| peers.version.clone());
    section.line(format!(
        "One slot on one device; its ceilings, measured now: {:.0} GFLOP/s (fp32), {:.0} GFLOP/s (bf16), {:.0} GB/s, {:.1} µs an \
         operator. Beside it {beside}. Medians of {ROUNDS} alternating rounds; rows on the device.\n",
        ceilings.fp32 / 1e9,
        ceilings.bf16 / 1e9,
        ceilings.memory / 1e9,
        ceilings.call * 1e6,
    ));
    let names = ["b", "a-64-32", "a-96-48", "a-224-112", "a-cnn-10k", "a-cnn-19k", "a-cnn-51k", "a-cnn-102k"];
    let contest =
        |name| Ok(Contest { workload: Workload { rows: ROWS, ..Workload::named(name)? }, ways: &WAYS });
    let list = names.into_iter().map(contest).collect::<Outcome<Vec<_>>>()?;
    let crew = Crew { slots: 1, threads: 1, width: None, device: "cuda" };
    compare(section, &list, &Ground { crew, ceilings }, peers)?;
    section.line("");
    growth(section, &ceilings)
}

/// What an epoch costs as a cohort grows, until it does not fit.
fn growth(section: &mut Section, ceilings: &Ceilings) -> Outcome<()> {
    section.line("One cohort of study B's network as it grows:\n");
    section.table(&[
        "members:",
        "s an epoch:",
        "images/s:",
        "GFLOP/s:",
        "of the ceiling:",
        "GB/s, at least:",
        "of the ceiling:",
    ]);
    let workload = Workload::named("b-seeds")?;
    let (kind, _) = open("cuda")?;
    let mut width = 1;
    while width <= WIDTH_MAX {
        let crew = Crew { slots: 1, threads: 1, width: Some(width), device: "cuda" };
        let mut search = workload.search(kind, Some(width))?;
        search.cohorts.truncate(1);
        let mut slots = Slots::start(&workload, crew)?;
        // The first time warms up, and shows whether it fits.
        let Ok(seconds) = slots.first_cohort().and_then(|_| slots.first_cohort()) else {
            section
                .row(&[vec![width.to_string(), "does not fit".to_owned()], vec![String::new(); 5]].concat());
            return Ok(());
        };
        let (operations, bytes) = (search.operations() / seconds, search.bytes() / seconds);
        section.row(&[
            search.members().count().to_string(),
            format!("{:.3}", seconds / f64::from(workload.epochs)),
            format!("{:.0}", search.images() / seconds),
            format!("{:.0}", operations / 1e9),
            format!("{:.1} %", operations / ceilings.fp32 * 100.0),
            format!("{:.0}", bytes / 1e9),
            format!("{:.0} %", bytes / ceilings.memory * 100.0),
        ]);
        width *= 2;
    }
    Ok(())
}
