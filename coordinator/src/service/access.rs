//! `foldwise.v1.AccessService`.

use foldwise_proto::v1::access_service_server::AccessService;
use foldwise_proto::v1::{self as proto};
use tonic::{Request, Response, Status};

use super::status;
use crate::access::{Access, Asker, MintError, Minted, TokenRecord};
use crate::committer::Desk;
use crate::ledger::Command;

/// Longest life of a token that ends, s: a hundred years.
const LIFETIME_SECONDS_MAX: u64 = 100 * 366 * 86_400;

/// Makes, lists and revokes tokens.
#[derive(Debug)]
pub struct Keys {
    pub(crate) desk: Desk,
    pub(crate) access: Access,
}

impl Keys {
    /// Where nobody is authenticated nobody may make what is worth something once somebody is.
    fn check(&self) -> Result<(), Status> {
        if self.access.authenticates() {
            return Ok(());
        }
        let message = "this coordinator authenticates nobody: start it with --authenticate, or make tokens while it is \
                       stopped with `foldwise token create --state`";
        Err(Status::failed_precondition(message))
    }

    async fn command(&self, command: Command) -> Result<(), Status> {
        self.desk.command(command).await.map(drop).map_err(|refusal| status::of_refusal(&refusal))
    }
}

#[tonic::async_trait]
impl AccessService for Keys {
    async fn create_token(
        &self,
        request: Request<proto::CreateTokenRequest>,
    ) -> Result<Response<proto::CreateTokenResponse>, Status> {
        self.check()?;
        let asker = Asker::of(request.extensions());
        let request = request.into_inner();
        asker.note(&format!("{} {}", request.role, request.name));
        let wrong = |error: &dyn std::fmt::Display| Status::invalid_argument(error.to_string());
        let role = request.role.parse().map_err(|error| wrong(&error))?;
        if request.lifetime_seconds.is_some_and(|seconds| !(1..=LIFETIME_SECONDS_MAX).contains(&seconds)) {
            return Err(Status::invalid_argument("a token lives for 1 second to 100 years"));
        }
        let now = self.access.clock().now().unix_ms;
        let ends = request.lifetime_seconds.map(|seconds| now + seconds * 1000);
        let minted = Minted::new(&request.name, role, now, ends).map_err(|error| match error {
            MintError::Principal(error) => wrong(&error),
            MintError::Random(_) => Status::unavailable(error.to_string()),
        })?;
        self.command(Command::CreateToken(Box::new(minted.record.clone()))).await?;
        let (token, secret) = (Some(token(&minted.record)), minted.text().to_owned());
        Ok(Response::new(proto::CreateTokenResponse { token, secret }))
    }

    async fn list_tokens(
        &self,
        _request: Request<proto::ListTokensRequest>,
    ) -> Result<Response<proto::ListTokensResponse>, Status> {
        self.check()?;
        let read = self.desk.read(|ledger, _| ledger.tokens().cloned().collect::<Vec<TokenRecord>>()).await;
        let mut tokens = read.map_err(|refusal| status::of_refusal(&refusal))?;
        tokens.sort_by_key(|token| token.created_unix_ms);
        Ok(Response::new(proto::ListTokensResponse { tokens: tokens.iter().map(token).collect() }))
    }

    async fn revoke_token(
        &self,
        request: Request<proto::RevokeTokenRequest>,
    ) -> Result<Response<proto::Token>, Status> {
        self.check()?;
        let asker = Asker::of(request.extensions());
        let id = request.into_inner().id;
        asker.note(&id);
        self.command(Command::RevokeToken(id.clone())).await?;
        let read = self.desk.read(move |ledger, _| ledger.tokens().find(|token| token.id == id).map(token));
        let token = read.await.map_err(|refusal| status::of_refusal(&refusal))?;
        token.map(Response::new).ok_or_else(|| Status::internal("a token that was revoked is gone"))
    }

    async fn get_caller(
        &self,
        request: Request<proto::GetCallerRequest>,
    ) -> Result<Response<proto::Caller>, Status> {
        let caller = match Asker::of(request.extensions()).principal {
            None => proto::Caller::default(),
            Some(who) => proto::Caller {
                authenticated: true,
                name: who.name().to_owned(),
                role: who.role().word().to_owned(),
            },
        };
        Ok(Response::new(caller))
    }
}

fn token(record: &TokenRecord) -> proto::Token {
    proto::Token {
        id: record.id.clone(),
        name: record.principal.name().to_owned(),
        role: record.principal.role().word().to_owned(),
        created_unix_ms: record.created_unix_ms,
        expires_unix_ms: record.expires_unix_ms,
        revoked_unix_ms: record.revoked_unix_ms,
    }
}
