//! `foldwise-simulation`: plays seeds one after another; a seed that fails is played again with its history.

use std::process::ExitCode;

use clap::Parser;
use foldwise_simulation::{Comparison, Tally, history};
use tracing_subscriber::EnvFilter;

/// Plays simulated clusters.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Print the history of every seed
    #[arg(long)]
    verbose: bool,
}

/// Seeds between two lines of progress.
const PROGRESS: u64 = 500;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let level = if arguments.verbose { "foldwise=debug" } else { "off" };
    let log =
        tracing_subscriber::fmt().with_env_filter(EnvFilter::new(level)).without_time().with_ansi(false);
    log.with_writer(|| history::Log).init();
    let mut comparison = Comparison::default();
    let (mut total, mut failed) = (Tally::default(), 0_u64);
    for seed in arguments.from..arguments.from.saturating_add(arguments.seeds) {
        history::keep();
        let played = comparison.play(seed);
        let lines = history::take();
        if arguments.verbose {
            println!("seed {seed}\n{}", lines.join("\n"));
        }
        match played {
            Ok(tally) => total.add(&tally),
            Err(what) => {
                failed += 1;
                println!("seed {seed} failed: {what}");
                if !arguments.verbose {
                    println!("{}", lines.join("\n"));
                    println!("everything that was logged: --seeds 1 --from {seed} --verbose");
                }
            }
        }
        if (seed + 1 - arguments.from).is_multiple_of(PROGRESS) {
            println!("{} seeds, {failed} failed", seed + 1 - arguments.from);
        }
    }
    println!("{} seeds from {}: {failed} failed\n{total}", arguments.seeds, arguments.from);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
