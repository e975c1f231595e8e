//! Expressions of generated rows.

use foldwise_data::Expression;

/// Values of x that are tried.
const TRIED: [f64; 5] = [0.0, -1.5, 1e300, f64::INFINITY, f64::NAN];

/// An expression: refused at a column that it has, or computed at every x, the same twice.
pub fn expression(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Expression::parse(text) {
        Ok(expression) => {
            for x in TRIED {
                assert_eq!(expression.at(x).to_bits(), expression.at(x).to_bits());
            }
        }
        Err(problem) => {
            assert!((1..=text.chars().count() + 1).contains(&problem.column) && !problem.reason.is_empty());
        }
    }
}
