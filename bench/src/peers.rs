//! The tools that people would pick to hand out trials, at the same work: `python/dispatch.py`.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::python;

/// Prints a line for each peer, with how many times as many runs a second Foldwise finishes.
///
/// # Errors
/// When no folder can be made for them.
pub(crate) fn beside(foldwise: f64) -> Result<(), Box<dyn Error>> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let folder = tempfile::tempdir_in(target)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/dispatch.py");
    let answered =
        Command::new(python::interpreter()).arg(script).arg(folder.path()).stderr(Stdio::null()).output();
    let Ok(answered) = answered else {
        println!("No Python: {} names the interpreter of the other tools.", python::VARIABLE);
        return Ok(());
    };
    println!(
        "| tool | sampler | processes | trials | trials/s | durable | Foldwise is so many times as fast |"
    );
    println!("|---|---|--:|--:|--:|---|--:|");
    for said in String::from_utf8_lossy(&answered.stdout).lines() {
        println!("{}", line(said, foldwise));
    }
    Ok(())
}

fn line(said: &str, foldwise: f64) -> String {
    let fields: Vec<&str> = said.split('\t').collect();
    let [name, version, sampler, processes, trials, seconds, durable] = fields[..] else {
        return format!("| {} | | | | | | |", fields.join(": "));
    };
    let (Ok(count), Ok(seconds)) = (trials.parse::<f64>(), seconds.parse::<f64>()) else {
        return format!("| {name} | no numbers: {said} | | | | | |");
    };
    let rate = count / seconds;
    let times = foldwise / rate;
    format!("| {name} {version} | {sampler} | {processes} | {trials} | {rate:.1} | {durable} | {times:.0} |")
}
