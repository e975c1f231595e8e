//! The one place that knows how a figure is written: plain SVG with the house's look.
//!
//! A [`Chart`] holds marks and axes and lays itself out; [`Svg`] writes what is not a chart. Colours, dashes and markers
//! come from [`theme`] alone.

mod chart;
mod image;
mod legend;
mod mark;
mod scale;
mod svg;
mod text;
pub(super) mod theme;

pub(super) use chart::{Axis, Chart, heading};
pub(super) use image::address as image_address;
pub(super) use legend::{Entry, Key, write as legend_at};
pub(super) use mark::{Mark, Shape};
pub(super) use scale::Spread;
pub(crate) use svg::escaped;
pub(super) use svg::{Anchor, Head, Svg};
pub(super) use text::{fitted, width_of};
pub(super) use theme::{Color, Style};

/// Pixels of text in a figure.
pub(super) const FONT: f64 = 12.0;
/// Pixels of its title.
pub(super) const TITLE_FONT: f64 = 15.0;
