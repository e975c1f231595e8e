//! Random streams of the data, keyed by what they are for, so that none depends on what is drawn from another.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of random numbers.
#[derive(Debug)]
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of a seed and a purpose, in words.
    pub(crate) fn new(seed: u64, purpose: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("foldwise 1 data stream");
        hasher.update(&seed.to_le_bytes());
        for word in purpose {
            hasher.update(word.as_bytes());
            hasher.update(b"\n");
        }
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// Uniform over 0 (included) to 1 (not included), in steps of 2^-53.
    pub(crate) fn uniform(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a 64-bit float holds")]
        let steps = (self.0.next_u64() >> 11) as f64;
        steps / 9_007_199_254_740_992.0
    }

    /// Normally distributed with mean 0 and deviation 1, by Box and Muller's transform: of functions that `libm` computes
    /// alike everywhere, and always of two draws. Never beyond 8.6 deviations.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// A permutation of 0 to `count` − 1, each as likely as any other.
    pub(crate) fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, self.up_to(last));
        }
        order
    }

    /// 0 to `last`, each as likely as any other.
    fn up_to(&mut self, last: usize) -> usize {
        let mask = usize::MAX >> last.leading_zeros();
        loop {
            #[expect(clippy::cast_possible_truncation, reason = "the mask keeps lower bits alone")]
            let drawn = self.0.next_u64() as usize & mask;
            if drawn <= last {
                return drawn;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stream;

    #[test]
    fn streams_differ_by_seed_and_purpose_and_never_change() {
        let first = |seed, purpose: &[&str]| Stream::new(seed, purpose).0.get_seed();
        assert_ne!(first(0, &["a"]), first(1, &["a"]));
        assert_ne!(first(0, &["a", "b"]), first(0, &["ab"]));
        assert_ne!(first(0, &["a"]), first(0, &["b"]));
        let mut stream = Stream::new(7, &["test"]);
        let drawn = [stream.uniform(), stream.uniform(), stream.normal()];
        assert_eq!(drawn, [0.203_523_745_560_156_5, 0.091_718_817_542_598_92, -0.584_775_815_675_371_1]);
        assert_eq!(stream.permutation(8), [4, 3, 7, 2, 5, 1, 0, 6]);
    }

    #[test]
    fn every_permutation_is_as_likely() {
        let mut counts = std::collections::HashMap::new();
        let mut stream = Stream::new(0, &["test"]);
        for _ in 0..6000 {
            *counts.entry(stream.permutation(3)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (900..1100).contains(count)), "{counts:?}");
        assert_eq!(stream.permutation(0), [0; 0]);
        assert_eq!(stream.permutation(1), [0]);
    }
}
