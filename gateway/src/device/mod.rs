//! Devices: what they are called, what proves who they are, and how much they may send.
//!
//! Invariant: a [`DeviceName`] is one level of a topic and one segment of a path, without anything
//! that either would read as more than a name.

mod registry;
mod token;

pub use registry::{Registrar, Registry, RegistryError};
pub use token::{Token, TokenHash};

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest name of a device, in bytes: half of what a stream may be called.
pub const NAME_BYTES_MAX: usize = 32;

/// The name of a device: 1 to 32 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceName(String);

impl DeviceName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceName {
    type Err = DeviceNameError;

    fn from_str(text: &str) -> Result<Self, DeviceNameError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(DeviceNameError)
    }
}

impl TryFrom<String> for DeviceName {
    type Error = DeviceNameError;

    fn try_from(text: String) -> Result<Self, DeviceNameError> {
        text.parse()
    }
}

impl From<DeviceName> for String {
    fn from(name: DeviceName) -> Self {
        name.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that names no device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device's name is 1 to {NAME_BYTES_MAX} letters, digits, dots, dashes or underscores")]
pub struct DeviceNameError;

/// What the registry says of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The hash of its token.
    pub token: TokenHash,
    /// Whether it may send. One that is switched off keeps what it sent.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether its readings are put together, one body for up to 256 of one stream or ten seconds.
    #[serde(default)]
    pub batch: bool,
    /// How much it may send.
    #[serde(default)]
    pub quota: Quota,
}

const fn yes() -> bool {
    true
}

impl Device {
    /// A device that is on, posts one by one, and has the usual quota.
    pub fn new(token: TokenHash) -> Self {
        Self { token, enabled: true, batch: false, quota: Quota::default() }
    }
}

/// How much a device may send between two midnights (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Messages. Default 200,000: two a second, with room.
    pub messages_per_day: u64,
    /// Bytes of their payloads. Default 64 MiB.
    pub bytes_per_day: u64,
    /// Work that the gateway does for it, in tries. Default 2^33: on a dev network (4,096 tries
    /// for a small body) about two million bodies.
    pub work_per_day: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { messages_per_day: 200_000, bytes_per_day: 64 << 20, work_per_day: 1 << 33 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_level_of_a_topic() {
        for name in ["thermo-1", "A", "a.b_c", &"x".repeat(NAME_BYTES_MAX)] {
            assert_eq!(name.parse::<DeviceName>().unwrap().as_str(), name);
        }
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for name in ["", "a/b", "+", "#", "a b", "ä", "$SYS", "a\0", &long] {
            assert_eq!(name.parse::<DeviceName>(), Err(DeviceNameError), "{name:?}");
        }
    }
}
