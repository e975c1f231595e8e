//! Dropout masks from a counter: each number is a hash of (member's key, step, element), so that a
//! member's masks do not depend on its cohort, its slot or the device.

use foldwise_study::seed::{Purpose, Source};
use tch::{Device, Kind, Tensor};

use super::TrainError;

/// A dropout layer of a cohort.
#[derive(Debug, Clone)]
pub(super) struct Dropout {
    lanes: Vec<Lane>,
    /// Kept between steps so that a mask costs no fresh memory of ours.
    mask: Vec<f32>,
}

/// One member's part of a layer.
#[derive(Debug, Clone, Copy)]
struct Lane {
    key: u64,
    /// A draw of [`DRAW_BITS`] bits below this drops its element.
    threshold: u32,
    /// What kept elements are multiplied with, `1/(1 − rate)`.
    scale: f32,
}

/// Where a member's elements lie in `[outer, E, inner]`; element `(o, i)` of each has index `o·inner + i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) outer: usize,
    pub(super) inner: usize,
}

const DRAW_BITS: u32 = 24;
/// Multipliers of the 32-bit finalizer "lowbias32" (C. Wellons, "Prospecting for hash functions", 2018).
const MULTIPLIERS: [u32; 2] = [0x7feb_352d, 0x846c_a68b];

impl Dropout {
    /// The layer at `position` with each slot's source and rate; none where nothing is ever dropped.
    pub(super) fn new(position: usize, slots: &[(&Source, f64)]) -> Option<Self> {
        if slots.iter().all(|&(_, rate)| rate == 0.0) {
            return None;
        }
        let lanes = slots.iter().map(|&(source, rate)| Lane::new(position, source, rate)).collect();
        Some(Self { lanes, mask: Vec::new() })
    }

    /// What the elements `[outer, E, inner]` of step `step` are multiplied with, flat.
    pub(super) fn mask(&mut self, extent: Extent, step: u64, device: Device) -> Result<Tensor, TrainError> {
        if device == Device::Cpu { self.on_host(extent, step) } else { self.on_device(extent, step, device) }
    }

    /// The same numbers as [`Dropout::mask`] gives for `rows` rows of vectors, into `[E, features, rows]` on the host.
    pub(super) fn fill_features_first(&self, mask: &mut [f32], rows: usize, step: u64) {
        let features = mask.len() / (self.lanes.len() * rows);
        for (part, lane) in mask.chunks_exact_mut(features * rows).zip(&self.lanes) {
            let words = lane.words(step);
            for (feature, part) in part.chunks_exact_mut(rows).enumerate() {
                lane.fill(part, (word(feature), word(features)), words);
            }
        }
    }

    fn on_host(&mut self, extent: Extent, step: u64) -> Result<Tensor, TrainError> {
        let Extent { outer, inner } = extent;
        self.mask.resize(outer * inner * self.lanes.len(), 0.0);
        let lanes: Vec<(Lane, [u32; 2])> = self.lanes.iter().map(|lane| (*lane, lane.words(step))).collect();
        for (o, block) in self.mask.chunks_exact_mut(inner * lanes.len()).enumerate() {
            for (part, (lane, words)) in block.chunks_exact_mut(inner).zip(&lanes) {
                lane.fill(part, (word(o * inner), 1), *words);
            }
        }
        Ok(Tensor::f_from_slice(&self.mask)?)
    }

    fn on_device(&self, extent: Extent, step: u64, device: Device) -> Result<Tensor, TrainError> {
        let (outer, inner) = (extent.outer as i64, extent.inner as i64);
        let words: Vec<[u32; 2]> = self.lanes.iter().map(|lane| lane.words(step)).collect();
        let per_lane = |values: Vec<i32>| -> Result<Tensor, TrainError> {
            Ok(Tensor::f_from_slice(&values)?.f_to(device)?.f_view((1, -1, 1))?)
        };
        let first = per_lane(words.iter().map(|words| words[0].cast_signed()).collect())?;
        let second = per_lane(words.iter().map(|words| words[1].cast_signed()).collect())?;
        let threshold = per_lane(self.lanes.iter().map(|lane| lane.threshold.cast_signed()).collect())?;
        let scale = Tensor::f_from_slice(&self.lanes.iter().map(|lane| lane.scale).collect::<Vec<f32>>())?;

        let index = Tensor::f_arange(outer * inner, (Kind::Int, device))?.f_view((outer, 1, inner))?;
        let mut bits = index.f_bitwise_xor_tensor(&first)?;
        bits = bits.f_bitwise_xor_tensor(&shifted_right(&bits, 16)?)?;
        bits = bits.f_mul_scalar(i64::from(MULTIPLIERS[0].cast_signed()))?.f_add(&second)?;
        bits = bits.f_bitwise_xor_tensor(&shifted_right(&bits, 15)?)?;
        bits = bits.f_mul_scalar(i64::from(MULTIPLIERS[1].cast_signed()))?;
        bits = bits.f_bitwise_xor_tensor(&shifted_right(&bits, 16)?)?;
        let kept = shifted_right(&bits, 32 - DRAW_BITS)?.f_ge_tensor(&threshold)?;
        let scale = scale.f_to(device)?.f_view((1, -1, 1))?;
        Ok(kept.f_to_kind(Kind::Float)?.f_mul(&scale)?.f_view([-1_i64])?)
    }
}

impl Lane {
    fn new(position: usize, source: &Source, rate: f64) -> Self {
        let key = source.key(Purpose::Dropout, position as u64);
        let key = u64::from_le_bytes(std::array::from_fn(|index| key[index]));
        let draws = f64::from(1_u32 << DRAW_BITS);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 ≤ rate < 1")]
        let (threshold, scale) = ((rate * draws).round() as u32, (1.0 / (1.0 - rate)) as f32);
        Self { key, threshold, scale }
    }

    /// The two words that a step's draws are keyed with (`SplitMix64`).
    fn words(&self, step: u64) -> [u32; 2] {
        let mut mixed = self.key.wrapping_add((step + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        [word_of(mixed >> 32), word_of(mixed)]
    }

    /// Fills in the elements from `start` on, each `stride` after the one before.
    fn fill(&self, part: &mut [f32], (start, stride): (u32, u32), words: [u32; 2]) {
        let scale = self.scale.to_bits();
        for (place, value) in (0_u32..).zip(part) {
            let index = start.wrapping_add(place.wrapping_mul(stride));
            let kept = u32::from(draw(index, words) >= self.threshold);
            *value = f32::from_bits(scale & kept.wrapping_neg());
        }
    }
}

/// [`DRAW_BITS`] bits for one element.
#[inline]
fn draw(index: u32, words: [u32; 2]) -> u32 {
    let mut bits = index ^ words[0];
    bits ^= bits >> 16;
    bits = bits.wrapping_mul(MULTIPLIERS[0]).wrapping_add(words[1]);
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(MULTIPLIERS[1]);
    bits ^= bits >> 16;
    bits >> (32 - DRAW_BITS)
}

/// A logical shift of 32-bit integers; libtorch's own keeps the sign.
fn shifted_right(bits: &Tensor, places: u32) -> Result<Tensor, TrainError> {
    let mask = i64::from(u32::MAX >> places);
    Ok(bits.f_bitwise_right_shift_tensor_scalar(i64::from(places))?.f_bitwise_and(mask)?)
}

#[allow(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
fn word_of(bits: u64) -> u32 {
    bits as u32
}

#[allow(clippy::cast_possible_truncation, reason = "a member's activations of one layer stay below 2^32")]
fn word(index: usize) -> u32 {
    index as u32
}

#[cfg(test)]
mod tests {
    use foldwise_study::seed::Source;
    use tch::Device;

    use super::{Dropout, Extent};

    const SOURCE: Source = Source { study: 5, train: None, trial: None, fold: 0 };

    fn host(slots: &[(&Source, f64)], extent: Extent, step: u64) -> Vec<f32> {
        let mut layer = Dropout::new(3, slots).expect("drops");
        Vec::try_from(layer.on_host(extent, step).expect("memory")).expect("floats")
    }

    #[test]
    fn both_forms_draw_the_same() {
        let other = Source { fold: 1, ..SOURCE };
        let slots = [(&SOURCE, 0.3), (&other, 0.0), (&other, 0.75)];
        let layer = Dropout::new(3, &slots).expect("drops");
        for (step, extent) in [(0, Extent { outer: 7, inner: 33 }), (41, Extent { outer: 1, inner: 4096 })] {
            let tensors = layer.on_device(extent, step, Device::Cpu).expect("memory");
            assert_eq!(host(&slots, extent, step), Vec::<f32>::try_from(tensors).expect("floats"));
        }
    }

    #[test]
    fn a_member_draws_the_same_alone_and_among_others_in_any_layout() {
        let other = Source { fold: 1, ..SOURCE };
        let alone = host(&[(&SOURCE, 0.4)], Extent { outer: 1, inner: 60 }, 9);
        let slots = [(&other, 0.2), (&SOURCE, 0.4)];
        let batches = host(&slots, Extent { outer: 1, inner: 60 }, 9);
        assert_eq!(alone, batches[60..]);
        let columns = host(&slots, Extent { outer: 12, inner: 5 }, 9);
        let own: Vec<f32> = columns.chunks(10).flat_map(|row| row[5..].to_vec()).collect();
        assert_eq!(alone, own);
    }

    #[test]
    fn elements_are_dropped_at_the_rate_and_independently() {
        let extent = Extent { outer: 1, inner: 100_000 };
        let first = host(&[(&SOURCE, 0.3)], extent, 0);
        let second = host(&[(&SOURCE, 0.3)], extent, 1);
        let share = |of: &dyn Fn(usize) -> bool| (0..100_000).filter(|&i| of(i)).count() as f64 / 1e5;
        assert!((share(&|i| first[i] == 0.0) - 0.3).abs() < 0.006);
        assert!((share(&|i| first[i] == 0.0 && second[i] == 0.0) - 0.09).abs() < 0.004);
        assert!((share(&|i| first[i] == 0.0 && first[(i + 1) % 100_000] == 0.0) - 0.09).abs() < 0.004);
        assert!((share(&|i| first[i] == 0.0 && first[(i + 64) % 100_000] == 0.0) - 0.09).abs() < 0.004);
        assert!(first.iter().all(|&value| value == 0.0 || (value - 1.0 / 0.7).abs() < 1e-6));
    }
}
