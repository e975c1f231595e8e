//! Foldwise's build tasks: what a person or CI runs on a checkout. `cargo xtask <task>`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod demo;
mod environment;
mod error;
mod fuzz;
mod python;
mod setup;
mod simulate;
mod step;
mod test;
mod tools;
mod workspace;

use error::TaskError;
use setup::SetupArguments;
use workspace::Workspace;

/// Foldwise's build tasks.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Find or fetch libtorch and link it to `.libtorch`.
    Setup(SetupArguments),
    /// Build, fetch Fashion-MNIST and run the quickstart study.
    Demo(demo::DemoArguments),
    /// Check the format and the lints, and run every test.
    Test(test::TestArguments),
    /// Check the Python client against the programs that `cargo build --workspace --bins` or `test` built.
    Python,
    /// Build the programs that tests use where they are there: an S3-compatible store.
    Tools,
    /// Run the benchmarks.
    Bench(bench::BenchArguments),
    /// Play simulated clusters under faults, and compare their reports with those of undisturbed ones.
    Simulate(simulate::SimulateArguments),
    /// Try bad bytes on everything that reads bytes; needs a nightly compiler.
    Fuzz(fuzz::FuzzArguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = Workspace::find().and_then(|workspace| match &arguments.task {
        Task::Setup(setup) => setup::run(&workspace, setup).map(|()| ExitCode::SUCCESS),
        Task::Demo(options) => demo::run(&workspace, options),
        Task::Test(options) => test::run(&workspace, options).map(|()| ExitCode::SUCCESS),
        Task::Python => python::check(&workspace, true).map(|()| ExitCode::SUCCESS),
        Task::Tools => tools::run(&workspace).map(|()| ExitCode::SUCCESS),
        Task::Bench(options) => bench::run(&workspace, options),
        Task::Simulate(options) => simulate::run(&workspace, options),
        Task::Fuzz(options) => fuzz::run(&workspace, options),
    });
    done.unwrap_or_else(|error: TaskError| {
        eprintln!("xtask: {error}");
        ExitCode::FAILURE
    })
}
