//! A search trained by Foldwise beside the same in PyTorch, in turns, on one device.

use std::cell::RefCell;

use foldwise_study::train::Precision;
use serde_json::{Value as Json, json};

use crate::Outcome;
use crate::ceilings::Ceilings;
use crate::machine::cores;
use crate::peers::{MISSING, Peers};
use crate::rounds::medians;
use crate::section::Section;
use crate::slot::{Crew, Slots, open};
use crate::workload::{Search, Workload, described};

/// Rounds in which the sides take turns.
pub(crate) const ROUNDS: usize = 3;

/// A way to train in PyTorch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// What a reader is told.
    pub(crate) label: &'static str,
    /// The script's word for it.
    pub(crate) way: &'static str,
    /// Processes side by side, which share the cores; 1 has them all.
    pub(crate) processes: usize,
    /// Runs that one process trains at once.
    pub(crate) members: usize,
    /// Workers of a `DataLoader`.
    pub(crate) workers: usize,
    /// Whether the `DataLoader` augments as study B does.
    pub(crate) augment: bool,
    /// `fp32` or `bf16`.
    pub(crate) precision: &'static str,
}

/// A way as most are: one process, one run at a time, 32 bits.
pub(crate) const fn way(label: &'static str, way: &'static str) -> Way {
    Way { label, way, processes: 1, members: 1, workers: 0, augment: false, precision: "fp32" }
}

/// A search, and the ways in which PyTorch does the same.
#[derive(Debug)]
pub(crate) struct Contest<'a> {
    pub(crate) workload: Workload,
    pub(crate) ways: &'a [Way],
}

/// What contests are held on.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) crew: Crew,
    pub(crate) ceilings: Ceilings,
}

/// Measures all sides in turn and prints the table; Foldwise's images per second, by contest.
///
/// # Errors
/// When Foldwise does not train. What keeps PyTorch from it stands in the table.
pub(crate) fn compare(
    section: &mut Section,
    contests: &[Contest<'_>],
    ground: &Ground,
    mut peers: Option<Peers>,
) -> Outcome<Vec<f64>> {
    section.table(&[
        "search",
        "by",
        "images/s:",
        "GFLOP/s:",
        "of the ceiling:",
        "GB/s, at least:",
        "Foldwise ÷ it:",
    ]);
    let mut rates = Vec::with_capacity(contests.len());
    for contest in contests {
        let (kind, _) = open(ground.crew.device)?;
        let search = contest.workload.search(kind, ground.crew.width)?;
        let found = race(contest, &search, ground.crew, peers.as_mut())?;
        let ours = found[0].as_ref().copied().map_err(Clone::clone)?;
        let label = format!("**Foldwise**, cohorts: {}", search.shape());
        let labels = std::iter::once(label.as_str()).chain(contest.ways.iter().map(|way| way.label));
        for (place, (by, rate)) in labels.zip(&found).enumerate() {
            let ratio = rate.as_ref().ok().filter(|_| place > 0).map(|rate| ours / rate);
            let begin = vec![contest.workload.label.to_owned(), by.to_owned()];
            section.row(&[begin, cells(rate, &search, &ground.ceilings, ratio)].concat());
        }
        rates.push(ours);
    }
    Ok(rates)
}

/// The numbers of one side.
fn cells(
    rate: &Result<f64, String>,
    search: &Search,
    ceilings: &Ceilings,
    ratio: Option<f64>,
) -> Vec<String> {
    let rate = match rate {
        Ok(rate) => rate,
        Err(reason) => return [vec![reason.clone()], vec![String::new(); 4]].concat(),
    };
    let per_image = 1.0 / search.images();
    let operations = rate * search.operations() * per_image;
    let bf16 = search.members().any(|member| member.train.precision == Precision::Bf16);
    let ceiling = if bf16 { ceilings.bf16 } else { ceilings.fp32 };
    vec![
        format!("{rate:.0}"),
        format!("{:.1}", operations / 1e9),
        format!("{:.0} %", operations / ceiling * 100.0),
        format!("{:.1}", rate * search.bytes() * per_image / 1e9),
        ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
    ]
}

/// Images per second of Foldwise and of each way, or why a way has none.
fn race(
    contest: &Contest<'_>,
    search: &Search,
    crew: Crew,
    mut peers: Option<&mut Peers>,
) -> Outcome<Vec<Result<f64, String>>> {
    let mut slots = Slots::start(&contest.workload, crew)?;
    // The first rounds warm up, and show which ways there are.
    slots.search()?;
    let missing: Vec<Option<String>> = contest
        .ways
        .iter()
        .map(|way| match peers.as_deref_mut() {
            Some(peers) => images_per_s(peers, search, way, crew.device).err().map(|error| error.to_string()),
            None => Some(MISSING.to_owned()),
        })
        .collect();
    let images = search.images();
    let peers = RefCell::new(peers);
    let mut sides: Vec<Box<dyn FnMut() -> Outcome<f64> + '_>> =
        vec![Box::new(|| Ok(images / slots.search()?))];
    for (way, _) in contest.ways.iter().zip(&missing).filter(|(_, missing)| missing.is_none()) {
        let peers = &peers;
        sides.push(Box::new(move || match peers.borrow_mut().as_deref_mut() {
            Some(peers) => images_per_s(peers, search, way, crew.device),
            None => Err(MISSING.into()),
        }));
    }
    let mut found = medians(ROUNDS, &mut sides)?.into_iter();
    let mut sides = vec![Ok(found.next().ok_or("no rounds")?)];
    for missing in missing {
        sides.push(missing.map_or_else(|| found.next().ok_or_else(|| MISSING.to_owned()), Err));
    }
    Ok(sides)
}

/// Images per second of a search's runs in PyTorch: an epoch of each kind of run is trained, and counts for all runs of the
/// kind.
fn images_per_s(peers: &mut Peers, search: &Search, way: &Way, device: &str) -> Outcome<f64> {
    let mut kinds: Vec<(Json, Json, f64, usize)> = Vec::new();
    for member in search.members() {
        let request = described(member)?;
        let mut key = request.clone();
        key["optimizer"] = Json::Null;
        match kinds.iter_mut().find(|(known, ..)| *known == key) {
            Some((.., count)) => *count += 1,
            None => kinds.push((key, request, member.train_rows.len() as f64, 1)),
        }
    }
    let (mut images, mut seconds) = (0.0, 0.0);
    for (_, mut request, rows, count) in kinds {
        for (key, value) in way.settings(device) {
            request[key] = value;
        }
        let epoch = peers.seconds(&request, way.processes)? / (way.processes * way.members) as f64;
        images += rows * count as f64;
        seconds += epoch * count as f64;
    }
    Ok(images / seconds)
}

impl Way {
    /// The script's settings.
    fn settings(&self, device: &str) -> [(&'static str, Json); 7] {
        [
            ("way", json!(self.way)),
            ("threads", json!((cores() / self.processes).max(1))),
            ("members", json!(self.members)),
            ("workers", json!(self.workers)),
            ("augment", json!(self.augment)),
            ("precision", json!(self.precision)),
            ("device", json!(device)),
        ]
    }
}
