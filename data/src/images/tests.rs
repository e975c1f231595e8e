//! Folders of pictures, well-formed and not. `tests/fixtures/make.py` draws the fixtures.

use std::fs;
use std::path::{Path, PathBuf};

use flate2::Crc;
use foldwise_study::spec::data::{DataSpec, ImagesSpec};
use tempfile::TempDir;

use crate::{Cache, DataError, Dataset, Features, TargetKind, Targets, facts, load};

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// A folder with these files, each a copy of a fixture.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for (path, name) in files {
        put(home.path(), path, &fixture(name));
    }
    home
}

fn put(home: &Path, path: &str, content: &[u8]) -> PathBuf {
    let path = home.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn spec(home: &TempDir) -> ImagesSpec {
    ImagesSpec { train: home.path().join("train"), test: None, channels: 3, size: None }
}

fn read(images: ImagesSpec) -> Result<Dataset, DataError> {
    let spec = DataSpec { images: Some(images), ..DataSpec::default() };
    let cache = Cache::given("nowhere");
    let dataset = load(&spec, &cache)?;
    assert_eq!(facts(&spec, &cache).unwrap(), dataset.facts);
    Ok(dataset)
}

const COLOURS: [u8; 12] = [255, 0, 0, 10, 0, 255, 0, 20, 0, 0, 255, 30];

#[test]
fn classes_and_files_are_in_the_order_of_their_names() {
    let home = folder(&[
        ("train/dog/b.png", "grey.png"),
        ("train/dog/a.PNG", "colours.png"),
        ("train/cat/z.jpeg", "flat.jpg"),
        ("train/.hidden/x.png", "grey.png"),
        ("train/cat/.DS_Store", "grey.png"),
        ("test/dog/1.png", "transparent.png"),
    ]);
    let dataset = read(ImagesSpec { test: Some(home.path().join("test")), ..spec(&home) }).unwrap();
    assert_eq!(dataset.facts.name, "train");
    assert_eq!(dataset.facts.shape, [3, 2, 2]);
    assert_eq!((dataset.facts.train_rows, dataset.facts.test_rows), (3, Some(1)));
    let names = ["cat", "dog"].map(str::to_owned).to_vec();
    assert_eq!(dataset.facts.target, TargetKind::Classes { names });
    assert_eq!(dataset.train.targets, Targets::Classes(vec![0, 1, 1]));
    let Features::Bytes(pixels) = dataset.train.features else { panic!("pictures are bytes") };
    for (channel, expected) in pixels[..12].chunks_exact(4).zip([200_u8, 100, 50]) {
        assert!(channel.iter().all(|&value| value.abs_diff(expected) <= 2), "{pixels:?}");
    }
    assert_eq!(pixels[12..24], COLOURS);
    assert_eq!(pixels[24..], [0, 64, 128, 255].repeat(3));
    // Transparency is left out, whatever it would show.
    assert_eq!(dataset.test.unwrap().features, Features::Bytes(COLOURS.to_vec()));
}

#[test]
fn pictures_are_made_grey_of_eight_bits_and_of_one_size() {
    let home = folder(&[("train/a/1.png", "deep.png"), ("train/b/1.png", "grey.png")]);
    let dataset = read(ImagesSpec { channels: 1, ..spec(&home) }).unwrap();
    assert_eq!(dataset.facts.shape, [1, 2, 2]);
    assert_eq!(dataset.train.features, Features::Bytes(vec![0, 1, 2, 255, 0, 64, 128, 255]));
    let home = folder(&[("train/a/1.png", "wide.png"), ("train/b/1.png", "grey.png")]);
    let sizes = read(spec(&home)).unwrap_err().to_string();
    assert!(
        sizes.contains("b/1.png is 2 pixels high and 2 wide, but the first picture is 3 by 5"),
        "{sizes}"
    );
    let sized = read(ImagesSpec { channels: 1, size: Some([1, 4]), ..spec(&home) }).unwrap();
    assert_eq!(sized.facts.shape, [1, 1, 4]);
    let Features::Bytes(pixels) = sized.train.features else { panic!("pictures are bytes") };
    // Rows of 0, 64 and 128, 255 have the mean 64, 160 from left to right.
    assert_eq!(pixels[..4], [0; 4]);
    assert!(pixels[4].abs_diff(64) <= 1 && pixels[7].abs_diff(160) <= 1, "{pixels:?}");
}

#[test]
fn the_digest_covers_names_and_contents() {
    let digest = |files: &[(&str, &str)]| read(spec(&folder(files))).unwrap().facts.digest;
    let one = digest(&[("train/a/1.png", "grey.png"), ("train/b/1.png", "colours.png")]);
    assert_eq!(one, digest(&[("train/a/1.png", "grey.png"), ("train/b/1.png", "colours.png")]));
    assert_ne!(one, digest(&[("train/a/2.png", "grey.png"), ("train/b/1.png", "colours.png")]));
    assert_ne!(one, digest(&[("train/a/1.png", "grey.png"), ("train/c/1.png", "colours.png")]));
    assert_ne!(one, digest(&[("train/a/1.png", "colours.png"), ("train/b/1.png", "grey.png")]));
}

#[test]
fn folders_that_are_no_classes_are_refused() {
    let wrong = |files: &[(&str, &str)]| read(spec(&folder(files))).unwrap_err().to_string();
    let beside = wrong(&[("train/1.png", "grey.png")]);
    assert!(beside.contains("train/1.png stands among the folders of the classes"), "{beside}");
    let deep = wrong(&[("train/a/b/1.png", "grey.png")]);
    assert!(deep.contains("train/a/b is a folder within a class"), "{deep}");
    let name = wrong(&[("train/a/1.gif", "grey.png")]);
    assert!(name.contains("1.gif is not named like a PNG or JPEG"), "{name}");
    let none = wrong(&[("train/.a/1.png", "grey.png")]);
    assert!(none.contains("train holds no class"), "{none}");
    let empty = wrong(&[("train/a/.hidden", "grey.png")]);
    assert!(empty.contains("train/a holds no picture"), "{empty}");
    let missing = wrong(&[("a/1.png", "grey.png")]);
    assert!(missing.contains("could not read"), "{missing}");
    let home = folder(&[("train/a/1.png", "grey.png"), ("test/b/1.png", "grey.png")]);
    let test = read(ImagesSpec { test: Some(home.path().join("test")), ..spec(&home) });
    let test = test.unwrap_err().to_string();
    assert!(test.contains("test/b is a class of the test rows that no training row has"), "{test}");
}

/// A PNG file that says it has another size.
fn announced(width: u32, height: u32) -> Vec<u8> {
    let mut content = fixture("grey.png");
    content[16..20].copy_from_slice(&width.to_be_bytes());
    content[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = Crc::new();
    crc.update(&content[12..29]);
    content[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    content
}

#[test]
fn files_that_are_no_pictures_are_refused_without_being_believed() {
    let home = tempfile::tempdir().unwrap();
    let wrong = |content: &[u8]| {
        put(home.path(), "train/a/1.png", content);
        read(spec(&home)).unwrap_err().to_string()
    };
    assert!(
        wrong(b"GIF89a......").contains("1.png is neither a PNG nor a JPEG"),
        "{}",
        wrong(b"GIF89a......")
    );
    assert!(wrong(b"").contains("neither"), "{}", wrong(b""));
    for (width, height) in [(100_000, 100_000), (16_385, 1), (1, u32::MAX), (16_384, 16_384), (0, 2)] {
        let message = wrong(&announced(width, height));
        assert!(message.contains("could not be decoded"), "{width} x {height}: {message}");
    }
    for name in ["colours.png", "flat.jpg"] {
        let whole = fixture(name);
        for length in 0..whole.len() {
            put(home.path(), "train/a/1.png", &whole[..length]);
            if let Err(error) = read(spec(&home)) {
                assert!(error.to_string().contains("1.png"), "{error}");
            }
        }
        assert!(wrong(&whole[..whole.len() / 3]).contains("1.png"));
        for place in 0..whole.len() {
            let mut spoiled = whole.clone();
            spoiled[place] ^= 0x55;
            put(home.path(), "train/a/1.png", &spoiled);
            if let Err(error) = read(spec(&home)) {
                assert!(error.to_string().contains("1.png"), "{error}");
            }
        }
    }
}
