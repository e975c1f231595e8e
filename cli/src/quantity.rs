//! Numbers as people read them.

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 run`, `1,200 runs`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A number too large to read digit by digit: `1.24 billion`.
pub(crate) fn rough(number: u128) -> String {
    const NAMES: [(u128, &str); 6] = [
        (1_000_000_000_000_000_000, "quintillion"),
        (1_000_000_000_000_000, "quadrillion"),
        (1_000_000_000_000, "trillion"),
        (1_000_000_000, "billion"),
        (1_000_000, "million"),
        (1_000, "thousand"),
    ];
    let Some((unit, name)) = NAMES.into_iter().find(|&(unit, _)| number >= unit) else {
        return number.to_string();
    };
    // Hundredths keep a whole number exact up to 2^128.
    let hundredths = number / (unit / 100);
    format!("{}.{:02} {name}", hundredths / 100, hundredths % 100)
}

/// Bytes in the unit that leaves few digits: `29.5 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.into_iter().find(|&(unit, _)| bytes >= unit) {
        None => format!("{bytes} B"),
        Some((unit, name)) => {
            let tenths = bytes / (unit / 10);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}

/// Seconds in the two units that matter: `1 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite and not negative; what is too large saturates"
    )]
    let whole = seconds.round() as u64;
    match whole {
        0 => "less than 1 s".to_owned(),
        1..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        3_600..86_400 => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

/// How long ago something was: `5 min ago`.
pub(crate) fn age(seconds: i64) -> String {
    match u64::try_from(seconds).unwrap_or(0) {
        0..5 => "just now".to_owned(),
        age @ 5..60 => format!("{age} s ago"),
        age @ 60..3_600 => format!("{} min ago", age / 60),
        age @ 3_600..86_400 => format!("{} h ago", age / 3_600),
        age => format!("{} d ago", age / 86_400),
    }
}

/// A score with the digits that can mean something.
pub(crate) fn score(score: f64) -> String {
    if score == 0.0 || (1e-3..1e6).contains(&score.abs()) {
        format!("{score:.4}")
    } else {
        format!("{score:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::{age, bytes, count, counted, duration, rough, score};

    #[test]
    fn counts_have_separators() {
        let shown = [0, 7, 999, 1_000, 52_650, 1_234_567].map(count);
        assert_eq!(shown, ["0", "7", "999", "1,000", "52,650", "1,234,567"]);
        assert_eq!([1, 2].map(|number| counted(number, "run")), ["1 run", "2 runs"]);
    }

    #[test]
    fn large_numbers_are_named() {
        assert_eq!(rough(999), "999");
        assert_eq!(rough(52_650), "52.65 thousand");
        assert_eq!(rough(1_239_999_999), "1.23 billion");
        assert_eq!(rough(u128::MAX), "340282366920938463463.37 quintillion");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!([12, 47_040_016, 1_500].map(bytes), ["12 B", "47.0 MB", "1.5 kB"]);
    }

    #[test]
    fn durations_have_two_units() {
        let shown = [0.2, 59.4, 80.0, 7_500.0, 273_600.0].map(duration);
        assert_eq!(shown, ["less than 1 s", "59 s", "1 min 20 s", "2 h 5 min", "3 d 4 h"]);
        assert_eq!(duration(f64::NAN), "unknown");
    }

    #[test]
    fn ages_have_one_unit() {
        let shown = [-3, 12, 300, 7_300, 200_000].map(age);
        assert_eq!(shown, ["just now", "12 s ago", "5 min ago", "2 h ago", "2 d ago"]);
    }

    #[test]
    fn scores_keep_what_can_mean_something() {
        assert_eq!([0.88431, 0.0, 1.5e-5].map(score), ["0.8843", "0.0000", "1.500e-5"]);
    }
}
