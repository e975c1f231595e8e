//! What a chart shows.

use super::theme::{Color, Style};

/// A marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
    Ring,
    Plus,
}

/// Something in a chart, in the units of its axes.
#[derive(Debug, Clone)]
pub(crate) enum Mark {
    /// A line through points.
    Line { points: Vec<(f64, f64)>, style: Style, width: f64, opacity: f64 },
    /// Between a lower and an upper value: `(x, low, high)`.
    Band { points: Vec<(f64, f64, f64)>, color: Color },
    /// Markers.
    Points { points: Vec<(f64, f64)>, style: Style, radius: f64, opacity: f64 },
    /// From `low` to `high` at `x`, with caps.
    Upright { x: f64, low: f64, high: f64, style: Style },
    /// From `low` to `high` at `y`, with caps.
    Lying { y: f64, low: f64, high: f64, style: Style },
    /// From the axis to `value` at `y`, so many rows thick.
    Bar { y: f64, value: f64, thickness: f64, color: Color },
    /// A line across the whole width.
    Level { y: f64, style: Style },
    /// A text right of the end of a bar.
    Value { at: (f64, f64), text: String },
    /// A text beside a point, left out where it would cover another.
    Label { at: (f64, f64), text: String },
}

impl Mark {
    /// A line and its markers in the style of a series.
    pub(crate) fn series(points: Vec<(f64, f64)>, style: Style) -> [Self; 2] {
        // Markers on every point of a long line would hide it.
        let marked = if points.len() <= MARKED_MAX { points.clone() } else { Vec::new() };
        [
            Self::Line { points, style, width: 2.0, opacity: 1.0 },
            Self::Points { points: marked, style, radius: 3.2, opacity: 1.0 },
        ]
    }

    /// A thin line behind.
    pub(crate) fn faint(points: Vec<(f64, f64)>, style: Style) -> Self {
        Self::Line { points, style: style.solid(), width: 1.0, opacity: 0.35 }
    }

    /// The values across.
    pub(crate) fn xs(&self) -> Vec<f64> {
        match self {
            Self::Line { points, .. } | Self::Points { points, .. } => {
                points.iter().map(|point| point.0).collect()
            }
            Self::Band { points, .. } => points.iter().map(|point| point.0).collect(),
            Self::Upright { x, .. } => vec![*x],
            Self::Lying { low, high, .. } => vec![*low, *high],
            Self::Bar { value, .. } => vec![*value],
            Self::Level { .. } => Vec::new(),
            Self::Label { at, .. } | Self::Value { at, .. } => vec![at.0],
        }
    }

    /// The values up.
    pub(crate) fn ys(&self) -> Vec<f64> {
        match self {
            Self::Line { points, .. } | Self::Points { points, .. } => {
                points.iter().map(|point| point.1).collect()
            }
            Self::Band { points, .. } => points.iter().flat_map(|point| [point.1, point.2]).collect(),
            Self::Upright { low, high, .. } => vec![*low, *high],
            Self::Lying { y, .. } | Self::Bar { y, .. } | Self::Level { y, .. } => vec![*y],
            Self::Label { at, .. } | Self::Value { at, .. } => vec![at.1],
        }
    }
}

/// Points of a line that has a marker on each.
const MARKED_MAX: usize = 25;
