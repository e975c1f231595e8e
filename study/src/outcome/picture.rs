//! A small picture as text: what a row looks like to a person, before anything was done to it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pixels of a side at most. Larger pictures are made smaller before they are kept.
pub const PICTURE_SIDE_MAX: u32 = 64;
/// The most pictures that are kept of one part of one run's rows: those of its first classes.
pub const PICTURES_MAX: usize = 32;

/// A picture of 8 bits per channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// 1 for shades of grey, 3 for red, green and blue.
    pub channels: u32,
    /// The bytes in base64 (RFC 4648, padded): row by row from the top, each pixel's channels beside each other.
    pub pixels: String,
}

/// Why something is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Its sides or channels are beyond the limits.
    #[error(
        "is {width} × {height} with {channels} channels: expected sides from 1 to {PICTURE_SIDE_MAX}, and 1 or 3 channels"
    )]
    Shape {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Numbers of a pixel.
        channels: u32,
    },
    /// Its pixels are no base64, or not as many as its shape says.
    #[error("does not hold {expected} bytes in base64")]
    Pixels {
        /// As many as the shape says.
        expected: usize,
    },
}

/// Bytes that a picture of this shape has, if it is one that can be kept.
fn length(width: u32, height: u32, channels: u32) -> Result<usize, PictureError> {
    let sides = 1..=PICTURE_SIDE_MAX;
    if !sides.contains(&width) || !sides.contains(&height) || !matches!(channels, 1 | 3) {
        return Err(PictureError::Shape { width, height, channels });
    }
    Ok((width * height * channels) as usize)
}

impl Picture {
    /// A picture of these bytes: row by row from the top, each pixel's channels beside each other.
    ///
    /// # Errors
    /// Where the shape is beyond the limits or the bytes are not as many as it says.
    pub fn new(width: u32, height: u32, channels: u32, bytes: &[u8]) -> Result<Self, PictureError> {
        let expected = length(width, height, channels)?;
        if bytes.len() != expected {
            return Err(PictureError::Pixels { expected });
        }
        Ok(Self { width, height, channels, pixels: STANDARD.encode(bytes) })
    }

    /// Its bytes, as [`Picture::new`] takes them.
    ///
    /// # Errors
    /// Where it is none: it may have come from anywhere.
    pub fn bytes(&self) -> Result<Vec<u8>, PictureError> {
        let expected = length(self.width, self.height, self.channels)?;
        let whole = self.pixels.len() == expected.div_ceil(3) * 4;
        let bytes = if whole { STANDARD.decode(&self.pixels).ok() } else { None };
        bytes.filter(|bytes| bytes.len() == expected).ok_or(PictureError::Pixels { expected })
    }

    /// Characters of JSON that the picture of a row of this shape (`[C, H, W]`) takes at most; 0 for rows that are no pictures.
    #[must_use]
    pub fn text_bytes_of(shape: &[usize]) -> u64 {
        /// Of the names of the fields and the numbers.
        const NAMES: u64 = 70;
        let &[channels @ (1 | 3), height, width] = shape else { return 0 };
        let side = |pixels: usize| (pixels as u64).min(PICTURE_SIDE_MAX.into());
        NAMES + (side(height) * side(width) * channels as u64).div_ceil(3) * 4
    }
}

#[cfg(test)]
mod tests {
    use super::{PICTURE_SIDE_MAX, Picture, PictureError};

    #[test]
    fn bytes_come_back() {
        let bytes: Vec<u8> = (0..2 * 3 * 3).map(|byte| byte * 14).collect();
        let picture = Picture::new(2, 3, 3, &bytes).expect("fits");
        assert_eq!(picture.bytes(), Ok(bytes));
        assert_eq!(picture.pixels.len(), 24);
    }

    #[test]
    fn what_is_no_picture_is_told() {
        let shape = |width, height, channels| PictureError::Shape { width, height, channels };
        assert_eq!(Picture::new(0, 1, 1, &[]), Err(shape(0, 1, 1)));
        assert_eq!(Picture::new(PICTURE_SIDE_MAX + 1, 1, 1, &[0; 65]), Err(shape(65, 1, 1)));
        assert_eq!(Picture::new(1, 1, 2, &[0; 2]), Err(shape(1, 1, 2)));
        assert_eq!(Picture::new(2, 1, 1, &[0]), Err(PictureError::Pixels { expected: 2 }));
        let of = |pixels: &str| Picture { width: 1, height: 1, channels: 3, pixels: pixels.to_owned() };
        assert_eq!(of("AAEC").bytes(), Ok(vec![0, 1, 2]));
        for odd in ["", "AAE=", "AAECAAEC", "\"><a>", "AA C"] {
            assert_eq!(of(odd).bytes(), Err(PictureError::Pixels { expected: 3 }), "{odd}");
        }
    }

    #[test]
    fn a_picture_s_text_takes_no_more_than_is_reckoned_with() {
        for (shape, width, height) in [([1, 28, 28], 28, 28), ([3, 64, 64], 64, 64), ([3, 400, 64], 64, 64)] {
            let channels = u32::try_from(shape[0]).expect("small");
            let bytes = vec![255; (width * height * channels) as usize];
            let picture = Picture::new(width, height, channels, &bytes).expect("fits");
            let text = serde_json::to_string(&picture).expect("plain").len() as u64;
            assert!(text <= Picture::text_bytes_of(&shape), "{text} for {shape:?}");
        }
        assert_eq!([Picture::text_bytes_of(&[784]), Picture::text_bytes_of(&[2, 5, 5])], [0, 0]);
    }
}
