//! `foldwise worker calibrate`: measures this machine's device, by the program that trains.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::DeviceChoice;

/// What `foldwise worker calibrate` is told; all of it is handed on.
#[derive(Debug, Args)]
#[command(after_help = "\
Trains small networks for a few minutes, alone and fused, and writes what fusing gains to a file. Ctrl-C stops it
and writes nothing. Give the file to whoever plans: `foldwise run --profile FILE`, or `foldwise coordinator
--profile FILE`; a study file may name it (`[plan] profile = \"den\"`).

Examples:
  foldwise worker calibrate --name den
  foldwise worker calibrate --name den-2 --threads 2 --slots 1
  foldwise worker calibrate --name gpu --device cuda --memory-mib 40000")]
pub(crate) struct CalibrateArguments {
    /// What the profile is called, in study files too [default: calibrated]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What to measure; `auto` takes a GPU where there is one
    #[arg(long, value_name = "DEVICE", value_enum)]
    device: Option<DeviceChoice>,
    /// Threads of each CPU slot that is planned for [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// Slots that will train one study side by side, on all workers together [default: this machine's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    slots: Option<u32>,
    /// Memory that one cohort may take [default: a share of this machine's]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=16_777_216))]
    memory_mib: Option<u64>,
    /// Time to measure for, about [default: 150]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(5..=86_400))]
    seconds: Option<u64>,
    /// Where to write the profile [default: the name with the ending .toml, here]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over a file that is there already
    #[arg(long)]
    overwrite: bool,
    /// More arguments for `foldwise-worker calibrate`, as they are
    #[arg(last = true, value_name = "ARGUMENTS")]
    rest: Vec<String>,
}

impl CalibrateArguments {
    /// As `foldwise-worker` takes them.
    pub(super) fn to_worker(&self) -> Vec<std::ffi::OsString> {
        let mut arguments = vec!["calibrate".into()];
        let mut add = |name: &str, value: Option<std::ffi::OsString>| {
            if let Some(value) = value {
                arguments.extend([name.into(), value]);
            }
        };
        let number = |number: Option<u64>| number.map(|number| number.to_string().into());
        add("--name", self.name.clone().map(Into::into));
        add("--device", self.device.map(|device| device.word().into()));
        add("--threads", number(self.threads.map(u64::from)));
        add("--slots", number(self.slots.map(u64::from)));
        add("--memory-mib", number(self.memory_mib));
        add("--seconds", number(self.seconds));
        add("--out", self.out.clone().map(Into::into));
        if self.overwrite {
            arguments.push("--overwrite".into());
        }
        arguments.extend(self.rest.iter().map(Into::into));
        arguments
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::arguments::{Arguments, Command};

    #[test]
    fn what_is_said_is_handed_on_and_a_worker_needs_no_subcommand() {
        let line = ["foldwise", "worker", "calibrate", "--name", "den", "--threads", "2", "--overwrite"];
        let Command::Worker(worker) = Arguments::parse_from(line).command else { panic!("not a worker") };
        let super::super::WorkerCommand::Calibrate(calibrate) = worker.command.expect("calibrate");
        assert_eq!(calibrate.to_worker(), ["calibrate", "--name", "den", "--threads", "2", "--overwrite"]);
        let line = ["foldwise", "worker", "--slots", "2"];
        let Command::Worker(worker) = Arguments::parse_from(line).command else { panic!("not a worker") };
        assert!(worker.command.is_none());
    }
}
