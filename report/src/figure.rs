//! Figures of a report as SVG: each is made only where its data are there, and looks the same everywhere.
//!
//! One file per kind of figure turns the model into a chart (`sketch` has what they share); `draw` writes it.

use crate::{Report, Section};

mod components;
mod configurations;
mod curves;
mod draw;
mod effects;
mod heat;
mod norms;
mod outer;
mod parallel;
mod predictions;
mod resources;
mod sketch;
mod tradeoff;
mod wrong;

pub(crate) use draw::escaped;

use sketch::Sketch;

/// Pixels of a figure's width unless something else is asked for.
const WIDTH: u32 = 720;
/// Pixels between which a width is honoured.
const WIDTHS: (u32, u32) = (360, 4_000);

/// How figures look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What they are drawn on.
    pub theme: Theme,
    /// Pixels across, 360 to 4,000. Text keeps its size.
    pub width: u32,
}

/// The ground that figures are drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// White.
    #[default]
    Light,
    /// Nearly black.
    Dark,
    /// The page's: colours are CSS variables that [`page_colors`] declares, light where the page does not.
    Page,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Its name: lower-case words joined by hyphens, the same for the same kind of figure in every report.
    pub name: String,
    /// What it shows, in a few words; stands in the picture too.
    pub title: String,
    /// What is to be seen and how it was made, in plain sentences; also what those hear who do not see it.
    pub caption: String,
    /// The part of the report that has the numbers.
    pub section: Section,
    /// The picture.
    pub svg: String,
}

/// What a figure is called, before it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureName {
    /// As [`Figure::name`].
    pub name: String,
    /// As [`Figure::title`].
    pub title: String,
    /// As [`Figure::section`].
    pub section: Section,
}

impl Default for Look {
    fn default() -> Self {
        Self { theme: Theme::default(), width: WIDTH }
    }
}

impl Look {
    /// The usual size on this ground.
    #[must_use]
    pub fn on(theme: Theme) -> Self {
        Self { theme, ..Self::default() }
    }

    pub(crate) fn width(self) -> f64 {
        f64::from(self.width.clamp(WIDTHS.0, WIDTHS.1))
    }
}

/// Every figure that the report has data for, in the order in which they are read.
#[must_use]
pub fn figures(report: &Report, look: Look) -> Vec<Figure> {
    sketches(report).into_iter().map(|sketch| sketch.figure(look)).collect()
}

/// What [`figures`] would draw, without drawing.
#[must_use]
pub fn figure_names(report: &Report) -> Vec<FigureName> {
    sketches(report).into_iter().map(Sketch::into_name).collect()
}

/// One figure by its name, if the report has data for it.
#[must_use]
pub fn figure(report: &Report, name: &str, look: Look) -> Option<Figure> {
    let sketch = sketches(report).into_iter().find(|sketch| sketch.name == name)?;
    Some(sketch.figure(look))
}

/// The colours that figures of [`Theme::Page`] ask for, as CSS: light ones, and dark ones where the reader prefers them.
#[must_use]
pub fn page_colors() -> String {
    let (light, dark) = (draw::theme::declarations(false), draw::theme::declarations(true));
    format!(
        ":root{{color-scheme:light dark;{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
    )
}

/// All kinds of figures, each with what is there.
fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    let kinds: [fn(&Report) -> Vec<Sketch<'_>>; 11] = [
        configurations::sketches,
        outer::sketches,
        tradeoff::sketches,
        effects::sketches,
        parallel::sketches,
        curves::sketches,
        predictions::sketches,
        wrong::sketches,
        norms::sketches,
        components::sketches,
        resources::sketches,
    ];
    kinds.into_iter().flat_map(|kind| kind(report)).collect()
}
