//! A TorchScript module: a network that comes as a file and not as a description.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A module that was saved by `torch.jit.save`, trained by Foldwise as any network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleSpec {
    /// The file, a path in the folder that each worker's operator allows code of studies of. It takes rows `[B, C, H, W]` or
    /// `[B, F]` and gives `[B, K]`.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal: a worker where it is another file refuses the run. Any file by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}
