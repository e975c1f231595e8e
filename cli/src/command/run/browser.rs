//! The page of a run in the person's browser.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::environment;

/// A program that opens an address and has not failed by then has opened it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens an address. Where that cannot be done, says so: the person can.
pub(super) async fn open(address: &str) {
    if let Err(why) = try_to_open(address).await {
        eprintln!("no browser was opened ({why}): open {address} in yours");
    }
}

async fn try_to_open(address: &str) -> Result<(), String> {
    if !environment::has_screen() {
        return Err("there is no screen here".to_owned());
    }
    let [program, arguments @ ..] = opener() else {
        return Err("this system has no way to do so".to_owned());
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(address);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("`{program}` does not start: {error}"))?;
    match tokio::time::timeout(PATIENCE, child.wait()).await {
        Ok(Ok(status)) if !status.success() => Err(format!("`{program}` failed: {status}")),
        Ok(Err(error)) => Err(format!("`{program}` cannot be waited for: {error}")),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// The program that opens addresses, with what goes before them.
fn opener() -> &'static [&'static str] {
    if cfg!(target_os = "macos") {
        &["open"]
    } else if cfg!(windows) {
        &["rundll32", "url.dll,FileProtocolHandler"]
    } else if cfg!(unix) {
        &["xdg-open"]
    } else {
        &[]
    }
}
