//! The best epoch of a curve.

use super::Direction;

/// The position, from 0, of the best value of a curve with one value per epoch. Of equal values the earliest wins;
/// NaN never does. `None` where nothing but NaN is there.
#[must_use]
pub fn best_epoch(direction: Direction, curve: impl IntoIterator<Item = f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (epoch, score) in curve.into_iter().enumerate() {
        let wins = best.is_none_or(|(_, best)| direction.is_better(score, best));
        if wins && !score.is_nan() {
            best = Some((epoch, score));
        }
    }
    best.map(|(epoch, _)| epoch)
}
