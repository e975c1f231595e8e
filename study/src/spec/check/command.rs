//! What a study with code of its own cannot ask for, and what its command or module must look like.

use std::path::{Component, Path};

use super::{Problem, Spec};
use crate::command::{CommandSpec, PARAMETER_NAME_BYTES_MAX, PARAMETERS_MAX, is_parameter_name};
use crate::spec::OwnCode;
use crate::split::Split;
use crate::train::Precision;

/// Everything wrong with `[command]` and with what stands beside it.
pub(super) fn check_command(spec: &Spec, problems: &mut Vec<Problem>) {
    check_module(spec, problems);
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

/// A module is named by a file alone, and nobody knows what is in it before a worker looks.
fn check_module(spec: &Spec, problems: &mut Vec<Problem>) {
    if spec.own_code() != Some(OwnCode::Module) {
        return;
    }
    if let Some(module) = spec.network.as_ref().and_then(|network| network.torchscript.as_ref()) {
        check_path("network.torchscript.file", &module.file, "net.pt", problems);
        check_sha256("network.torchscript.sha256", module.sha256.as_ref(), problems);
    }
    let Some(train) = &spec.train else { return };
    if train.precision == Precision::Bf16 {
        problems.push(Problem::new(
            "train.precision",
            "a module computes with the numbers that it was saved with",
        ));
    }
    let measure = &spec.measure;
    if measure.gradients.is_some() || measure.weights || measure.snapshots.is_some() {
        let message = "Foldwise cannot look into a module: of it, predictions, training and resources are measured alone";
        problems.push(Problem::new("measure", message).hint("leave gradients, weights and snapshots out"));
    }
    if spec.limits.parameters.is_some() {
        let message = "nobody knows how many numbers a module learns before a worker has read it";
        problems.push(Problem::new("limits.parameters", message).hint("leave the budget out"));
    }
    if spec.plan.width.is_some_and(|width| width > 1) {
        let message = "modules are not fused";
        problems.push(Problem::new("plan.width", message).hint("leave the width out"));
    }
}

fn check_path(at: &str, path: &str, example: &str, problems: &mut Vec<Problem>) {
    let inside =
        Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if path.is_empty() || !inside || path.ends_with('/') || path.contains('\0') {
        let message =
            format!("`{path}` is no path inside the folder that a worker's operator allows commands of");
        let hint = format!("give a relative path such as \"{example}\", without `..`");
        problems.push(Problem::new(at, message.replace('\0', "?")).hint(hint));
    }
}

fn check_sha256(at: &str, digest: Option<&String>, problems: &mut Vec<Problem>) {
    if digest.is_some_and(|digest| !is_sha256(digest)) {
        problems.push(Problem::new(at, "is no SHA-256").hint("write what `sha256sum` says of the file"));
    }
}

fn check_program(command: &CommandSpec, problems: &mut Vec<Problem>) {
    let program = command.program.first().map(String::as_str).unwrap_or_default();
    check_path("command.program", program, "train.py", problems);
    if command.program.iter().skip(1).any(|word| word.contains('\0')) {
        problems.push(Problem::new("command.program", "no word of it can have the character 0"));
    }
    check_sha256("command.sha256", command.sha256.as_ref(), problems);
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
