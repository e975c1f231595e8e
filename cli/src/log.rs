//! Where log lines go and how they look.

use std::fs::File;
use std::io::IsTerminal;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogArguments {
    /// What to log: a level (error, warn, info, debug, trace), or levels by module
    #[arg(long, env = "RUST_LOG", hide_env_values = true, value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
    /// How log lines look
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    #[arg(env = "FOLDWISE_LOG_FORMAT", hide_env_values = true)]
    pub(crate) log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The filter cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot read the log filter `{filter}`: {source} (such as `info`, or `foldwise_coordinator=debug,warn`)"
)]
pub(crate) struct LogError {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

impl LogArguments {
    fn filter(&self) -> Result<EnvFilter, LogError> {
        // What libraries say of themselves is for those who ask for it; what comes of it is told by us.
        let quiet = match self.log.as_str() {
            "info" => "info,refinery_core=warn,object_store=warn,opentelemetry=off",
            other => other,
        };
        let parsed = EnvFilter::builder().parse(quiet);
        parsed.map_err(|source| LogError { filter: self.log.clone(), source })
    }

    /// Logs to the standard error.
    pub(crate) fn to_stderr(&self) -> Result<(), LogError> {
        let base = tracing_subscriber::fmt()
            .with_env_filter(self.filter()?)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => base.init(),
            LogFormat::Json => base.json().flatten_event(true).init(),
        }
        Ok(())
    }

    /// Logs to a file.
    pub(crate) fn to_file(&self, file: File) -> Result<(), LogError> {
        let base = tracing_subscriber::fmt()
            .with_env_filter(self.filter()?)
            .with_ansi(false)
            .with_writer(Arc::new(file));
        match self.log_format {
            LogFormat::Text => base.init(),
            LogFormat::Json => base.json().flatten_event(true).init(),
        }
        Ok(())
    }
}
