//! Who may do what: principals and their roles, what each call needs, tokens, and the gate before the services.
//!
//! Where nobody is authenticated, as on loopback, everything is allowed and this module says so in one place
//! (`Access::open`). *It must not know* what a call does.

mod audit;
mod budget;
mod gate;
mod patience;
mod principal;
mod table;
mod token;
mod tokens;

pub use audit::{Audit, AuditError};
pub(crate) use audit::{Entry, Outcome};
pub(crate) use budget::Budget;
pub(crate) use gate::gate;
pub(crate) use patience::Calls;
pub use principal::{NotAPrincipal, Principal, Role};
pub use token::{MintError, Minted, TokenRecord};
pub(crate) use tokens::Tokens;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::Extensions;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use tonic::Status;

use crate::clock::Clock;
use crate::port::{Peer, neighbourhood};

/// Time between two looks whether a token is still good.
const STANDING_PAUSE: Duration = Duration::from_secs(2);

/// How callers are told from each other. It is shared by the gate and the page.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// Absent where nobody is authenticated.
    tokens: Option<Tokens>,
    budget: Arc<Budget>,
    calls: Arc<Calls>,
    audit: Audit,
    clock: Clock,
}

/// Why a caller is nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// It showed nothing.
    Unknown,
    /// What it showed is not, or no longer, good.
    Wrong,
}

/// Who makes a call. It is attached to every request that the gate or the page lets through.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    /// Absent where nobody is authenticated.
    pub(crate) principal: Option<Principal>,
    /// What the call is about, once that is read; for the audit log.
    about: Arc<OnceLock<String>>,
    /// The token that was shown, by its public part, and where it is looked up.
    token: Option<(Access, String)>,
}

impl Asker {
    pub(crate) fn new(principal: Option<Principal>) -> Self {
        Self { principal, about: Arc::new(OnceLock::new()), token: None }
    }

    /// Waits until a token that was shown is good no longer; for ever where none was. For calls that take long, which are
    /// told the status.
    pub(crate) async fn outlasted(&self) -> Status {
        let Some((access, id)) = &self.token else { return std::future::pending().await };
        while access.still(id).is_some() {
            tokio::time::sleep(STANDING_PAUSE).await;
        }
        outlasted()
    }

    /// Refuses what comes after a token that was shown is good no longer. For calls of many parts.
    pub(crate) fn good(&self) -> Result<(), Status> {
        match &self.token {
            Some((access, id)) if access.still(id).is_none() => Err(outlasted()),
            _ => Ok(()),
        }
    }

    /// The one that was attached to a request.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_else(|| Self::new(None))
    }

    /// Says what the call is about.
    pub(crate) fn note(&self, about: &str) {
        // What was said first stays.
        let _ = self.about.set(about.to_owned());
    }

    pub(crate) fn about(&self) -> &str {
        self.about.get().map_or("", String::as_str)
    }
}

fn outlasted() -> Status {
    Status::unauthenticated("the token has ended or was revoked meanwhile")
}

impl Access {
    /// Everybody may do everything.
    pub(crate) fn open(audit: Audit, clock: Clock) -> Self {
        Self { tokens: None, budget: Arc::default(), calls: Arc::default(), audit, clock }
    }

    /// Callers say who they are, by a token or a certificate.
    pub(crate) fn by(tokens: Tokens, audit: Audit, clock: Clock) -> Self {
        Self { tokens: Some(tokens), budget: Arc::default(), calls: Arc::default(), audit, clock }
    }

    pub(crate) fn authenticates(&self) -> bool {
        self.tokens.is_some()
    }

    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Who shows a token, or came with a certificate. A token that is shown counts alone.
    pub(crate) fn identify(&self, headers: &HeaderMap, peer: Option<&Peer>) -> Result<Asker, Stranger> {
        let shown = headers.get(AUTHORIZATION);
        if let Some(shown) = shown {
            let text = shown.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
            let (id, principal) = text.and_then(|text| self.bearer(text)).ok_or(Stranger::Wrong)?;
            return Ok(Asker { token: Some((self.clone(), id)), ..Asker::new(Some(principal)) });
        }
        let principal = peer.and_then(|peer| peer.principal.clone()).ok_or(Stranger::Unknown)?;
        Ok(Asker::new(Some(principal)))
    }

    /// Whose a token is, with the token's public part.
    pub(crate) fn bearer(&self, text: &str) -> Option<(String, Principal)> {
        self.tokens.as_ref()?.look_up(text, self.clock.now().unix_ms)
    }

    /// Whose the token with this public part is, if it is still good.
    pub(crate) fn still(&self, id: &str) -> Option<Principal> {
        self.tokens.as_ref()?.still(id, self.clock.now().unix_ms)
    }

    /// Counts a wrong credential against its source. `false` once a source has sent too many of late: such are
    /// refused shortly, and not written down one by one. Whoever shows a good one is never kept out by others.
    pub(crate) fn may_err(&self, source: Option<IpAddr>) -> bool {
        self.budget.spend(source.map(neighbourhood), self.clock.now().monotonic_ms)
    }
}
