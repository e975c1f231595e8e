//! Pictures inside a figure: PNG of our own making, so that nothing of what came from outside is passed on as it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use foldwise_study::outcome::Picture;
use png::{BitDepth, ColorType, Encoder, EncodingError};

/// A picture as an address that holds it; none where its bytes are not what it says.
pub(crate) fn address(picture: &Picture) -> Option<String> {
    let bytes = picture.bytes().ok()?;
    let file = file(picture, &bytes).ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(file)))
}

fn file(picture: &Picture, bytes: &[u8]) -> Result<Vec<u8>, EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(if picture.channels == 1 { ColorType::Grayscale } else { ColorType::Rgb });
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytes)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use foldwise_study::outcome::Picture;

    use super::address;

    #[test]
    fn pixels_are_those_of_the_picture() {
        let bytes: Vec<u8> = (0..30).map(|byte| byte * 8).collect();
        let picture = Picture::new(5, 2, 3, &bytes).expect("fits");
        let address = address(&picture).expect("whole");
        let file =
            STANDARD.decode(address.strip_prefix("data:image/png;base64,").expect("PNG")).expect("base64");
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("a header");
        let mut found = vec![0; reader.output_buffer_size().expect("small")];
        let info = reader.next_frame(&mut found).expect("a picture");
        assert_eq!((info.width, info.height, found), (5, 2, bytes));
    }

    #[test]
    fn what_is_not_whole_is_not_shown() {
        let odd = Picture { width: 1, height: 1, channels: 1, pixels: "\"/><script>".to_owned() };
        assert_eq!(address(&odd), None);
    }
}
