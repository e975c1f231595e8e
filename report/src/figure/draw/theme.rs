//! Colours, dashes and markers, the same in every figure.
//!
//! Series have the colours of Okabe and Ito ("Color universal design", 2008), which people with any of the common
//! colour-vision deficiencies tell apart, lightened for dark grounds; dashes and markers tell them apart without colour.

use super::mark::Shape;
use crate::figure::Theme;

/// What something is painted with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Color {
    /// Text and what matters.
    Ink,
    /// Text beside.
    Muted,
    /// Lines behind.
    Grid,
    /// The ground.
    Ground,
    /// On a ground of [`Color::Series`] 0.
    OnSeries,
    /// A series.
    Series(usize),
    /// Along viridis (van der Walt and Smith, 2015), 0 to 1.
    Along(f64),
}

/// A name for pages, and the colour on light and on dark ground.
type Paint = (&'static str, &'static str, &'static str);

const INK: Paint = ("--foldwise-ink", "#1b1f24", "#e8ecf1");
const MUTED: Paint = ("--foldwise-muted", "#5a636e", "#a3adb8");
const GRID: Paint = ("--foldwise-grid", "#dfe3e8", "#343b44");
const GROUND: Paint = ("--foldwise-ground", "#ffffff", "#14181d");
const ON_SERIES: Paint = ("--foldwise-on-series", "#ffffff", "#0b0e11");
const SERIES: [Paint; 7] = [
    ("--foldwise-series-0", "#0072b2", "#56b4e9"),
    ("--foldwise-series-1", "#d55e00", "#ff8f4d"),
    ("--foldwise-series-2", "#009e73", "#2fcf9f"),
    ("--foldwise-series-3", "#b8578f", "#e394c3"),
    ("--foldwise-series-4", "#b07a00", "#f0b73a"),
    ("--foldwise-series-5", "#4a5fc1", "#a9b6ff"),
    ("--foldwise-series-6", "#5c4a3d", "#cbb8a9"),
];
/// Viridis at equal distances.
const VIRIDIS: [[f64; 3]; 6] = [
    [68.0, 1.0, 84.0],
    [65.0, 68.0, 135.0],
    [42.0, 120.0, 142.0],
    [34.0, 168.0, 132.0],
    [122.0, 209.0, 81.0],
    [253.0, 231.0, 37.0],
];
const DASHES: [&str; 7] = ["", "7 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2 1 2", "1 2"];
const SHAPES: [Shape; 7] =
    [Shape::Circle, Shape::Square, Shape::Triangle, Shape::Diamond, Shape::Cross, Shape::Ring, Shape::Plus];

/// How many series can be told apart.
pub(crate) const SERIES_MAX: usize = SERIES.len();

/// How a series is told from others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    pub(crate) color: Color,
    /// As SVG's `stroke-dasharray`; empty for none.
    pub(crate) dash: &'static str,
    pub(crate) shape: Shape,
}

impl Style {
    /// Of the series of this number.
    pub(crate) fn of(series: usize) -> Self {
        let place = series % SERIES_MAX;
        Self { color: Color::Series(place), dash: DASHES[place], shape: SHAPES[place] }
    }

    /// A thin line that belongs to no series.
    pub(crate) fn plain(color: Color) -> Self {
        Self { color, dash: "", shape: Shape::Circle }
    }

    /// The same colour and marker, without a gap in its lines.
    pub(crate) fn solid(self) -> Self {
        Self { dash: "", ..self }
    }
}

impl Color {
    /// As SVG writes it. On a page the colours are the page's, so that they follow its theme.
    pub(crate) fn paint(self, theme: Theme) -> String {
        let (name, light, dark) = match self {
            Self::Ink => INK,
            Self::Muted => MUTED,
            Self::Grid => GRID,
            Self::Ground => GROUND,
            Self::OnSeries => ON_SERIES,
            Self::Series(place) => SERIES[place % SERIES_MAX],
            Self::Along(share) => return along(share, theme),
        };
        match theme {
            Theme::Light => light.to_owned(),
            Theme::Dark => dark.to_owned(),
            Theme::Page => format!("var({name},{light})"),
        }
    }
}

/// The part of the ramp that can be seen on a ground.
fn along(share: f64, theme: Theme) -> String {
    let (from, to) = match theme {
        Theme::Light => (0.0, 0.94),
        Theme::Dark => (0.26, 1.0),
        Theme::Page => (0.2, 0.9),
    };
    let last = VIRIDIS.len() - 1;
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let place = (from + share * (to - from)) * last as f64;
    let below = (0..last).rev().find(|&below| below as f64 <= place).unwrap_or(0);
    let part = place - below as f64;
    let [red, green, blue] = [0, 1, 2].map(|channel| {
        let (from, to) = (VIRIDIS[below][channel], VIRIDIS[below + 1][channel]);
        (from + part * (to - from)).round()
    });
    format!("rgb({red},{green},{blue})")
}

/// The colours that figures of [`Theme::Page`] ask their page for, as declarations of CSS.
pub(crate) fn declarations(dark: bool) -> String {
    let paints = [INK, MUTED, GRID, GROUND, ON_SERIES].into_iter().chain(SERIES);
    let lines =
        paints.map(|(name, light, on_dark)| format!("{name}:{};", if dark { on_dark } else { light }));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::{Color, along};
    use crate::figure::Theme;

    #[test]
    fn ends_and_middles_of_the_ramp() {
        assert_eq!(along(0.0, Theme::Light), "rgb(68,1,84)");
        assert_eq!(along(1.0, Theme::Dark), "rgb(253,231,37)");
        assert_eq!(along(f64::NAN, Theme::Page), along(-3.0, Theme::Page));
    }

    #[test]
    fn a_page_gives_its_own_colours() {
        assert_eq!(Color::Series(7).paint(Theme::Light), "#0072b2");
        assert_eq!(Color::Ink.paint(Theme::Page), "var(--foldwise-ink,#1b1f24)");
    }
}
