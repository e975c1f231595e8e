//! Reports, made when they are asked for. The last is kept, because its parts are asked for one by one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use foldwise_report::{Look, Report, TableOptions, Theme};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::Page;
use super::asked::{Asked, OfStudy};
use super::problem::Problem;
use crate::artifacts::Artifacts;
use crate::blocking;
use crate::committer::Desk;
use crate::ledger::{RunCounts, Study, StudyId, StudyPhase, StudyRecord};
use crate::reporting;
use crate::store::Results;

/// A picture or a document runs nothing and loads nothing, and may say how its own parts look.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
/// Columns of the report as text.
const TEXT_COLUMNS: usize = 110;

/// Makes reports, one at a time.
#[derive(Debug)]
pub(super) struct Reports {
    desk: Desk,
    results: Results,
    artifacts: Artifacts,
    last: Mutex<Option<(Edition, Arc<Report>)>>,
}

/// What a report is made from, as far as it can change.
#[derive(Debug, Clone, PartialEq)]
struct Edition {
    study: StudyId,
    record: Arc<StudyRecord>,
    phase: StudyPhase,
    ended: RunCounts,
    final_attempts: Option<u32>,
}

impl Edition {
    fn of(study: &Study) -> Self {
        let last = study.final_cohort.and_then(|number| study.cohorts.get(number as usize));
        Self {
            study: study.number,
            record: Arc::clone(&study.record),
            phase: study.phase.clone(),
            // Who waits and who trains changes nothing that a report's parts show.
            ended: RunCounts { queued: 0, leased: 0, ..study.counts() },
            final_attempts: last.map(|cohort| cohort.attempt),
        }
    }
}

impl Reports {
    pub(super) fn new(desk: Desk, results: Results, artifacts: Artifacts) -> Self {
        Self { desk, results, artifacts, last: Mutex::default() }
    }

    /// The report of a study as it stands.
    pub(super) async fn of(&self, id: StudyId) -> Result<Arc<Report>, Problem> {
        let mut last = self.last.lock().await;
        let read = self.desk.read(move |ledger, now| {
            let edition = ledger.studies().get(&id).map(Edition::of)?;
            Some((edition, reporting::outline(ledger, id, now)?))
        });
        let found = read.await.map_err(|refusal| Problem::of_refusal(&refusal))?;
        let (edition, outline) = found.ok_or_else(|| Problem::no_study(id))?;
        if let Some((known, report)) = &*last
            && *known == edition
        {
            return Ok(Arc::clone(report));
        }
        let made = blocking::run(|| reporting::report(outline, &self.results, &self.artifacts));
        let report = Arc::new(made.map_err(|error| Problem::of_store(&error))?);
        *last = Some((edition, Arc::clone(&report)));
        Ok(report)
    }
}

/// `GET /studies/{study}/report/{form}`: the report as a file to keep.
pub(super) async fn download(
    State(page): State<Arc<Page>>,
    OfStudy(id, form): OfStudy<String>,
) -> Result<Response, Problem> {
    let kind = match form.as_str() {
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        "csv" => "text/csv; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        _ => return Err(Problem::missing("a report is had as html, json, csv or txt")),
    };
    let report = page.reports.of(id).await?;
    let text = blocking::run(|| match form.as_str() {
        "html" => foldwise_report::html(&report),
        "json" => foldwise_report::json(&report),
        "csv" => foldwise_report::csv(&report),
        _ => foldwise_report::table(&report, TableOptions { width: Some(TEXT_COLUMNS), color: false }),
    });
    let name = file_name(&report.study.display_name, id, &form);
    let kept = format!("attachment; filename=\"{name}\"");
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_DISPOSITION, kept.as_str()),
        // Of what is looked at instead of kept.
        (CONTENT_SECURITY_POLICY, PICTURE_POLICY),
    ];
    Ok((headers, text).into_response())
}

/// What a figure is, for who sees it and for who does not.
#[derive(Debug, Serialize)]
pub(super) struct FigureView {
    name: String,
    title: String,
    caption: String,
}

/// What the page shows of a report.
#[derive(Debug, Serialize)]
pub(super) struct ReportView {
    /// What was found, in a paragraph.
    summary: String,
    /// The figures that it has data for, in the order in which they are read.
    figures: Vec<FigureView>,
}

/// `GET /api/studies/{study}/report`.
pub(super) async fn show(
    State(page): State<Arc<Page>>,
    OfStudy(id, ()): OfStudy,
) -> Result<Json<ReportView>, Problem> {
    let report = page.reports.of(id).await?;
    let drawn = blocking::run(|| foldwise_report::figures(&report, Look::default()));
    let views = drawn.into_iter().map(|figure| FigureView {
        name: figure.name,
        title: figure.title,
        caption: figure.caption,
    });
    let summary = foldwise_report::summary(&report);
    Ok(Json(ReportView { summary, figures: views.collect() }))
}

/// How a figure is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct FigureWish {
    /// Whether it stands on a dark ground.
    #[serde(default)]
    dark: bool,
    /// Pixels across; those that cannot be are made the nearest that can.
    width: Option<u32>,
}

/// `GET /studies/{study}/figures/{name}.svg`.
pub(super) async fn figure(
    State(page): State<Arc<Page>>,
    OfStudy(id, file): OfStudy<String>,
    Asked(wish): Asked<FigureWish>,
) -> Result<Response, Problem> {
    let report = page.reports.of(id).await?;
    let usual = Look::on(if wish.dark { Theme::Dark } else { Theme::Light });
    let look = Look { width: wish.width.unwrap_or(usual.width), ..usual };
    let name = file.strip_suffix(".svg").unwrap_or_default();
    let drawn = blocking::run(|| foldwise_report::figure(&report, name, look));
    let drawn = drawn.ok_or_else(|| Problem::missing(format!("the report has no figure `{file}`")))?;
    let headers = [(CONTENT_TYPE, "image/svg+xml"), (CONTENT_SECURITY_POLICY, PICTURE_POLICY)];
    Ok((headers, drawn.svg).into_response())
}

/// A name that every system takes.
fn file_name(study: &str, id: StudyId, ending: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() || "-_".contains(char) { char } else { '-' };
    let name: String = study.chars().map(plain).take(60).collect();
    format!("{name}-{id}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_file_has_a_name_that_steers_nothing() {
        assert_eq!(file_name("quick start\"; x=\"../", 3, "csv"), "quick-start---x------3.csv");
        assert_eq!(file_name(&"ä".repeat(500), 3, "json").len(), "-3.json".len() + 60);
    }
}
