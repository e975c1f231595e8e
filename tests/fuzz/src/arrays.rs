//! Files of arrays: archives of NumPy and files in the safetensors format.

use foldwise_study::spec::DataSpec;
use foldwise_study::spec::data::{ArraySpec, ChannelOrder, Task};

use crate::csv::check;
use crate::folder::Folder;

thread_local! {
    static FOLDER: Folder = Folder::new();
}

/// A byte that says how the file is read, and the file: the arrays `x` and `y` of it. Each other bit changes one thing.
pub fn arrays(input: &[u8]) {
    let Some((&how, file)) = input.split_first() else { return };
    let bit = |place: u32| how >> place & 1 == 1;
    FOLDER.with(|folder| {
        let path = folder.write("arrays", file);
        let spec = ArraySpec {
            test: bit(3).then(|| path.clone()),
            train: path,
            features: "x".to_owned(),
            targets: "y".to_owned(),
            task: if bit(1) { Task::Regression } else { Task::Classification },
            channels: if bit(2) { ChannelOrder::Last } else { ChannelOrder::First },
        };
        let (npz, safetensors) = if bit(0) { (Some(spec), None) } else { (None, Some(spec)) };
        check(&DataSpec { npz, safetensors, ..DataSpec::default() });
    });
}
