//! From values to pixels, with round ticks.

use crate::number::given;

/// Values whose largest is this many times the smallest are spread by their logarithms.
const LOG_FROM: f64 = 20.0;
/// Ticks aimed at.
const TICKS: f64 = 7.5;
/// The share of the range that stays free beyond the outermost values.
const MARGIN: f64 = 0.04;

/// How values are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// By distance.
    Linear,
    /// The same, beginning at zero where all values are positive.
    FromZero,
    /// By distance, ticks at whole numbers.
    Whole,
    /// By ratio where all are positive and far apart, else by distance.
    Ratio,
}

/// A line of values.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    log: bool,
    from: f64,
    to: f64,
    /// Pixels of `from` and `to`.
    pub(crate) pixels: (f64, f64),
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Scale {
    /// Around the finite ones of these values.
    pub(crate) fn new(values: impl IntoIterator<Item = f64>, spread: Spread, pixels: (f64, f64)) -> Self {
        let ends = |ends: Option<(f64, f64)>, value: f64| {
            let (low, high) = ends.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        };
        let found = values.into_iter().filter(|value| value.is_finite()).fold(None, ends);
        let (low, high) = found.unwrap_or((0.0, 1.0));
        if spread == Spread::Ratio && low > 0.0 && high >= LOG_FROM * low {
            return Self::of_ratios(low, high, pixels);
        }
        let low = if spread == Spread::FromZero { low.min(0.0) } else { low };
        let (low, high) = apart(low, high);
        let margin = MARGIN * (high - low);
        let lower = if spread == Spread::FromZero && low == 0.0 { 0.0 } else { low - margin };
        let (from, to) = (lower, high + margin);
        Self { log: false, from, to, pixels, ticks: ticks(from, to, spread == Spread::Whole) }
    }

    fn of_ratios(low: f64, high: f64, pixels: (f64, f64)) -> Self {
        let margin = MARGIN * (high / low).ln();
        let (from, to) = ((low.ln() - margin).exp(), (high.ln() + margin).exp());
        Self { log: true, from, to, pixels, ticks: decades(from, to) }
    }

    /// Categories one beside the other, each in the middle of its part; category n has the value n.
    pub(crate) fn of_categories(labels: &[String], pixels: (f64, f64)) -> Self {
        let ticks = labels.iter().enumerate().map(|(place, label)| (place as f64, label.clone()));
        Self { log: false, from: -0.5, to: labels.len().max(1) as f64 - 0.5, pixels, ticks: ticks.collect() }
    }

    /// The pixel of a value.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(f64::MIN_POSITIVE) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }

    /// The same distances, on to this pixel.
    pub(crate) fn reaching(self, pixel: f64) -> Self {
        let share = (pixel - self.pixels.0) / (self.pixels.1 - self.pixels.0);
        let to = self.from + share * (self.to - self.from);
        Self { to, pixels: (self.pixels.0, pixel), ..self }
    }

    /// Whether values are spread by ratio.
    pub(crate) fn is_log(&self) -> bool {
        self.log
    }
}

/// Two values that are far enough apart to be divided.
fn apart(low: f64, high: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    if high - low > 1e-9 * size.max(f64::MIN_POSITIVE) {
        return (low, high);
    }
    let half = if size > 0.0 { 0.05 * size } else { 0.5 };
    (low - half, high + half)
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn ticks(from: f64, to: f64, whole: bool) -> Vec<(f64, String)> {
    let rough = (to - from) / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let step = if whole { step.max(1.0) } else { step };
    let first = (from / step).ceil();
    let count = ((to / step).floor() - first).clamp(0.0, 50.0);
    let values =
        (0..=50).map(f64::from).take_while(|place| *place <= count).map(|place| (first + place) * step);
    values.map(|value| (value, label(value, step))).collect()
}

fn label(value: f64, step: f64) -> String {
    if value.abs() < 1e-9 * step {
        return "0".to_owned();
    }
    if value.abs() >= 1e6 || step < 1e-6 {
        return given(value);
    }
    let decimals = (0..8).find(|&digits| {
        let scaled = step * 10_f64.powi(digits);
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    let text = format!("{value:.*}", usize::try_from(decimals.unwrap_or(0)).unwrap_or(0));
    if decimals == Some(0) && value >= 10_000.0 { grouped(&text) } else { text }
}

fn grouped(digits: &str) -> String {
    digits.parse().map_or_else(|_| digits.to_owned(), crate::number::count)
}

/// Powers of ten; of few decades their twofold and fivefold too.
fn decades(from: f64, to: f64) -> Vec<(f64, String)> {
    let (first, last) = (from.log10().floor(), to.log10().ceil());
    let span = last - first;
    let times: &[f64] = if to / from < 1_000.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = (span / 8.0).ceil().max(1.0);
    let powers = (0..=700).map(|place| first + f64::from(place) * every).take_while(|power| *power <= last);
    let values = powers.flat_map(|power| times.iter().map(move |times| times * 10_f64.powf(power)));
    let inside = values.filter(|value| (from..=to).contains(value));
    inside.map(|value| (value, short(value))).collect()
}

/// A round number, with its thousands apart.
fn short(value: f64) -> String {
    if (10_000.0..1e7).contains(&value) { grouped(&format!("{value:.0}")) } else { given(value) }
}

#[cfg(test)]
mod tests {
    use super::{Scale, Spread};

    fn labels(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round() {
        let scale = Scale::new([84.3, 90.1], Spread::Linear, (0.0, 100.0));
        assert_eq!(labels(&scale), ["85", "86", "87", "88", "89", "90"]);
        let scale = Scale::new([1.0, 3.0], Spread::Whole, (0.0, 100.0));
        assert_eq!(labels(&scale), ["1", "2", "3"]);
        let scale = Scale::new([0.0001, 0.1], Spread::Ratio, (0.0, 100.0));
        assert_eq!(labels(&scale), ["0.0001", "0.001", "0.01", "0.1"]);
        assert!(scale.is_log());
    }

    #[test]
    fn one_value_and_none_have_a_scale() {
        for values in [vec![], vec![5.0], vec![0.0, 0.0], vec![f64::NAN], vec![-1e300, 1e300], vec![1e-320]] {
            let scale = Scale::new(values.clone(), Spread::Ratio, (0.0, 100.0));
            for value in values.into_iter().filter(|value| value.is_finite()) {
                assert!(scale.place(value).is_finite(), "{value}");
            }
        }
    }
}
