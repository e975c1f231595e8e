//! What is done to training pictures, anew for each sample.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One change, drawn anew for each row each time it is trained on, before normalization. Rows are pictures
/// `[C, H, W]`; bytes have been scaled to 0..1. Where a picture is moved, zeros come in.
///
/// Neighbouring flips, rotations, shifts and crops are composed and sampled once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Augmentation {
    /// Mirrors.
    Flip(Flip),
    /// Turns about the centre.
    Rotate(Rotate),
    /// Moves by whole pixels.
    Shift(Shift),
    /// Pads with zeros and cuts a window of the old size anywhere in it.
    Crop(Crop),
    /// Overwrites a rectangle.
    Erase(Erase),
    /// Adds normal noise to each number; rows need not be pictures.
    Noise(Noise),
}

/// Mirrors a picture (`torchvision`'s `RandomHorizontalFlip` and `RandomVerticalFlip`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// Probability of exchanging left and right.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub horizontal: f64,
    /// Probability of exchanging top and bottom.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub vertical: f64,
}

/// Turns a picture by an angle uniform within ± `degrees` (`torchvision`'s `RandomRotation`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// The largest angle, degrees.
    #[schemars(range(min = 0.0, max = 180.0))]
    pub degrees: f64,
    /// How values between pixels are found.
    #[serde(default)]
    pub interpolation: Interpolation,
}

/// How values between pixels are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// That of the nearest pixel, as `torchvision` does by default.
    #[default]
    Nearest,
    /// From the four around.
    Bilinear,
}

/// Moves a picture by a number uniform within ± a share of its sides, rounded to whole pixels (`torchvision`'s
/// `RandomAffine(translate=…)`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Share of the height.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub height: f64,
    /// Share of the width.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub width: f64,
}

/// Pads a picture and cuts a window of the old size (`torchvision`'s `RandomCrop(size, padding)`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Zeros added on each side, pixels.
    #[schemars(range(min = 0, max = 65_536))]
    pub padding: u32,
}

/// Overwrites a rectangle (`torchvision`'s `RandomErasing`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// Probability that a picture loses one.
    #[serde(default = "half")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f64,
    /// Least and largest share of the picture.
    #[serde(default = "areas")]
    pub area: [f64; 2],
    /// Least and largest height over width.
    #[serde(default = "aspects")]
    pub aspect: [f64; 2],
    /// What is written.
    #[serde(default)]
    pub value: f32,
}

/// Adds normal noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Its standard deviation.
    #[schemars(range(min = 0.0, max = 1_000.0))]
    pub std: f64,
}

impl Augmentation {
    /// Whether rows must be pictures.
    #[must_use]
    pub fn needs_pictures(&self) -> bool {
        !matches!(self, Self::Noise(_))
    }

    /// The word a spec uses.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Flip(_) => "flip",
            Self::Rotate(_) => "rotate",
            Self::Shift(_) => "shift",
            Self::Crop(_) => "crop",
            Self::Erase(_) => "erase",
            Self::Noise(_) => "noise",
        }
    }
}

fn half() -> f64 {
    0.5
}

fn areas() -> [f64; 2] {
    [0.02, 0.33]
}

fn aspects() -> [f64; 2] {
    [0.3, 3.3]
}
