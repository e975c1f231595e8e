//! The page's own files, in the program itself: it needs no folder beside it and no other site.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use axum::response::{IntoResponse, Response};

/// A file of the page.
struct Asset {
    name: &'static str,
    bytes: &'static [u8],
    tag: String,
}

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        LazyLock::new(|| vec![$(Asset::new($name, include_bytes!(concat!("../../page/", $name)))),*])
    };
}

/// Everything that is served; a test compares it with the folder.
static ASSETS: LazyLock<Vec<Asset>> = assets![
    "studies.html",
    "study.html",
    "workers.html",
    "missing.html",
    "icon.svg",
    "style/page.css",
    "style/parts.css",
    "style/study.css",
    "script/actions.js",
    "script/api.js",
    "script/chart.js",
    "script/curves.js",
    "script/failures.js",
    "script/figures.js",
    "script/format.js",
    "script/live.js",
    "script/make.js",
    "script/progress.js",
    "script/report.js",
    "script/session.js",
    "script/studies.js",
    "script/study.js",
    "script/table.js",
    "script/tiles.js",
    "script/training.js",
    "script/trial.js",
    "script/workers.js",
    "vendor/uplot/LICENSE",
    "vendor/uplot/uPlot.esm.js",
    "vendor/uplot/uPlot.min.css",
];

impl Asset {
    fn new(name: &'static str, bytes: &'static [u8]) -> Self {
        let tag = format!("\"{}\"", &blake3::hash(bytes).to_hex()[..16]);
        Self { name, bytes, tag }
    }

    fn of(name: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.name == name)
    }

    fn content_type(&self) -> &'static str {
        match self.name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// Browsers keep it, and ask each time whether it is still the same.
    fn answer(&self, asked: &HeaderMap) -> Response {
        let mut answer = match asked.get(IF_NONE_MATCH).is_some_and(|known| known == self.tag.as_str()) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => ([(CONTENT_TYPE, self.content_type())], self.bytes).into_response(),
        };
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            answer.headers_mut().insert(ETAG, tag);
        }
        answer
    }
}

fn named(name: &str, asked: &HeaderMap) -> Response {
    Asset::of(name).map_or_else(missing, |asset| asset.answer(asked))
}

/// The list of studies.
pub(super) async fn studies(asked: HeaderMap) -> Response {
    named("studies.html", &asked)
}

/// One study; which, the page's script reads in the address.
pub(super) async fn study(asked: HeaderMap) -> Response {
    named("study.html", &asked)
}

/// The workers.
pub(super) async fn workers(asked: HeaderMap) -> Response {
    named("workers.html", &asked)
}

/// A file that a document names.
pub(super) async fn asset(Path(path): Path<String>, asked: HeaderMap) -> Response {
    named(&path, &asked)
}

/// What is said of an address that nothing is at.
pub(super) fn missing() -> Response {
    let page = Asset::of("missing.html").map(|asset| (asset.content_type(), asset.bytes));
    let (kind, bytes) = page.unwrap_or(("text/plain", b"there is nothing here"));
    (StatusCode::NOT_FOUND, [(CONTENT_TYPE, kind)], bytes).into_response()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::ASSETS;

    fn files(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_served_and_says_what_it_is_for() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let mut found = Vec::new();
        files(&root, &root, &mut found);
        found.sort();
        let mut served: Vec<&str> = ASSETS.iter().map(|asset| asset.name).collect();
        served.sort_unstable();
        assert_eq!(served, found);
        for name in served.into_iter().filter(|name| name.ends_with("js") && !name.starts_with("vendor")) {
            let text = fs::read_to_string(root.join(name)).unwrap();
            assert!(text.starts_with("// "), "{name} does not begin with what it is for");
            assert!(text.lines().count() <= 300, "{name} is long");
        }
    }

    #[test]
    fn documents_hold_no_script_and_no_style() {
        for asset in ASSETS.iter().filter(|asset| asset.name.ends_with("html")) {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            assert!(!text.contains("style=") && !text.contains("<style"), "{}", asset.name);
            let scripts = text.matches("<script").count();
            assert_eq!(
                scripts,
                text.matches("<script type=\"module\" src=\"/page/").count(),
                "{}",
                asset.name
            );
            assert!(!text.contains("http://") && !text.contains("https://"), "{}", asset.name);
        }
    }
}
