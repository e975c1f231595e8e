//! One picture: decoded within limits, of one or three channels, channels first.

use std::io::Cursor;

use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};

use crate::guard::guarded;
use crate::images::ImageProblem;

/// The most bytes of a picture's file.
pub const PICTURE_FILE_BYTES_MAX: u64 = 256 << 20;

/// The most pixels of a picture's height and of its width.
pub const PICTURE_SIDE_MAX: u32 = 16_384;

/// The most bytes that a decoder may take: a picture of 16,384 by 8,192 pixels with four channels.
const DECODER_BYTES_MAX: u64 = 512 << 20;

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    height: u32,
    width: u32,
    /// `[C, H, W]`, 0 to 255.
    values: Vec<u8>,
}

/// Whether a file of this name is read as a picture.
pub(super) fn is_named_like_one(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("png" | "jpg" | "jpeg"))
}

impl Picture {
    /// Decodes a PNG or JPEG file, whatever its name says of it, and brings it to a size (height, width) if one is given.
    pub(super) fn decode(content: &[u8], channels: u8, size: Option<[u32; 2]>) -> Result<Self, ImageProblem> {
        let picture = guarded(|| decode(content))
            .unwrap_or_else(|| Err(ImageProblem::Decode { reason: "its decoder failed".to_owned() }))?;
        let resized = match size {
            Some([height, width]) if (picture.height(), picture.width()) != (height, width) => {
                picture.resize_exact(width, height, FilterType::Triangle)
            }
            _ => picture,
        };
        let (height, width) = (resized.height(), resized.width());
        let values = match channels {
            1 => resized.into_luma8().into_raw(),
            3 => {
                let pixels = resized.into_rgb8().into_raw();
                (0..3).flat_map(|channel| pixels.iter().copied().skip(channel).step_by(3)).collect()
            }
            _ => return Err(ImageProblem::Channels { channels }),
        };
        Ok(Self { height, width, values })
    }

    /// Height and width.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.height, self.width)
    }

    /// The picture, if it has this height and width.
    pub(super) fn of_size(self, (height, width): (u32, u32)) -> Result<Self, ImageProblem> {
        if self.size() == (height, width) {
            return Ok(self);
        }
        Err(ImageProblem::Size { found: [self.height, self.width], expected: [height, width] })
    }

    pub(super) fn values(&self) -> &[u8] {
        &self.values
    }
}

fn decode(content: &[u8]) -> Result<DynamicImage, ImageProblem> {
    let mut reader =
        ImageReader::new(Cursor::new(content)).with_guessed_format().map_err(|_| ImageProblem::Unknown)?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(ImageProblem::Unknown);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(PICTURE_SIDE_MAX);
    limits.max_image_height = Some(PICTURE_SIDE_MAX);
    limits.max_alloc = Some(DECODER_BYTES_MAX);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| ImageProblem::Decode { reason: error.to_string() })?;
    if picture.width() == 0 || picture.height() == 0 {
        return Err(ImageProblem::Decode { reason: "it has no pixels".to_owned() });
    }
    Ok(picture)
}
