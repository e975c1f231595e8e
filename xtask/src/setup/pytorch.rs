//! An installed PyTorch: its package folder is a libtorch with headers, CUDA's libraries included where it has them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::layout::{self, release};
use super::{VERSION, layout::CPU_LIBRARY};

/// Asks for version and place without importing torch, which takes seconds.
const QUESTION: &str = "\
import importlib.metadata, importlib.util, os, sys
spec = importlib.util.find_spec('torch')
if spec is None or spec.origin is None:
    sys.exit('torch is not installed for ' + sys.executable)
print(importlib.metadata.version('torch'))
print(os.path.dirname(spec.origin))";

/// The folder of `python3`'s PyTorch, if it is the right one.
pub(super) fn installed() -> Result<PathBuf, String> {
    let output = Command::new("python3")
        .args(["-c", QUESTION])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("could not ask `python3`: {error}"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(reason.lines().last().unwrap_or("`python3` failed without a word").trim().to_owned());
    }
    let (version, folder) = answer(&String::from_utf8_lossy(&output.stdout))?;
    if release(&version) != VERSION {
        return Err(format!("it is version {version}, needed is {VERSION}"));
    }
    layout::check(&folder)
        .map_err(|reason| format!("{reason} (its {CPU_LIBRARY} and headers are needed)"))?;
    Ok(folder)
}

fn answer(text: &str) -> Result<(String, PathBuf), String> {
    match text.lines().map(str::trim).collect::<Vec<_>>()[..] {
        [version, folder] if !version.is_empty() && !folder.is_empty() => {
            Ok((version.to_owned(), PathBuf::from(folder)))
        }
        _ => Err(format!("`python3` answered `{}` instead of torch's version and folder", text.trim())),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::answer;

    #[test]
    fn the_answer_is_a_version_and_a_folder() {
        assert_eq!(
            answer("2.11.0+cu130\n/a b/torch\n"),
            Ok(("2.11.0+cu130".to_owned(), PathBuf::from("/a b/torch")))
        );
        assert!(answer("").is_err());
        assert!(answer("a warning\n2.11.0\n/torch\n").is_err());
    }
}
