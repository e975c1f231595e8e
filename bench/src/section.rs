//! One benchmark's part of the page: printed as it grows, and kept to be written.

/// Markdown lines of one benchmark.
#[derive(Debug, Default)]
pub(crate) struct Section {
    text: String,
}

impl Section {
    /// A line as it is; an empty one ends a paragraph or a table.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        println!("{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The head of a table. Columns of numbers have a name that ends in `:` and stand to the right.
    pub(crate) fn table(&mut self, columns: &[&str]) {
        let names: Vec<&str> = columns.iter().map(|column| column.trim_end_matches(':')).collect();
        let rule: String =
            columns.iter().map(|column| if column.ends_with(':') { "--:|" } else { "---|" }).collect();
        self.line(format!("| {} |", names.join(" | ")));
        self.line(format!("|{rule}"));
    }

    /// A row of the table.
    pub(crate) fn row(&mut self, cells: &[String]) {
        self.line(format!("| {} |", cells.join(" | ")));
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::Section;

    #[test]
    fn a_table_is_markdown() {
        let mut section = Section::default();
        section.table(&["case", "images/s:"]);
        section.row(&["one".to_owned(), "2".to_owned()]);
        assert_eq!(section.text(), "| case | images/s |\n|---|--:|\n| one | 2 |\n");
    }
}
