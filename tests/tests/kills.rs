//! Kill -9 of anything at any moment, over and over: the same report, and every run once.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::time::Duration;

use foldwise_tests::{
    Chance, Cluster, Pictures, Running, Search, StudyJson, Trainer, assert_same, each_run_once, let_pass,
    reference, rounds, until,
};
use nix::sys::signal::Signal;

/// Workers at any time.
const WORKERS: usize = 3;

/// A cluster whose processes are killed and started again.
struct Victims {
    cluster: Cluster,
    agents: Vec<(String, Running)>,
    /// Names given so far.
    names: usize,
    /// Trainers whose agents were killed.
    orphans: Vec<Trainer>,
    kills: BTreeMap<&'static str, u32>,
    chance: Chance,
}

impl Victims {
    fn new() -> Self {
        let cluster = Cluster::start(1.0);
        let (agents, orphans) = (Vec::new(), Vec::new());
        let kills = BTreeMap::from([("coordinator", 0), ("agent", 0), ("trainer", 0)]);
        let mut victims = Self { cluster, agents, names: 0, orphans, kills, chance: Chance::announced() };
        for _ in 0..WORKERS {
            victims.enlist(None);
        }
        victims
    }

    /// Starts an agent, under the name that an earlier one had or under a new one.
    fn enlist(&mut self, name: Option<String>) {
        let name = name.unwrap_or_else(|| {
            self.names += 1;
            format!("worker-{}", self.names)
        });
        // Even slots, odd slots: a kill may take one cohort or two.
        let slots = u32::try_from(self.names % 2).expect("one or none") + 1;
        let agent = self.cluster.recruit(&name).slots(slots).started();
        self.agents.push((name, agent));
    }

    /// Waits for a moment at random and kills one process.
    fn strike(&mut self) {
        let moment = Duration::from_millis(self.chance.within(50..=900));
        let_pass(moment, "a kill comes at any moment, not at one that something was waited for");
        let kind = match self.chance.place(3) {
            0 => {
                self.cluster.crash_coordinator();
                "coordinator"
            }
            1 if self.kill_trainer() => "trainer",
            _ => {
                self.kill_agent();
                "agent"
            }
        };
        *self.kills.entry(kind).or_default() += 1;
    }

    fn kill_trainer(&mut self) -> bool {
        let trainers: Vec<_> = self.agents.iter().flat_map(|(_, agent)| Trainer::of(agent)).collect();
        !trainers.is_empty() && trainers[self.chance.place(trainers.len())].signal(Signal::SIGKILL)
    }

    fn kill_agent(&mut self) {
        let place = self.chance.place(self.agents.len());
        let (name, agent) = self.agents.remove(place);
        self.orphans.extend(Trainer::of(&agent));
        agent.kill();
        let keeps_name = self.chance.place(2) == 0;
        self.enlist(keeps_name.then_some(name));
    }

    fn is_over(&self, study: &str) -> bool {
        self.cluster.status(study)["end_time"].is_string()
    }
}

#[test]
fn a_search_survives_kills_of_coordinator_agents_and_trainers() {
    let pictures = Pictures::draw(600, 100);
    let limits = "attempts = 100\ncheckpoint_seconds = 1";
    let spec = Search { epochs: 400, limits, ..Search::default() }.of(pictures.section());
    let expected = reference(&spec);
    each_run_once(&expected, 4, 3);

    let mut victims = Victims::new();
    let (mut studies, mut rounds_left) = (0, rounds());
    while rounds_left > 0 {
        studies += 1;
        let study = format!("studies/{studies}");
        victims.cluster.submit(&spec);
        while rounds_left > 0 && !victims.is_over(&study) {
            victims.strike();
            rounds_left -= 1;
        }
        let mut report = victims.cluster.succeeded(&study);
        report["study"]["name"] = expected["study"]["name"].clone();
        each_run_once(&report, 4, 3);
        assert_same(&report, &expected);
    }
    for trainer in &victims.orphans {
        until("the end of a trainer without an agent", || (!trainer.is_alive()).then_some(()));
    }
    // A start sweeps away what a kill left half-way: one file of weights and one parcel, which all studies share, are needed.
    victims.cluster.crash_coordinator();
    let state = victims.cluster.state().display().to_string();
    let inspected = victims.cluster.json(&["inspect", &state]);
    assert_eq!(inspected["problems"], StudyJson::Array(Vec::new()), "{inspected:#}");
    assert_eq!(inspected["artifacts"], 2, "{inspected:#}");
    for study in inspected["studies"].as_array().expect("studies") {
        assert_eq!(study["results"], 4 * 3 + 1, "{inspected:#}");
    }
    eprintln!("{studies} studies; kills: {:?}", victims.kills);
}
