//! The log of nodes on standard error: a flag goes before `RUST_LOG`, that before the settings.

use std::env;

use weft_node::{config::LogConfig, logging};

use crate::failure::Failure;

/// Starts logging as `settings` say, or by other directives if somebody gave them.
pub(crate) fn start(flag: Option<&str>, settings: &LogConfig) -> Result<(), Failure> {
    let from_environment = env::var("RUST_LOG").ok().filter(|text| !text.trim().is_empty());
    let filter = flag.map(str::to_owned).or(from_environment);
    let mut settings = settings.clone();
    settings.filter = filter.unwrap_or(settings.filter);
    logging::install(&settings).map_err(Failure::usage)
}
