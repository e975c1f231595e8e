//! `foldwise token`: makes, lists and revokes tokens, at a coordinator or on the state folder of one that is stopped.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use foldwise_coordinator::access::{MintError, Role};
use foldwise_proto::v1::Token;

use crate::arguments::Target;
use crate::client::Keys;
use crate::error::CliError;
use crate::output::{self, Format};

mod offline;
mod view;

use view::{TokenView, table};

/// What `foldwise token` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Roles: admin may do everything but train, submit may submit and steer studies, read may look, worker may train.
Give each machine that trains a token of its own: workers of one token can speak for each other.

Examples:
  foldwise token create den-3 --role worker --output den-3.token
  foldwise token create ann --role submit --days 90
  foldwise token list; foldwise token revoke 5be2c01f6d7a9e30
  foldwise token create root --role admin --state /var/lib/foldwise   while the coordinator is stopped")]
pub(crate) struct TokenArguments {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token; it is shown once
    Create(CreateArguments),
    /// List tokens, without their secrets
    List(ListArguments),
    /// End a token, at once and for good
    Revoke(RevokeArguments),
}

#[derive(Debug, Args)]
struct CreateArguments {
    /// Whose it is; several tokens may bear one name, such as an old and a new one
    #[arg(value_name = "NAME")]
    name: String,
    /// What it allows
    #[arg(long, value_enum, value_name = "ROLE")]
    role: RoleChoice,
    /// Days until it ends; without it, it does not
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: Option<u32>,
    /// Write it to a new file that nobody else can read, and show nothing
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The state folder of a coordinator that is stopped
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ListArguments {
    /// The state folder of a coordinator that is stopped
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Args)]
struct RevokeArguments {
    /// The token's public part, as `foldwise token list` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// The state folder of a coordinator that is stopped
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleChoice {
    /// Everything but to train.
    Admin,
    /// To submit and steer studies.
    Submit,
    /// To look.
    Read,
    /// To train.
    Worker,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// It cannot be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// There is none with this public part.
    #[error("there is no token `{0}`; `foldwise token list` shows those there are")]
    Missing(String),
    /// Its file.
    #[error("cannot write the token to {}: {source}; the token {id} was made and nobody has it: revoke it", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// The token's public part.
        id: String,
    },
    /// Its file is there.
    #[error("{} is there already and is not overwritten: name another file", .0.display())]
    Exists(PathBuf),
}

impl RoleChoice {
    fn role(self) -> Role {
        match self {
            Self::Admin => Role::Admin,
            Self::Submit => Role::Submit,
            Self::Read => Role::Read,
            Self::Worker => Role::Worker,
        }
    }
}

pub(super) async fn execute(arguments: &TokenArguments, coordinator: &Target) -> Result<(), CliError> {
    match &arguments.command {
        TokenCommand::Create(create) => make(create, coordinator).await,
        TokenCommand::List(list) => {
            let tokens = match &list.state {
                Some(state) => offline::list(state)?,
                None => Keys::connect(coordinator).await?.list().await?,
            };
            show(&tokens, list.format)
        }
        TokenCommand::Revoke(revoke) => {
            let token = match &revoke.state {
                Some(state) => offline::revoke(state, &revoke.id)?,
                None => Keys::connect(coordinator).await?.revoke(&revoke.id).await?,
            };
            Ok(output::print(&format!("token {} of {} ({}) is revoked", token.id, token.name, token.role))?)
        }
    }
}

async fn make(create: &CreateArguments, coordinator: &Target) -> Result<(), CliError> {
    if let Some(path) = create.output.as_ref().filter(|path| path.exists()) {
        return Err(TokenError::Exists(path.clone()).into());
    }
    let lifetime_seconds = create.days.map(|days| u64::from(days) * 86_400);
    let (token, secret) = match &create.state {
        Some(state) => offline::create(state, &create.name, create.role.role(), lifetime_seconds)?,
        None => {
            let keys = Keys::connect(coordinator).await?;
            keys.create(&create.name, create.role.role().word(), lifetime_seconds).await?
        }
    };
    let Some(path) = &create.output else {
        // The secret alone, so that it can be piped; the rest is for the person.
        eprintln!("token {} of {} ({}); it is shown this once:", token.id, token.name, token.role);
        return Ok(output::print(&secret)?);
    };
    write(path, &secret).map_err(|source| TokenError::Write {
        path: path.clone(),
        source,
        id: token.id.clone(),
    })?;
    Ok(output::print(&format!(
        "token {} of {} ({}) is in {}",
        token.id,
        token.name,
        token.role,
        path.display()
    ))?)
}

fn write(path: &Path, secret: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}

fn show(tokens: &[Token], format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => output::print_json(&tokens.iter().map(TokenView::new).collect::<Vec<_>>())?,
        Format::Table if tokens.is_empty() => output::print("no tokens")?,
        Format::Table => output::print(&table(tokens))?,
    }
    Ok(())
}
