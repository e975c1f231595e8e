//! The first row of each class that was taken for another, as a picture.

use foldwise_study::outcome::WrongRow;

use super::Look;
use super::draw::{Anchor, Color, FONT, Head, Svg, fitted, heading, image_address};
use super::sketch::{Drawing, Picture, Sketch, part_name};
use crate::section::{Scope, Together, class_name, shortest, together};
use crate::{Report, Section, Shown};

/// Pixels around everything.
const EDGE: f64 = 14.0;
/// Pixels of a line of text.
const LINE: f64 = 15.0;
/// Pixels of a picture's longer side at most, and the least that it has across with what stands below it.
const SIDE: f64 = 112.0;
const ACROSS: f64 = 132.0;
/// Pixels between one row of pictures and the next.
const GAP: f64 = 16.0;

/// A picture with what stands below it.
#[derive(Debug, Clone)]
struct Tile {
    address: String,
    /// Pixels of the picture.
    size: (f64, f64),
    lines: [String; 3],
    /// All of it in a sentence's part.
    words: String,
}

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    let parts = together(Scope::new(report, Shown::default())).into_iter();
    let has = |wrong: &WrongRow| wrong.picture.as_ref().is_some_and(|picture| picture.bytes().is_ok());
    let shown = parts.filter(|part| part.classes.first_wrong.iter().flatten().any(has));
    shown.map(|part| grid(report, part)).collect()
}

fn grid(report: &Report, part: Together) -> Sketch<'_> {
    let (name, of, who) = part_name(&part);
    let title = format!("First wrong row of each class of {of}: {who}");
    Sketch::new(format!("wrong{name}"), title, Section::Wrong, move || {
        let rows = part.classes.first_wrong.iter().enumerate();
        let tiles: Vec<Tile> =
            rows.filter_map(|(class, wrong)| tile(report, class, wrong.as_ref()?)).collect();
        let wrong = part.classes.first_wrong.iter().flatten().count();
        let left_out = if tiles.len() < wrong {
            format!(" The first {} of {wrong} are shown.", tiles.len())
        } else {
            String::new()
        };
        let caption = format!(
            "{}. Of each class the first row that was taken for another, as it is in the data; below it what it is, what it was taken \
             for, and its number with the probability that the model gave, where it gave one.{left_out}",
            part.name
        );
        Drawing { caption, picture: Picture::Other(Box::new(move |head, look| write(&tiles, head, look))) }
    })
}

fn tile(report: &Report, class: usize, wrong: &WrongRow) -> Option<Tile> {
    let picture = wrong.picture.as_ref()?;
    let address = image_address(picture)?;
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    // Whole multiples, so that pixels are equally large.
    let fit = SIDE / width.max(height);
    let scale = if fit >= 2.0 { fit.floor() } else { fit };
    let (truth, taken) = (class_name(report, class), class_name(report, wrong.predicted as usize));
    let likely = wrong.probability.map(|probability| percent(shortest(probability)));
    let number = format!("row {}", wrong.row);
    let below = likely.as_ref().map_or_else(|| number.clone(), |likely| format!("{number} · {likely}"));
    let words = match &likely {
        Some(likely) => format!("row {} is {truth}, taken for {taken} with {likely}", wrong.row),
        None => format!("row {} is {truth}, taken for {taken}", wrong.row),
    };
    let lines = [format!("is {truth},"), format!("taken for {taken}"), below];
    Some(Tile { address, size: (scale * width, scale * height), lines, words })
}

/// Whole percent; what is not certain is not shown as if it were.
fn percent(share: f64) -> String {
    if (0.995..1.0).contains(&share) { "> 99 %".to_owned() } else { format!("{:.0} %", 100.0 * share) }
}

fn write(tiles: &[Tile], head: Head<'_>, look: Look) -> String {
    let width = look.width();
    let mut svg = Svg::new(look.theme);
    let top = heading(&mut svg, head.title, width) + LINE;
    let room = width - 2.0 * EDGE;
    let columns = (1..=tiles.len()).rev().find(|columns| room / *columns as f64 >= ACROSS).unwrap_or(1);
    let across = (room / columns as f64).min(1.4 * ACROSS);
    let side = tiles.iter().map(|tile| tile.size.1).fold(0.0, f64::max);
    let down = side + 3.0 * LINE + GAP + 4.0;
    for (place, tile) in tiles.iter().enumerate() {
        let corner = (EDGE + across * (place % columns) as f64, top + down * (place / columns) as f64);
        let (wide, high) = tile.size;
        let at = (corner.0, corner.1 + side - high);
        svg.rect((at.0 - 1.0, at.1 - 1.0), (wide + 2.0, high + 2.0), Color::Muted, 1.0);
        svg.image(at, tile.size, &tile.address, &tile.words);
        for (line, text) in tile.lines.iter().enumerate() {
            let baseline = corner.1 + side + LINE * (line + 1) as f64 + 2.0;
            let color = if line == 2 { Color::Muted } else { Color::Ink };
            svg.text((corner.0, baseline), &fitted(text, FONT, across - 8.0), Anchor::Start, color);
        }
    }
    let all: Vec<&str> = tiles.iter().map(|tile| tile.words.as_str()).collect();
    let caption = format!("{} In order: {}.", head.caption, all.join("; "));
    let rows = tiles.len().div_ceil(columns) as f64;
    svg.finish(Head { caption: &caption, ..head }, width, top + down * rows - GAP + EDGE)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn nearly_certain_is_not_certain() {
        assert_eq!([0.0, 0.634, 0.994, 0.9999, 1.0].map(percent), ["0 %", "63 %", "99 %", "> 99 %", "100 %"]);
    }
}
