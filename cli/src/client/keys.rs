//! Who may use a coordinator, as this program asks for it.

use foldwise_line::Bearer;
use foldwise_proto::v1::access_service_client::AccessServiceClient;
use foldwise_proto::v1::{CreateTokenRequest, ListTokensRequest, RevokeTokenRequest, Token};
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use super::{CallError, connected};
use crate::arguments::Target;

/// A coordinator's tokens.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    url: String,
    service: AccessServiceClient<InterceptedService<Channel, Bearer>>,
}

impl Keys {
    /// Connects.
    pub(crate) async fn connect(target: &Target) -> Result<Self, CallError> {
        let (line, channel) = connected(target).await?;
        let service = AccessServiceClient::with_interceptor(channel, line.bearer());
        Ok(Self { url: line.url().to_owned(), service })
    }

    /// Makes a token; the token itself is the second.
    pub(crate) async fn create(
        &self,
        name: &str,
        role: &str,
        lifetime_seconds: Option<u64>,
    ) -> Result<(Token, String), CallError> {
        let request = CreateTokenRequest { name: name.to_owned(), role: role.to_owned(), lifetime_seconds };
        let answer = self.service.clone().create_token(request).await;
        let made = answer.map_err(self.failed("make the token"))?.into_inner();
        Ok((made.token.unwrap_or_default(), made.secret))
    }

    /// Every token.
    pub(crate) async fn list(&self) -> Result<Vec<Token>, CallError> {
        let answer = self.service.clone().list_tokens(ListTokensRequest {}).await;
        Ok(answer.map_err(self.failed("list the tokens"))?.into_inner().tokens)
    }

    /// Ends a token.
    pub(crate) async fn revoke(&self, id: &str) -> Result<Token, CallError> {
        let answer = self.service.clone().revoke_token(RevokeTokenRequest { id: id.to_owned() }).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("revoke the token"))
    }

    fn failed(&self, attempt: &'static str) -> impl FnOnce(Status) -> CallError + '_ {
        move |status| CallError::of_status(attempt, &self.url, &status)
    }
}
