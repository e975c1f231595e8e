//! The whole report as a document: its blocks, which Markdown and HTML write each in their way.

use crate::figure::figure_names;
use crate::number::{count, duration};
use crate::optimism::optimism;
use crate::ranking::Ranking;
use crate::section::Scope;
use crate::sheet::{Field, Sheet};
use crate::summary::summary;
use crate::table::sentences::{findings, title};
use crate::{FigureName, Report, Section, Shown};

mod html;
mod markdown;
mod trials;

pub use html::html;
pub use markdown::markdown;

/// Rows of a table; a reader who wants more takes the CSV.
const ROWS_MAX: usize = 60;

/// What stands below each other.
enum Block {
    /// A chapter, with the name that links to it.
    Chapter {
        id: &'static str,
        title: &'static str,
    },
    Paragraph(String),
    /// Sentences under labels.
    Labelled(Vec<(&'static str, String)>),
    Table {
        caption: String,
        sheet: Sheet,
        left_out: usize,
    },
    Figure(FigureName),
}

/// Where figures stand: with the numbers that they show.
const CHAPTERS: [(&str, &str, &[Section]); 8] = [
    ("configurations", "Configurations", &[Section::Trials, Section::Chart]),
    ("folds", "Folds", &[Section::Folds]),
    ("outer", "The search, judged by outer folds", &[Section::Outer]),
    ("curves", "Learning curves", &[Section::Curves]),
    ("best", "The chosen configuration", &[Section::Best]),
    ("predictions", "Predictions", &[Section::Confusion, Section::Classes, Section::Wrong, Section::Points]),
    ("inside", "Gradients and weights", &[Section::Gradients, Section::Weights, Section::Components]),
    ("resources", "Memory and speed", &[Section::Resources]),
];

/// The study's name and where it stands.
fn heading(report: &Report) -> (String, Vec<String>) {
    let [whole, how] = title(report);
    let study = &report.study;
    let ended = study.ended.as_ref().map(|ended| format!("; ended {ended}")).unwrap_or_default();
    let times = format!("Submitted {}{ended}.", study.created);
    let lines = study.description.iter().cloned().chain([whole, format!("{how}."), times]);
    (format!("Report of {}", study.display_name), lines.collect())
}

/// Everything below the title.
fn blocks(report: &Report) -> Vec<Block> {
    let ranking = Ranking::new(report);
    let mut blocks = vec![
        Block::Chapter { id: "short", title: "In short" },
        Block::Paragraph(summary(report)),
        Block::Chapter { id: "selection", title: "What was chosen, and how surely" },
        Block::Labelled(findings(report, &ranking)),
    ];
    blocks.extend(optimism(report).map(|sheet| {
        let caption = "What each way to take an epoch would have chosen; differences are of the winner's mean from that by the study's rule";
        table(caption, sheet)
    }));
    let figures = figure_names(report);
    for (id, title, sections) in CHAPTERS {
        let tables = sections.iter().flat_map(|section| tables(report, *section, &ranking));
        let mut found: Vec<Block> = tables.collect();
        let shown = figures.iter().filter(|figure| sections.contains(&figure.section));
        found.extend(shown.cloned().map(Block::Figure));
        if !found.is_empty() {
            blocks.push(Block::Chapter { id, title });
            blocks.extend(found);
        }
    }
    blocks.push(Block::Chapter { id: "provenance", title: "What the numbers were made from, and with" });
    blocks.push(table("Provenance", provenance(report)));
    blocks
}

fn table(caption: impl Into<String>, sheet: Sheet) -> Block {
    let left_out = sheet.len().saturating_sub(ROWS_MAX);
    Block::Table { caption: caption.into(), sheet: sheet.without_empty_columns(), left_out }
}

/// A table that has a line for each of the first trials alone.
fn of_trials(caption: &str, sheet: Sheet, report: &Report) -> Block {
    let left_out = report.trials.len().saturating_sub(ROWS_MAX);
    Block::Table { caption: caption.to_owned(), sheet: sheet.without_empty_columns(), left_out }
}

/// The numbers of a section; figures tell those of the rest.
fn tables(report: &Report, section: Section, ranking: &Ranking<'_>) -> Vec<Block> {
    let scope = Scope::new(report, Shown::default());
    let named =
        |caption: &str, sheet: Sheet| if sheet.is_empty() { Vec::new() } else { vec![table(caption, sheet)] };
    match section {
        Section::Trials => vec![of_trials(
            "Trials by mean score, best first; differences are trial less winner",
            trials::sheet(report, ranking),
            report,
        )],
        Section::Folds if report.folds() > 1 => {
            vec![of_trials(
                "Score of each fold (epoch), best trials first",
                trials::folds(report, ranking),
                report,
            )]
        }
        Section::Outer => {
            named("What was chosen within each outer fold, and its score", section.sheet(scope))
        }
        Section::Best => named("Everything about the chosen configuration", section.sheet(scope)),
        Section::Classes => named("Scores of classes and errors of numbers", section.sheet(scope)),
        Section::Wrong => named("The first wrongly classified row of each class", section.sheet(scope)),
        Section::Resources => named("Memory and speed", section.sheet(scope)),
        Section::Folds
        | Section::Chart
        | Section::Curves
        | Section::Confusion
        | Section::Points
        | Section::Gradients
        | Section::Weights
        | Section::Components => Vec::new(),
    }
}

fn provenance(report: &Report) -> Sheet {
    let made = &report.provenance;
    let mut sheet = Sheet::new(["what", "value"]);
    let mut put = |what: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            sheet.push(vec![Field::text(what), Field::Text(value)]);
        }
    };
    put("Foldwise", Some(made.foldwise.clone()));
    put("workers", Some(made.software.join("; ")));
    put("devices", Some(made.device_models.join("; ")));
    put("device profile", made.profile.as_ref().map(|profile| profile.name.clone()));
    put("data", Some(made.data.name.clone()));
    put("digest of the rows", Some(made.data.digest.clone()));
    put("training rows", Some(count(made.data.train_rows as u64)));
    put("test rows", made.data.test_rows.map(|rows| count(rows as u64)));
    put("digest of the folds", Some(made.folds_digest.clone()));
    put("cohorts", made.cohorts.map(|cohorts| count(cohorts as u64)));
    let splits = (made.cohort_splits > 0).then(|| count(made.cohort_splits as u64));
    put("cohorts halved because memory ran out", splits);
    put("the same numbers again", made.reproducible.clone());
    put("wall time", report.study.seconds.map(duration));
    sheet
}
