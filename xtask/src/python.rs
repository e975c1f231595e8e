//! The Python client's part of `cargo xtask test`: a virtual environment under the target folder, the package in it with
//! what its tests need, then its format, lints, types and tests. Where Python or the package index is missing, it says
//! so and goes on; whatever else is wrong is a failure.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::TaskError;
use crate::step;
use crate::workspace::Workspace;

/// The interpreter that the environment is made with.
const PYTHON: &str = "python3";
/// What it must have: the version that the client asks for, and what makes environments.
const NEEDED: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
/// What is installed, as pip writes it, relative to the root.
const PACKAGE: &str = "./clients/python[pandas,test]";
/// A package of a few kilobytes that tells whether there is an index.
const PROBE: &str = "iniconfig";

/// Checks the client against built programs.
pub(crate) fn check(workspace: &Workspace, lint: bool) -> Result<(), TaskError> {
    TaskError::need(&workspace.root().join("clients/python/pyproject.toml"), "Python client's test")?;
    if let Err(why) = usable(workspace.command(PYTHON)) {
        skipped(&why);
        return Ok(());
    }
    let programs = folder(&workspace.binary("debug", "foldwise")?);
    let home = folder(&programs).join("python");
    let environment = Environment { workspace, programs, home };
    environment.make()?;
    if !environment.install()? {
        skipped("its packages are not there, and no package index answers");
        return Ok(());
    }
    if lint {
        step::run("python format", &mut environment.module("ruff format --check ."))?;
        step::run("python lint", &mut environment.module("ruff check ."))?;
        step::run("python types", &mut environment.module("mypy"))?;
    }
    step::run("python test", &mut environment.module("pytest -p no:cacheprovider"))
}

/// Where the client's packages are.
struct Environment<'a> {
    workspace: &'a Workspace,
    /// Where the programs lie that the tests start.
    programs: PathBuf,
    home: PathBuf,
}

impl Environment<'_> {
    /// Makes the environment, unless one is there that works.
    fn make(&self) -> Result<(), TaskError> {
        let mut pip = self.workspace.command(self.python());
        if quiet(pip.args(["-m", "pip", "--version"])) {
            return Ok(());
        }
        let mut venv = self.workspace.command(PYTHON);
        step::run("python environment", venv.args(["-m", "venv", "--clear"]).arg(&self.home))
    }

    /// Installs the client with what its tests need; `false` where there is no index to install it from.
    fn install(&self) -> Result<bool, TaskError> {
        let failed = match step::run("python packages", self.pip("install").arg(PACKAGE)) {
            Ok(()) => return Ok(true),
            Err(failed) => failed,
        };
        let mut probe = self.pip("download");
        probe.args(["--no-deps", "--no-cache-dir", "--dest"]).arg(self.home.join("probe")).arg(PROBE);
        if quiet(&mut probe) {
            return Err(failed);
        }
        // What an earlier test installed serves offline too; the client itself is always that of the checkout.
        let mut again = self.pip("install");
        again.args(["--no-index", "--no-build-isolation", PACKAGE]);
        Ok(quiet(&mut again))
    }

    fn pip(&self, task: &str) -> Command {
        let mut pip = self.workspace.command(self.python());
        pip.args(["-m", "pip", task, "--quiet", "--disable-pip-version-check", "--retries", "2"]);
        pip
    }

    /// A module of the environment, run in the client's folder, which it leaves as it was.
    fn module(&self, line: &str) -> Command {
        let mut command = self.workspace.command(self.python());
        command.current_dir(self.workspace.root().join("clients/python")).arg("-m").args(line.split(' '));
        command.env("FOLDWISE_BIN", &self.programs).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("RUFF_CACHE_DIR", self.home.join("ruff")).env("MYPY_CACHE_DIR", self.home.join("mypy"));
        command
    }

    fn python(&self) -> PathBuf {
        self.home.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
    }
}

/// Whether environments for the client can be made with this interpreter, and why not.
fn usable(mut python: Command) -> Result<(), String> {
    let name = python.get_program().to_string_lossy().into_owned();
    match python.args(["-c", NEEDED]).stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => {
            Err(format!("{name} is older than 3.10, or cannot make virtual environments (python3-venv)"))
        }
        Err(error) => Err(format!("{name} cannot be started: {error}")),
    }
}

fn skipped(why: &str) {
    println!("==> python client: skipped: {why}");
}

fn quiet(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn folder(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::usable;

    #[test]
    fn an_interpreter_that_cannot_serve_is_told_with_the_reason() {
        let missing = usable(Command::new("foldwise-no-such-python")).unwrap_err();
        assert!(missing.contains("foldwise-no-such-python cannot be started"), "{missing}");
        // A program that takes the same arguments and fails.
        assert!(usable(Command::new("false")).unwrap_err().contains("older than 3.10"));
        assert_eq!(usable(Command::new("true")), Ok(()));
    }
}
