//! `docs/benchmarks.md`: each benchmark owns the text between its two markers, which is replaced whole when it was run.
//! What people write outside the markers stays.

use std::path::PathBuf;

/// Where the page lies.
fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md")
}

/// Puts the text of one benchmark of `all` into the page.
///
/// # Errors
/// When the page cannot be read or written.
pub(crate) fn write(name: &str, all: &[&str], body: &str) -> std::io::Result<()> {
    let page = std::fs::read_to_string(path())?;
    std::fs::write(path(), replaced(&page, name, all, body))
}

fn begin(name: &str) -> String {
    format!("<!-- bench {name}: written by the benchmark -->")
}

/// `page` with `body` between the markers of `name`. Where it has none yet, it comes before the next of `all` that has some,
/// or at the end.
fn replaced(page: &str, name: &str, all: &[&str], body: &str) -> String {
    let end = format!("<!-- end {name} -->");
    let block = format!("{}\n{}\n{end}", begin(name), body.trim_end());
    let before = page.find(&begin(name));
    let after = before.and_then(|start| Some(start + page[start..].find(&end)? + end.len()));
    if let (Some(before), Some(after)) = (before, after) {
        return format!("{}{block}{}", &page[..before], &page[after..]);
    }
    let followers = all.iter().skip_while(|other| **other != name).skip(1);
    match followers.filter_map(|other| page.find(&begin(other))).min() {
        Some(next) => format!("{}{block}\n\n{}", &page[..next], &page[next..]),
        None => format!("{}\n\n{block}\n", page.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::replaced;

    const ALL: [&str; 3] = ["a", "b", "c"];

    #[test]
    fn a_section_is_replaced_whole_and_what_people_wrote_stays() {
        let first = replaced("# Page\n", "a", &ALL, "old\nrows\n");
        let second = replaced(&first, "c", &ALL, "c's\n");
        let with_prose = second.replace("<!-- end a -->", "<!-- end a -->\n\nWhat bounds it.");
        let third = replaced(&with_prose, "a", &ALL, "new");
        assert!(third.contains("\nnew\n<!-- end a -->\n\nWhat bounds it.\n"), "{third}");
        assert!(third.contains("c's\n") && !third.contains("old"), "{third}");
        assert_eq!(third.matches("<!-- bench").count(), 2, "{third}");
    }

    #[test]
    fn a_new_section_takes_its_place_in_the_order() {
        let page = replaced(&replaced("# Page\n", "c", &ALL, "c's"), "a", &ALL, "a's");
        let page = replaced(&page, "b", &ALL, "b's");
        let places: Vec<_> = ["a's", "b's", "c's"].iter().map(|text| page.find(text)).collect();
        assert!(places.is_sorted() && places[0].is_some(), "{page}");
    }
}
