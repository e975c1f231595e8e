//! What a person may do to a study from the page: as the command line, and no more.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};

use super::Page;
use super::api::study::StudyDetail;
use super::asked::OfStudy;
use super::problem::Problem;
use crate::access::{Asker, Entry, Outcome};
use crate::ledger::{Command, EndedAs, Study, StudyId, StudyPhase};
use crate::port::Peer;

/// Something that is done to a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Pause,
    Resume,
    Retry,
    Cancel,
}

impl Action {
    const ALL: [Self; 4] = [Self::Pause, Self::Resume, Self::Retry, Self::Cancel];

    fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Cancel => "cancel",
        }
    }

    /// As the audit log calls it, by whichever way it is done.
    fn audited(self) -> &'static str {
        match self {
            Self::Pause => "study.pause",
            Self::Resume => "study.resume",
            Self::Retry => "study.retry",
            Self::Cancel => "study.cancel",
        }
    }

    fn command(self, study: StudyId) -> Command {
        match self {
            Self::Pause => Command::PauseStudy(study),
            Self::Resume => Command::ResumeStudy(study),
            Self::Retry => Command::RetryStudy(study),
            Self::Cancel => Command::CancelStudy(study),
        }
    }

    /// Whether it would change a study as it stands.
    fn helps(self, study: &Study) -> bool {
        match self {
            Self::Pause => !study.is_over() && !study.paused,
            Self::Resume => !study.is_over() && study.paused,
            Self::Cancel => !study.is_over(),
            Self::Retry => match &study.phase {
                StudyPhase::Ended { end: EndedAs::Cancelled, .. } => true,
                _ => study.has_failed_cohort(),
            },
        }
    }

    /// The words of those that would change a study as it stands.
    pub(super) fn offered(study: &Study) -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|action| action.helps(study)).map(Self::word).collect()
    }
}

/// `POST /api/studies/{study}/{action}`: the study as it is then.
pub(super) async fn act(
    State(page): State<Arc<Page>>,
    Extension(asker): Extension<Asker>,
    peer: Option<Extension<Peer>>,
    OfStudy(id, word): OfStudy<String>,
) -> Result<Json<StudyDetail>, Problem> {
    let action = Action::ALL.into_iter().find(|action| action.word() == word);
    let action =
        action.ok_or_else(|| Problem::missing("a study can be paused, resumed, retried or cancelled"))?;
    let done = page.desk.command(action.command(id)).await;
    let reason = done.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let entry = Entry {
        action: action.audited(),
        principal: asker.principal.as_ref(),
        peer: peer.as_deref(),
        about: &format!("studies/{id}"),
        outcome: if done.is_ok() { Outcome::Done } else { Outcome::Failed },
        reason: &reason,
    };
    page.access.audit().note(page.access.clock().now().unix_ms, &entry);
    done.map_err(|refusal| Problem::of_refusal(&refusal))?;
    tracing::info!(study = id, action = word, "asked for on the page");
    page.of_study(id, |study, _| StudyDetail::of(study)).await.map(Json)
}
