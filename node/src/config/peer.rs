//! A peer as an operator writes it: `id@host:port`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use weft_core::digest::NodeId;

/// A peer that the operator named. The host may be a name; it is looked up at each dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedPeer {
    /// Who must prove to be there.
    pub id: NodeId,
    /// Host name or IP address; IPv6 in brackets.
    pub host: String,
    /// UDP port.
    pub port: u16,
}

/// Why a text names no peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no peer: write id@host:port, the id as 64 hexadecimal digits")]
pub struct ParsePeerError {
    text: String,
}

impl FromStr for FixedPeer {
    type Err = ParsePeerError;

    fn from_str(text: &str) -> Result<Self, ParsePeerError> {
        let parts = || {
            let (id, place) = text.split_once('@')?;
            let (host, port) = place.rsplit_once(':')?;
            let bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
            if host.is_empty() || bare_ipv6 {
                return None;
            }
            Some(Self { id: id.parse().ok()?, host: host.into(), port: port.parse().ok()? })
        };
        parts().ok_or_else(|| ParsePeerError { text: text.into() })
    }
}

impl fmt::Display for FixedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.id, self.host, self.port)
    }
}

impl Serialize for FixedPeer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FixedPeer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let id = "ab".repeat(32);
        for place in ["node-1.example:4810", "10.0.0.7:1", "[::1]:65535"] {
            let text = format!("{id}@{place}");
            assert_eq!(text.parse::<FixedPeer>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_peer() {
        let id = "ab".repeat(32);
        for text in [
            "",
            "node:4810",
            "abcd@node:4810",
            &format!("{id}@node"),
            &format!("{id}@:4810"),
            &format!("{id}@node:70000"),
            &format!("{id}@::1:4810"),
        ] {
            assert!(text.parse::<FixedPeer>().is_err(), "{text}");
        }
    }
}
