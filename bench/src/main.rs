//! Foldwise's benchmarks: `cargo xtask bench [NAME…]`, all of them without a name.
//!
//! Each prints a section of Markdown and puts it into `docs/benchmarks.md`; with `--dry-run` it only prints.

use std::process::ExitCode;

mod ceilings;
mod checkpoint;
mod contest;
mod dispatch;
mod ends;
mod gpu;
mod ledger;
mod machine;
mod memory;
mod noop;
mod page;
mod peers;
mod rounds;
mod rows;
mod scale;
mod search;
mod section;
mod served;
mod slot;
mod stores;
mod storm;
mod tools;
mod training;
mod widths;
mod workload;

use section::Section;

/// What may go wrong is reported and ends one benchmark.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// One benchmark: the owner of one section of the page.
#[derive(Clone, Copy)]
struct Benchmark {
    name: &'static str,
    title: &'static str,
    run: fn(&mut Section) -> Outcome<()>,
}

/// In the order in which they are run.
const BENCHMARKS: [Benchmark; 17] = [
    Benchmark { name: "ceilings", title: "What the machine can do", run: ceilings::table },
    Benchmark { name: "study-a", title: "Training: study A beside PyTorch", run: training::study_a },
    Benchmark { name: "study-b", title: "Training: study B beside PyTorch", run: training::study_b },
    Benchmark { name: "study-d", title: "Training: study D beside PyTorch", run: training::study_d },
    Benchmark { name: "study-e", title: "Training: study E beside PyTorch", run: training::study_e },
    Benchmark { name: "search", title: "A whole search, from command to result", run: search::fold_by_fold },
    Benchmark {
        name: "search-sklearn",
        title: "A whole search that scikit-learn does by itself",
        run: search::scikit_learn,
    },
    Benchmark { name: "gpu", title: "Training on a GPU", run: gpu::table },
    Benchmark { name: "widths", title: "Cohorts by their width", run: widths::table },
    Benchmark {
        name: "checkpoint",
        title: "Cohorts with a checkpoint after each epoch beside the same without",
        run: checkpoint::cost,
    },
    Benchmark { name: "memory", title: "Memory of cohorts", run: memory::estimates },
    Benchmark { name: "ends", title: "The ends of the run", run: ends::ends },
    Benchmark { name: "dispatch", title: "Runs that train nothing", run: dispatch::noop_runs },
    Benchmark {
        name: "stores",
        title: "The same runs in SQLite and in PostgreSQL",
        run: stores::side_by_side,
    },
    Benchmark { name: "scale", title: "Studies of a thousand to a million runs", run: scale::sizes },
    Benchmark { name: "ledger", title: "What runs cost the coordinator", run: ledger::sizes },
    Benchmark { name: "storm", title: "A thousand workers at once", run: storm::thousand_workers },
];

/// A command that a benchmark gives to a process of its own, with arguments.
type Part = (&'static str, fn(&[String]) -> Outcome<()>);

/// Commands that benchmarks give to processes of their own.
const PARTS: [Part; 4] = [
    (slot::PART, slot::serve),
    (memory::PART, memory::part),
    (ledger::PART, ledger::part),
    (served::PART, served::serve),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && let Some((_, part)) = PARTS.iter().find(|(name, _)| name == first)
    {
        return ended(first, part(rest));
    }
    let dry = arguments.iter().any(|argument| argument == "--dry-run");
    let names: Vec<&String> = arguments.iter().filter(|argument| *argument != "--dry-run").collect();
    if let Some(unknown) = names.iter().find(|name| BENCHMARKS.iter().all(|known| known.name != **name)) {
        let known: Vec<&str> = BENCHMARKS.iter().map(|benchmark| benchmark.name).collect();
        eprintln!(
            "error: there is no benchmark {unknown:?}; there are {} and the option --dry-run",
            known.join(", ")
        );
        return ExitCode::FAILURE;
    }
    let chosen =
        BENCHMARKS.iter().filter(|known| names.is_empty() || names.iter().any(|name| *name == known.name));
    // One that fails does not keep the others from being measured.
    let ends: Vec<ExitCode> =
        chosen.map(|benchmark| ended(benchmark.name, measure(benchmark, dry))).collect();
    if ends.contains(&ExitCode::FAILURE) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs a benchmark, and writes its section where it came to its end.
fn measure(benchmark: &Benchmark, dry: bool) -> Outcome<()> {
    let mut section = Section::default();
    section.line(format!("## {}\n", benchmark.title));
    section.line(format!(
        "`cargo xtask bench {}`, {}, {} build, libtorch {}. {}.\n",
        benchmark.name,
        machine::date(),
        if cfg!(debug_assertions) { "debug" } else { "release" },
        foldwise_worker::TORCH_VERSION,
        machine::description(),
    ));
    let start = machine::now();
    (benchmark.run)(&mut section)?;
    println!("\n({}: {:.0} s)\n", benchmark.name, start.elapsed().as_secs_f64());
    if !dry {
        page::write(benchmark.name, &BENCHMARKS.map(|known| known.name), section.text())?;
    }
    Ok(())
}

fn ended(name: &str, outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {name}: {error}");
            ExitCode::FAILURE
        }
    }
}
