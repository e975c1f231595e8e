//! `foldwise schema`: the JSON Schema of study files, for editors and checks.

use crate::error::CliError;
use crate::output;

pub(super) fn execute() -> Result<(), CliError> {
    Ok(output::print_json(&foldwise_study::spec::json_schema())?)
}
