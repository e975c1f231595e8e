//! The page's api: small answers in JSON, each a room of its own. `docs/page.md` lists them.

pub(super) mod curves;
pub(super) mod failures;
pub(super) mod filter;
pub(super) mod standing;
pub(super) mod studies;
pub(super) mod study;
pub(super) mod trial;
pub(super) mod trials;
pub(super) mod workers;
