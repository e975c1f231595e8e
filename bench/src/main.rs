//! Foldwise's benchmarks: `cargo xtask bench [name]`, all of them without a name.
//!
//! Results are Markdown tables on standard output.

use std::process::ExitCode;

mod cases;
mod checkpoint;
mod dispatch;
mod ends;
mod ledger;
mod noop;
mod peers;
mod python;
mod scale;
mod served;
mod storm;
mod train;

fn main() -> ExitCode {
    let name = std::env::args().nth(1);
    let result = match name.as_deref() {
        None => train::pytorch()
            .and_then(|()| train::together())
            .and_then(|()| train::sweep())
            .and_then(|()| checkpoint::cost())
            .and_then(|()| ledger::sizes())
            .and_then(|()| dispatch::noop_runs())
            .and_then(|()| scale::sizes())
            .and_then(|()| storm::thousand_workers())
            .and_then(|()| ends::ends(None)),
        Some("pytorch") => train::pytorch(),
        Some("fused") => train::together(),
        Some("widths") => train::sweep(),
        Some("checkpoint") => checkpoint::cost(),
        Some("ledger") => ledger::sizes(),
        Some("ledger-size") => match std::env::args().nth(2).and_then(|trials| trials.parse().ok()) {
            Some(trials) => ledger::one_size(trials),
            None => Err("`ledger-size` needs a number of trials".into()),
        },
        Some("dispatch") => dispatch::noop_runs(),
        Some("dispatch-foldwise") => dispatch::foldwise().map(drop),
        Some("scale") => scale::sizes(),
        Some("serve") => match std::env::args_os().nth(2) {
            Some(state) => served::serve(state.as_ref()),
            None => Err("`serve` needs a state folder".into()),
        },
        Some("storm") => storm::thousand_workers(),
        Some("ends") => ends::ends(std::env::args().nth(2)),
        Some(other) => Err(format!(
            "there is no benchmark {other:?}; there are `pytorch`, `fused`, `widths`, `checkpoint`, `ledger`, `dispatch`, `scale`, \
             `storm` and `ends`"
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
