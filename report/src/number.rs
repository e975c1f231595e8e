//! Numbers as people read them.

use foldwise_study::selection::Metric;

/// Digits of a loss.
const LOSS_DIGITS: i32 = 4;
/// Losses from here on, and below its inverse, are written with an exponent.
const PLAIN_MAX: f64 = 1e6;
/// Characters of a chosen number that is written without an exponent.
const GIVEN_CHARS_MAX: usize = 8;
/// Digits of a chosen number after its first.
const GIVEN_DECIMALS: usize = 5;

/// What stands for a number that is not there.
pub(crate) const NONE: &str = "–";

/// A metric's value without its unit: percent with two decimals, or a loss with four significant digits.
pub(crate) fn bare(metric: Metric, value: f64) -> String {
    match metric {
        Metric::ValAccuracy => format!("{:.2}", 100.0 * value),
        Metric::ValLoss => loss(value),
    }
}

/// A metric's value with its unit.
pub(crate) fn with_unit(metric: Metric, value: f64) -> String {
    format!("{}{}", bare(metric, value), unit(metric))
}

/// Mean and, where there is one, standard deviation, with the unit.
pub(crate) fn mean_std(metric: Metric, mean: f64, std: Option<f64>) -> String {
    match std {
        Some(std) => format!("{} ± {}{}", bare(metric, mean), bare(metric, std), unit(metric)),
        None => with_unit(metric, mean),
    }
}

/// How far two values of a metric are apart.
pub(crate) fn distance(metric: Metric, difference: f64) -> String {
    let size = bare(metric, difference.abs());
    match metric {
        Metric::ValAccuracy => format!("{size} percentage points"),
        Metric::ValLoss => size,
    }
}

/// A metric's name in a sentence.
pub(crate) fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::ValAccuracy => "validation accuracy",
        Metric::ValLoss => "validation loss",
    }
}

/// What a metric measures, whatever the rows.
pub(crate) fn measure(metric: Metric) -> &'static str {
    match metric {
        Metric::ValAccuracy => "accuracy",
        Metric::ValLoss => "loss",
    }
}

/// A loss with four significant digits.
pub(crate) fn loss(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !size.is_finite() {
        return format!("{value}");
    }
    if !(1.0 / PLAIN_MAX..PLAIN_MAX).contains(&size) {
        return format!("{value:.3e}");
    }
    let below_ten = |power: &i32| size < 10_f64.powi(*power);
    let before_point = (-6..7).find(below_ten).unwrap_or(7);
    let decimals = usize::try_from(LOSS_DIGITS - before_point).unwrap_or(0);
    format!("{value:.decimals$}")
}

/// A probability: three decimals.
pub(crate) fn probability(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

/// A number that a person chose or that follows from one, without the noise of its last digits, and with an exponent
/// where it would be long.
pub(crate) fn given(value: f64) -> String {
    let value: f64 = format!("{value:.GIVEN_DECIMALS$e}").parse().unwrap_or(value);
    let plain = format!("{value}");
    if plain.len() > GIVEN_CHARS_MAX { format!("{value:e}") } else { plain }
}

/// Memory in its largest unit.
pub(crate) fn bytes(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", bytes as f64 / size as f64),
        None => format!("{bytes} B"),
    }
}

/// A number of things.
pub(crate) fn plural(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(number as u64))
}

/// A count with a comma at every third digit.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time in its two largest units.
pub(crate) fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).floor();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else if minutes < 60.0 {
        format!("{minutes} min {:.0} s", (seconds - 60.0 * minutes).floor())
    } else {
        format!("{} h {} min", (minutes / 60.0).floor(), minutes % 60.0)
    }
}

fn unit(metric: Metric) -> &'static str {
    match metric {
        Metric::ValAccuracy => " %",
        Metric::ValLoss => "",
    }
}

#[cfg(test)]
mod tests {
    use foldwise_study::selection::Metric;

    use super::{bytes, count, distance, duration, given, loss, mean_std, probability};

    #[test]
    fn losses_have_four_significant_digits() {
        for (value, text) in [
            (0.36014, "0.3601"),
            (1.0, "1.000"),
            (12.3456, "12.35"),
            (99_999.6, "100000"),
            (0.000_123_456, "0.0001235"),
            (1.234_56e7, "1.235e7"),
            (1e-9, "1.000e-9"),
            (0.0, "0"),
            (-0.05, "-0.05000"),
        ] {
            assert_eq!(loss(value), text);
        }
    }

    #[test]
    fn accuracies_are_percent() {
        assert_eq!(mean_std(Metric::ValAccuracy, 0.873_14, Some(0.004_2)), "87.31 ± 0.42 %");
        assert_eq!(mean_std(Metric::ValLoss, 0.5, None), "0.5000");
        assert_eq!(distance(Metric::ValAccuracy, -0.0021), "0.21 percentage points");
    }

    #[test]
    fn counts_probabilities_and_times() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(probability(0.0499), "0.050");
        assert_eq!(probability(1e-9), "<0.001");
        assert_eq!((given(0.1 * 0.3), given(0.1 + 0.2 - 0.2)), ("0.03".into(), "0.1".into()));
        assert_eq!((given(0.0005), given(1e-7), given(64.0)), ("0.0005".into(), "1e-7".into(), "64".into()));
        assert_eq!((bytes(1023), bytes(3 << 19)), ("1023 B".into(), "1.5 MiB".into()));
        assert_eq!(duration(3.44), "3.4 s");
        assert_eq!(duration(123.9), "2 min 3 s");
        assert_eq!(duration(7_384.0), "2 h 3 min");
    }
}
