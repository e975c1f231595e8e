//! The tools that people would pick to hand out trials, at the same work: `python/dispatch.py`.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::peers::{VARIABLE, interpreter, script};
use crate::section::Section;

/// Prints a line for each peer, with how many times as many runs a second Foldwise finishes.
///
/// # Errors
/// When no folder can be made for them.
pub(crate) fn beside(section: &mut Section, foldwise: f64) -> Outcome<()> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let folder = tempfile::tempdir_in(target)?;
    let answered = Command::new(interpreter())
        .arg(script("dispatch.py"))
        .arg(folder.path())
        .stderr(Stdio::null())
        .output();
    let Ok(answered) = answered else {
        section.line(format!("No Python: {VARIABLE} names the interpreter of the other tools."));
        return Ok(());
    };
    let columns = [
        "tool",
        "sampler",
        "processes:",
        "trials:",
        "trials/s:",
        "durable",
        "Foldwise is so many times as fast:",
    ];
    section.table(&columns);
    for said in String::from_utf8_lossy(&answered.stdout).lines() {
        section.line(line(said, foldwise));
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
