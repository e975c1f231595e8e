//! Labels that are shuffled, for studies of what is found where nothing is to be learned.

use foldwise_study::spec::data::ShuffleLabels;

use crate::dataset::{Table, Targets};
use crate::stream::Stream;

/// Permutes the targets of a table's rows among themselves.
pub(crate) fn shuffle(table: &mut Table, spec: ShuffleLabels) {
    let order = Stream::new(spec.seed, &["shuffle labels"]).permutation(table.rows);
    let width = table.outputs();
    match &mut table.targets {
        Targets::Classes(classes) => *classes = order.iter().map(|&row| classes[row]).collect(),
        Targets::Values(values) => {
            let rows = order.iter().flat_map(|&row| &values[row * width..(row + 1) * width]);
            *values = rows.copied().collect();
        }
    }
}
