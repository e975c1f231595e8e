//! Who may use a coordinator, over real sockets with real TLS. Each line of the threat model in docs/security.md names the
//! test that stands for it.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

#[path = "../page/browser.rs"]
mod browser;
mod certificates;
mod stage;

mod callers;
mod limits;
mod page;
mod tls;
mod workers;
