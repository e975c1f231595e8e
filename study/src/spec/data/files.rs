//! Rows that lie in files as arrays or pictures.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Task;

/// A training pair of IDX files and, where there is one, a test pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdxSpec {
    /// Training images or features: bytes, shape `[rows, …]`.
    pub train_features: PathBuf,
    /// Training labels: bytes, shape `[rows]`.
    pub train_labels: PathBuf,
    /// Test images or features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_features: Option<PathBuf>,
    /// Test labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<PathBuf>,
}

/// A file of named arrays for the training rows and, where there is one, another for the test rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArraySpec {
    /// The file of the training rows.
    pub train: PathBuf,
    /// The file of the test rows, with arrays of the same names and of the same shape per row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The array of features; "x" by default. Numbers of any type: unsigned bytes are scaled to 0..1 later, all others
    /// become 32-bit floats, which must be finite. Shape `[rows, F]`, `[rows, H, W]` (pictures of one channel) or
    /// `[rows, C, H, W]`.
    #[serde(default = "x")]
    pub features: String,
    /// The array of targets; "y" by default. Classes are whole numbers from 0, shape `[rows]`; numbers to predict have the
    /// shape `[rows]` or `[rows, outputs]`.
    #[serde(default = "y")]
    pub targets: String,
    /// Whether a target is a class or a number.
    #[serde(default)]
    pub task: Task,
    /// Where the channels of pictures with four dimensions stand; "first" by default.
    #[serde(default)]
    pub channels: ChannelOrder,
}

/// Where the channels of pictures stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelOrder {
    /// `[rows, C, H, W]`, as PyTorch has them.
    #[default]
    First,
    /// `[rows, H, W, C]`, as TensorFlow and most image libraries have them.
    Last,
}

/// A folder of pictures for training and, where there is one, another for testing. Each holds one folder per class, and
/// that the class's PNG and JPEG files. Rows are ordered by class and then by file name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImagesSpec {
    /// The folder of the training rows. Its folders' names, sorted, are the classes.
    pub train: PathBuf,
    /// The folder of the test rows, with no class that has no training rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// 3 makes every picture one of red, green and blue, 1 one of grey; 3 by default. Transparency is left out.
    #[serde(default = "colours")]
    #[schemars(range(min = 1, max = 3))]
    pub channels: u8,
    /// Height and width in pixels that every picture is brought to (bilinear, whatever its own proportions). By default
    /// all pictures must be of one size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 1, max = 4096)))]
    pub size: Option<[u32; 2]>,
}

fn x() -> String {
    "x".to_owned()
}

fn y() -> String {
    "y".to_owned()
}

fn colours() -> u8 {
    3
}
