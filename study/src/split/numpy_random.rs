//! NumPy's legacy generator, as far as scikit-learn's splits draw from it.
//!
//! Source: `numpy.random.RandomState` (`_legacy_seeding`, `shuffle`, `permutation`, `choice`) and the C function
//! `random_interval`, whose streams NumPy froze in NEP 19.

use rand_mt::Mt;

/// `numpy.random.RandomState(seed)`.
pub(super) struct NumpyRandom {
    twister: Mt,
}

impl NumpyRandom {
    /// The generator that NumPy makes from an integer: MT19937 started by `init_genrand`.
    pub(super) fn new(seed: u32) -> Self {
        Self { twister: Mt::new(seed) }
    }

    /// `random_interval`: a number from 0 to `max`, both included, by drawing under a mask until one fits. `max` fits
    /// in 32 bits; above, NumPy draws otherwise.
    fn interval(&mut self, max: usize) -> usize {
        if max == 0 {
            return 0;
        }
        let mask = usize::MAX >> max.leading_zeros();
        loop {
            let value = self.twister.next_u32() as usize & mask;
            if value <= max {
                return value;
            }
        }
    }

    /// `shuffle`: Fisher and Yates from the end. At most 2^32 items.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.interval(last));
        }
    }

    /// `permutation(count)`: the numbers below `count`, shuffled.
    pub(super) fn permutation(&mut self, count: u32) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..count).collect();
        self.shuffle(&mut numbers);
        numbers
    }

    /// `choice(items, size, replace=False)`. Draws a whole permutation, even where everything is chosen.
    pub(super) fn choose<T: Copy>(&mut self, items: &[T], size: usize) -> Vec<T> {
        let mut shuffled = items.to_vec();
        self.shuffle(&mut shuffled);
        shuffled.truncate(size);
        shuffled
    }
}

#[cfg(test)]
mod tests {
    use super::NumpyRandom;

    #[test]
    fn permutations_are_those_of_numpy() {
        assert_eq!(NumpyRandom::new(0).permutation(10), [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]);
        assert_eq!(NumpyRandom::new(42).permutation(10), [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
        assert_eq!(NumpyRandom::new(u32::MAX).permutation(10), [6, 9, 5, 1, 8, 0, 7, 4, 2, 3]);
    }

    #[test]
    fn a_choice_continues_the_stream_like_numpy() {
        let mut random = NumpyRandom::new(7);
        assert_eq!(random.choose(&[10, 20, 30, 40, 50], 2), [10, 40]);
        assert_eq!(random.choose(&[5], 1), [5]);
        assert_eq!(random.permutation(4), [2, 1, 0, 3]);
    }
}
