//! Lines of text that fit a width.

use crate::TableOptions;

/// Where the text of a labelled paragraph begins.
const LABEL_CHARS: usize = 14;
/// Narrower than this is not honoured: sentences would fall apart.
const TEXT_CHARS_MIN: usize = 20;

/// A text that grows by lines.
pub(crate) struct Page {
    options: TableOptions,
    text: String,
}

impl Page {
    pub(crate) fn new(options: TableOptions) -> Self {
        Self { options, text: String::new() }
    }

    /// A paragraph from the margin.
    pub(crate) fn line(&mut self, text: &str) {
        self.wrapped("", 0, text);
    }

    /// What the lines below are about.
    pub(crate) fn title(&mut self, text: &str) {
        let text = plain(text);
        let text = if self.options.color { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text };
        self.block(&text);
    }

    /// A paragraph beside its label.
    pub(crate) fn labelled(&mut self, label: &str, text: &str) {
        let label = format!("{label:<LABEL_CHARS$}");
        let label = if self.options.color { format!("\u{1b}[1m{label}\u{1b}[0m") } else { label };
        self.wrapped(&label, LABEL_CHARS, text);
    }

    /// Lines as they are.
    pub(crate) fn block(&mut self, lines: &str) {
        for line in lines.lines() {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn wrapped(&mut self, label: &str, indent: usize, text: &str) {
        let chars_max = self.options.width.map(|width| width.saturating_sub(indent).max(TEXT_CHARS_MIN));
        for (number, line) in wrap(&plain(text), chars_max).into_iter().enumerate() {
            if number == 0 {
                self.text.push_str(label);
            } else {
                self.text.extend(std::iter::repeat_n(' ', indent));
            }
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }
}

/// A text that cannot steer a terminal: other people's errors and values are shown too.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// Words in lines of at most `chars_max` characters; a longer word has its own line.
pub(crate) fn wrap(text: &str, chars_max: Option<usize>) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut chars = 0;
    for word in text.split_ascii_whitespace() {
        let length = word.chars().count();
        if chars > 0 && chars_max.is_some_and(|most| chars + 1 + length > most) {
            lines.push(String::new());
            chars = 0;
        }
        if let Some(line) = lines.last_mut() {
            if chars > 0 {
                line.push(' ');
                chars += 1;
            }
            line.push_str(word);
            chars += length;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{plain, wrap};

    #[test]
    fn words_wrap_and_long_ones_stand_alone() {
        assert_eq!(wrap("ab cd ef", Some(5)), ["ab cd", "ef"]);
        assert_eq!(wrap("a longest b", Some(4)), ["a", "longest", "b"]);
        assert_eq!(wrap("ab  cd\u{a0}ef", None), ["ab cd\u{a0}ef"]);
        assert_eq!(wrap("", Some(4)), [""]);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\nc"), "a [31mb c");
    }
}
