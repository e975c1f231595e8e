//! The document as Markdown (`CommonMark` with tables).

use super::{Block, ROWS_MAX, blocks, heading};
use crate::figure::{Look, Theme, figure};
use crate::number::count;
use crate::page::plain;
use crate::sheet::Sheet;
use crate::{FigureName, Report};

/// The whole report as Markdown. `place` says where a figure's file is, as the text should name it; of those without a
/// place nothing is said.
#[must_use]
pub fn markdown(report: &Report, place: impl Fn(&FigureName) -> Option<String>) -> String {
    let (title, lines) = heading(report);
    let mut text = format!("# {}\n\n", escaped(&title));
    for line in lines {
        text.push_str(&format!("{}\n\n", escaped(&line)));
    }
    for block in blocks(report) {
        write(report, &block, &place, &mut text);
    }
    format!("{}\n", text.trim_end())
}

fn write(report: &Report, block: &Block, place: &impl Fn(&FigureName) -> Option<String>, text: &mut String) {
    match block {
        Block::Chapter { title, .. } => text.push_str(&format!("## {title}\n\n")),
        Block::Paragraph(words) => text.push_str(&format!("{}\n\n", escaped(words))),
        Block::Labelled(lines) => {
            for (label, words) in lines {
                text.push_str(&format!("- **{label}:** {}\n", escaped(words)));
            }
            text.push('\n');
        }
        Block::Table { caption, sheet, left_out } => {
            text.push_str(&format!("{}:\n\n", escaped(caption)));
            table(sheet, text);
            if *left_out > 0 {
                text.push_str(&format!("\n… and {} more; the CSV has all.\n", count(*left_out as u64)));
            }
            text.push('\n');
        }
        Block::Figure(name) => {
            let Some(place) = place(name) else { return };
            // The caption is known by drawing alone; the picture itself is the file's.
            let caption = figure(report, &name.name, Look::on(Theme::Light)).map(|figure| figure.caption);
            let caption = escaped(&caption.unwrap_or_default());
            text.push_str(&format!("![{}](<{}>)\n\n*{caption}*\n\n", escaped(&name.title), address(&place)));
        }
    }
}

fn table(sheet: &Sheet, text: &mut String) {
    let headings = sheet.headings();
    let cells = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    text.push_str(&cells(headings.iter().map(|(name, _)| escaped(name)).collect()));
    let sides = headings.iter().map(|(_, words)| if *words { "---" } else { "---:" }.to_owned());
    text.push_str(&cells(sides.collect()));
    for line in sheet.lines().take(ROWS_MAX) {
        text.push_str(&cells(line.iter().map(|cell| escaped(cell)).collect()));
    }
}

/// A text on one line in which nothing is markup.
fn escaped(text: &str) -> String {
    let text = plain(text);
    let chars: Vec<char> = text.chars().collect();
    let mut safe = String::with_capacity(text.len());
    for (place, &char) in chars.iter().enumerate() {
        let around =
            [place.checked_sub(1), Some(place + 1)].map(|place| place.and_then(|place| chars.get(place)));
        let inside_word = around.iter().all(|char| char.is_some_and(|char| char.is_alphanumeric()));
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '`' | '*' | '|' | '~' | '$' => safe.extend(['\\', char]),
            '_' if !inside_word => safe.extend(['\\', char]),
            // Brackets alone are none; with what follows them they would be a link or a picture.
            '(' | '[' if place > 0 && chars[place - 1] == ']' => safe.extend(['\\', char]),
            '[' if place > 0 && chars[place - 1] == '!' => safe.extend(['\\', char]),
            '#' | '+' | '-' if place == 0 => safe.extend(['\\', char]),
            char => safe.push(char),
        }
    }
    safe
}

/// A path between angle brackets.
fn address(path: &str) -> String {
    plain(path).replace('\\', "/").replace('<', "%3C").replace('>', "%3E")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_is_markup() {
        assert_eq!(escaped("batch_size [64,32]"), "batch_size [64,32]");
        assert_eq!(
            escaped("a|b <img> *x* _y_ [t](u) ![t](u)"),
            "a\\|b &lt;img&gt; \\*x\\* \\_y\\_ [t]\\(u) !\\[t]\\(u)"
        );
        assert_eq!(escaped("# a\nb"), "\\# a b");
    }
}
