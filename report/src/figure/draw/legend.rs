//! What a chart's colours, dashes and markers stand for.

use super::mark::Shape;
use super::svg::{Anchor, Svg};
use super::theme::{Color, Style};
use super::{FONT, fitted, width_of};

/// Pixels of the sample before a name.
const SAMPLE: f64 = 26.0;
/// Pixels between entries.
const GAP: f64 = 18.0;
/// Pixels of a row.
const ROW: f64 = 18.0;

/// How an entry is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    /// A line with its marker.
    Series(Style),
    /// A line alone.
    Line(Style),
    /// A marker alone.
    Marker(Shape, Color),
    /// A patch of so much opacity.
    Patch(Color, f64),
}

/// A line of the legend.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) name: String,
}

impl Entry {
    pub(crate) fn new(key: Key, name: impl Into<String>) -> Self {
        Self { key, name: name.into() }
    }
}

/// Writes the entries in rows from `top` on and returns where they end.
pub(crate) fn write(svg: &mut Svg, entries: &[Entry], left: f64, top: f64, width: f64) -> f64 {
    let (mut x, mut y) = (left, top);
    for entry in entries {
        let name = fitted(&entry.name, FONT, width - SAMPLE);
        let length = SAMPLE + width_of(&name, FONT);
        if x > left && x + length > left + width {
            (x, y) = (left, y + ROW);
        }
        sample(svg, entry.key, x, y + ROW / 2.0);
        svg.text((x + SAMPLE, y + ROW / 2.0 + 4.0), &name, Anchor::Start, Color::Ink);
        x += length + GAP;
    }
    if entries.is_empty() { top } else { y + ROW }
}

fn sample(svg: &mut Svg, key: Key, x: f64, y: f64) {
    let (from, to) = (x, x + SAMPLE - 6.0);
    let middle = (f64::midpoint(from, to), y);
    match key {
        Key::Series(style) => {
            svg.line(&[(from, y), (to, y)], style, 2.0, 1.0);
            svg.marker(middle, style.shape, style.color, 3.2, 1.0);
        }
        Key::Line(style) => svg.line(&[(from, y), (to, y)], style, 2.0, 1.0),
        Key::Marker(shape, color) => svg.marker(middle, shape, color, 4.0, 1.0),
        Key::Patch(color, opacity) => svg.rect((from, y - 5.0), (to - from, 10.0), color, opacity),
    }
}
