//! How wide text is, without a font: as wide as in `DejaVu Sans`, which is wider than most.

/// Width of a character, in font sizes.
fn char_width(char: char) -> f64 {
    match char {
        'i' | 'j' | 'l' | '\'' | '|' => 0.29,
        ' ' | ',' | '.' | ':' | ';' | '/' | '\\' | 'I' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '!' | '"' | '·' => 0.41,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '—' | '…' => 0.99,
        '=' | '+' | '±' | '×' | '<' | '>' | '~' => 0.84,
        '0'..='9' => 0.64,
        upper if upper.is_uppercase() => 0.72,
        ascii if ascii.is_ascii() => 0.61,
        other if u32::from(other) < 0x2000 => 0.65,
        _ => 1.0,
    }
}

/// Pixels that a line takes at most.
pub(crate) fn width_of(text: &str, size: f64) -> f64 {
    size * text.chars().map(char_width).sum::<f64>()
}

/// A line cut to a width.
pub(crate) fn fitted(text: &str, size: f64, width: f64) -> String {
    if width_of(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = size * char_width('…');
    for char in text.chars() {
        taken += size * char_width(char);
        if taken > width {
            break;
        }
        kept.push(char);
    }
    format!("{}…", kept.trim_end())
}

/// Words in lines of at most this width.
pub(crate) fn lines(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word = fitted(word, size, width);
        let last = lines.last().map_or("", String::as_str);
        if last.is_empty() {
            lines.pop();
            lines.push(word);
        } else if width_of(last, size) + width_of(" ", size) + width_of(&word, size) <= width {
            let longer = format!("{last} {word}");
            lines.pop();
            lines.push(longer);
        } else {
            lines.push(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{fitted, lines, width_of};

    #[test]
    fn text_fits() {
        let text = "network.mlp.hidden [128,64,32], lr 0.003";
        let cut = fitted(text, 12.0, 100.0);
        assert!(cut.ends_with('…') && width_of(&cut, 12.0) <= 100.0);
        assert_eq!(fitted("lr", 12.0, 100.0), "lr");
        for line in lines(&text.repeat(3), 12.0, 120.0) {
            assert!(width_of(&line, 12.0) <= 120.0);
        }
    }
}
