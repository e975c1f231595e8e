//! What a watched study looks like: a bar on a terminal, lines elsewhere, JSON for programs.
//!
//! Bars and lines go to the standard error, so that the standard output holds answers alone.

use std::io::{self, IsTerminal};
use std::time::Duration;

use foldwise_proto::v1::{Study, StudyEvent, StudyState};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
    Bar(ProgressBar),
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
    /// For people: a bar where the standard error is a terminal, lines elsewhere.
    pub(crate) fn for_people(title: &str) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines(Lines::default());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style());
        bar.set_prefix(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self::Bar(bar)
    }

    /// An event came, and is part of `progress` already.
    pub(crate) fn event(&mut self, event: &StudyEvent, progress: &Progress) -> Result<(), OutputError> {
        match self {
            Self::Bar(bar) => draw(bar, progress),
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
            Self::Bar(bar) => draw(bar, progress),
            Self::Lines(lines) => lines.tick(progress),
            Self::Json => {}
        }
        Ok(())
    }

    /// A way to tell something else while this is shown.
    pub(crate) fn announcer(&self) -> Announcer {
        match self {
            Self::Bar(bar) => Announcer(Some(bar.clone())),
            Self::Lines(_) | Self::Json => Announcer(None),
        }
    }
}

impl Drop for Screen {
    /// A watch may be given up at any time; its bar must not stay behind.
    fn drop(&mut self) {
        self.announcer().close();
    }
}

/// Tells what happens beside a study without disturbing its bar.
#[derive(Debug)]
pub(crate) struct Announcer(Option<ProgressBar>);

impl Announcer {
    /// Tells it.
    pub(crate) fn say(&self, text: &str) {
        match &self.0 {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    /// Takes the bar away.
    pub(crate) fn close(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix} {bar:24} {human_pos}/{human_len} runs  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    let (over, all) = progress.runs();
    bar.set_length(all);
    bar.set_position(over);
    bar.set_message(progress.sentence());
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
