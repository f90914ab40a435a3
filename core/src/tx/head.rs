//! What stands before the payload of a body: the one place that knows these bytes.
//!
//! Invariant: no allocation. A device without an allocator and `Body::encode` both write it here.

use core::fmt;

use super::CommitRef;
use crate::{
    address::Address,
    codec::{DecodeError, Sink},
    digest::KeyId,
    params::PROTOCOL_VERSION,
    time::Time,
    units::Sequence,
};

/// The number of a network: the first four bytes of its genesis id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkId(pub [u8; 4]);

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NetworkId({self})")
    }
}

/// All of a body but what it says; its fields are those of [`Body`](super::Body).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The network it is meant for.
    pub network: NetworkId,
    /// The account that says it.
    pub issuer: Address,
    /// The key that signs it; `None` is the issuer's first key.
    pub signer: Option<KeyId>,
    /// 0, 1, 2 ... per issuer. 0 registers the account and carries the key in its seal.
    pub sequence: Sequence,
    /// The device's clock; informative. [`Time::ZERO`] = no clock.
    pub time: Time,
    /// Ledger time from which the body may not take effect. [`Time::ZERO`] = never.
    pub expires: Time,
    /// A recent commit: proves "signed after that commit". [`CommitRef::NONE`] = none.
    pub beacon: CommitRef,
}

impl Head {
    /// Its length under the issuer's first key, in bytes. Another key is named in 32 more.
    pub const BYTES: usize = 94;

    /// Its length, in bytes.
    pub const fn encoded_bytes(&self) -> usize {
        Self::BYTES + if self.signer.is_some() { 32 } else { 0 }
    }

    /// Writes it.
    pub fn put(&self, out: &mut impl Sink) {
        out.put(&[PROTOCOL_VERSION]);
        out.put(&self.network.0);
        out.put(self.issuer.first_key().as_bytes());
        match self.signer {
            None => out.put(&[0]),
            Some(key) => {
                out.put(&[1]);
                out.put(key.as_bytes());
            }
        }
        out.put(&self.sequence.0.to_le_bytes());
        out.put(&self.time.as_millis().to_le_bytes());
        out.put(&self.expires.as_millis().to_le_bytes());
        self.beacon.put(out);
    }

    /// Refuses what no node would take, whatever the payload is.
    pub fn check(&self) -> Result<(), DecodeError> {
        let broken = |field, rule| Err(DecodeError::NotCanonical { field, rule });
        if self.sequence.0 >= Sequence::LIMIT {
            return broken("sequence", "below 2^63");
        }
        if self.sequence.registers() && self.signer.is_some() {
            return broken("signer", "a body with sequence 0 is signed by the issuer's first key");
        }
        // One value, one byte string: the first key is written as 0, never by its id.
        if self.signer == Some(self.issuer.first_key()) {
            return broken("signer", "the issuer's first key is written as 0");
        }
        Ok(())
    }
}
