//! Figures as PNG, with a font of our own, so that they look the same on a machine that has none.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{ImageRendering, Options, Tree, fontdb};

/// `DejaVu Sans` with the letters of European languages and the signs of formulas.
const FONTS: [&[u8]; 2] = [include_bytes!("../fonts/sans.ttf"), include_bytes!("../fonts/sans-bold.ttf")];
/// Pixels of a side at most.
const SIDE_MAX: f32 = 16_384.0;

/// Why a picture could not be made.
#[derive(Debug)]
pub enum PngError {
    /// The text is no SVG.
    Svg(resvg::usvg::Error),
    /// It has no size, or one beyond 16,384 pixels.
    Size,
    /// It could not be written as PNG.
    Write(String),
}

impl std::fmt::Display for PngError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Svg(error) => write!(f, "the figure is no SVG: {error}"),
            Self::Size => f.write_str("the figure has no size that a picture can have"),
            Self::Write(error) => write!(f, "the picture cannot be written: {error}"),
        }
    }
}

impl std::error::Error for PngError {}

/// A figure's SVG as PNG, `scale` pixels for each of its own (2 is fit for print). Figures of [`crate::Theme::Page`] are light.
///
/// # Errors
/// Where the text is no SVG or the picture would be too large.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, PngError> {
    let options = Options {
        fontdb: fonts(),
        font_family: "DejaVu Sans".to_owned(),
        // `usvg` leaves out what the figure says of it.
        image_rendering: ImageRendering::Pixelated,
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(PngError::Svg)?;
    let (width, height) = (tree.size().width() * scale, tree.size().height() * scale);
    if !(1.0..=SIDE_MAX).contains(&width) || !(1.0..=SIDE_MAX).contains(&height) {
        return Err(PngError::Size);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and SIDE_MAX")]
    let size = (width.ceil() as u32, height.ceil() as u32);
    let mut picture = Pixmap::new(size.0, size.1).ok_or(PngError::Size)?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
    picture.encode_png().map_err(|error| PngError::Write(error.to_string()))
}

fn fonts() -> Arc<fontdb::Database> {
    static FOUND: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = fontdb::Database::new();
        for font in FONTS {
            fonts.load_font_data(font.to_vec());
        }
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    };
    Arc::clone(FOUND.get_or_init(load))
}
