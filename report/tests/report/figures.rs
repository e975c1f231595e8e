//! Figures from outside: each is well-formed, finite and legible whatever the report holds.

use foldwise_report::input::ReportInput;
use foldwise_report::{
    Figure, Look, Report, RunState, Theme, figure, figure_names, figures, html, markdown, page_colors,
};
use roxmltree::Document;
use serde_json::json;

use crate::fixture::{ACCURACY, accuracies, add, judged, known, losses, study};
use crate::measured::{measured, regression};

/// What no reader may meet as markup.
const HOSTILE: &str = "<script>alert('&\"')</script> ]]> [x](y) | *a* \u{1b}";

fn hostile() -> ReportInput {
    let mut input = measured();
    input.study.display_name = HOSTILE.to_owned();
    input.study.description = Some(HOSTILE.to_owned());
    input.study.message = Some(HOSTILE.to_owned());
    input.provenance.data.name = HOSTILE.to_owned();
    input.provenance.data.classes = vec![HOSTILE.to_owned(); 3];
    for trial in &mut input.trials {
        let value = trial.params.values().next().cloned().unwrap();
        trial.params.insert(HOSTILE.to_owned(), json!(format!("{HOSTILE}{value}")));
    }
    input
}

/// A study of which nothing, something or everything has ended, or failed.
fn states() -> Vec<(&'static str, Report)> {
    let mut empty = known();
    (empty.runs, empty.final_stage) = (Vec::new(), None);
    let mut half = measured();
    half.runs.truncate(7);
    let mut failed = known();
    for run in &mut failed.runs {
        (run.state, run.outcome) = (RunState::Failed, None);
    }
    let mut alone = study(ACCURACY);
    alone.sizes.truncate(1);
    add(&mut alone, [1, 1], 0.1, 1, vec![accuracies(&[0.5])]);
    let mut flat = study(ACCURACY);
    for _ in 0..3 {
        add(&mut flat, [1, 1], 0.1, 1, (0..5).map(|_| losses(&[f64::NAN, 0.0, 1e300])).collect());
    }
    let all = [
        ("known", known()),
        ("judged", judged()),
        ("measured", measured()),
        ("regression", regression()),
        ("hostile", hostile()),
        ("no trial", study(ACCURACY)),
        ("empty", empty),
        ("half", half),
        ("failed", failed),
        ("alone", alone),
        ("flat", flat),
    ];
    all.into_iter().map(|(name, input)| (name, Report::build(input))).collect()
}

fn names(report: &Report) -> Vec<String> {
    figure_names(report).into_iter().map(|figure| figure.name).collect()
}

#[test]
fn each_is_well_formed_and_says_what_it_shows() {
    for (state, report) in states() {
        for theme in [Theme::Light, Theme::Dark, Theme::Page] {
            for Figure { name, title, caption, svg, .. } in figures(&report, Look::on(theme)) {
                let document =
                    Document::parse(&svg).unwrap_or_else(|error| panic!("{state} {name}: {error}"));
                let root = document.root_element();
                let text = |tag: &str| {
                    let found =
                        root.children().find(|child| child.has_tag_name(("http://www.w3.org/2000/svg", tag)));
                    found.and_then(|found| found.text()).unwrap_or_default().to_owned()
                };
                assert_eq!(root.attribute("role"), Some("img"), "{state} {name}");
                let shown = title.chars().map(|char| if char.is_control() { ' ' } else { char });
                assert_eq!(text("title"), shown.collect::<String>(), "{state} {name}");
                assert!(!caption.is_empty() && caption.ends_with('.'), "{state} {name}: {caption}");
                assert!(!text("desc").is_empty(), "{state} {name}");
                for element in document.descendants() {
                    for attribute in element.attributes() {
                        let value = attribute.value();
                        assert!(!value.contains("NaN") && !value.contains("inf"), "{state} {name}: {value}");
                    }
                    let tag = element.tag_name().name();
                    assert!(!["script", "style", "foreignObject"].contains(&tag), "{state} {name}: {tag}");
                    if tag == "image" {
                        let held = element.attribute("href").unwrap().strip_prefix("data:image/png;base64,");
                        let plain = |char: char| char.is_ascii_alphanumeric() || "+/=".contains(char);
                        assert!(held.is_some_and(|held| held.chars().all(plain)), "{state} {name}");
                    }
                }
            }
        }
    }
}

#[test]
fn everything_stays_inside_its_picture() {
    for (state, report) in states() {
        for Figure { name, svg, .. } in figures(&report, Look::default()) {
            let document = Document::parse(&svg).unwrap();
            let number = |value: &str| value.parse::<f64>().unwrap();
            let root = document.root_element();
            let (width, height) =
                (number(root.attribute("width").unwrap()), number(root.attribute("height").unwrap()));
            for element in document.descendants() {
                for (name_of, limit) in [("x", width), ("cx", width), ("y", height), ("cy", height)] {
                    if let Some(value) = element.attribute(name_of) {
                        let value = number(value);
                        assert!((-1.0..=limit + 1.0).contains(&value), "{state} {name}: {name_of} = {value}");
                    }
                }
            }
        }
    }
}

#[test]
fn there_are_as_many_as_there_are_data() {
    assert!(names(&Report::build(study(ACCURACY))).is_empty());
    let known = names(&Report::build(known()));
    for name in [
        "configurations",
        "folds",
        "curves-validation-accuracy",
        "score-parameters",
        "importance",
        "parallel",
    ] {
        assert!(known.contains(&name.to_owned()), "{name} of {known:?}");
    }
    assert!(!known.iter().any(|name| name.starts_with("gradients")));
    let all = names(&Report::build(measured()));
    for name in [
        "confusion-validation",
        "confusion-train",
        "confusion-final-test",
        "wrong-validation",
        "gradients",
        "gradients-layers",
        "steps-loss",
        "steps-gradients",
        "weights-loss",
        "memory",
        "curves-final-loss",
        "size-accuracy",
    ] {
        assert!(all.contains(&name.to_owned()), "{name} of {all:?}");
    }
    assert!(all.iter().any(|name| name.starts_with("components")));
    let regression = names(&Report::build(regression()));
    assert!(regression.contains(&"points-validation".to_owned()), "{regression:?}");
}

#[test]
fn wrong_rows_are_shown_with_what_they_were_taken_for() {
    let report = Report::build(measured());
    for (name, images) in [("wrong-validation", 2), ("wrong-train", 2), ("wrong-final-test", 2)] {
        let figure = figure(&report, name, Look::default()).unwrap();
        assert_eq!(figure.svg.matches("image-rendering=\"pixelated\"").count(), images, "{name}");
        for said in ["taken for", "row 17 · 63 %", ">row 4</text>", "In order: row 17 is "] {
            assert!(figure.svg.contains(said), "{name}: {said} in {}", figure.svg);
        }
    }
    // Reports that were kept before there were pictures, and rows that are none.
    let mut text = serde_json::to_value(&report).unwrap();
    without(&mut text, "picture");
    without(&mut text, "probability");
    let kept: Report = serde_json::from_value(text).unwrap();
    assert!(!names(&kept).iter().any(|name| name.starts_with("wrong")));
    assert!(names(&kept).contains(&"confusion-validation".to_owned()));
}

fn without(value: &mut serde_json::Value, field: &str) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.shift_remove(field);
            fields.values_mut().for_each(|value| without(value, field));
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(|value| without(value, field)),
        _ => {}
    }
}

#[test]
fn a_name_stands_for_one_figure() {
    for (state, report) in states() {
        let all = figures(&report, Look::default());
        let mut names = names(&report);
        assert_eq!(names, all.iter().map(|figure| figure.name.clone()).collect::<Vec<_>>());
        for drawn in &all {
            assert!(
                drawn
                    .name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            assert!(
                figure(&report, &drawn.name, Look::default()).as_ref() == Some(drawn),
                "{state} {}",
                drawn.name
            );
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len(), "{state}: {names:?}");
    }
    assert_eq!(figure(&Report::build(known()), "nothing", Look::default()), None);
}

#[test]
fn a_page_colours_figures_itself() {
    let figure = figure(&Report::build(known()), "folds", Look::on(Theme::Page)).unwrap();
    let colors = page_colors();
    for part in figure.svg.split("var(").skip(1) {
        let name = part.split(',').next().unwrap();
        assert_eq!(colors.matches(&format!("{name}:")).count(), 2, "{name}");
    }
}

#[test]
fn of_very_many_trials_the_best_are_drawn() {
    let mut input = study(ACCURACY);
    input.sizes.truncate(1);
    for trial in 0..2_000_u32 {
        let score = 0.5 + f64::from(trial * 7919 % 2_000) / 5_000.0;
        add(&mut input, [trial, 1], f64::from(trial % 13), u64::from(trial), vec![accuracies(&[score])]);
    }
    let report = Report::build(input);
    let found = figures(&report, Look::default());
    let configurations = found.iter().find(|figure| figure.name == "configurations").unwrap();
    assert!(
        configurations.caption.contains("The best 20 of 2,000 trials are shown."),
        "{}",
        configurations.caption
    );
    for figure in &found {
        assert!(figure.svg.len() < 1 << 20, "{} takes {} bytes", figure.name, figure.svg.len());
    }
}

#[test]
fn documents_are_well_formed_and_escape_all() {
    for (state, report) in states() {
        let page = html(&report);
        // Apart from its first line and elements without an end, the page is XML.
        let page = page.replacen("<!DOCTYPE html>\n", "", 1);
        let mut page = page.replace("<meta charset=\"utf-8\">", "");
        for name in ["viewport", "generator"] {
            let from = page.find(&format!("<meta name=\"{name}\"")).unwrap();
            let to = from + page[from..].find('>').unwrap();
            page.replace_range(from..=to, "");
        }
        let document = Document::parse(&page).unwrap_or_else(|error| panic!("{state}: {error}"));
        let tags = |name: &str| document.descendants().filter(|node| node.tag_name().name() == name).count();
        assert_eq!(tags("script"), 0, "{state}");
        assert_eq!(tags("figure"), figure_names(&report).len(), "{state}");
        let mut heads = document.descendants().filter(|node| node.tag_name().name() == "th");
        assert!(heads.all(|head| head.attribute("scope").is_some()), "{state}");
        let mut ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{state}: an id stands twice");
        let text = markdown(&report, |figure| Some(format!("figures/{}.svg", figure.name)));
        assert!(!text.contains("<script") && !text.contains('\u{1b}'), "{state}");
        assert_eq!(text.matches("](<figures/").count(), figure_names(&report).len(), "{state}");
    }
}
