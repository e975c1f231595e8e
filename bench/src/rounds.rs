//! Sides of a comparison take turns, and medians are compared.

use crate::Outcome;

/// The middle value, the upper of two.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Lets all sides take a turn in each of `rounds` rounds; each side's median.
///
/// # Errors
/// The first error of a side.
pub(crate) fn medians(
    rounds: usize,
    sides: &mut [Box<dyn FnMut() -> Outcome<f64> + '_>],
) -> Outcome<Vec<f64>> {
    let mut values = vec![Vec::with_capacity(rounds); sides.len()];
    for _ in 0..rounds {
        for (side, values) in sides.iter_mut().zip(&mut values) {
            values.push(side()?);
        }
    }
    Ok(values.iter_mut().map(|values| median(values)).collect())
}

#[cfg(test)]
mod tests {
    use super::medians;

    #[test]
    fn sides_take_turns() {
        let order = std::cell::RefCell::new(Vec::new());
        let (mut first, mut second) = (0.0, 10.0);
        let found = medians(
            3,
            &mut [
                Box::new(|| {
                    order.borrow_mut().push('a');
                    first += 1.0;
                    Ok(first)
                }),
                Box::new(|| {
                    order.borrow_mut().push('b');
                    second -= 1.0;
                    Ok(second)
                }),
            ],
        );
        assert_eq!(found.expect("no side fails"), [2.0, 8.0]);
        assert_eq!(order.into_inner(), ['a', 'b', 'a', 'b', 'a', 'b']);
    }
}
