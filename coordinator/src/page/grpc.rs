//! What keeps browsers from the gRPC services that share the page's port.

use axum::extract::Request;
use axum::http::{StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tonic::Status;

/// Lets HTTP/2 through alone. No browser speaks it without TLS, so that no page of another site can call a service,
/// and every gRPC client does.
pub(super) async fn only_http2(request: Request, next: Next) -> Response {
    if request.version() == Version::HTTP_2 {
        return next.run(request).await;
    }
    let why = "gRPC is spoken over HTTP/2; what HTTP/1.1 is for is described in docs/page.md\n";
    (StatusCode::HTTP_VERSION_NOT_SUPPORTED, why).into_response()
}

/// What a gRPC server says of a method that it does not have.
pub(super) fn unimplemented() -> Response {
    let body: tonic::body::Body = tonic::body::Body::empty();
    Status::unimplemented("").into_http::<tonic::body::Body>().map(|_| axum::body::Body::new(body))
}
