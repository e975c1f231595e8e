//! How a program is told what it calls a coordinator with. Secrets are named by a file or the environment, never written
//! on a command line, which every user of a machine can read.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::credentials::{Credentials, CredentialsError, Identity, Secret, TokenSource};

/// The variable that holds a token.
pub(crate) const TOKEN_VARIABLE: &str = "FOLDWISE_TOKEN";

/// What a coordinator is called with; nothing is needed for one on this machine.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Protected coordinators")]
pub struct CredentialArguments {
    /// The CA that signed the coordinator's certificate, as PEM; by default the public ones
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE")]
    #[arg(env = "FOLDWISE_CA", hide_env_values = true)]
    ca: Option<PathBuf>,
    /// A file that holds a token [env: or the token itself in `FOLDWISE_TOKEN`]
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE")]
    #[arg(env = "FOLDWISE_TOKEN_FILE", hide_env_values = true)]
    token_file: Option<PathBuf>,
    /// A certificate that says who calls, as PEM
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE", requires = "key")]
    #[arg(env = "FOLDWISE_CERT", hide_env_values = true)]
    cert: Option<PathBuf>,
    /// The certificate's private key, as PEM
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE", requires = "cert")]
    #[arg(env = "FOLDWISE_KEY", hide_env_values = true)]
    key: Option<PathBuf>,
}

impl CredentialArguments {
    /// The same for another program that takes them; a token of the environment is there already.
    #[must_use]
    pub fn to_arguments(&self) -> Vec<OsString> {
        let options = [
            ("--ca", &self.ca),
            ("--token-file", &self.token_file),
            ("--cert", &self.cert),
            ("--key", &self.key),
        ];
        let given = options.into_iter().filter_map(|(name, path)| path.as_ref().map(|path| (name, path)));
        given.flat_map(|(name, path)| [OsString::from(name), path.into()]).collect()
    }

    /// What they name. A file wins over the environment.
    ///
    /// # Errors
    /// When the environment's token is not one.
    pub fn read(&self) -> Result<Credentials, CredentialsError> {
        let token = match &self.token_file {
            Some(path) => Some(TokenSource::File(path.clone())),
            None => std::env::var_os(TOKEN_VARIABLE)
                .filter(|value| !value.is_empty())
                .map(|value| {
                    value.into_string().map_err(|_| CredentialsError::Token(TOKEN_VARIABLE.to_owned()))
                })
                .transpose()?
                .map(|text| Secret::read(&text, TOKEN_VARIABLE).map(TokenSource::Given))
                .transpose()?,
        };
        let identity = self.cert.clone().zip(self.key.clone());
        let identity = identity.map(|(cert, key)| Identity { cert, key });
        Ok(Credentials { ca: self.ca.clone(), identity, token })
    }
}
