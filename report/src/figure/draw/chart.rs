//! A chart: two titled axes and what stands between them.

use super::legend::{self, Entry};
use super::mark::Mark;
use super::scale::{Scale, Spread};
use super::svg::{Anchor, Head, Svg};
use super::text::{fitted, lines, width_of};
use super::theme::{Color, Style};
use super::{FONT, TITLE_FONT};
use crate::figure::Look;

/// Pixels around everything.
const EDGE: f64 = 14.0;
/// Pixels of a line of text.
const LINE: f64 = 16.0;
/// Pixels of the plot itself, unless there are categories one below the other.
const HEIGHT: f64 = 270.0;
/// Pixels of a category below another.
const ROW: f64 = 24.0;
/// Pixels for the value of the longest bar.
const VALUE_ROOM: f64 = 64.0;
/// Pixels of the labels at the left, at most, as a share of the width.
const LABELS_MAX: f64 = 0.42;

/// One axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// With its unit.
    pub(crate) title: String,
    pub(crate) spread: Spread,
    /// Names of the categories; category n has the value n. Of the axis that goes up, the first is on top.
    pub(crate) categories: Option<Vec<String>>,
}

impl Axis {
    pub(crate) fn new(title: impl Into<String>, spread: Spread) -> Self {
        Self { title: title.into(), spread, categories: None }
    }

    pub(crate) fn of_categories(title: impl Into<String>, categories: Vec<String>) -> Self {
        Self { title: title.into(), spread: Spread::Linear, categories: Some(categories) }
    }
}

/// Axes, marks from back to front, and a legend.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) marks: Vec<Mark>,
    pub(crate) legend: Vec<Entry>,
}

/// Where the plot is.
struct Room {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Chart {
    pub(crate) fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, marks: Vec::new(), legend: Vec::new() }
    }

    /// Adds a name for a key.
    pub(crate) fn name(&mut self, entry: Entry) {
        self.legend.push(entry);
    }

    /// The chart as a picture.
    pub(crate) fn write(&self, head: Head<'_>, look: Look) -> String {
        let width = look.width();
        let mut svg = Svg::new(look.theme);
        let top = heading(&mut svg, head.title, width);
        let top = legend::write(&mut svg, &self.legend, EDGE, top, width - 2.0 * EDGE) + 10.0;
        let rows = self.y.categories.as_ref().map(|labels| ROW * labels.len().max(2) as f64);
        let bottom = top + rows.unwrap_or(HEIGHT);
        let y = self.upward((bottom, top));
        let labels = y.ticks.iter().map(|(_, label)| width_of(label, FONT)).fold(0.0, f64::max);
        let left = EDGE + LINE + labels.min(LABELS_MAX * width) + 10.0;
        let room = Room { left, right: width - EDGE - 8.0, top, bottom };
        let x = self.across((room.left, room.right));
        self.grid(&mut svg, &x, &y, &room);
        let end = self.axes(&mut svg, &x, &y, &room);
        let mut labels = Labels::default();
        for mark in &self.marks {
            match mark {
                Mark::Label { at, text } => {
                    labels.write(&mut svg, (x.place(at.0), y.place(at.1)), text, &room);
                }
                mark => draw(&mut svg, mark, &x, &y, &room),
            }
        }
        svg.finish(head, width, end + EDGE)
    }

    fn across(&self, pixels: (f64, f64)) -> Scale {
        match &self.x.categories {
            Some(labels) => Scale::of_categories(labels, pixels),
            None => {
                // Beyond the longest bar there is room for its value.
                let values = self.marks.iter().any(|mark| matches!(mark, Mark::Value { .. }));
                let room = if values { VALUE_ROOM.min(0.2 * (pixels.1 - pixels.0)) } else { 0.0 };
                let scale = Scale::new(
                    self.marks.iter().flat_map(Mark::xs),
                    self.x.spread,
                    (pixels.0, pixels.1 - room),
                );
                if values { scale.reaching(pixels.1) } else { scale }
            }
        }
    }

    fn upward(&self, pixels: (f64, f64)) -> Scale {
        match &self.y.categories {
            Some(labels) => Scale::of_categories(labels, (pixels.1, pixels.0)),
            None => Scale::new(self.marks.iter().flat_map(Mark::ys), self.y.spread, pixels),
        }
    }

    fn grid(&self, svg: &mut Svg, x: &Scale, y: &Scale, room: &Room) {
        let style = Style::plain(Color::Grid);
        if self.x.categories.is_none() {
            for (value, _) in &x.ticks {
                let x = x.place(*value);
                svg.line(&[(x, room.top), (x, room.bottom)], style, 1.0, 1.0);
            }
        }
        for (value, _) in &y.ticks {
            let y = y.place(*value);
            svg.line(&[(room.left, y), (room.right, y)], style, 1.0, 1.0);
        }
        let axis = Style::plain(Color::Muted);
        svg.line(&[(room.left, room.top), (room.left, room.bottom)], axis, 1.0, 1.0);
        svg.line(&[(room.left, room.bottom), (room.right, room.bottom)], axis, 1.0, 1.0);
    }

    /// Labels and titles; returns where they end below.
    fn axes(&self, svg: &mut Svg, x: &Scale, y: &Scale, room: &Room) -> f64 {
        let labels_width = room.left - EDGE - LINE - 8.0;
        for (value, label) in &y.ticks {
            let label = fitted(label, FONT, labels_width);
            svg.text((room.left - 7.0, y.place(*value) + 4.0), &label, Anchor::End, Color::Muted);
        }
        let title = fitted(&with_kind(&self.y.title, y), FONT, room.bottom - room.top + 60.0);
        // Upright text may be a little longer than the plot, never than the picture.
        svg.upright((EDGE + 8.0, f64::midpoint(room.top, room.bottom)), &title, Color::Ink);
        let below = below(svg, x, room);
        let title = fitted(&with_kind(&self.x.title, x), FONT, room.right - room.left);
        svg.text((f64::midpoint(room.left, room.right), below + LINE), &title, Anchor::Middle, Color::Ink);
        below + LINE
    }
}

/// The title in as many lines as it needs; returns where it ends.
pub(crate) fn heading(svg: &mut Svg, title: &str, width: f64) -> f64 {
    let mut top = EDGE;
    for line in lines(title, TITLE_FONT, width - 2.0 * EDGE) {
        svg.title((EDGE, top + TITLE_FONT), &line);
        top += TITLE_FONT + 5.0;
    }
    top + 5.0
}

fn with_kind(title: &str, scale: &Scale) -> String {
    if !scale.is_log() {
        return title.to_owned();
    }
    match title.strip_suffix(')') {
        Some(head) => format!("{head}, log scale)"),
        None => format!("{title} (log scale)"),
    }
}

/// Labels of the axis across: all that fit beside each other, in two rows where that takes more.
fn below(svg: &mut Svg, scale: &Scale, room: &Room) -> f64 {
    let places: Vec<(f64, &str)> =
        scale.ticks.iter().map(|(value, label)| (scale.place(*value), label.as_str())).collect();
    let each = (room.right - room.left) / places.len().max(1) as f64;
    let widest = places.iter().map(|(_, label)| width_of(label, FONT)).fold(0.0, f64::max);
    let rows = if widest + 10.0 > each { 2.0 } else { 1.0 };
    let limit = rows * each - 8.0;
    let mut free = [f64::NEG_INFINITY; 2];
    for (place, (x, label)) in places.iter().enumerate() {
        let row = if rows > 1.0 { place % 2 } else { 0 };
        let label = fitted(label, FONT, limit.max(24.0));
        let half = width_of(&label, FONT) / 2.0;
        let centre = x.min(room.right + 8.0 - half);
        if centre - half < free[row] {
            continue;
        }
        free[row] = centre + half + 6.0;
        let y = room.bottom + LINE * (row as f64 + 1.0);
        svg.text((centre, y), &label, Anchor::Middle, Color::Muted);
    }
    room.bottom + rows * LINE + 6.0
}

fn draw(svg: &mut Svg, mark: &Mark, x: &Scale, y: &Scale, room: &Room) {
    let at = |point: &(f64, f64)| (x.place(point.0), y.place(point.1));
    match mark {
        Mark::Line { points, style, width, opacity } => {
            // A gap where a value is not finite.
            for part in points.split(|point| !(point.0.is_finite() && point.1.is_finite())) {
                svg.line(&part.iter().map(at).collect::<Vec<_>>(), *style, *width, *opacity);
            }
        }
        Mark::Band { points, color } => {
            let finite = |point: &&(f64, f64, f64)| point.1.is_finite() && point.2.is_finite();
            let points: Vec<&(f64, f64, f64)> = points.iter().filter(finite).collect();
            let upper = points.iter().map(|point| at(&(point.0, point.2)));
            let lower = points.iter().rev().map(|point| at(&(point.0, point.1)));
            svg.area(&upper.chain(lower).collect::<Vec<_>>(), *color, 0.16);
        }
        Mark::Points { points, style, radius, opacity } => {
            for point in points.iter().filter(|point| point.0.is_finite() && point.1.is_finite()) {
                svg.marker(at(point), style.shape, style.color, *radius, *opacity);
            }
        }
        Mark::Upright { x: place, low, high, style } => {
            let (across, low, high) = (x.place(*place), y.place(*low), y.place(*high));
            svg.line(&[(across, low), (across, high)], style.solid(), 1.6, 1.0);
            for end in [low, high] {
                svg.line(&[(across - 4.0, end), (across + 4.0, end)], style.solid(), 1.6, 1.0);
            }
        }
        Mark::Lying { y: place, low, high, style } => {
            let (up, low, high) = (y.place(*place), x.place(*low), x.place(*high));
            svg.line(&[(low, up), (high, up)], style.solid(), 1.6, 1.0);
            for end in [low, high] {
                svg.line(&[(end, up - 4.0), (end, up + 4.0)], style.solid(), 1.6, 1.0);
            }
        }
        Mark::Bar { y: place, value, thickness, color } => {
            let (from, to) = (room.left, x.place(*value));
            let (top, end) = (y.place(place - thickness / 2.0), y.place(place + thickness / 2.0));
            svg.rect((from.min(to), top.min(end)), ((to - from).abs(), (end - top).abs()), *color, 0.85);
        }
        Mark::Level { y: value, style } => {
            let up = y.place(*value);
            svg.line(&[(room.left, up), (room.right, up)], *style, 1.6, 1.0);
        }
        Mark::Value { at: point, text } => {
            let (across, up) = at(point);
            svg.text((across + 6.0, up + 4.0), text, Anchor::Start, Color::Ink);
        }
        // Written by those who know what is already there.
        Mark::Label { .. } => {}
    }
}

/// What was written beside points.
#[derive(Default)]
struct Labels {
    /// Left, right and baseline.
    taken: Vec<(f64, f64, f64)>,
}

impl Labels {
    /// To the right of its point, or to the left where there is no room, unless that would cover another.
    fn write(&mut self, svg: &mut Svg, at: (f64, f64), text: &str, room: &Room) {
        let (width, y) = (width_of(text, FONT), (at.1 - 6.0).max(room.top + 10.0));
        let right = at.0 + 7.0 + width <= room.right;
        let left = if right { at.0 + 7.0 } else { at.0 - 7.0 - width };
        let covers = |taken: &(f64, f64, f64)| {
            left < taken.1 + 3.0 && taken.0 < left + width + 3.0 && (y - taken.2).abs() < FONT
        };
        if self.taken.iter().any(covers) {
            return;
        }
        self.taken.push((left, left + width, y));
        svg.text((left, y), text, Anchor::Start, Color::Ink);
    }
}
