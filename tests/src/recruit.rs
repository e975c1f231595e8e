//! How a test starts a worker.

use std::process::Command;

use crate::cluster::Cluster;
use crate::process::{Running, isolated, worker_program};

/// A worker to be started.
#[derive(Debug)]
pub struct Recruit<'a> {
    cluster: &'a Cluster,
    name: String,
    url: String,
    slots: u32,
    options: Vec<String>,
    inside: Vec<String>,
}

impl<'a> Recruit<'a> {
    pub(crate) fn new(cluster: &'a Cluster, name: &str) -> Self {
        let (name, url) = (name.to_owned(), cluster.url().to_owned());
        Self { cluster, name, url, slots: 1, options: Vec::new(), inside: Vec::new() }
    }

    /// With so many CPU slots; one if not said.
    #[must_use]
    pub fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// With another way to the coordinator.
    #[must_use]
    pub fn through(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// With options of the agent.
    #[must_use]
    pub fn with(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(ToString::to_string));
        self
    }

    /// Started by another program, which becomes the worker.
    #[must_use]
    pub fn inside(mut self, program: &[&str]) -> Self {
        self.inside.extend(program.iter().map(ToString::to_string));
        self
    }

    /// Starts it and waits until it is registered.
    #[must_use]
    pub fn registered(self) -> Running {
        let mut running = self.started();
        running.line_with("registered");
        running
    }

    /// Starts it.
    #[must_use]
    pub fn started(self) -> Running {
        let worker = worker_program();
        let mut command = match self.inside.split_first() {
            Some((program, arguments)) => {
                let mut outer = Command::new(program);
                outer.args(arguments).arg(worker.get_program());
                outer
            }
            None => worker,
        };
        command.args(["agent", "--coordinator", &self.url, "--name", &self.name, "--device", "cpu"]);
        command.args(["--slots", &self.slots.to_string()]).args(&self.options);
        Running::start(&mut isolated(command, self.cluster.folder()))
    }
}
