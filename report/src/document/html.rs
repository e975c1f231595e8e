//! The document as one HTML page that needs nothing else: no script, no network.

use super::{Block, ROWS_MAX, blocks, heading};
use crate::Report;
use crate::figure::{Look, Theme, escaped, figure, page_colors};
use crate::number::count;
use crate::sheet::Sheet;

/// Characters of a cell that is not broken.
const SHORT_CHARS: usize = 18;

const STYLE: &str = include_str!("page.css");

/// The whole report as a page: tables, figures as inline SVG, light or dark as the reader prefers, and fit to be printed.
#[must_use]
pub fn html(report: &Report) -> String {
    let (title, lines) = heading(report);
    let title = escaped(&title);
    let colors = page_colors();
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n<meta name=\"generator\" content=\"Foldwise {}\">\n<title>{title}</title>\n<style>\n{colors}{STYLE}</style>\n\
         </head>\n<body>\n<header>\n<h1>{title}</h1>\n",
        escaped(&report.provenance.foldwise)
    );
    for line in lines {
        text.push_str(&format!("<p>{}</p>\n", escaped(&line)));
    }
    text.push_str("</header>\n");
    let blocks = blocks(report);
    contents(&blocks, &mut text);
    text.push_str("<main>\n");
    let mut open = false;
    for block in &blocks {
        if let Block::Chapter { id, title } = block {
            text.push_str(if open { "</section>\n" } else { "" });
            text.push_str(&format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n"));
            open = true;
        }
        write(report, block, &mut text);
    }
    text.push_str(if open { "</section>\n" } else { "" });
    text.push_str("</main>\n</body>\n</html>\n");
    text
}

fn contents(blocks: &[Block], text: &mut String) {
    text.push_str("<nav aria-label=\"Contents\">\n<ul>\n");
    for block in blocks {
        if let Block::Chapter { id, title } = block {
            text.push_str(&format!("<li><a href=\"#{id}\">{title}</a></li>\n"));
        }
    }
    text.push_str("</ul>\n</nav>\n");
}

fn write(report: &Report, block: &Block, text: &mut String) {
    match block {
        Block::Chapter { .. } => {}
        Block::Paragraph(words) => text.push_str(&format!("<p class=\"lead\">{}</p>\n", escaped(words))),
        Block::Labelled(lines) => {
            text.push_str("<dl>\n");
            for (label, words) in lines {
                text.push_str(&format!("<dt>{label}</dt>\n<dd>{}</dd>\n", escaped(words)));
            }
            text.push_str("</dl>\n");
        }
        Block::Table { caption, sheet, left_out } => {
            table(caption, sheet, text);
            if *left_out > 0 {
                text.push_str(&format!("<p>… and {} more; the CSV has all.</p>\n", count(*left_out as u64)));
            }
        }
        Block::Figure(name) => {
            if let Some(figure) = figure(report, &name.name, Look::on(Theme::Page)) {
                let (id, caption) = (escaped(&figure.name), escaped(&figure.caption));
                text.push_str(&format!(
                    "<figure id=\"figure-{id}\">\n{}<figcaption>{caption}</figcaption>\n</figure>\n",
                    figure.svg
                ));
            }
        }
    }
}

/// The first column names its row.
fn table(caption: &str, sheet: &Sheet, text: &mut String) {
    let headings = sheet.headings();
    let class = |words: bool| if words { "" } else { " class=\"number\"" };
    text.push_str(&format!(
        "<div class=\"wide\">\n<table>\n<caption>{}</caption>\n<thead>\n<tr>",
        escaped(caption)
    ));
    for (name, words) in &headings {
        text.push_str(&format!("<th scope=\"col\"{}>{}</th>", class(*words), escaped(name)));
    }
    text.push_str("</tr>\n</thead>\n<tbody>\n");
    for line in sheet.lines().take(ROWS_MAX) {
        text.push_str("<tr>");
        for (place, (cell, (_, words))) in line.iter().zip(&headings).enumerate() {
            let class = if *words && cell.chars().count() <= SHORT_CHARS {
                " class=\"short\""
            } else {
                class(*words)
            };
            let cell = escaped(cell);
            if place == 0 {
                text.push_str(&format!("<th scope=\"row\"{class}>{cell}</th>"));
            } else {
                text.push_str(&format!("<td{class}>{cell}</td>"));
            }
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table>\n</div>\n");
}
