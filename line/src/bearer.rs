//! The token on each call.

use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::credentials::{Credentials, TokenSource};

/// Puts a token on each call, where there is one. A token in a file is read again for each call, so that it may be
/// replaced while a program runs.
#[derive(Debug, Clone, Default)]
pub struct Bearer {
    token: Option<TokenSource>,
}

impl Bearer {
    pub(crate) fn new(credentials: &Credentials) -> Self {
        Self { token: credentials.token.clone() }
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.token {
            let secret = token.secret().map_err(|error| Status::unauthenticated(error.to_string()))?;
            request.metadata_mut().insert("authorization", secret.value());
        }
        Ok(request)
    }
}
