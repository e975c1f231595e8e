//! Tables and labelled lines for people: no borders, so that they can be cut and searched.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// Which columns hold numbers, and their titles.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column<'a> {
    /// Words.
    Text(&'a str),
    /// Numbers, set to the right.
    Number(&'a str),
}

/// A table of these columns.
pub(crate) fn table(columns: &[Column<'_>], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(title) | Column::Number(title) => (*title).to_owned(),
    }));
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in columns.iter().enumerate() {
        if let (Column::Number(_), Some(column)) = (column, table.column_mut(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    trimmed(&table)
}

/// Lines of a label and a text, the texts one below the other.
pub(crate) fn labelled(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (label, content) in lines {
        text.push_str(format!("{label:width$}  {content}").trim_end());
        text.push('\n');
    }
    text
}

fn trimmed(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        // The first cell's own padding would indent the whole table.
        text.push_str(line.strip_prefix(' ').unwrap_or(&line).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Column, labelled, table};

    #[test]
    fn numbers_stand_to_the_right() {
        let rows = [vec!["a".to_owned(), "7".to_owned()], vec!["bc".to_owned(), "1,000".to_owned()]];
        let text = table(&[Column::Text("name"), Column::Number("runs")], rows);
        assert_eq!(text, "name   runs\na         7\nbc    1,000\n");
    }

    #[test]
    fn labels_share_a_width() {
        let text = labelled(&[("runs", "4".to_owned()), ("time left", String::new())]);
        assert_eq!(text, "runs       4\ntime left\n");
    }
}
