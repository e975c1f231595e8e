//! The passes over one row of a batch, `[H, W, C]`, window by window.
//!
//! Each is a value that `Arch::dispatch` calls: a closure of this size it would call instead of taking it into the code
//! that is compiled for wide vectors.

use pulp::NullaryFnOnce;

use super::passes::Pooled;
use crate::trainer::number::Number;

/// Channels that go together: a vector's worth, and what is left of small networks.
const LANES: usize = 16;
const FEW: usize = 4;
/// That nothing of a window went on, because its largest value was rectified.
pub(super) const NONE: u8 = u8::MAX;

/// How the values of a row lie, and the windows that they are pooled by: side by side, 1 × 1 where nothing is pooled.
/// What is left over at the lower and right edges belongs to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) window: [usize; 2],
}

/// A line per channel: `at · x + from`.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) slope: Vec<f32>,
    pub(super) from: Vec<f32>,
}

impl Frame {
    /// Places of a row.
    pub(super) fn places(&self) -> usize {
        self.height * self.width
    }

    /// Numbers of a row.
    pub(super) fn numbers(&self) -> usize {
        self.places() * self.channels
    }

    /// Windows down and across.
    pub(super) fn pooled(&self) -> [usize; 2] {
        [self.height / self.window[0], self.width / self.window[1]]
    }

    /// Numbers of a row after pooling.
    pub(super) fn pooled_numbers(&self) -> usize {
        self.pooled().iter().product::<usize>() * self.channels
    }

    /// Where the value of a window's place lies, in numbers from the window's first.
    #[inline(always)]
    fn offset(&self, place: usize) -> usize {
        (place / self.window[1] * self.width + place % self.window[1]) * self.channels
    }

    /// Where the first value of a window lies.
    #[inline(always)]
    fn corner(&self, down: usize, across: usize) -> usize {
        (down * self.window[0] * self.width + across * self.window[1]) * self.channels
    }
}

/// The first `count` of what is left, or nothing where nothing is kept.
pub(super) fn take<'a, T>(rest: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    let all = std::mem::take(rest);
    let (head, tail) = all.split_at_mut(count.min(all.len()));
    *rest = tail;
    head
}

/// Sums of each channel's differences from a pivot, and of their squares: `[2, C]`.
pub(super) struct Differences<'a, T> {
    pub(super) values: &'a [T],
    pub(super) pivot: &'a [f32],
    pub(super) sums: &'a mut [f32],
}

impl<T: Number> NullaryFnOnce for Differences<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        differences(self.values, self.pivot, self.sums);
    }
}

#[inline(always)]
fn differences<T: Number>(values: &[T], pivot: &[f32], sums: &mut [f32]) {
    let channels = pivot.len();
    let (sums, squares) = sums.split_at_mut(channels);
    let mut fours = values.chunks_exact(4 * channels);
    for four in &mut fours {
        let (ab, cd) = four.split_at(2 * channels);
        let ((a, b), (c, d)) = (ab.split_at(channels), cd.split_at(channels));
        let each = a.iter().zip(b).zip(c).zip(d).zip(pivot).zip(&mut *sums).zip(&mut *squares);
        for ((((((a, b), c), d), pivot), sum), square) in each {
            let [a, b, c, d] = [a, b, c, d].map(|value| value.wide() - pivot);
            *sum += (a + b) + (c + d);
            *square += (a * a + b * b) + (c * c + d * d);
        }
    }
    for place in fours.remainder().chunks_exact(channels) {
        for (((value, pivot), sum), square) in place.iter().zip(pivot).zip(&mut *sums).zip(&mut *squares) {
            let off = value.wide() - pivot;
            *sum += off;
            *square += off * off;
        }
    }
}

/// See `Passes::pool`.
pub(super) struct Pooling<'a, T> {
    pub(super) values: &'a [T],
    pub(super) frame: &'a Frame,
    /// Where there is one, and whether values are rectified on it.
    pub(super) line: (Option<&'a Line>, bool),
    pub(super) into: Pooled<'a, T>,
}

impl<T: Number> NullaryFnOnce for Pooling<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { values, frame, line, into } = self;
        // The two that are met most are compiled with their loops over places unrolled.
        match frame.window {
            [1, 1] => pool::<T, 1>(values, frame, line, into),
            [2, 2] => pool::<T, 4>(values, frame, line, into),
            _ => pool::<T, 0>(values, frame, line, into),
        }
    }
}

/// Windows of so many places; 0 for any.
#[inline(always)]
fn pool<T: Number, const PLACES: usize>(
    values: &[T],
    frame: &Frame,
    (line, rectifies): (Option<&Line>, bool),
    into: Pooled<'_, T>,
) {
    let Pooled { out, at, peaks } = into;
    let [high, wide] = frame.pooled();
    let mut cell = 0;
    for down in 0..high {
        for across in 0..wide {
            let corner = frame.corner(down, across);
            let mut channel = 0;
            while channel + LANES <= frame.channels {
                let best = largest::<T, LANES, PLACES>(&values[corner + channel..], frame, line, channel);
                put(best, rectifies, (&mut *out, &mut *at, &mut *peaks), cell + channel);
                channel += LANES;
            }
            while channel + FEW <= frame.channels {
                let best = largest::<T, FEW, PLACES>(&values[corner + channel..], frame, line, channel);
                put(best, rectifies, (&mut *out, &mut *at, &mut *peaks), cell + channel);
                channel += FEW;
            }
            while channel < frame.channels {
                let best = largest::<T, 1, PLACES>(&values[corner + channel..], frame, line, channel);
                put(best, rectifies, (&mut *out, &mut *at, &mut *peaks), cell + channel);
                channel += 1;
            }
            cell += frame.channels;
        }
    }
}

/// Of each of `N` channels a window's largest value on its line, its place and what went in there.
struct Best<const N: usize> {
    value: [f32; N],
    at: [u32; N],
    peak: [f32; N],
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "a window has at most 254 places")]
fn largest<T: Number, const N: usize, const PLACES: usize>(
    values: &[T],
    frame: &Frame,
    line: Option<&Line>,
    channel: usize,
) -> Best<N> {
    let (mut slope, mut from) = ([1.0; N], [0.0; N]);
    if let Some(line) = line {
        slope.copy_from_slice(&line.slope[channel..channel + N]);
        from.copy_from_slice(&line.from[channel..channel + N]);
    }
    let mut best = Best { value: [f32::NEG_INFINITY; N], at: [0; N], peak: [0.0; N] };
    for place in 0..if PLACES > 0 { PLACES } else { frame.window[0] * frame.window[1] } {
        let own = &values[frame.offset(place)..][..N];
        for lane in 0..N {
            let peak = own[lane].wide();
            let value = peak * slope[lane] + from[lane];
            // Of equal values the first; one that is not a number is seen to. `|`, because there is to be no jump.
            let takes = (place == 0) | (value > best.value[lane]) | value.is_nan();
            best.value[lane] = if takes { value } else { best.value[lane] };
            best.peak[lane] = if takes { peak } else { best.peak[lane] };
            best.at[lane] = if takes { place as u32 } else { best.at[lane] };
        }
    }
    best
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "places are below 255")]
fn put<T: Number, const N: usize>(
    mut best: Best<N>,
    rectifies: bool,
    (out, at, peaks): (&mut [T], &mut [u8], &mut [f32]),
    start: usize,
) {
    if rectifies {
        for lane in 0..N {
            // Not `value > 0`: what is not a number stays so.
            let cut = best.value[lane] <= 0.0;
            best.value[lane] = if cut { 0.0 } else { best.value[lane] };
            best.at[lane] = if cut { u32::from(NONE) } else { best.at[lane] };
        }
    }
    for (out, value) in out[start..start + N].iter_mut().zip(best.value) {
        *out = T::of(value);
    }
    if !at.is_empty() {
        for (at, place) in at[start..start + N].iter_mut().zip(best.at) {
            *at = place as u8;
        }
    }
    if !peaks.is_empty() {
        peaks[start..start + N].copy_from_slice(&best.peak);
    }
}

/// Of each channel the sums of gradients that go on, and of those times what its peaks are above the mean: `[2, C]`.
pub(super) struct Products<'a, T, P> {
    pub(super) delta: &'a [T],
    pub(super) at: &'a [u8],
    pub(super) peaks: &'a [P],
    pub(super) mean: &'a [f32],
    pub(super) sums: &'a mut [f32],
}

impl<T: Number, P: Number> NullaryFnOnce for Products<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        products(self.delta, self.at, self.peaks, self.mean, self.sums);
    }
}

#[inline(always)]
fn products<T: Number, P: Number>(delta: &[T], at: &[u8], peaks: &[P], mean: &[f32], sums: &mut [f32]) {
    let channels = mean.len();
    let (sums, products) = sums.split_at_mut(channels);
    let each = delta.chunks_exact(channels).zip(at.chunks_exact(channels)).zip(peaks.chunks_exact(channels));
    for ((delta, at), peaks) in each {
        let each = delta.iter().zip(at).zip(peaks).zip(mean).zip(&mut *sums).zip(&mut *products);
        for (((((delta, at), peak), mean), sum), product) in each {
            let delta = if *at == NONE { 0.0 } else { delta.wide() };
            *sum += delta;
            *product += delta * (peak.wide() - mean);
        }
    }
}

/// See `Passes::spread`.
pub(super) struct Spreading<'a, T> {
    pub(super) delta: &'a [T],
    pub(super) at: &'a [u8],
    pub(super) frame: &'a Frame,
    pub(super) values: &'a [T],
    /// Where there is one, and what gradients are multiplied by on it.
    pub(super) line: (Option<&'a Line>, &'a [f32]),
    pub(super) into: &'a mut [T],
}

impl<T: Number> NullaryFnOnce for Spreading<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { delta, at, frame, values, line: (line, slopes), into } = self;
        match frame.window {
            [1, 1] => spread::<T, 1>((delta, at), frame, (values, line, slopes), into),
            [2, 2] => spread::<T, 4>((delta, at), frame, (values, line, slopes), into),
            _ => spread::<T, 0>((delta, at), frame, (values, line, slopes), into),
        }
    }
}

/// Windows of so many places; 0 for any.
#[inline(always)]
fn spread<T: Number, const PLACES: usize>(
    (delta, at): (&[T], &[u8]),
    frame: &Frame,
    (values, line, slopes): (&[T], Option<&Line>, &[f32]),
    into: &mut [T],
) {
    let [high, wide] = frame.pooled();
    if [high * frame.window[0], wide * frame.window[1]] != [frame.height, frame.width] {
        // Those that belong to no window, and for simplicity all others too.
        outside(frame, values, line, into);
    }
    let mut cell = 0;
    for down in 0..high {
        for across in 0..wide {
            let corner = frame.corner(down, across);
            let mut channel = 0;
            while channel + LANES <= frame.channels {
                let own = cell + channel..cell + channel + LANES;
                let (delta, at) = (&delta[own.clone()], &at[own]);
                window::<T, LANES, PLACES>((delta, at), frame, (values, line, slopes), into, corner, channel);
                channel += LANES;
            }
            while channel + FEW <= frame.channels {
                let own = cell + channel..cell + channel + FEW;
                let (delta, at) = (&delta[own.clone()], &at[own]);
                window::<T, FEW, PLACES>((delta, at), frame, (values, line, slopes), into, corner, channel);
                channel += FEW;
            }
            while channel < frame.channels {
                let own = cell + channel..=cell + channel;
                let (delta, at) = (&delta[own.clone()], &at[own]);
                window::<T, 1, PLACES>((delta, at), frame, (values, line, slopes), into, corner, channel);
                channel += 1;
            }
            cell += frame.channels;
        }
    }
}

#[inline(always)]
fn window<T: Number, const N: usize, const PLACES: usize>(
    (delta, at): (&[T], &[u8]),
    frame: &Frame,
    (values, line, slopes): (&[T], Option<&Line>, &[f32]),
    into: &mut [T],
    corner: usize,
    channel: usize,
) {
    let (mut own, mut places) = ([0.0; N], [0_u32; N]);
    for lane in 0..N {
        own[lane] = delta[lane].wide();
        places[lane] = u32::from(at[lane]);
    }
    let (mut slope, mut from) = ([0.0; N], [0.0; N]);
    if let Some(line) = line {
        slope.copy_from_slice(&line.slope[channel..channel + N]);
        from.copy_from_slice(&line.from[channel..channel + N]);
        for (own, factor) in own.iter_mut().zip(&slopes[channel..channel + N]) {
            *own *= factor;
        }
    }
    for place in 0..if PLACES > 0 { PLACES } else { frame.window[0] * frame.window[1] } {
        let start = corner + channel + frame.offset(place);
        let into = &mut into[start..start + N];
        let mut sum = [0.0; N];
        for lane in 0..N {
            sum[lane] = if places[lane] as usize == place { own[lane] } else { 0.0 };
        }
        if line.is_some() {
            let values = &values[start..start + N];
            for lane in 0..N {
                sum[lane] += values[lane].wide() * slope[lane] + from[lane];
            }
        }
        for (into, sum) in into.iter_mut().zip(sum) {
            *into = T::of(sum);
        }
    }
}

#[inline(always)]
fn outside<T: Number>(frame: &Frame, values: &[T], line: Option<&Line>, into: &mut [T]) {
    let Some(line) = line else { return into.fill(T::default()) };
    let each = into.chunks_exact_mut(frame.channels).zip(values.chunks_exact(frame.channels));
    for (into, values) in each {
        for (((into, value), slope), from) in into.iter_mut().zip(values).zip(&line.slope).zip(&line.from) {
            *into = T::of(value.wide() * slope + from);
        }
    }
}
