//! The line to a coordinator: an address, TLS, and what says who calls. Every program that calls one comes through here.
//!
//! [`Line::new`] reads an address and credentials and refuses what would not be safe; [`Line::connect`] and [`Line::lazy`]
//! make channels, and [`Bearer`] puts the token on each call. Files are read again when a connection is made, so that
//! certificates are replaced without a restart.

mod address;
mod arguments;
mod bearer;
mod credentials;
mod explain;
mod tls;

pub use address::{Address, AddressError};
pub use arguments::CredentialArguments;
pub use bearer::Bearer;
pub use credentials::{Credentials, CredentialsError, Secret};
pub use explain::innermost;

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

/// A coordinator that does not take a connection in this time is not there.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Pause between signs of life on an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Why nothing can be sent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LineError {
    /// The address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// What says who calls.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

/// The way to a coordinator.
#[derive(Debug, Clone)]
pub struct Line {
    address: Address,
    credentials: Credentials,
}

impl Line {
    /// Reads an address, and sees that the credentials can be used with it.
    ///
    /// # Errors
    /// When the address is none, a file cannot be read, or a token would be sent in clear to another machine.
    pub fn new(address: &str, credentials: &Credentials) -> Result<Self, LineError> {
        let address = Address::read(address, credentials.ca.is_some() || credentials.identity.is_some())?;
        credentials.check(&address)?;
        Ok(Self { address, credentials: credentials.clone() })
    }

    /// The address, written out.
    #[must_use]
    pub fn url(&self) -> &str {
        self.address.url()
    }

    /// Whether what is sent could be read on its way to another machine.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        !self.address.is_tls() && !self.address.is_local()
    }

    /// The address with the limits of its connections.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::from(self.address.uri().clone())
            .connect_timeout(CONNECT_PATIENCE)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_while_idle(true)
    }

    /// What puts the token on each call.
    #[must_use]
    pub fn bearer(&self) -> Bearer {
        Bearer::new(&self.credentials)
    }

    /// A channel that is connected.
    ///
    /// # Errors
    /// When nobody answers, or not as was asked for.
    pub async fn connect(&self) -> Result<Channel, tonic::transport::Error> {
        let endpoint = self.endpoint();
        if self.address.is_tls() {
            endpoint.connect_with_connector(tls::connector(&self.credentials)).await
        } else {
            endpoint.connect().await
        }
    }

    /// A channel that connects when there is something to say.
    #[must_use]
    pub fn lazy(&self, endpoint: &Endpoint) -> Channel {
        if self.address.is_tls() {
            endpoint.connect_with_connector_lazy(tls::connector(&self.credentials))
        } else {
            endpoint.connect_lazy()
        }
    }
}
