//! Foldwise's benchmarks: `cargo run --release -p foldwise-bench -- [name]`, all of them without a name.
//!
//! Results are Markdown tables on standard output.

use std::process::ExitCode;

mod cases;
mod python;
mod train;

fn main() -> ExitCode {
    let name = std::env::args().nth(1);
    let result = match name.as_deref() {
        None => train::compare().and_then(|()| train::sweep()),
        Some("train") => train::compare(),
        Some("widths") => train::sweep(),
        Some(other) => Err(format!("there is no benchmark {other:?}; there are `train` and `widths`").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
