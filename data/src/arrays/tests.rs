//! Files of arrays, well-formed and not, and what becomes of them. `tests/fixtures/make.py` writes the fixtures.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use foldwise_study::spec::data::{ArraySpec, ChannelOrder, DataSpec, Task};
use safetensors::tensor::{Dtype, TensorView, serialize};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::{Cache, DataError, Dataset, Features, TargetKind, Targets, facts, load};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn spec(train: PathBuf) -> ArraySpec {
    ArraySpec {
        train,
        test: None,
        features: "x".to_owned(),
        targets: "y".to_owned(),
        task: Task::Classification,
        channels: ChannelOrder::First,
    }
}

/// Reads a file by its ending.
fn read(spec: ArraySpec) -> Result<Dataset, DataError> {
    let npz = spec.train.extension().is_some_and(|ending| ending == "npz");
    let (npz, safetensors) = if npz { (Some(spec), None) } else { (None, Some(spec)) };
    let spec = DataSpec { npz, safetensors, ..DataSpec::default() };
    let cache = Cache::given("nowhere");
    let dataset = load(&spec, &cache)?;
    assert_eq!(facts(&spec, &cache).unwrap(), dataset.facts);
    Ok(dataset)
}

fn numbers(adapt: impl FnOnce(&mut ArraySpec)) -> Result<Dataset, DataError> {
    let mut spec = ArraySpec { task: Task::Regression, ..spec(fixture("numbers.npz")) };
    adapt(&mut spec);
    read(spec)
}

fn wrong(adapt: impl FnOnce(&mut ArraySpec)) -> String {
    numbers(adapt).unwrap_err().to_string()
}

#[test]
fn pictures_are_read_from_both_formats_and_both_orders_of_channels() {
    let pixels: Vec<u8> = (0..36).collect();
    for file in ["pictures.npz", "pictures.safetensors"] {
        let dataset = read(spec(fixture(file))).unwrap();
        assert_eq!(dataset.facts.name, "pictures");
        assert_eq!(dataset.facts.shape, [2, 2, 3]);
        assert_eq!((dataset.facts.train_rows, dataset.facts.test_rows), (3, None));
        let names = ["0", "1", "2"].map(str::to_owned).to_vec();
        assert_eq!(dataset.facts.target, TargetKind::Classes { names });
        assert_eq!(dataset.train.features, Features::Bytes(pixels.clone()));
        assert_eq!(dataset.train.targets, Targets::Classes(vec![0, 2, 1]));
    }
    let last = ArraySpec {
        features: "last".to_owned(),
        channels: ChannelOrder::Last,
        ..spec(fixture("pictures.npz"))
    };
    let last = read(last).unwrap();
    assert_eq!((last.train.features, last.train.shape), (Features::Bytes(pixels), vec![2, 2, 3]));
    let floats =
        read(ArraySpec { features: "f".to_owned(), ..spec(fixture("pictures.safetensors")) }).unwrap();
    let halves: Vec<f32> = (0..36_u8).map(|pixel| f32::from(pixel) / 2.0).collect();
    assert_eq!(floats.train.features, Features::Floats(halves));
}

#[test]
fn numbers_of_every_order_are_the_same() {
    let expected = Features::Floats(vec![0.5, 1.5, 2.5, 3.5, -1.0, 4.0]);
    for name in ["x", "big", "half"] {
        let dataset = numbers(|spec| spec.features = name.to_owned()).unwrap();
        assert_eq!(dataset.train.features, expected, "{name}");
        assert_eq!(dataset.train.targets, Targets::Values(vec![0.25, -1.0, 3.0]));
        assert_eq!(dataset.facts.target, TargetKind::Values { names: vec!["y".to_owned()] });
    }
    let one = numbers(|spec| spec.features = "one".to_owned()).unwrap();
    assert_eq!((one.facts.shape, one.train.features), (vec![1], Features::Floats(vec![1.0, 2.0, 3.0])));
}

#[test]
fn several_targets_are_rows_of_numbers() {
    let dataset = numbers(|spec| spec.targets = "several".to_owned()).unwrap();
    assert_eq!(dataset.train.targets, Targets::Values(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(dataset.train.outputs(), 2);
    let names = ["several[0]", "several[1]"].map(str::to_owned).to_vec();
    assert_eq!(dataset.facts.target, TargetKind::Values { names });
    let spec =
        ArraySpec { task: Task::Regression, targets: "several".to_owned(), ..spec(fixture("numbers.npz")) };
    let limited = DataSpec { npz: Some(spec), train_rows: Some(2), ..DataSpec::default() };
    let limited = load(&limited, &Cache::given("nowhere")).unwrap();
    assert_eq!(limited.train.targets, Targets::Values(vec![1.0, 2.0, 3.0, 4.0]));
}

#[test]
fn classes_are_whole_numbers_from_zero() {
    let classes = |targets: &str| {
        numbers(|spec| (spec.targets, spec.task) = (targets.to_owned(), Task::Classification))
    };
    assert_eq!(classes("classes").unwrap().train.targets, Targets::Classes(vec![1, 0, 1]));
    assert_eq!(classes("truth").unwrap().train.targets, Targets::Classes(vec![1, 0, 1]));
    let message = |targets| classes(targets).unwrap_err().to_string();
    assert!(
        message("negative").contains("array `negative`: row 1 (from 0) is of class -1"),
        "{}",
        message("negative")
    );
    assert!(message("y").contains("task = \"regression\""), "{}", message("y"));
    assert!(message("several").contains("argmax"), "{}", message("several"));
    assert!(message("short").contains("it has 2 rows, but the features have 3"), "{}", message("short"));
}

#[test]
fn arrays_that_cannot_be_features_are_refused() {
    let features = |name: &str| wrong(|spec| spec.features = name.to_owned());
    assert!(
        features("gap")
            .contains("numbers.npz, array `gap`: row 0 (from 0) holds a number that is not finite")
    );
    assert!(features("words").contains("its type is '<U1'"), "{}", features("words"));
    assert!(features("complex").contains("its type is '<c16'"), "{}", features("complex"));
    assert!(features("record").contains("a record"), "{}", features("record"));
    assert!(features("empty").contains("holds no values"), "{}", features("empty"));
    assert!(features("five").contains("[rows, C, H, W]"), "{}", features("five"));
    let none = features("nothing");
    assert!(none.contains("there is no such array; the file has `big`, `classes`"), "{none}");
    let objects = read(spec(fixture("objects.npz"))).unwrap_err().to_string();
    assert!(objects.contains("its type is '|O'"), "{objects}");
    let none = ArraySpec { features: "nothing".to_owned(), ..spec(fixture("pictures.safetensors")) };
    let none = read(none).unwrap_err().to_string();
    assert!(none.contains("the file has `f`, `several`, `x`, `y`"), "{none}");
}

#[test]
fn test_rows_must_fit_the_training_rows() {
    let with_test = |train: &str, test: &str, adapt: &dyn Fn(&mut ArraySpec)| {
        let mut spec = ArraySpec { test: Some(fixture(test)), ..spec(fixture(train)) };
        adapt(&mut spec);
        read(spec)
    };
    let both = with_test("pictures.npz", "pictures.npz", &|_| ()).unwrap();
    assert_eq!((both.facts.test_rows, both.test.as_ref()), (Some(3), Some(&both.train)));
    let one = read(spec(fixture("pictures.npz"))).unwrap();
    assert_ne!(one.facts.digest, both.facts.digest);
    let shape = with_test("pictures.npz", "numbers.npz", &|_| ()).unwrap_err().to_string();
    assert!(shape.contains("training rows have shape [2, 2, 3], test rows [2]"), "{shape}");

    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, dtype: Dtype, x: &[u8], y: &[u8]| {
        let tensor = |dtype, shape: usize, data| TensorView::new(dtype, vec![shape], data).unwrap();
        let arrays = [("x", tensor(dtype, 2, x)), ("y", tensor(Dtype::U8, 2, y))];
        let path = home.path().join(name);
        fs::write(&path, serialize(arrays, None).unwrap()).unwrap();
        path
    };
    let train = file("train", Dtype::U8, &[1, 2], &[0, 1]);
    let fit = |test: PathBuf| read(ArraySpec { test: Some(test), ..spec(train.clone()) });
    let scales = fit(file("signed", Dtype::I8, &[1, 2], &[0, 1])).unwrap_err().to_string();
    assert!(scales.contains("only one has unsigned bytes"), "{scales}");
    let class = fit(file("class", Dtype::U8, &[1, 2], &[0, 2])).unwrap_err().to_string();
    assert!(class.contains("row 1 (from 0) is of class 2, but classes run from 0 to 1"), "{class}");
}

/// An archive with one entry.
fn archive(home: &Path, entry: &str, content: &[u8]) -> PathBuf {
    let path = home.join("hostile.npz");
    let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
    zip.start_file(entry, SimpleFileOptions::default()).unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap();
    path
}

fn npy(dictionary: &str, values: &[u8]) -> Vec<u8> {
    let length = u16::try_from(dictionary.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, dictionary.as_bytes(), values].concat()
}

#[test]
fn an_archive_is_not_believed() {
    let home = tempfile::tempdir().unwrap();
    let of = |entry: &str, content: &[u8]| {
        read(spec(archive(home.path(), entry, content))).unwrap_err().to_string()
    };
    let header = |shape: &str| format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}");
    let short = of("x.npy", &npy(&header("(4, 2)"), &[1; 7]));
    assert!(short.contains("its shape [4, 2] needs 8 bytes, but it has 7"), "{short}");
    let long = of("x.npy", &npy(&header("(4, 2)"), &[1; 9]));
    assert!(long.contains("needs 8 bytes, but it has 9"), "{long}");
    // Half a megabyte in the file, half a gigabyte beyond what the header announces: not read any further.
    let bomb = of("x.npy", &npy(&header("(2, 2)"), &vec![0; 64 << 20]));
    assert!(bomb.contains("needs 4 bytes"), "{bomb}");
    assert!(fs::metadata(home.path().join("hostile.npz")).unwrap().len() < 200_000, "the bomb is small");
    let vast = of("x.npy", &npy(&header("(9999999999, 9)"), &[]));
    assert!(vast.contains("more values than are read"), "{vast}");
    let nothing = of("x.npy", b"");
    assert!(nothing.contains("does not begin with"), "{nothing}");
    let other = of("readme.txt", b"hello");
    assert!(other.contains("the file has `readme.txt`"), "{other}");
}

#[test]
fn a_file_that_is_cut_or_spoiled_is_an_error_of_that_file() {
    let home = tempfile::tempdir().unwrap();
    for name in ["pictures.npz", "numbers.npz", "pictures.safetensors"] {
        let whole = fs::read(fixture(name)).unwrap();
        let path = home.path().join(name);
        for length in (0..whole.len()).step_by(7) {
            fs::write(&path, &whole[..length]).unwrap();
            let message = read(spec(path.clone())).unwrap_err().to_string();
            assert!(message.contains(name) && message.contains("array `x`"), "{length}: {message}");
        }
        // A byte that is changed is found, or is one of the numbers; it never ends the process.
        for place in (0..whole.len()).step_by(3) {
            let mut spoiled = whole.clone();
            spoiled[place] ^= 0x55;
            fs::write(&path, &spoiled).unwrap();
            if let Err(error) = read(spec(path.clone())) {
                assert!(error.to_string().contains(name), "{error}");
            }
        }
    }
    let vast = [b"\xff\xff\xff\xff\xff\xff\xff\x7f".as_slice(), b"{}"].concat();
    fs::write(home.path().join("a.safetensors"), vast).unwrap();
    let message = read(spec(home.path().join("a.safetensors"))).unwrap_err().to_string();
    assert!(message.contains("cannot be read"), "{message}");
}
