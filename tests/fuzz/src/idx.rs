//! The IDX reader alone, and pairs of files through it.

use foldwise_data::idx::decode;
use foldwise_study::spec::DataSpec;
use foldwise_study::spec::data::IdxSpec;

use crate::csv::check;
use crate::folder::Folder;

/// Larger files are decoded but not paired.
const PAIRED_BYTES_MAX: usize = 4 << 10;

thread_local! {
    static FOLDER: Folder = Folder::new();
}

/// An IDX file: decoded, and then the features of labels that fit them, and the labels of features that fit them.
pub fn idx(input: &[u8]) {
    let Ok(idx) = decode(input.to_vec()) else { return };
    assert_eq!(idx.shape.iter().product::<usize>(), idx.values.len());
    if input.len() > PAIRED_BYTES_MAX || idx.shape[0] > PAIRED_BYTES_MAX {
        return;
    }
    let rows = u32::try_from(idx.shape[0]).expect("a length of four bytes");
    let labels = vector(rows, |row| u8::try_from(row % 3).expect("less than 3"));
    FOLDER.with(|folder| {
        let own = folder.write("own", input);
        let other = folder.write("other", &labels);
        for (features, labels) in [(&own, &other), (&other, &own)] {
            let spec = IdxSpec {
                train_features: features.clone(),
                train_labels: labels.clone(),
                test_features: Some(own.clone()),
                test_labels: Some(other.clone()),
            };
            check(&DataSpec { idx: Some(spec), ..DataSpec::default() });
        }
    });
}

fn vector(length: u32, value: impl Fn(u32) -> u8) -> Vec<u8> {
    let header = [0, 0, 8, 1].into_iter().chain(length.to_be_bytes());
    header.chain((0..length).map(value)).collect()
}
