//! Losses and accuracies of rows that are not trained on, for all members at once.

use tch::{Tensor, no_grad};

use super::TrainError;
use super::data::Rows;
use super::loss::Objective;
use super::model::{Mode, Model};
use super::tally::{Tally, Total};

/// Rows of one pass of all members together: enough to fill the cores, few enough to stay in their caches.
const ROWS_PER_PASS: i64 = 4096;
/// Rows of one pass of each member, at least.
const ROWS_PER_MEMBER_MIN: i64 = 128;
/// Rows of one pass of each member, at most.
const ROWS_PER_MEMBER_MAX: i64 = 512;

/// Each slot's totals over the first `counts[e]` of its rows; `index` is `[G, n]` row numbers.
pub(super) fn evaluate(
    model: &mut Model,
    rows: &Rows,
    objective: Objective,
    index: &Tensor,
    counts: &[usize],
) -> Result<Vec<Total>, TrainError> {
    let (streams, most) = (index.size()[0], index.size()[1]);
    let members = counts.len() as i64;
    let pass = (ROWS_PER_PASS / members).clamp(ROWS_PER_MEMBER_MIN, ROWS_PER_MEMBER_MAX);
    no_grad(|| {
        let mut tally = Tally::new(members, most, objective.classes, index.device())?;
        let mut start = 0;
        while start < most {
            let length = pass.min(most - start);
            let own = index.f_narrow(1, start, length)?.f_reshape([-1])?;
            let targets = rows.targets(&own)?;
            let outputs = model.forward(&rows.features(&own)?, streams, Mode::Evaluate)?;
            let losses = objective.losses(&outputs, &targets, streams)?;
            tally.add(&losses, objective.hits(&outputs, &targets, streams)?.as_ref())?;
            start += length;
        }
        tally.totals(counts)
    })
}
