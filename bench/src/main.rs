//! Foldwise's benchmarks: `cargo xtask bench [name]`, all of them without a name.
//!
//! Results are Markdown tables on standard output.

use std::process::ExitCode;

mod cases;
mod checkpoint;
mod python;
mod train;

fn main() -> ExitCode {
    let name = std::env::args().nth(1);
    let result = match name.as_deref() {
        None => train::pytorch()
            .and_then(|()| train::together())
            .and_then(|()| train::sweep())
            .and_then(|()| checkpoint::cost()),
        Some("pytorch") => train::pytorch(),
        Some("fused") => train::together(),
        Some("widths") => train::sweep(),
        Some("checkpoint") => checkpoint::cost(),
        Some(other) => Err(format!(
            "there is no benchmark {other:?}; there are `pytorch`, `fused`, `widths` and `checkpoint`"
        )
        .into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
