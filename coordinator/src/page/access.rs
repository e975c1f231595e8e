//! Who may do what on the page: the one place where that is decided.
//!
//! A coordinator answers on loopback, or where its operator said that the network is trusted: whoever reaches it may do
//! everything that the command line may. What says who somebody is, once there is such a thing, is looked at here.

use axum::http::request::Parts;

use super::problem::Problem;

/// Whether a request may be answered. It has come from this page or from no page at all when this is asked.
///
/// # Errors
/// With what whoever asked is told.
pub(super) fn decide(_request: &Parts) -> Result<(), Problem> {
    Ok(())
}
