//! The log of a program that runs nodes: one for the whole process.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt as _};

use crate::config::{LogConfig, LogFormat};

/// Why there is no log. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("setting log.filter: {0}; write level or target=level, separated by commas")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// There is one already.
    #[error("this process has a log already")]
    Installed,
}

/// Sends what is logged to standard error, as `config` says. Once per process.
pub fn install(config: &LogConfig) -> Result<(), LogError> {
    let filter = EnvFilter::builder().parse(&config.filter)?;
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    let installed = match config.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
    installed.map_err(|_| LogError::Installed)
}
