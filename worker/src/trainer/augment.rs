//! Changes of training rows, drawn on the host for each row and step and made on the device.
//!
//! A stream's draws are keyed by its source and the step, row after row, so they depend on nothing else.

use foldwise_study::seed::{Purpose, Source};
use foldwise_study::train::{Augmentation, Crop, Erase, Flip, Interpolation, Rotate, Shift};
use rand_core::Rng;
use rand_distr::{Distribution, StandardNormal};
use tch::{Device, Kind, Tensor};

use super::{Member, TrainError};

#[cfg(test)]
mod tests;

/// How often a rectangle is drawn again that does not fit, as in `torchvision`.
const RECTANGLES: usize = 10;

/// The changes of a cohort's training rows.
#[derive(Debug)]
pub(super) struct Augmenter {
    stages: Vec<Stage>,
    sources: Vec<Source>,
    shape: Vec<usize>,
    device: Device,
}

/// Changes that are made at once.
#[derive(Debug)]
enum Stage {
    /// Moves, composed and sampled once.
    Move(Vec<Augmentation>, Interpolation),
    Erase(Erase),
    Noise(f64),
}

/// What maps a place in the new picture to one in the old: `(x, y) ↦ (a·x + b·y + c, d·x + e·y + f)` as
/// `[a, b, c, d, e, f]`, in pixels from the centre.
type Affine = [f64; 6];

const IDENTITY: Affine = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];

impl Augmenter {
    /// The changes of streams with these leaders, whose changes agree; none where there are none.
    pub(super) fn new(leaders: &[&Member], shape: &[usize], device: Device) -> Option<Self> {
        let mut stages: Vec<Stage> = Vec::new();
        for augmentation in &leaders.first()?.train.augment {
            match (augmentation, stages.last_mut()) {
                (Augmentation::Erase(erase), _) => stages.push(Stage::Erase(erase.clone())),
                (Augmentation::Noise(noise), _) => stages.push(Stage::Noise(noise.std)),
                (other, Some(Stage::Move(moves, interpolation))) => {
                    moves.push(other.clone());
                    *interpolation = smoother(*interpolation, other);
                }
                (other, _) => {
                    stages.push(Stage::Move(vec![other.clone()], smoother(Interpolation::Nearest, other)));
                }
            }
        }
        let sources = leaders.iter().map(|leader| leader.source).collect();
        (!stages.is_empty()).then(|| Self { stages, sources, shape: shape.to_vec(), device })
    }

    /// The rows `[G·B, numbers]` of step `step`, changed.
    pub(super) fn apply(&self, rows: &Tensor, step: u64) -> Result<Tensor, TrainError> {
        let count = usize::try_from(rows.size()[0]).unwrap_or(0);
        let mut streams: Vec<_> =
            self.sources.iter().map(|source| source.stream(Purpose::Augment, step)).collect();
        let per_stream = count / streams.len();
        let mut rows = rows.shallow_clone();
        for stage in &self.stages {
            let draws = streams.iter_mut().flat_map(|stream| (0..per_stream).map(|_| stream.next_u64()));
            // Each row and stage has a key of its own, from which its numbers are drawn.
            let keys: Vec<u64> = draws.collect();
            rows = match stage {
                Stage::Move(moves, interpolation) => self.moved(&rows, moves, *interpolation, &keys)?,
                Stage::Erase(erase) => self.erased(&rows, erase, &keys)?,
                Stage::Noise(std) => self.noisy(&rows, *std, &keys)?,
            };
        }
        Ok(rows)
    }

    /// Channels, height and width; a vector is one picture of one row.
    fn sides(&self) -> [usize; 3] {
        match self.shape[..] {
            [channels, height, width] => [channels, height, width],
            _ => [1, 1, self.shape.iter().product()],
        }
    }

    fn moved(
        &self,
        rows: &Tensor,
        moves: &[Augmentation],
        interpolation: Interpolation,
        keys: &[u64],
    ) -> Result<Tensor, TrainError> {
        let [_, height, width] = self.sides();
        let drawn = |&key: &u64| {
            let mut draw = Draws(key);
            moves.iter().fold(IDENTITY, |before, augmentation| {
                compose(before, inverse_of(augmentation, [height, width], &mut draw))
            })
        };
        self.sampled(rows, &keys.iter().map(drawn).collect::<Vec<_>>(), interpolation)
    }

    /// Each row with its places taken from where its map says, zeros from outside.
    fn sampled(
        &self,
        rows: &Tensor,
        maps: &[Affine],
        interpolation: Interpolation,
    ) -> Result<Tensor, TrainError> {
        let [channels, height, width] = self.sides();
        let (h, w, c) = (height as i64, width as i64, channels as i64);
        let theta: Vec<f32> = maps.iter().flat_map(|&map| normalized(map, [height, width])).collect();
        let count = maps.len() as i64;
        let theta = Tensor::f_from_slice(&theta)?.f_view((count, 2, 3))?.f_to(self.device)?;
        let grid = Tensor::f_affine_grid_generator(&theta, [count, c, h, w], false)?;
        let pictures = rows.f_view((count, h, w, c))?.f_permute([0, 3, 1, 2])?;
        let mode = match interpolation {
            Interpolation::Bilinear => 0,
            Interpolation::Nearest => 1,
        };
        let sampled = pictures.f_grid_sampler(&grid, mode, 0, false)?;
        Ok(sampled.f_permute([0, 2, 3, 1])?.f_reshape(&rows.size()[..])?)
    }

    fn erased(&self, rows: &Tensor, erase: &Erase, keys: &[u64]) -> Result<Tensor, TrainError> {
        let [channels, height, width] = self.sides();
        let count = keys.len() as i64;
        let corners: Vec<i64> =
            keys.iter().flat_map(|&key| rectangle(erase, [height, width], &mut Draws(key))).collect();
        let corners = Tensor::f_from_slice(&corners)?.f_view((count, 4))?.f_to(self.device)?;
        let corner = |index: i64| corners.f_select(1, index)?.f_view((count, 1, 1));
        let options = (Kind::Int64, self.device);
        let y = Tensor::f_arange(height as i64, options)?.f_view((1, -1, 1))?;
        let x = Tensor::f_arange(width as i64, options)?.f_view((1, 1, -1))?;
        let down = y.f_ge_tensor(&corner(0)?)?.f_logical_and(&y.f_lt_tensor(&corner(1)?)?)?;
        let across = x.f_ge_tensor(&corner(2)?)?.f_logical_and(&x.f_lt_tensor(&corner(3)?)?)?;
        let inside = down.f_logical_and(&across)?.f_unsqueeze(3)?;
        let pictures = rows.f_view((count, height as i64, width as i64, channels as i64))?;
        let filled = pictures.f_masked_fill(&inside, f64::from(erase.value))?;
        Ok(filled.f_view(&rows.size()[..])?)
    }

    fn noisy(&self, rows: &Tensor, std: f64, keys: &[u64]) -> Result<Tensor, TrainError> {
        let width = usize::try_from(rows.size()[1]).unwrap_or(0);
        let mut noise = Vec::with_capacity(keys.len() * width);
        for &key in keys {
            let mut draws = Draws(key);
            noise.extend((0..width).map(|_| {
                let standard: f32 = StandardNormal.sample(&mut draws);
                standard
            }));
        }
        let noise = Tensor::f_from_slice(&noise)?.f_view(&rows.size()[..])?.f_to(self.device)?;
        Ok(rows.f_add(&noise.f_mul_scalar(std)?)?)
    }
}

/// Random numbers from one key (`SplitMix64`).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `low..high`.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// Whether something of this probability happens.
    fn happens(&mut self, probability: f64) -> bool {
        self.between(0.0, 1.0) < probability
    }

    /// A whole number within ± `most`.
    fn within(&mut self, most: f64) -> f64 {
        (self.between(-most, most + 1.0)).floor().clamp(-most, most)
    }
}

impl rand_core::TryRng for Draws {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        #[allow(clippy::cast_possible_truncation, reason = "the upper half is what is wanted")]
        Ok((self.next() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn smoother(before: Interpolation, augmentation: &Augmentation) -> Interpolation {
    match augmentation {
        Augmentation::Rotate(Rotate { interpolation: Interpolation::Bilinear, .. }) => {
            Interpolation::Bilinear
        }
        _ => before,
    }
}

/// Where a drawn move takes the place of the new picture from.
fn inverse_of(augmentation: &Augmentation, [height, width]: [usize; 2], draws: &mut Draws) -> Affine {
    match augmentation {
        Augmentation::Flip(Flip { horizontal, vertical }) => {
            let sign = |mirrored: bool| if mirrored { -1.0 } else { 1.0 };
            let (x, y) = (sign(draws.happens(*horizontal)), sign(draws.happens(*vertical)));
            [x, 0.0, 0.0, 0.0, y, 0.0]
        }
        Augmentation::Rotate(Rotate { degrees, .. }) => turned(draws.between(-degrees, *degrees)),
        Augmentation::Shift(Shift { height: down, width: right }) => {
            // The outermost pixels are drawn half as often where a share is of whole pixels, as in `torchvision`.
            let mut drawn = |share: f64, side: usize| {
                let most = share * side as f64;
                draws.between(-most, most).round()
            };
            let down = drawn(*down, height);
            shifted(down, drawn(*right, width))
        }
        Augmentation::Crop(Crop { padding }) => {
            let most = f64::from(*padding);
            let down = draws.within(most);
            shifted(down, draws.within(most))
        }
        Augmentation::Erase(_) | Augmentation::Noise(_) => IDENTITY,
    }
}

/// By an angle against the clock, in degrees.
fn turned(angle: f64) -> Affine {
    let (sine, cosine) = angle.to_radians().sin_cos();
    [cosine, -sine, 0.0, sine, cosine, 0.0]
}

/// By pixels down and to the right.
fn shifted(down: f64, right: f64) -> Affine {
    [1.0, 0.0, -right, 0.0, 1.0, -down]
}

/// `first ∘ second`: places go through `second`, then through `first`.
fn compose(first: Affine, second: Affine) -> Affine {
    let [a, b, c, d, e, f] = first;
    let [p, q, r, s, t, u] = second;
    [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f]
}

/// The same for places from −1 to 1 between the outer edges of pixels, as libtorch counts them.
#[allow(clippy::cast_possible_truncation, reason = "libtorch computes places in 32 bits")]
fn normalized([a, b, c, d, e, f]: Affine, [height, width]: [usize; 2]) -> [f32; 6] {
    let (h, w) = (height as f64, width as f64);
    [a, b * h / w, 2.0 * c / w, d * w / h, e, 2.0 * f / h].map(|number| number as f32)
}

/// Top, bottom, left and right of an erased rectangle, the ends not included; empty where nothing is erased.
#[allow(clippy::cast_possible_truncation, reason = "sides of pictures")]
fn rectangle(erase: &Erase, [height, width]: [usize; 2], draws: &mut Draws) -> [i64; 4] {
    const NONE: [i64; 4] = [0; 4];
    if !draws.happens(erase.probability) {
        return NONE;
    }
    let (h, w) = (height as f64, width as f64);
    for _ in 0..RECTANGLES {
        let area = h * w * draws.between(erase.area[0], erase.area[1]);
        let aspect = draws.between(erase.aspect[0].ln(), erase.aspect[1].ln()).exp();
        let (tall, wide) = ((area * aspect).sqrt().round(), (area / aspect).sqrt().round());
        if tall < h && wide < w {
            let top = draws.between(0.0, h - tall + 1.0).floor();
            let left = draws.between(0.0, w - wide + 1.0).floor();
            return [top, top + tall, left, left + wide].map(|side| side as i64);
        }
    }
    NONE
}
