//! A grid of cells with a number in each, the darker the larger.

use super::Look;
use super::draw::{Anchor, Color, FONT, Head, Style, Svg, fitted, heading, width_of};
use super::sketch::Write;

/// Pixels around everything.
const EDGE: f64 = 14.0;
/// Pixels of a line of text.
const LINE: f64 = 16.0;
/// Pixels of a cell's height, and the most of its width.
const CELL: (f64, f64) = (28.0, 84.0);
/// Opacity of the darkest and of the palest cell.
const OPACITY: (f64, f64) = (1.0, 0.06);
/// From this opacity on, text is written in the ground's colour.
const TURN: f64 = 0.55;

/// What is shown.
#[derive(Debug, Clone)]
pub(super) struct Heat {
    /// Title and labels of the rows.
    pub(super) down: (String, Vec<String>),
    /// Title and labels of the columns.
    pub(super) across: (String, Vec<String>),
    /// What stands in each cell.
    pub(super) texts: Vec<Vec<Option<String>>>,
    /// How dark each is, 0 to 1.
    pub(super) shares: Vec<Vec<Option<f64>>>,
}

/// Values from their lowest to their highest as shares.
pub(super) fn ranged(values: &[Vec<Option<f64>>]) -> Vec<Vec<Option<f64>>> {
    let all = || values.iter().flatten().flatten().copied();
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let share = |value: f64| if high > low { (value - low) / (high - low) } else { 0.5 };
    values.iter().map(|row| row.iter().map(|value| value.map(share)).collect()).collect()
}

impl Heat {
    pub(super) fn into_write(self) -> Write {
        Box::new(move |head: Head<'_>, look: Look| self.write(head, look))
    }

    fn write(&self, head: Head<'_>, look: Look) -> String {
        let width = look.width();
        let mut svg = Svg::new(look.theme);
        let top = heading(&mut svg, head.title, width);
        let widest = self.down.1.iter().map(|label| width_of(label, FONT)).fold(0.0, f64::max);
        let left = EDGE + LINE + widest.min(0.35 * width) + 12.0;
        let columns = self.across.1.len().max(1) as f64;
        let across = ((width - EDGE - left) / columns).min(CELL.1);
        let right = left + across * columns;
        svg.text(
            (f64::midpoint(left, right), top + LINE),
            &fitted(&self.across.0, FONT, width - left),
            Anchor::Middle,
            Color::Ink,
        );
        let longest = self.across.1.iter().map(|label| width_of(label, FONT)).fold(0.0, f64::max);
        let (upright, plain) = (longest.min(110.0) + 12.0, LINE + 8.0);
        let is_upright = longest + 6.0 > across;
        let grid = top + LINE + 4.0 + if is_upright { upright } else { plain };
        for (column, label) in self.across.1.iter().enumerate() {
            let middle = left + across * (column as f64 + 0.5);
            if is_upright {
                let label = fitted(label, FONT, 110.0);
                svg.upright((middle + 4.0, grid - 6.0 - width_of(&label, FONT) / 2.0), &label, Color::Muted);
            } else {
                svg.text((middle, grid - 6.0), label, Anchor::Middle, Color::Muted);
            }
        }
        for (row, label) in self.down.1.iter().enumerate() {
            let y = grid + CELL.0 * row as f64;
            svg.text(
                (left - 8.0, y + CELL.0 / 2.0 + 4.0),
                &fitted(label, FONT, 0.35 * width),
                Anchor::End,
                Color::Muted,
            );
            for column in 0..self.across.1.len() {
                self.cell(&mut svg, (row, column), (left + across * column as f64, y), across);
            }
        }
        let bottom = grid + CELL.0 * self.down.1.len() as f64;
        let title = fitted(&self.down.0, FONT, (bottom - grid).max(60.0));
        svg.upright((EDGE + 8.0, f64::midpoint(grid, bottom)), &title, Color::Ink);
        svg.finish(head, width, bottom + EDGE)
    }

    fn cell(&self, svg: &mut Svg, (row, column): (usize, usize), (x, y): (f64, f64), across: f64) {
        let share = self.shares.get(row).and_then(|row| *row.get(column)?);
        let text = self.texts.get(row).and_then(|row| row.get(column)?.as_deref());
        let (inner, high) = (across - 1.0, CELL.0 - 1.0);
        let Some(share) = share else {
            let none = Style { dash: "2 3", ..Style::plain(Color::Grid) };
            svg.line(&[(x, y + high), (x + inner, y)], none, 1.0, 1.0);
            return;
        };
        let opacity = OPACITY.1 + share.clamp(0.0, 1.0) * (OPACITY.0 - OPACITY.1);
        svg.rect((x, y), (inner, high), Color::Series(0), opacity);
        if let Some(text) = text.filter(|text| width_of(text, FONT) <= across + 6.0) {
            let color = if opacity >= TURN { Color::OnSeries } else { Color::Ink };
            svg.text((x + inner / 2.0, y + high / 2.0 + 4.0), text, Anchor::Middle, color);
        }
    }
}
