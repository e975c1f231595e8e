//! What a watched study looks like: a board on a terminal, lines elsewhere, JSON for programs.
//!
//! Boards and lines go to the standard error, so that the standard output holds answers alone.

use std::io::{self, IsTerminal};

use foldwise_proto::v1::{Study, StudyEvent, StudyState, Worker};
use indicatif::MultiProgress;

use super::board::Board;
use super::progress::Progress;
use crate::output::{self, OutputError};
use crate::quantity;
use crate::view::{EventView, state_word};

/// Ticks between two lines, unless the state changes.
const LINE_TICKS: u32 = 10;

/// Where a study is shown.
#[derive(Debug)]
pub(crate) enum Screen {
    /// A terminal.
    Board(Board),
    /// A log.
    Lines(Lines),
    /// A program.
    Json,
}

/// What the last line said.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    ticks: u32,
    state: Option<StudyState>,
    over: u64,
}

impl Screen {
    /// For people: a board where the standard error is a terminal, lines elsewhere.
    pub(crate) fn for_people(title: &str) -> Self {
        if io::stderr().is_terminal() {
            Self::Board(Board::new(title))
        } else {
            Self::Lines(Lines::default())
        }
    }

    /// An event came, and is part of `progress` already.
    pub(crate) fn event(&mut self, event: &StudyEvent, progress: &Progress) -> Result<(), OutputError> {
        match self {
            Self::Board(board) => board.event(event, progress),
            Self::Lines(lines) => lines.event(progress),
            Self::Json => {
                if let Some(view) = EventView::new(event) {
                    output::print_json_line(&view)?;
                }
            }
        }
        Ok(())
    }

    /// A second passed.
    pub(crate) fn tick(&mut self, progress: &Progress) -> Result<(), OutputError> {
        match self {
            Self::Board(board) => board.tick(progress),
            Self::Lines(lines) => lines.tick(progress),
            Self::Json => {}
        }
        Ok(())
    }

    /// Whether it shows who trains.
    pub(crate) fn shows_workers(&self) -> bool {
        matches!(self, Self::Board(_))
    }

    /// The coordinator's workers are these.
    pub(crate) fn workers(&mut self, workers: &[Worker], progress: &Progress) {
        if let Self::Board(board) = self {
            board.workers(workers, progress);
        }
    }

    /// A way to tell something else while this is shown.
    pub(crate) fn announcer(&self) -> Announcer {
        match self {
            Self::Board(board) => Announcer(Some(board.terminal())),
            Self::Lines(_) | Self::Json => Announcer(None),
        }
    }
}

/// Tells what happens beside a study without disturbing its board.
#[derive(Debug)]
pub(crate) struct Announcer(Option<MultiProgress>);

impl Announcer {
    /// Tells it.
    pub(crate) fn say(&self, text: &str) {
        match &self.0 {
            // A terminal that is gone is told nothing.
            Some(terminal) => drop(terminal.println(text)),
            None => eprintln!("{text}"),
        }
    }

    /// Takes the board away.
    pub(crate) fn close(&self) {
        if let Some(terminal) = &self.0 {
            drop(terminal.clear());
        }
    }
}

impl Lines {
    fn event(&mut self, progress: &Progress) {
        let state = progress.study().map(Study::state);
        if state != self.state {
            self.state = state;
            self.write(progress);
        }
    }

    fn tick(&mut self, progress: &Progress) {
        self.ticks += 1;
        if self.ticks >= LINE_TICKS && progress.runs().0 != self.over {
            self.write(progress);
        }
    }

    fn write(&mut self, progress: &Progress) {
        let (over, all) = progress.runs();
        (self.ticks, self.over) = (0, over);
        let Some(study) = progress.study() else { return };
        let runs = format!("{}/{} runs", quantity::count(over), quantity::count(all));
        let sentence = progress.sentence();
        let state = state_word(study.state());
        let shown = if sentence.is_empty() || sentence.starts_with(state) { "" } else { ", " };
        let rest = sentence.strip_prefix(state).unwrap_or(&sentence);
        eprintln!("{} {state}: {runs}{shown}{rest}", study.display_name);
    }
}
