//! Files for other programs.

use foldwise_report::{Report, tensorboard};

use crate::fixture::known;
#[cfg(feature = "png")]
use crate::measured::measured;

/// CRC-32C, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

fn masked(bytes: &[u8]) -> u32 {
    crc(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The records of an event file, whose frames are checked.
fn records(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let number = |from: usize| u32::from_le_bytes(bytes[from..from + 4].try_into().unwrap());
        let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
        assert_eq!(number(8), masked(&bytes[..8]));
        let record = &bytes[12..12 + length];
        assert_eq!(number(12 + length), masked(record));
        found.push(record);
        bytes = &bytes[16 + length..];
    }
    found
}

#[test]
fn event_files_are_the_known_ones() {
    let files = tensorboard(&Report::build(known()));
    // One per run that has an epoch, and the final model.
    assert_eq!(files.len(), 21);
    let first = &files[0];
    assert_eq!(first.path, "trial-0/fold-0/events.out.tfevents.1709208000.foldwise");
    let records = records(&first.bytes);
    // Version, start, three epochs, score, end.
    assert_eq!(records.len(), 7);
    // What tests/report/exports/check.py, with the tensorboard package, was seen to read.
    let digits: Vec<String> =
        records.iter().map(|record| record.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
    insta::assert_snapshot!(digits.join("\n"));
}

#[cfg(feature = "parquet")]
#[test]
fn tables_are_read_back() {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    let files = foldwise_report::parquet(&Report::build(known())).unwrap();
    let sizes = files.iter().map(|file| {
        let reader = SerializedFileReader::new(bytes::Bytes::from(file.bytes.clone())).unwrap();
        let columns = reader.metadata().file_metadata().schema_descr().num_columns();
        (file.path.as_str(), reader.get_row_iter(None).unwrap().count(), columns)
    });
    let sizes: Vec<_> = sizes.collect();
    assert_eq!(sizes, [("trials.parquet", 4, 13), ("folds.parquet", 20, 13), ("epochs.parquet", 61, 11)]);
    let reader = SerializedFileReader::new(bytes::Bytes::from(files[0].bytes.clone())).unwrap();
    let first = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
    let text = first.to_string();
    assert!(
        text.contains("network.mlp.hidden: \"[96,48]\"") && text.contains("train.optimizer.lr: 0.003"),
        "{text}"
    );
}

#[cfg(feature = "png")]
#[test]
fn pictures_have_their_size_and_letters() {
    use foldwise_report::{Look, Theme, figure, png};

    let report = Report::build(known());
    for theme in [Theme::Light, Theme::Dark] {
        let figure = figure(&report, "configurations", Look::on(theme)).unwrap();
        let picture = png(&figure.svg, 2.0).unwrap();
        assert_eq!(&picture[1..4], b"PNG");
        assert_eq!(u32::from_be_bytes(picture[16..20].try_into().unwrap()), 1440);
        // Without a font the words would be missing, and the picture smaller.
        assert!(picture.len() > 20_000, "{}", picture.len());
    }
    assert!(png("<svg", 1.0).is_err());
}

#[cfg(feature = "png")]
#[test]
fn pictures_in_a_picture_have_hard_pixels() {
    use std::collections::BTreeSet;

    use foldwise_report::{Look, figure, png};

    let report = Report::build(measured());
    let figure = figure(&report, "wrong-validation", Look::default()).unwrap();
    let document = roxmltree::Document::parse(&figure.svg).unwrap();
    let image = document.descendants().find(|node| node.tag_name().name() == "image").unwrap();
    let at = |name: &str| image.attribute(name).unwrap().parse::<usize>().unwrap();
    let file = std::io::Cursor::new(png(&figure.svg, 1.0).unwrap());
    let mut reader = ::png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let width = reader.next_frame(&mut pixels).unwrap().width as usize;
    let inside = (at("y")..at("y") + at("height")).flat_map(|y| (0..at("width")).map(move |x| (x, y)));
    let shades: BTreeSet<u8> = inside.map(|(x, y)| pixels[4 * (y * width + at("x") + x)]).collect();
    // Those of the picture, and none between them.
    assert_eq!(shades, (0..64_u16).filter_map(|pixel| u8::try_from(pixel * 255 / 64).ok()).collect());
}
