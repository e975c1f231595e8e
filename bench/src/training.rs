//! Training throughput of whole searches on processors: this machine's slots beside PyTorch with the whole machine.

use crate::Outcome;
use crate::ceilings;
use crate::contest::{Contest, Ground, ROUNDS, Way, compare, way};
use crate::machine::cores;
use crate::peers::{MISSING, Peers};
use crate::section::Section;
use crate::slot::Crew;
use crate::workload::Workload;

const DEFAULT: Way = way("PyTorch in turn, default layout", "default");
const TUNED: Way = way("PyTorch in turn, channels-last, fused optimizer", "tuned");
const TUNED_TWICE: Way = Way {
    processes: 2,
    ..way("PyTorch, two processes of one thread, channels-last, fused optimizer", "tuned")
};
const COMPILED: Way = way("PyTorch in turn, the same with `torch.compile`", "compiled");
const LOADER: Way = way("PyTorch in turn, DataLoader", "loader");
const LOADER_2: Way = Way { workers: 2, ..way("PyTorch in turn, DataLoader with 2 workers", "loader") };
const BF16: Way =
    Way { precision: "bf16", ..way("PyTorch in turn, channels-last, fused optimizer, autocast", "tuned") };
const BF16_TWICE: Way = Way {
    processes: 2,
    precision: "bf16",
    ..way("PyTorch, two processes of one thread, the same with autocast", "tuned")
};

/// Fully connected networks, fused; two convolutional ones.
///
/// # Errors
/// When Foldwise does not train.
pub(crate) fn study_a(section: &mut Section) -> Outcome<()> {
    let ways: &[Way] = &[DEFAULT, TUNED];
    let names = ["a-64-32", "a-96-48", "a-224-112", "a-cnn-10k", "a-cnn-102k"];
    contests(section, &names.map(|name| (name, ways))).map(drop)
}

/// The compact convolutional network: as it is, augmented, in bf16.
///
/// # Errors
/// When Foldwise does not train.
pub(crate) fn study_b(section: &mut Section) -> Outcome<()> {
    let augmented: &[Way] = &[Way { augment: true, ..LOADER }, Way { augment: true, ..LOADER_2 }];
    let rates = contests(
        section,
        &[
            ("b", &[DEFAULT, TUNED, TUNED_TWICE, COMPILED, LOADER, LOADER_2]),
            ("b-augmented", augmented),
            ("b-bf16", &[BF16, BF16_TWICE]),
        ],
    )?;
    section.line("");
    section.line(format!(
        "Augmentation costs {:.1} % of the throughput; bf16 gives {:.2} × that of fp32 (what it costs in accuracy is not \
         measured here).",
        (1.0 - rates[1] / rates[0]) * 100.0,
        rates[2] / rates[0]
    ));
    Ok(())
}

/// Small steps without momentum.
///
/// # Errors
/// When Foldwise does not train.
pub(crate) fn study_d(section: &mut Section) -> Outcome<()> {
    let ways: &[Way] = &[DEFAULT, TUNED];
    contests(section, &[("d-batch-1", ways), ("d-batch-10", ways)]).map(drop)
}

/// Softmax regression and LeNet.
///
/// # Errors
/// When Foldwise does not train.
pub(crate) fn study_e(section: &mut Section) -> Outcome<()> {
    let ways: &[Way] = &[DEFAULT, TUNED];
    contests(section, &[("e-softmax", ways), ("e-lenet", ways)]).map(drop)
}

/// Foldwise's images per second, by contest.
fn contests(section: &mut Section, list: &[(&str, &[Way])]) -> Outcome<Vec<f64>> {
    let peers = Peers::start(2);
    let beside = peers.as_ref().map_or(MISSING.to_owned(), |peers| peers.version.clone());
    section.line(format!(
        "Whole machine beside whole machine: Foldwise as {0} slots of one thread that take the plan's cohorts, PyTorch with {0} \
         threads where nothing else is said ({beside}). Medians of {ROUNDS} alternating rounds; rows in memory; a search is \
         measured with the making of its networks and with slots that wait for the last cohort, PyTorch by the epochs of one \
         run.\n",
        cores()
    ));
    let crew = Crew { slots: cores(), threads: 1, width: None, device: "cpu" };
    let ground = Ground { crew, ceilings: ceilings::of_all_cores()? };
    let contest = |&(name, ways)| Ok(Contest { workload: Workload::named(name)?, ways });
    let list = list.iter().map(contest).collect::<Outcome<Vec<_>>>()?;
    compare(section, &list, &ground, peers)
}
