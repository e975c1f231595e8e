//! What a study with a command of one's own cannot ask for, and what its command must look like.

use std::path::{Component, Path};

use super::{Problem, Spec};
use crate::command::{CommandSpec, PARAMETER_NAME_BYTES_MAX, PARAMETERS_MAX, is_parameter_name};
use crate::split::Split;

/// Everything wrong with `[command]` and with what stands beside it.
pub(super) fn check_command(spec: &Spec, problems: &mut Vec<Problem>) {
    let Some(command) = &spec.command else { return };
    check_program(command, problems);
    check_parameters(command, problems);
    if spec.data.normalize.is_some() {
        let problem = Problem::new("data.normalize", "a command is given the rows as they are");
        problems.push(problem.hint("leave it out, and normalize in the command by the rows it trains on"));
    }
    if !spec.measure.is_empty() {
        let message = "Foldwise cannot look into a command, and measures nothing of it";
        problems.push(Problem::new("measure", message).hint("leave the section out"));
    }
    if spec.limits.parameters.is_some() {
        let message = "nobody knows how many numbers a command learns";
        problems.push(Problem::new("limits.parameters", message).hint("leave the budget out"));
    }
    if spec.plan.width.is_some_and(|width| width > 1) {
        let message = "a command trains one run at a time";
        problems.push(Problem::new("plan.width", message).hint("leave the width out"));
    }
    if spec.validation.split == Split::TestSet {
        let message = "a command is given the test set in the final stage alone, and cannot validate on it";
        problems.push(Problem::new("validation", message).hint("use hold_out or k_fold"));
    }
}

fn check_program(command: &CommandSpec, problems: &mut Vec<Problem>) {
    let program = command.program.first().map(String::as_str).unwrap_or_default();
    let inside =
        Path::new(program).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if program.is_empty() || !inside || program.ends_with('/') {
        let problem = Problem::new(
            "command.program",
            format!("`{program}` is no path inside the folder that a worker's operator allows commands of"),
        );
        problems.push(problem.hint("give a relative path such as \"train.py\", without `..`"));
    }
    if command.program.iter().any(|word| word.contains('\0')) {
        problems.push(Problem::new("command.program", "no word of it can have the character 0"));
    }
    if command.sha256.as_ref().is_some_and(|digest| !is_sha256(digest)) {
        problems.push(
            Problem::new("command.sha256", "is no SHA-256").hint("write what `sha256sum` says of the file"),
        );
    }
}

fn is_sha256(digest: &str) -> bool {
    digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit())
}

fn check_parameters(command: &CommandSpec, problems: &mut Vec<Problem>) {
    if command.parameters.len() > PARAMETERS_MAX {
        let message = format!("has more than {PARAMETERS_MAX} hyperparameters");
        problems.push(Problem::new("command.parameters", message));
    }
    if let Some(name) = command.parameters.keys().find(|name| !is_parameter_name(name)) {
        let shown: String = name.chars().take(PARAMETER_NAME_BYTES_MAX).collect();
        let problem =
            Problem::new("command.parameters", format!("`{shown}` cannot be a hyperparameter's name"));
        problems.push(problem.hint("use letters, digits, `_` and `-`, starting with a letter or `_`"));
    }
}
