//! What gRPC callers are told at an address that nothing is at.

use axum::response::Response;
use tonic::Status;

/// What a gRPC server says of a method that it does not have.
pub(super) fn unimplemented() -> Response {
    let body: tonic::body::Body = tonic::body::Body::empty();
    Status::unimplemented("").into_http::<tonic::body::Body>().map(|_| axum::body::Body::new(body))
}
