//! Bringing a dataset here, with a bar on a terminal.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use foldwise_data::{Cache, DataError, FetchEvent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Brings a dataset here unless it is.
pub(crate) async fn fetch(name: &str, cache: &Cache) -> Result<PathBuf, DataError> {
    let (name, cache) = (name.to_owned(), cache.clone());
    let fetched = tokio::task::spawn_blocking(move || {
        let mut show = Show::new();
        foldwise_data::fetch(&name, &cache, &mut |event| show.event(&event))
    });
    fetched.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

enum Show {
    Bar(ProgressBar),
    Lines,
}

impl Show {
    fn new() -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style =
            "{spinner} {msg}  {bar:24} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self::Bar(bar)
    }

    fn event(&mut self, event: &FetchEvent) {
        match (self, event) {
            (Self::Bar(bar), FetchEvent::Received { file, bytes, bytes_total }) => {
                bar.set_message(file.clone());
                bar.set_length(bytes_total.unwrap_or(*bytes));
                bar.set_position(*bytes);
            }
            (Self::Bar(bar), event) => bar.println(event.to_string()),
            (Self::Lines, FetchEvent::Received { .. }) => {}
            (Self::Lines, event) => eprintln!("{event}"),
        }
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
