//! Reads the seed of a key file, for both examples.

use std::{error::Error, fs};

use weft_core::{
    digest::KeyId,
    keys::{HostKey, Scheme},
};

/// The key in the file at `path`.
pub(crate) fn key(path: &str) -> Result<HostKey, Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let seed = text.lines().find_map(|line| line.strip_prefix("seed = "));
    let seed: KeyId = seed.ok_or("no seed in it")?.trim_matches('"').parse()?;
    Ok(HostKey::from_seed(Scheme::MlDsa44, &seed.0)?)
}
