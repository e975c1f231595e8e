//! The parts of a report that a reader can ask for one by one, as text and as CSV.

use crate::page::Page;
use crate::sheet::Sheet;
use crate::{Report, TableOptions};

mod best;
mod chart;
mod classes;
mod components;
mod confusion;
mod curves;
mod epochs;
mod folds;
mod gradients;
mod outer;
mod part;
mod points;
mod resources;
mod run;
mod trials;
mod weights;
mod wrong;

pub(crate) use best::leaves;
pub(crate) use epochs::mean;
pub(crate) use gradients::layers;
pub(crate) use outer::sentence as outer_sentence;
pub(crate) use part::{Together, class_name, predictions, together};
pub(crate) use points::shortest;
pub(crate) use run::{Run, Scope, folds_of};

/// A part of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// The score and epoch of each trial; of two searched dimensions, one down and one across.
    Trials,
    /// Losses, accuracies and learning rate by epoch.
    Curves,
    /// The score and epoch of each fold, with mean and standard deviation.
    Folds,
    /// Nested cross-validation: the score of the search's choice in each outer fold.
    Outer,
    /// Bars of the trials' means.
    Chart,
    /// Everything about the best trial.
    Best,
    /// Which classes were taken for which.
    Confusion,
    /// Accuracy, precision and F1 of each class; of numbers R² and errors.
    Classes,
    /// The first row of each class that was taken for another.
    Wrong,
    /// Predicted numbers beside their targets.
    Points,
    /// Norms of gradients.
    Gradients,
    /// Norms of weights beside the losses.
    Weights,
    /// Kept copies of weights on their principal components.
    Components,
    /// Memory and speed.
    Resources,
}

/// What is shown of a report, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shown {
    /// The one trial to show. Otherwise what concerns one trial is shown of the winner, the rest of all.
    pub trial: Option<usize>,
    /// How text is written.
    pub options: TableOptions,
}

impl Section {
    /// All of them, in the order in which they are read.
    pub const ALL: [Self; 14] = [
        Self::Trials,
        Self::Chart,
        Self::Folds,
        Self::Outer,
        Self::Best,
        Self::Curves,
        Self::Confusion,
        Self::Classes,
        Self::Wrong,
        Self::Points,
        Self::Gradients,
        Self::Weights,
        Self::Components,
        Self::Resources,
    ];

    /// The word that names it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Trials => "trials",
            Self::Curves => "curves",
            Self::Folds => "folds",
            Self::Outer => "outer",
            Self::Chart => "chart",
            Self::Best => "best",
            Self::Confusion => "confusion",
            Self::Classes => "classes",
            Self::Wrong => "wrong",
            Self::Points => "points",
            Self::Gradients => "gradients",
            Self::Weights => "weights",
            Self::Components => "components",
            Self::Resources => "resources",
        }
    }

    /// What it shows, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Trials => {
                "Score and epoch of each trial; of two searched dimensions, one down and one across"
            }
            Self::Curves => "Losses, accuracies and learning rate by epoch",
            Self::Folds => "Score and epoch of each fold, mean and standard deviation",
            Self::Outer => "Nested cross-validation: the search's choice in each outer fold, and its score",
            Self::Chart => "Bars of the trials' means",
            Self::Best => "Everything about the best trial",
            Self::Confusion => "Which classes were taken for which",
            Self::Classes => "Accuracy, precision and F1 of each class; of numbers R² and errors",
            Self::Wrong => "The first row of each class that was taken for another",
            Self::Points => "Predicted numbers beside their targets",
            Self::Gradients => "Norms of gradients",
            Self::Weights => "Norms of weights beside the losses",
            Self::Components => "Kept copies of weights on their principal components",
            Self::Resources => "Memory and speed",
        }
    }

    fn write(self, scope: Scope<'_>, page: &mut Page) {
        match self {
            Self::Trials => trials::write(scope, page),
            Self::Curves => curves::write(scope, page),
            Self::Folds => folds::write(scope, page),
            Self::Outer => outer::write(scope, page),
            Self::Chart => chart::write(scope, page),
            Self::Best => best::write(scope, page),
            Self::Confusion => confusion::write(scope, page),
            Self::Classes => classes::write(scope, page),
            Self::Wrong => wrong::write(scope, page),
            Self::Points => points::write(scope, page),
            Self::Gradients => gradients::write(scope, page),
            Self::Weights => weights::write(scope, page),
            Self::Components => components::write(scope, page),
            Self::Resources => resources::write(scope, page),
        }
    }

    pub(crate) fn sheet(self, scope: Scope<'_>) -> Sheet {
        match self {
            Self::Trials => trials::sheet(scope),
            Self::Curves => curves::sheet(scope),
            Self::Folds => folds::sheet(scope),
            Self::Outer => outer::sheet(scope),
            Self::Chart => chart::sheet(scope),
            Self::Best => best::sheet(scope),
            Self::Confusion => confusion::sheet(scope),
            Self::Classes => classes::sheet(scope),
            Self::Wrong => wrong::sheet(scope),
            Self::Points => points::sheet(scope),
            Self::Gradients => gradients::sheet(scope),
            Self::Weights => weights::sheet(scope),
            Self::Components => components::sheet(scope),
            Self::Resources => resources::sheet(scope),
        }
    }
}

/// Sections for people, one below the other. One for which nothing was measured says so and what would measure it.
#[must_use]
pub fn sections(report: &Report, sections: &[Section], shown: Shown) -> String {
    let mut page = Page::new(shown.options);
    for (position, section) in sections.iter().enumerate() {
        if position > 0 {
            page.gap();
        }
        section.write(Scope::new(report, shown), &mut page);
    }
    page.into_text()
}

/// A section with all its numbers in full, one line per row under a header (RFC 4180, but with line feeds alone).
/// Where nothing was measured the header stands alone.
#[must_use]
pub fn section_csv(report: &Report, section: Section, shown: Shown) -> String {
    section.sheet(Scope::new(report, shown)).csv()
}
