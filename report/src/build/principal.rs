//! Principal components of a few long rows (Pearson, "On lines and planes of closest fit", 1901), by way of their
//! Gram matrix: with n rows it is `[n, n]`, however long they are.

use nalgebra::{DMatrix, SymmetricEigen};

/// Numbers of each row that are centred at a time.
const CHUNK: usize = 4096;
/// A component with less than this share of the first one's variance is rounding, and counts as none.
const ROUNDING: f64 = 1e-12;
/// Scores whose magnitudes differ by less than this share are equal where a sign is chosen.
const EQUAL: f64 = 1e-9;

/// The first two principal components of rows of equal length.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Principal {
    /// Each row's coordinates along both, from the mean of all rows. Of each component the entry of largest magnitude
    /// is positive; of equals, the first.
    pub(super) scores: Vec<[f64; 2]>,
    /// Both components' shares of the variance.
    pub(super) explained: [f64; 2],
}

impl Principal {
    /// `None` below two rows.
    pub(super) fn of(rows: &[&[f32]]) -> Option<Self> {
        if rows.len() < 2 {
            return None;
        }
        let gram = gram(rows);
        let variance = gram.trace();
        let eigen = SymmetricEigen::new(gram);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let mut found = Self { scores: vec![[0.0; 2]; rows.len()], explained: [0.0; 2] };
        let largest = eigen.eigenvalues[order[0]];
        for (component, &column) in order.iter().take(2).enumerate() {
            let value = eigen.eigenvalues[column];
            if value <= ROUNDING * largest {
                continue;
            }
            let scores: Vec<f64> =
                eigen.eigenvectors.column(column).iter().map(|entry| entry * value.sqrt()).collect();
            let sign = sign(&scores);
            for (place, score) in found.scores.iter_mut().zip(scores) {
                place[component] = sign * score;
            }
            found.explained[component] = value / variance;
        }
        Some(found)
    }
}

/// Products of the centred rows, `[n, n]`.
fn gram(rows: &[&[f32]]) -> DMatrix<f64> {
    let (count, length) = (rows.len(), rows[0].len());
    let mut gram = DMatrix::zeros(count, count);
    for start in (0..length).step_by(CHUNK) {
        let part = centred(rows, start, (start + CHUNK).min(length));
        for (a, left) in part.iter().enumerate() {
            for (b, right) in part.iter().enumerate().take(a + 1) {
                gram[(a, b)] += left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>();
            }
        }
    }
    gram.fill_upper_triangle_with_lower_triangle();
    gram
}

/// A stretch of each row, less the mean of the rows.
fn centred(rows: &[&[f32]], start: usize, end: usize) -> Vec<Vec<f64>> {
    let mut part: Vec<Vec<f64>> =
        rows.iter().map(|row| row[start..end].iter().map(|&number| f64::from(number)).collect()).collect();
    for column in 0..end - start {
        let mean = part.iter().map(|row| row[column]).sum::<f64>() / rows.len() as f64;
        part.iter_mut().for_each(|row| row[column] -= mean);
    }
    part
}

fn sign(scores: &[f64]) -> f64 {
    let largest = scores.iter().fold(0.0, |largest: f64, score| largest.max(score.abs()));
    let decides = scores.iter().find(|score| score.abs() >= (1.0 - EQUAL) * largest);
    if decides.is_some_and(|score| *score < 0.0) { -1.0 } else { 1.0 }
}
