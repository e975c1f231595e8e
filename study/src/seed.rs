//! Random streams, keyed by what they are for and never by who draws or when.
//!
//! A stream is named by (study seed, trial's own seed, purpose, trial, fold, round). The key is a hash of the
//! name, so streams are independent of each other and of the order in which they are drawn: the same run
//! has the same randomness alone, in a cohort, on any worker and after any fault.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights; the round is the parameter's position in the network.
    Weights,
    /// The order of training rows; the round is the epoch.
    Shuffle,
    /// Dropout masks; the round is the layer's position in the network.
    Dropout,
    /// Changes of training rows; the round is the step of the run.
    Augment,
    /// What a command of one's own seeds its random numbers with; the round is 0.
    Command,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Shuffle => "shuffle",
            Self::Dropout => "dropout",
            Self::Augment => "augment",
            Self::Command => "command",
        }
    }
}

/// Whose randomness it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    /// The study's seed.
    pub study: u64,
    /// The trial's own seed, where the spec sets one.
    pub train: Option<u64>,
    /// The trial, unless trials share random numbers.
    pub trial: Option<u32>,
    /// The fold; the final stage counts as the one after the last.
    pub fold: u32,
}

impl Source {
    /// 256 bits that name the stream.
    #[must_use]
    pub fn key(&self, purpose: Purpose, round: u64) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("foldwise 1 random stream");
        hasher.update(&self.study.to_le_bytes());
        update_optional(&mut hasher, self.train);
        update_optional(&mut hasher, self.trial.map(u64::from));
        hasher.update(&self.fold.to_le_bytes());
        hasher.update(purpose.word().as_bytes());
        hasher.update(&round.to_le_bytes());
        *hasher.finalize().as_bytes()
    }

    /// The stream as a generator.
    #[must_use]
    pub fn stream(&self, purpose: Purpose, round: u64) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.key(purpose, round))
    }
}

fn update_optional(hasher: &mut blake3::Hasher, value: Option<u64>) {
    hasher.update(&[u8::from(value.is_some())]);
    hasher.update(&value.unwrap_or(0).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::{Purpose, Source};

    #[test]
    fn every_part_of_the_name_makes_another_key() {
        let base = Source { study: 1, train: None, trial: None, fold: 0 };
        let keys = [
            base.key(Purpose::Weights, 0),
            base.key(Purpose::Weights, 1),
            base.key(Purpose::Shuffle, 0),
            Source { study: 2, ..base }.key(Purpose::Weights, 0),
            Source { train: Some(0), ..base }.key(Purpose::Weights, 0),
            Source { trial: Some(0), ..base }.key(Purpose::Weights, 0),
            Source { fold: 1, ..base }.key(Purpose::Weights, 0),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }
}
