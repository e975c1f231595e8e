//! SVG as text: everything that comes from outside is escaped, and every number is finite.

use std::fmt::Write;

use super::mark::Shape;
use super::theme::{Color, Style};
use super::{FONT, TITLE_FONT};
use crate::figure::Theme;

/// The fonts to look for, in this order.
const FONTS: &str = "system-ui, 'Segoe UI', 'DejaVu Sans', Verdana, sans-serif";

/// Where a text stands by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Begins there.
    Start,
    /// Is centred there.
    Middle,
    /// Ends there.
    End,
}

/// What a figure says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    /// Unique on a page.
    pub(crate) name: &'a str,
    pub(crate) title: &'a str,
    pub(crate) caption: &'a str,
}

/// A picture that grows by elements.
#[derive(Debug)]
pub(crate) struct Svg {
    theme: Theme,
    body: String,
}

impl Svg {
    pub(crate) fn new(theme: Theme) -> Self {
        Self { theme, body: String::new() }
    }

    /// A line through points.
    pub(crate) fn line(&mut self, points: &[(f64, f64)], style: Style, width: f64, opacity: f64) {
        if points.len() < 2 {
            return;
        }
        let path = path(points);
        let dash = if style.dash.is_empty() {
            String::new()
        } else {
            format!(" stroke-dasharray=\"{}\"", style.dash)
        };
        let color = style.color.paint(self.theme);
        self.push(&format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{dash}{}/>",
            number(width),
            alpha("stroke-opacity", opacity)
        ));
    }

    /// A filled outline.
    pub(crate) fn area(&mut self, outline: &[(f64, f64)], color: Color, opacity: f64) {
        let (path, color) = (path(outline), color.paint(self.theme));
        self.push(&format!("<path d=\"{path}Z\" fill=\"{color}\"{}/>", alpha("fill-opacity", opacity)));
    }

    /// A rectangle by its upper left corner and its size.
    pub(crate) fn rect(&mut self, corner: (f64, f64), size: (f64, f64), color: Color, opacity: f64) {
        let color = color.paint(self.theme);
        let [x, y, width, height] = [corner.0, corner.1, size.0.max(0.0), size.1.max(0.0)].map(number);
        let alpha = alpha("fill-opacity", opacity);
        self.push(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{color}\"{alpha}/>"
        ));
    }

    /// A marker of radius `radius`.
    pub(crate) fn marker(&mut self, at: (f64, f64), shape: Shape, color: Color, radius: f64, opacity: f64) {
        let (x, y) = at;
        let around = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
            points.iter().map(|(dx, dy)| (x + radius * dx, y + radius * dy)).collect()
        };
        let style = Style::plain(color);
        match shape {
            Shape::Circle | Shape::Ring => {
                let paint = color.paint(self.theme);
                let (fill, stroke) = if shape == Shape::Circle {
                    (paint, String::new())
                } else {
                    (Color::Ground.paint(self.theme), format!(" stroke=\"{paint}\" stroke-width=\"1.6\""))
                };
                let [x, y, radius] = [x, y, radius].map(number);
                let alpha = alpha("opacity", opacity);
                self.push(&format!(
                    "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\"{stroke}{alpha}/>"
                ));
            }
            Shape::Square => {
                self.area(&around(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]), color, opacity);
            }
            Shape::Triangle => self.area(&around(&[(0.0, -1.15), (1.05, 0.8), (-1.05, 0.8)]), color, opacity),
            Shape::Diamond => {
                self.area(&around(&[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)]), color, opacity);
            }
            Shape::Cross => {
                self.line(&around(&[(-0.9, -0.9), (0.9, 0.9)]), style, 2.0, opacity);
                self.line(&around(&[(-0.9, 0.9), (0.9, -0.9)]), style, 2.0, opacity);
            }
            Shape::Plus => {
                self.line(&around(&[(-1.1, 0.0), (1.1, 0.0)]), style, 2.0, opacity);
                self.line(&around(&[(0.0, -1.1), (0.0, 1.1)]), style, 2.0, opacity);
            }
        }
    }

    /// A picture with hard pixels, by its upper left corner and its size; `address` holds it.
    pub(crate) fn image(&mut self, corner: (f64, f64), size: (f64, f64), address: &str, words: &str) {
        let [x, y, width, height] = [corner.0, corner.1, size.0, size.1].map(number);
        let (address, words) = (escaped(address), escaped(words));
        self.push(&format!(
            "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" image-rendering=\"pixelated\" \
             preserveAspectRatio=\"none\" href=\"{address}\"><title>{words}</title></image>"
        ));
    }

    /// A line of text, by its baseline.
    pub(crate) fn text(&mut self, at: (f64, f64), text: &str, anchor: Anchor, color: Color) {
        self.write(at, text, anchor, color, &format!(" font-size=\"{}\"", number(FONT)));
    }

    /// The figure's title.
    pub(crate) fn title(&mut self, at: (f64, f64), text: &str) {
        let look = format!(" font-size=\"{}\" font-weight=\"600\"", number(TITLE_FONT));
        self.write(at, text, Anchor::Start, Color::Ink, &look);
    }

    /// A line of text that is read from below to above, by its middle.
    pub(crate) fn upright(&mut self, at: (f64, f64), text: &str, color: Color) {
        let place = format!("{} {}", number(at.0), number(at.1));
        let look = format!(" font-size=\"{}\" transform=\"rotate(-90 {place})\"", number(FONT));
        self.write(at, text, Anchor::Middle, color, &look);
    }

    fn write(&mut self, at: (f64, f64), text: &str, anchor: Anchor, color: Color, look: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y, color) = (number(at.0), number(at.1), color.paint(self.theme));
        let text = escaped(text);
        self.push(&format!("<text x=\"{x}\" y=\"{y}\" fill=\"{color}\"{anchor}{look}>{text}</text>"));
    }

    fn push(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    /// The whole picture.
    pub(crate) fn finish(self, head: Head<'_>, width: f64, height: f64) -> String {
        let (width, height) = (number(width), number(height));
        let name = escaped(head.name);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" aria-labelledby=\"{name}-title {name}-desc\" font-family=\"{FONTS}\">\n"
        );
        let (title, caption) = (escaped(head.title), escaped(head.caption));
        let _ = writeln!(
            text,
            "<title id=\"{name}-title\">{title}</title>\n<desc id=\"{name}-desc\">{caption}</desc>"
        );
        let ground = Color::Ground.paint(self.theme);
        let _ = writeln!(text, "<rect width=\"{width}\" height=\"{height}\" fill=\"{ground}\"/>");
        text.push_str(&self.body);
        text.push_str("</svg>\n");
        text
    }
}

/// A text inside an element or an attribute. Characters that XML cannot hold become spaces.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.push(' '),
            char if char.is_control() => safe.push(' '),
            char => safe.push(char),
        }
    }
    safe
}

fn alpha(name: &str, opacity: f64) -> String {
    if opacity >= 1.0 { String::new() } else { format!(" {name}=\"{}\"", number(opacity)) }
}

fn path(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (place, (x, y)) in points.iter().enumerate() {
        let _ = write!(path, "{}{} {}", if place == 0 { 'M' } else { 'L' }, number(*x), number(*y));
    }
    path
}

/// With two decimals at most. What is not finite is not drawn by anyone; here it would be 0.
fn number(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{escaped, number};

    #[test]
    fn nothing_breaks_the_markup() {
        assert_eq!(escaped("a<b> & \"c\" 'd'\u{0}"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; ");
    }

    #[test]
    fn numbers_are_short_and_finite() {
        assert_eq!([1.0, -0.001, 2.504, f64::NAN, 120.0].map(number), ["1", "0", "2.5", "0", "120"]);
    }
}
